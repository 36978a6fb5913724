// Lido: a MySQL server's rows as Lido's.
#pragma once

#include "lido/sql/rows.hpp"
#include "sql/mysql/result_shape.hpp"

#include <string_view>

namespace lido::mysql {

/// Adds a row of a prepared statement, in binary form: integers and reals as such, unsigned ones beyond the signed
/// range as text, dates and times as the server writes them, binary texts as bytes, all else as text. False when it is
/// no row of that shape; part of it may have been added then.
[[nodiscard]] bool add_binary_row(std::string_view packet, const result_shape& shape, sql::rows& to);

/// The same for a statement that was sent as text: all of its values come as text.
[[nodiscard]] bool add_text_row(std::string_view packet, const result_shape& shape, sql::rows& to);

}  // namespace lido::mysql
