// Lido: PostgreSQL's results as rows.
#pragma once

#include "lido/sql/rows.hpp"
#include "sql/postgres/message_body.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lido::postgres {

/// Adds a row as it came (DataRow) in text format: booleans, whole and real numbers by the type of their column where
/// their text says exactly that, bytea as bytes, everything else as the text it came as. False when it is no row of
/// that shape; part of it may have been added then.
[[nodiscard]] bool add_row(std::string_view body, const row_shape& shape, sql::rows& to);

/// One cell that is not NULL. `type` is the column's object id in pg_type.
void add_cell(std::uint32_t type, std::string_view text, sql::rows& to);

/// The bytes of a bytea's text in either form, "\x0aff" or "\\012a" (PostgreSQL, section 8.4); false when it is none.
[[nodiscard]] bool decode_bytea(std::string_view text, std::string& into);

}  // namespace lido::postgres
