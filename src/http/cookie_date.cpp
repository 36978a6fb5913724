#include "http/cookie_date.hpp"

#include "http/grammar.hpp"

#include <array>
#include <cstddef>

namespace lido::http {
namespace {

constexpr bool is_delimiter(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x09 || (byte >= 0x20 && byte <= 0x2F) || (byte >= 0x3B && byte <= 0x40) ||
           (byte >= 0x5B && byte <= 0x60) || (byte >= 0x7B && byte <= 0x7E);
}

/// A number of `least` to `most` digits at the front of `text`, which loses it; nothing when there are fewer or more.
std::optional<unsigned> take_number(std::string_view& text, std::size_t least, std::size_t most) noexcept {
    unsigned value = 0;
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) {
        if (++count > most) return std::nullopt;
        value = value * 10 + static_cast<unsigned>(text[count - 1] - '0');
    }
    if (count < least) return std::nullopt;
    text.remove_prefix(count);
    return value;
}

/// What a date has been put together from so far.
struct found_parts {
    std::optional<std::chrono::seconds> time;
    std::optional<unsigned> day;
    std::optional<unsigned> month;
    std::optional<unsigned> year;
};

std::optional<std::chrono::seconds> time_in(std::string_view token) noexcept {
    std::array<unsigned, 3> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i != 0) {
            if (!token.starts_with(':')) return std::nullopt;
            token.remove_prefix(1);
        }
        const auto number = take_number(token, 1, 2);
        if (!number) return std::nullopt;
        parts[i] = *number;
    }
    if (parts[0] > 23 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
    return std::chrono::hours(parts[0]) + std::chrono::minutes(parts[1]) + std::chrono::seconds(parts[2]);
}

std::optional<unsigned> number_in(std::string_view token, std::size_t least, std::size_t most) noexcept {
    return take_number(token, least, most);
}

std::optional<unsigned> month_in(std::string_view token) noexcept {
    constexpr std::string_view names = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (token.size() < 3) return std::nullopt;
    std::array<char, 3> lower{};
    for (std::size_t i = 0; i < lower.size(); ++i) lower[i] = static_cast<char>(token[i] | 0x20);
    for (std::size_t i = 0; i < names.size(); i += 3) {
        if (names.substr(i, 3) == std::string_view(lower.data(), lower.size())) return static_cast<unsigned>(i / 3 + 1);
    }
    return std::nullopt;
}

/// Sets what is missing, if there is something to set it to. True: it was.
template <class T>
bool fill(std::optional<T>& missing, std::optional<T> with) noexcept {
    if (missing || !with) return false;
    missing = with;
    return true;
}

/// RFC 6265 §5.1.1: a token is the first of these that it can be and that is still missing.
void look_at(std::string_view token, found_parts& found) noexcept {
    const bool is_used = fill(found.time, time_in(token)) || fill(found.day, number_in(token, 1, 2)) ||
                         fill(found.month, month_in(token)) || fill(found.year, number_in(token, 2, 4));
    static_cast<void>(is_used);
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text) noexcept {
    found_parts found;
    while (!text.empty()) {
        std::size_t size = 0;
        while (size < text.size() && !is_delimiter(text[size])) ++size;
        if (size != 0) look_at(text.substr(0, size), found);
        text.remove_prefix(size == text.size() ? size : size + 1);
    }
    if (!found.time || !found.day || !found.month || !found.year) return std::nullopt;
    unsigned year = *found.year;
    if (year <= 69) year += 2000;
    if (year <= 99) year += 1900;
    if (year < 1601) return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)), std::chrono::month(*found.month),
                                           std::chrono::day(*found.day));
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date) + *found.time;
}

}  // namespace lido::http
