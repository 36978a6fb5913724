// Lido: text from elsewhere, fit to be shown.
#pragma once

#include <string>
#include <string_view>

namespace lido::cli {

/// In one line, and harmless to a terminal: control characters, those of Unicode's second row too, and what is no UTF-8
/// become \xNN.
[[nodiscard]] std::string in_one_line(std::string_view text);

/// What is no UTF-8 (RFC 3629) becomes U+FFFD, byte by byte.
[[nodiscard]] std::string with_valid_utf8(std::string_view text);

}  // namespace lido::cli
