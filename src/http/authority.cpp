#include "http/authority.hpp"

#include "http/grammar.hpp"
#include "lido/net/endpoint.hpp"

#include <algorithm>

namespace lido::http {
namespace {

constexpr std::size_t longest_port = 5;
constexpr std::size_t longest_host = 255;
constexpr std::size_t longest_zone = 15;  // IFNAMSIZ without its zero byte

[[nodiscard]] constexpr bool is_letter(char c) noexcept {
    return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}
[[nodiscard]] constexpr bool is_hex(char c) noexcept {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

/// unreserved, sub-delims, "%".
[[nodiscard]] constexpr bool is_name_char(char c) noexcept {
    return is_letter(c) || is_digit(c) || std::string_view("-._~!$&'()*+,;=%").find(c) != std::string_view::npos;
}

[[nodiscard]] bool is_port(std::string_view text) noexcept {
    return text.size() <= longest_port && parse_decimal(text, 65535).has_value();
}

[[nodiscard]] std::size_t end_of_host(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        const std::size_t bracket = text.find(']');
        return bracket == std::string_view::npos ? text.size() : bracket + 1;
    }
    return std::min(text.find(':'), text.size());
}

[[nodiscard]] bool is_host(std::string_view text) noexcept {
    if (text.empty() || text.size() > longest_host) return false;
    if (text.front() != '[') return std::all_of(text.begin(), text.end(), is_name_char);
    const std::string_view address = text.substr(1, text.size() - 2);
    return text.back() == ']' && address.find(':') != std::string_view::npos &&
           std::all_of(address.begin(), address.end(), [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

/// A name of an interface, or its number.
[[nodiscard]] bool is_zone(std::string_view text) noexcept {
    return !text.empty() && text.size() <= longest_zone && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == '~';
    });
}

[[nodiscard]] std::optional<std::string> canonical_ipv6(std::string_view text) {
    const std::size_t percent = std::min(text.find('%'), text.size());
    const std::string_view zone = text.substr(percent);
    if (!zone.empty() && !is_zone(zone.substr(1))) return std::nullopt;
    const auto literal = net::address::from_literal(text.substr(0, percent), 0);
    if (!literal || !literal->is_ipv6()) return std::nullopt;
    return literal->host_text().append(zone);
}

}  // namespace

std::optional<std::string> canonical_host(std::string_view text) {
    const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
    if (bracketed) text = text.substr(1, text.size() - 2);
    if (bracketed || text.find(':') != std::string_view::npos) return canonical_ipv6(text);
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty() || text.size() > longest_host || text.front() == '.' || text.back() == '.') return std::nullopt;
    std::string lower(text);
    for (char& c : lower) {
        c = to_lower(c);
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '_' && c != '~') return std::nullopt;
    }
    return lower;
}

bool is_authority(std::string_view text) noexcept {
    const std::size_t end = end_of_host(text);
    if (!is_host(text.substr(0, end))) return false;
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

bool has_port(std::string_view authority) noexcept {
    return end_of_host(authority) != authority.size();
}

}  // namespace lido::http
