// Lido: the values of options.
#pragma once

#include "lido/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::cli {

/// "10s", "250ms", "1m30s", "1.5h": numbers with a unit each, the larger unit first; only 0 needs none. Units: h, m, s,
/// ms, us. Nothing for anything else, and for more than 10^9 of a unit.
[[nodiscard]] std::optional<duration> parse_duration(std::string_view text);

/// "10s", "1m30s": the inverse.
[[nodiscard]] std::string duration_text(duration value);

/// What follows reads the value of an option. Each throws `usage_error` with a line such as
/// "--num-users must be 1 … 100000, got '0'".
[[nodiscard]] std::uint64_t count_value(std::string_view option, std::string_view text, std::uint64_t least,
                                        std::uint64_t most, std::string_view remedy = {});
[[nodiscard]] double number_value(std::string_view option, std::string_view text, double least, double most);
[[nodiscard]] duration duration_value(std::string_view option, std::string_view text, duration least, duration most);

/// "a,b,c"; an empty text is an empty list. Throws when a part is empty.
[[nodiscard]] std::vector<std::string> list_value(std::string_view option, std::string_view text);

}  // namespace lido::cli
