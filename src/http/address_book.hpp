// Lido: which address each connection of a pool was made to.
#pragma once

#include "lido/net/endpoint.hpp"
#include "lido/pool/connector.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <span>

namespace lido::http {

/// Remembers the connections of one pool by the address that each was made to, so that those to addresses which a name
/// has no longer can be retired and the others stay. Thread-safe; O(1) for a connection that comes or goes.
class address_book : public std::enable_shared_from_this<address_book> {
    struct line {
        net::address peer;
        pool::connection_events events;
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
        friend class address_book;
        entry(std::shared_ptr<address_book> book, std::list<line>::iterator place) noexcept
            : book_(std::move(book)), place_(place) {}
        void leave() noexcept;
        std::shared_ptr<address_book> book_;  // null: in no book
        std::list<line>::iterator place_;
    };

    [[nodiscard]] entry add(const net::address& peer, pool::connection_events events);

    /// The name's addresses are now these: connections to others serve nothing new. Ports do not count. The pool must
    /// outlive the call. The result is how many were retired.
    std::size_t keep_only(std::span<const net::address> current);

private:
    std::mutex mutex_;
    std::list<line> lines_;
};

}  // namespace lido::http
