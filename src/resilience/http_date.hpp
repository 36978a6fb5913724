// Lido: dates as HTTP writes them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace lido::resilience {

/// An HTTP-date in any of its three forms (RFC 9110 §5.6.7), without blanks around it; nothing when it is malformed.
/// `now` decides which century the two digits of the second form mean. Here, because retries need it as well as HTTP's
/// own layer, which stands above.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                                      std::chrono::sys_seconds now);

}  // namespace lido::resilience
