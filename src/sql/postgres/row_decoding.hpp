// Lido: PostgreSQL's results as rows.
#pragma once

#include "lido/sql/rows.hpp"

#include <libpq-fe.h>

#include <string>
#include <string_view>

namespace lido::postgres {

/// Adds the names of a result's columns, if `to` has none yet.
void add_columns(const PGresult* from, sql::rows& to);
/// Adds all rows of a result in text format: booleans, whole and real numbers by the type of their column where their
/// text says exactly that, bytea as bytes, everything else as the text it came as.
void add_rows(const PGresult* from, sql::rows& to);

/// One cell that is not NULL. `type` is the column's object id in pg_type.
void add_cell(std::uint32_t type, std::string_view text, sql::rows& to);

/// The bytes of a bytea's text in either form, "\x0aff" or "\\012a" (PostgreSQL, section 8.4); false when it is none.
[[nodiscard]] bool decode_bytea(std::string_view text, std::string& into);

}  // namespace lido::postgres
