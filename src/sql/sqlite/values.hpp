// Lido: parameters into SQLite, and rows out of it.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/value.hpp"

#include <sqlite3.h>

#include <string>
#include <vector>

namespace lido::sqlite {

/// Binds all of `with`, which must live until the bindings are cleared. Errors: `syntax_error` when their number is not
/// that of the placeholders, `invalid_argument` for an array, `limit_exceeded`.
[[nodiscard]] result<void> bind(sqlite3_stmt* to, const sql::parameters& with);

/// The names of the result's columns.
[[nodiscard]] std::vector<std::string> column_names(sqlite3_stmt* of);
/// The same into a result, unless they are there already.
void add_columns(sqlite3_stmt* of, sql::rows& into);
/// The row at which `of` stands.
void add_row(sqlite3_stmt* of, sql::rows& into);

}  // namespace lido::sqlite
