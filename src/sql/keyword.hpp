// Lido: the first word of a statement, which says what kind of statement it is.
#pragma once

#include <string>
#include <string_view>

namespace lido::sql {

/// Without leading white space, comments and empty statements.
[[nodiscard]] std::string_view without_gap(std::string_view text);
/// The first word in capitals, behind white space and comments; empty when there is none, or a
/// name that begins like one. At most 16 letters of it.
[[nodiscard]] std::string first_keyword(std::string_view statement);

}  // namespace lido::sql
