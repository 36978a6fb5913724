// Lido: what PostgreSQL says when it refuses.
#pragma once

#include "lido/base/error.hpp"
#include "lido/sql/error.hpp"

#include <libpq-fe.h>

#include <optional>
#include <string>
#include <string_view>

namespace lido::postgres {

/// The server's error in the parts that Lido looks at. DETAIL, HINT and CONTEXT are left out: they may hold values.
struct server_error {
    std::string state;  ///< SQLSTATE; empty when it is libpq's own
    std::string message;
    std::string constraint;
    bool fatal = false;          ///< the connection ends with it
    bool plan_is_stale = false;  ///< a prepared statement's result has changed its columns, or it is not known any more
};

/// What the server refuses with (ErrorResponse); nothing when it is not of that form.
[[nodiscard]] std::optional<server_error> read_error(std::string_view body);
/// What libpq has to tell while it logs in.
[[nodiscard]] server_error read_notice(const PGresult* from);
/// What libpq says of a connection that could not be made, in its verbose form:
/// "connection to server at … failed: FATAL:  28P01: password authentication failed …\nLOCATION: …".
[[nodiscard]] server_error read_connect_error(std::string_view text);

/// Does a proxy (class 08) say that it never had a server to give the statement to? Of all else that it says nobody
/// knows.
[[nodiscard]] bool had_no_server(const server_error& proxy) noexcept;

/// As an error of Lido's: code by SQLSTATE, the text with SQLSTATE, message and constraint. Messages of class 22 quote
/// the value that they refuse; it is left out.
[[nodiscard]] error to_error(const server_error& from);

}  // namespace lido::postgres
