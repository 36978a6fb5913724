// Lido: what SQLite's statements do, by their first words.
#pragma once

#include <cstdint>
#include <string_view>

namespace lido::sqlite {

/// May the statement be tried on a connection that can only read? A guess by its first word: SQLite has the last word
/// there (sqlite3_stmt_readonly), and a `WITH … INSERT` is then sent to the writer.
[[nodiscard]] bool looks_like_reading(std::string_view statement);

enum class transaction_end : std::uint8_t { none, commit, rollback };

/// Does the statement end its transaction? `ROLLBACK TO` a savepoint does not.
[[nodiscard]] transaction_end ends_transaction(std::string_view statement);

}  // namespace lido::sqlite
