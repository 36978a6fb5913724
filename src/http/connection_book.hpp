// Lido: the open connections of a pool: where each was made to, and what it has done.
#pragma once

#include "http/connection_counts.hpp"
#include "lido/base/time.hpp"
#include "lido/http/connection_statistics.hpp"
#include "lido/net/endpoint.hpp"
#include "lido/net/stream.hpp"
#include "lido/pool/connector.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace lido::http {

/// Remembers the connections of one pool. By the address that each was made to those to addresses which a name has no
/// longer can be retired while the others stay; by what each counts operators see what they carry. Thread-safe; O(1)
/// for a connection that comes or goes.
class connection_book : public std::enable_shared_from_this<connection_book> {
    struct line {
        net::address peer;
        pool::connection_events events;
        http::version version;
        time_point since;
        const net::stream* stream;
        const connection_counts* counts;
    };

public:
    /// A connection's place in the book, for as long as it lives.
    class entry {
    public:
        entry() noexcept = default;
        entry(entry&&) noexcept = default;
        entry& operator=(entry&& other) noexcept;
        ~entry() { leave(); }

    private:
        friend class connection_book;
        entry(std::shared_ptr<connection_book> book, std::list<line>::iterator place) noexcept
            : book_(std::move(book)), place_(place) {}
        void leave() noexcept;
        std::shared_ptr<connection_book> book_;  // null: in no book
        std::list<line>::iterator place_;
    };

    /// What all connections that there ever were have done.
    struct sums {
        protocol_statistics http1;
        protocol_statistics http2;
    };

    /// A connection that can be used from now on. `stream` and `counts` must outlive the entry.
    [[nodiscard]] entry add(http::version version, const net::stream& stream, const connection_counts& counts,
                            pool::connection_events events);

    /// The name's addresses are now these: connections to others serve nothing new. Ports do not count. The pool must
    /// outlive the call. The result is how many were retired.
    std::size_t keep_only(std::span<const net::address> current);

    /// Those that are open, in the order in which they came.
    [[nodiscard]] std::vector<connection_statistics> describe(time_point now) const;
    [[nodiscard]] sums totals() const;

private:
    static void add_to(sums& totals, const line& which) noexcept;

    mutable std::mutex mutex_;
    std::list<line> lines_;
    sums gone_;  // of those that have left
};

}  // namespace lido::http
