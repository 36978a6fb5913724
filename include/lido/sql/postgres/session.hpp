// Lido: a connection to PostgreSQL.
#pragma once

#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/sql/session.hpp"

#include <memory>
#include <string>

namespace lido::postgres {

/// A connection over libpq, always in its pipeline mode. It belongs to its scheduler, which is an event loop of `net`;
/// only `state` may be called on any thread. docs/design/sql_postgres.md says how it works.
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
    [[nodiscard]] sql::session_state state() const noexcept;

    /// A parameter that the server reports ("server_version", "TimeZone"); empty when it does not.
    [[nodiscard]] std::string parameter(const std::string& name) const;
    /// Process id of the server's process; 0 behind some proxies.
    [[nodiscard]] int process_id() const noexcept;
    [[nodiscard]] bool uses_tls() const noexcept;

    /// For the connector.
    [[nodiscard]] implementation& inside() noexcept { return *implementation_; }
    [[nodiscard]] const implementation& inside() const noexcept { return *implementation_; }

private:
    std::unique_ptr<implementation> implementation_;
};

}  // namespace lido::postgres
