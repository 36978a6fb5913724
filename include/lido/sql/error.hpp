// Lido: what databases refuse, by reasons that programs decide by.
#pragma once

#include "lido/base/error.hpp"

#include <string_view>
#include <system_error>

namespace lido::sql {

/// Why a database did not do what a statement says. A broken connection, a time-out or a full pool is a `lido::errc`.
enum class errc {
    unique_violation = 1,   ///< a row with that key is there already
    foreign_key_violation,  ///< the row refers to one that is not there, or is referred to
    not_null_violation,     ///< a column that must have a value got none
    check_violation,        ///< a CHECK or exclusion constraint refuses the row
    syntax_error,           ///< the statement cannot be parsed, or does not fit its parameters
    no_such_object,         ///< a table, column, function or database that the statement names is not there
    permission_denied,      ///< the user may not do that
    authentication_failed,  ///< wrong user or password
    too_many_connections,   ///< the server takes no more connections
    read_only,              ///< the server, transaction or file takes no writes
    serialization_failure,  ///< the transaction cannot be ordered among the others: run it again from its beginning
    deadlock,               ///< chosen as the victim of a deadlock: run it again from its beginning
    lock_timeout,           ///< another transaction held a lock for too long
    statement_cancelled,    ///< cancelled at the server, by its time limit or on demand
    transaction_failed,     ///< an earlier statement of the transaction failed: only a rollback is possible
    invalid_value,          ///< a value is out of range for its column, or has the wrong form
    disk_full,              ///< the database has no room left
    shutting_down,          ///< the server is stopping, starting or recovering
    corrupt,                ///< the database file or an index is damaged
    other,                  ///< anything else; the text has the database's own code
};

/// The category of `errc`; its name is "lido.sql".
[[nodiscard]] const std::error_category& error_category() noexcept;
[[nodiscard]] std::error_code make_error_code(errc value) noexcept;
/// "unique_violation": as in this header; stable.
[[nodiscard]] std::string_view name_of(errc value) noexcept;

/// What a five-character SQLSTATE means (PostgreSQL, appendix A; ISO 9075).
[[nodiscard]] errc errc_of_sqlstate(std::string_view state) noexcept;
/// Does the database say by it that it does not know whether a statement or a transaction took effect (40003, 08007)?
/// Then the error is `maybe_executed`.
[[nodiscard]] bool is_outcome_unknown(std::string_view state) noexcept;

/// Is it one of those after which the same transaction may simply be run again from its beginning?
[[nodiscard]] bool is_transient(const error& failure) noexcept;

[[nodiscard]] inline bool operator==(const error& left, errc right) noexcept {
    return left.code() == make_error_code(right);
}

}  // namespace lido::sql

template <>
struct std::is_error_code_enum<lido::sql::errc> : std::true_type {};
