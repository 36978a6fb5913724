// Lido: the first words of a statement, which say what kind of statement it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lido::sql {

/// Without leading white space, comments and empty statements.
[[nodiscard]] std::string_view without_gap(std::string_view text);
/// The first word in capitals, behind white space and comments; empty when there is none, or a
/// name that begins like one. At most 16 letters of it.
[[nodiscard]] std::string first_keyword(std::string_view statement);

enum class transaction_end : std::uint8_t { none, commit, rollback };

/// Does the statement end its transaction, in SQLite or MySQL? `ROLLBACK TO` a savepoint does not.
[[nodiscard]] transaction_end ends_transaction(std::string_view statement);

}  // namespace lido::sql
