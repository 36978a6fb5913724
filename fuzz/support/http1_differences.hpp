// In what other parsers of HTTP/1.1 responses differ from Lido's, by name.
#pragma once

#include "support/http1_readings.hpp"

#include <cstdint>
#include <string_view>

namespace lido::fuzz {

enum class other_parser : std::uint8_t { http_parser, beast };

[[nodiscard]] const char* name_of(other_parser who) noexcept;

/// The name of what the two readings of `text` differ in, as docs/design/http1.md has it; "none" where they agree; null
/// for a difference that nobody has explained.
[[nodiscard]] const char* find_difference(const http1_reading& ours, const http1_reading& theirs, other_parser who,
                                          std::string_view text);

}  // namespace lido::fuzz
