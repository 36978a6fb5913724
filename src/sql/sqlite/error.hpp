// Lido: what SQLite's result codes mean.
#pragma once

#include "lido/base/error.hpp"

#include <string>
#include <string_view>
#include <system_error>

struct sqlite3;

namespace lido::sqlite {

/// What an extended result code means. `message` is SQLite's own, which says more about SQLITE_ERROR; `system_error` is
/// errno of what SQLite did last.
[[nodiscard]] std::error_code code_of(int extended, std::string_view message, int system_error) noexcept;

/// The error that `connection` reports for `code`; "doing: message (SQLITE code N)". SQLite's messages name tables,
/// columns and tokens of the statement, never a bound value.
[[nodiscard]] error error_of(sqlite3* connection, int code, std::string_view doing);

/// The same for opening `file`, with what the file system says about it.
[[nodiscard]] error open_error(sqlite3* connection, int code, const std::string& file, bool writes);

}  // namespace lido::sqlite
