// Lido: an HTTP connection, and how a pool makes, checks and closes one.
#pragma once

#include "http/connection_book.hpp"
#include "http/connection_budget.hpp"
#include "http/connection_counts.hpp"
#include "http/dial.hpp"
#include "http/http2_link.hpp"
#include "http/response_reader.hpp"
#include "lido/net/stream.hpp"
#include "lido/pool/connector.hpp"

#include <memory>

namespace lido::http {

/// A stream and what is known about it between requests. Belongs to its loop.
class connection {
public:
    connection(std::unique_ptr<net::stream> below, pool::connection_events events,
               connection_budget::permit allowed = {}) noexcept;

    connection_budget::permit permit;  ///< declared first: given back after the stream has gone
    std::unique_ptr<net::stream> stream;
    connection_counts counts;
    std::unique_ptr<http2_link> http2;  ///< null: HTTP/1.1, to which all of the rest belongs
    response_reader reader;
    /// The last exchange ended cleanly, and the peer keeps the connection open. False while one is running.
    bool reusable = true;
    /// An exchange is running: what arrives belongs to it.
    bool busy = false;
    /// The peer has said that it will close the idle connection at about this time.
    time_point usable_until = never;
    connection_book::entry place;  ///< declared last: left before what the book tells of has gone

    /// One request of HTTP/1.1 begins, and is over.
    void begin_exchange() noexcept {
        reusable = false;
        busy = true;
        counts.begun(1);
    }
    void end_exchange() noexcept {
        busy = false;
        counts.note(0, 1);
    }

    [[nodiscard]] bool is_multiplexed() const noexcept { return http2 != nullptr; }
    /// Can another request be sent now, as far as can be known?
    [[nodiscard]] bool is_fit(time_point now) noexcept { return reusable && now < usable_until && stream->quiet(); }

private:
    void disturbed() noexcept;
    pool::connection_events events_;
};

/// What a connector of HTTP connections is told about all of them. Trivially copyable.
struct connector_settings {
    http_limits limits{};
    http2_settings http2{};
};

/// The connector of one identity. On a connection of HTTP/1.1 there is one request at a time, on one of HTTP/2 as many
/// as the server allows; which of the two it is, is known when it is open.
class connector {
public:
    using connection = http::connection;

    /// `budget` may be null: no limit over all origins. `book` is where the connections are found.
    explicit connector(std::shared_ptr<const dial_plan> plan, std::shared_ptr<connection_budget> budget = nullptr,
                       const connector_settings& settings = {},
                       std::shared_ptr<connection_book> book = std::make_shared<connection_book>())
        : plan_(std::move(plan)), budget_(std::move(budget)), book_(std::move(book)), settings_(settings) {}

    [[nodiscard]] task<result<std::unique_ptr<connection>>> open(const pool::open_request& request);
    [[nodiscard]] task<result<void>> check(connection& which, time_point deadline);
    [[nodiscard]] task<void> close(connection& which, time_point deadline);
    [[nodiscard]] std::uint32_t capacity(const connection& which) const noexcept {
        return which.http2 ? which.http2->capacity() : 1;
    }
    [[nodiscard]] pool::verdict usable(const connection& which) const noexcept {
        if (which.http2) return which.http2->is_good() ? pool::verdict::clean : pool::verdict::broken;
        return which.reusable && !which.busy ? pool::verdict::clean : pool::verdict::broken;
    }
    void cut(connection& which) noexcept;

private:
    std::shared_ptr<const dial_plan> plan_;
    std::shared_ptr<connection_budget> budget_;
    std::shared_ptr<connection_book> book_;
    connector_settings settings_;
};

}  // namespace lido::http
