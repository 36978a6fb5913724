// Lido: what SQLite's statements do, by their first words.
#pragma once

#include <string_view>

namespace lido::sqlite {

/// May the statement be tried on a connection that can only read? A guess by its first word: SQLite has the last word
/// there (sqlite3_stmt_readonly), and a `WITH … INSERT` is then sent to the writer.
[[nodiscard]] bool looks_like_reading(std::string_view statement);

}  // namespace lido::sqlite
