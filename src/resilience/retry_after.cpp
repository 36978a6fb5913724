#include "lido/resilience/retry.hpp"
#include "resilience/http_date.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace lido::resilience {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blank = " \t";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// Saturates: a server may send any number.
duration from_seconds(std::int64_t count) noexcept {
    constexpr std::int64_t most = std::chrono::duration_cast<seconds>(duration::max()).count();
    return count > most ? duration::max() : duration(seconds(count));
}

std::optional<duration> parse_delta_seconds(std::string_view text) noexcept {
    constexpr std::int64_t enough = std::int64_t{1} << 40;
    std::int64_t value = 0;
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        value = std::min(value * 10 + (c - '0'), enough);
    }
    return from_seconds(value);
}

}  // namespace

std::optional<duration> parse_retry_after(std::string_view value, std::chrono::system_clock::time_point wall_now) {
    const std::string_view text = trimmed(value);
    if (text.empty()) return std::nullopt;
    if (is_digit(text.front())) return parse_delta_seconds(text);
    const sys_seconds now = std::chrono::floor<seconds>(wall_now);
    const std::optional<sys_seconds> when = parse_http_date(text, now);
    if (!when) return std::nullopt;
    // In whole seconds: the years that four digits can name do not fit into nanoseconds.
    if (*when <= now) return duration::zero();
    const duration wait = from_seconds((*when - now).count());
    return wait == duration::max() ? wait : wait - std::chrono::duration_cast<duration>(wall_now - now);
}

}  // namespace lido::resilience
