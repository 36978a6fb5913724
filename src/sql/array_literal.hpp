// Lido: PostgreSQL's text form of arrays.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/value.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::sql {

/// The elements of "{1,NULL,\"a b\"}" (PostgreSQL, section 8.15.6); nothing stands for NULL. One dimension, the
/// delimiter is a comma. `invalid_argument` for anything else.
[[nodiscard]] result<std::vector<std::optional<std::string>>> parse_array_literal(std::string_view text);

/// The same the other way round; every element but NULL is quoted.
[[nodiscard]] std::string to_array_literal(const std::vector<std::optional<std::string>>& from);

}  // namespace lido::sql
