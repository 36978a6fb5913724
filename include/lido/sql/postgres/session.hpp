// Lido: a connection to PostgreSQL.
#pragma once

#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/sql/batch.hpp"
#include "lido/sql/session.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lido::postgres {

/// What NOTIFY has sent.
struct notification {
    std::string channel;
    std::string payload;
    int sender = 0;  ///< process id of the server's process that sent it
};

/// A connection in the extended protocol, which libpq has logged in. It belongs to its scheduler, which is an event
/// loop of `net`; only `state` may be called on any thread. docs/design/sql_postgres.md says how it works.
///
/// Errors: `sql::errc` by SQLSTATE with state, message and constraint in the text, never DETAIL or a parameter;
/// `timeout`, `limit_exceeded`, `invalid_argument`; `connection_closed` when nothing can have been executed, and
/// `maybe_executed` when the connection broke before the server had said that the statement ended.
class session {
public:
    class implementation;
    explicit session(std::unique_ptr<implementation> of) noexcept;
    session(session&&) = delete;
    ~session();

    [[nodiscard]] task<result<sql::rows>> run(const sql::statement& what, const sql::parameters& with,
                                              time_point deadline);
    [[nodiscard]] task<result<void>> start(const sql::statement& what, const sql::parameters& with,
                                           time_point deadline);
    [[nodiscard]] task<result<bool>> fetch(sql::rows& into, time_point deadline);
    /// All of them with one Sync: see `sql::batch`. Errors name the statement.
    [[nodiscard]] task<result<std::vector<sql::rows>>> run_batch(const sql::batch& what, time_point deadline);
    [[nodiscard]] sql::session_state state() const noexcept;

    /// Begins to listen on a channel, whose name is quoted here; the connection is then reset before it is lent again.
    [[nodiscard]] task<result<void>> listen(const std::string& channel, time_point deadline);
    /// What has come, at least one; waits for it until `deadline`: nothing then.
    [[nodiscard]] task<result<std::vector<notification>>> notifications(time_point deadline);

    /// COPY … FROM STDIN and COPY … TO STDOUT: begin, then `copy_put` until `copy_end`, or `copy_take` until it brings
    /// an empty text and `copy_end`. In between nothing else runs on it; what fails half-way breaks the connection.
    [[nodiscard]] task<result<void>> copy_begin(const sql::statement& what, bool put, time_point deadline);
    [[nodiscard]] task<result<void>> copy_put(std::string_view data, time_point deadline);
    [[nodiscard]] task<result<std::string>> copy_take(time_point deadline);
    [[nodiscard]] task<result<std::uint64_t>> copy_end(time_point deadline);

    /// A parameter that the server reports ("server_version", "TimeZone"); empty when it does not.
    [[nodiscard]] std::string parameter(const std::string& name) const;
    /// Process id of the server's process; 0 behind some proxies.
    [[nodiscard]] int process_id() const noexcept;
    [[nodiscard]] bool uses_tls() const noexcept;
    /// "TLSv1.3 TLS_AES_256_GCM_SHA384", "none", or "not a network" for a UNIX socket.
    [[nodiscard]] std::string protection() const;

    /// For the connector.
    [[nodiscard]] implementation& inside() noexcept { return *implementation_; }
    [[nodiscard]] const implementation& inside() const noexcept { return *implementation_; }

private:
    std::unique_ptr<implementation> implementation_;
};

}  // namespace lido::postgres
