// Lido: what PostgreSQL says when it refuses.
#pragma once

#include "lido/base/error.hpp"
#include "lido/sql/error.hpp"

#include <libpq-fe.h>

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

/// What a failed result says.
[[nodiscard]] server_error read_error(const PGresult* from);
/// What libpq says of a connection that could not be made, in its verbose form:
/// "connection to server at … failed: FATAL:  28P01: password authentication failed …\nLOCATION: …".
[[nodiscard]] server_error read_connect_error(std::string_view text);

/// As an error of Lido's: code by SQLSTATE, the text with SQLSTATE, message and constraint. Messages of class 22 quote
/// the value that they refuse; it is left out.
[[nodiscard]] error to_error(const server_error& from);

}  // namespace lido::postgres
