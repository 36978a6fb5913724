// Lido: dates in cookies.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace lido::http {

/// The value of Expires, by the lenient rules of RFC 6265 §5.1.1; nothing when it is no date.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text) noexcept;

}  // namespace lido::http
