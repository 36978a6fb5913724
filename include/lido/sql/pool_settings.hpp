// Lido: what can be set about a pool of database connections of any kind.
#pragma once

#include "lido/net/resolver.hpp"
#include "lido/pool/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace lido::sql {

/// What is done with a session before the next borrower gets it. docs/design/sql.md has the table.
enum class reset_policy : std::uint8_t {
    none,      ///< nothing; one with an open transaction is closed
    rollback,  ///< an open transaction is rolled back
    full,      ///< that, and all state of the session is dropped
};

struct pool_settings {
    /// Sizes, waits and lives of connections. A database that is back is to be found soon, so that attempts to connect
    /// are never more than 1 s apart: `back_off.maximum`.
    lido::pool::settings connections = usual_connections();

    /// For one statement, from when it is sent to its whole result; at the end of it the statement is cancelled at the
    /// server. 1 ms … 24 h.
    duration statement_timeout = std::chrono::seconds(30);
    reset_policy reset = reset_policy::rollback;
    /// Cancel a statement that was given up, so that its connection can be used again; otherwise it is closed.
    /// PostgreSQL's cancel request goes in plain text, also where the session has TLS, and whoever reads it on the way
    /// can cancel that session's statements (nothing else).
    bool cancel_abandoned = true;
    /// A result that is taken as a whole, in memory. 1 KiB … 2 GiB; larger ones can be streamed.
    std::size_t max_result_bytes = std::size_t{64} * 1024 * 1024;
    /// Text and parameters of one statement together. 1 KiB … 1 GiB less 5 bytes, the most that a length field of the
    /// protocols can hold safely.
    std::size_t max_statement_bytes = std::size_t{64} * 1024 * 1024;
    /// Prepared statements kept for each connection, least recently used first out. 0: none are prepared. 0 … 10,000.
    std::size_t statement_cache = 256;
    /// Rows and bytes that a streamed result brings at once: whichever comes first. 1 … 100,000; 1 KiB … 64 MiB.
    std::size_t stream_rows = 256;
    std::size_t stream_bytes = std::size_t{256} * 1024;

    /// How often the names of servers are looked up again. When one leads elsewhere, as after a failover by DNS,
    /// nothing new runs on the connections of before. 1 s … 24 h; 0: never, for names whose server gives out another
    /// part of their addresses each time.
    duration look_up_interval = std::chrono::seconds(30);
    /// Looks them up, for PostgreSQL also to connect; null: the process's, `net::default_resolver()`.
    std::shared_ptr<net::resolver> names{};

    /// `invalid_argument` naming the first setting that is out of range.
    [[nodiscard]] result<void> validate() const;

    /// The default of `connections`.
    [[nodiscard]] static lido::pool::settings usual_connections() {
        lido::pool::settings made;
        made.back_off.maximum = std::chrono::seconds(1);
        return made;
    }
};

}  // namespace lido::sql
