#include "sql/mysql/gtids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace lido::mysql {
namespace {

constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view digits = "0123456789";
constexpr std::string_view hexadecimal_digits = "0123456789abcdef";
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";

/// Takes a number off the front of `text`, and the `end` behind it.
template <class Number>
std::optional<Number> take_number(std::string_view& text, char end) {
    Number value = 0;
    const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (end == '\0') return text.empty() ? std::optional<Number>(value) : std::nullopt;
    if (!text.starts_with(end)) return std::nullopt;
    text.remove_prefix(1);
    return value;
}

/// Takes what stands before the next `end`, or all, and the `end`.
std::string_view take_until(std::string_view& text, char end) noexcept {
    const std::size_t size = std::min(text.find(end), text.size());
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    return taken;
}

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(white_space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

std::string in_small_letters(std::string_view text) {
    std::string made(text);
    for (char& each : made) {
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    }
    return made;
}

bool is_uuid(std::string_view text) noexcept {
    constexpr std::string_view form = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    return std::equal(text.begin(), text.end(), form.begin(), form.end(), [](char one, char wanted) {
        return wanted == '-' ? one == '-' : hexadecimal_digits.find(one) != std::string_view::npos;
    });
}

bool is_tag(std::string_view text) noexcept {
    constexpr std::size_t longest = 32;
    if (text.empty() || text.size() > longest || digits.find(text.front()) != std::string_view::npos) return false;
    return std::all_of(text.begin(), text.end(), [](char each) {
        return each == '_' || letters.find(each) != std::string_view::npos ||
               digits.find(each) != std::string_view::npos;
    });
}

/// "7" or "1-5".
bool add_interval(std::string_view text, sql::log_numbers& to) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    const bool is_range = text.find('-') != std::string_view::npos;
    const auto first = take_number<std::uint64_t>(text, is_range ? '-' : '\0');
    const auto last = is_range ? take_number<std::uint64_t>(text, '\0') : first;
    if (!first || !last || *first == 0 || *last < *first || *last > largest) return false;
    to.add(*first, *last);
    return true;
}

/// "uuid:1-5:7", "uuid:tag:1-5", or several tags of one server behind each other.
bool add_server(std::string_view text, sql::log_position& to) {
    if (text.ends_with(':')) return false;
    const std::string server = in_small_letters(trimmed(take_until(text, ':')));
    if (!is_uuid(server)) return false;
    std::string origin = server;
    bool has_interval = false;
    while (!text.empty()) {
        const std::string part = in_small_letters(trimmed(take_until(text, ':')));
        const bool is_other_tag = is_tag(part);
        if (is_other_tag) {
            if (origin != server && !has_interval) return false;  // a tag of nothing
            origin = fmt::format("{}:{}", server, part);
        } else if (!add_interval(part, to[origin])) {
            return false;
        }
        has_interval = !is_other_tag;
    }
    return has_interval;
}

}  // namespace

result<sql::log_position> read_gtids(std::string_view text) {
    const error none(lido::errc::protocol_error, "the server's GTID position is not one of MariaDB");
    if (text.ends_with(',')) return none;
    sql::log_position all;
    while (!text.empty()) {
        std::string_view one = take_until(text, ',');
        const auto domain = take_number<std::uint32_t>(one, '-');
        const auto server = take_number<std::uint32_t>(one, '-');
        const auto number = take_number<std::uint64_t>(one, '\0');
        if (!domain || !server || !number) return none;
        all[*domain].add(0, *number);
    }
    return all;
}

result<sql::log_position> read_gtid_set(std::string_view text) {
    const error none(lido::errc::protocol_error, "the server's set of GTIDs is not one of MySQL");
    text = trimmed(text);
    if (text.ends_with(',')) return none;
    sql::log_position all;
    while (!text.empty()) {
        if (!add_server(take_until(text, ','), all)) return none;
    }
    return all;
}

}  // namespace lido::mysql
