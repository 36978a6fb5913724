#include "http/set_cookie.hpp"

#include "http/cookie_date.hpp"
#include "http/grammar.hpp"
#include "lido/http/headers.hpp"

#include <algorithm>

namespace lido::http {
namespace {

using wall_time = std::chrono::system_clock::time_point;

/// No cookie is kept longer than this, whatever it says (RFC 6265bis §5.5).
constexpr std::chrono::days longest_life{400};

bool is_address(std::string_view host) noexcept {
    if (host.find(':') != std::string_view::npos) return true;
    const std::size_t dot = host.rfind('.');
    const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
    return !last.empty() && std::all_of(last.begin(), last.end(), is_digit);
}

/// What stands in a Set-Cookie; views into it.
struct attributes {
    std::string_view name;
    std::string_view value;
    std::optional<std::string_view> domain;
    std::string_view path;
    std::optional<std::string_view> max_age;
    std::string_view expires;
    bool secure = false;
};

/// The text up to the next semicolon, trimmed; `text` loses it.
std::string_view take_part(std::string_view& text) noexcept {
    const std::size_t end = text.find(';');
    const std::string_view part = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return part;
}

/// The last one of each attribute counts.
std::optional<attributes> read(std::string_view text) noexcept {
    attributes found;
    const std::string_view pair = take_part(text);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    found.name = trim(pair.substr(0, equals));
    found.value = trim(pair.substr(equals + 1));
    if (found.name.empty()) return std::nullopt;
    while (!text.empty()) {
        const std::string_view part = take_part(text);
        const std::size_t sign = part.find('=');
        const std::string_view name = trim(part.substr(0, sign));
        const std::string_view value = sign == std::string_view::npos ? "" : trim(part.substr(sign + 1));
        if (same_name(name, "Domain")) {
            found.domain = value;
        } else if (same_name(name, "Path")) {
            found.path = value;
        } else if (same_name(name, "Max-Age")) {
            found.max_age = value;
        } else if (same_name(name, "Expires")) {
            found.expires = value;
        } else if (same_name(name, "Secure")) {
            found.secure = true;
        }
    }
    return found;
}

/// Bytes that could end a field, or that readers may take in different ways.
bool has_control_character(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && byte != '\t') || byte == 0x7F;
    });
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

bool begins_with_name(std::string_view text, std::string_view prefix) noexcept {
    return text.size() >= prefix.size() && same_name(text.substr(0, prefix.size()), prefix);
}

/// RFC 6265 §5.3, steps 4 to 6. False: the cookie has to be ignored.
bool set_domain(cookie& made, std::optional<std::string_view> said, const std::string& host,
                const public_suffix_check& is_public_suffix) {
    made.domain = host;
    made.host_only = true;
    if (!said || said->empty()) return true;
    std::string domain = lower_case(said->starts_with('.') ? said->substr(1) : *said);
    // "co.uk." is not what the list of public suffixes knows, and no host has that dot here.
    if (domain.empty() || domain.back() == '.' || domain.front() == '.') return false;
    if (!domain_matches(host, domain)) return false;
    if (!is_public_suffix || is_address(host)) return true;
    if (is_public_suffix(domain)) return domain == host;
    made.host_only = false;
    made.domain = std::move(domain);
    return true;
}

void set_expiry(cookie& made, const attributes& said, wall_time now) {
    if (said.max_age && !said.max_age->empty()) {
        std::string_view digits = *said.max_age;
        const bool negative = digits.starts_with('-');
        if (negative) digits.remove_prefix(1);
        const bool number = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
        if (number) {
            constexpr auto most = static_cast<std::uint64_t>(std::chrono::seconds(longest_life).count());
            const std::uint64_t seconds = parse_decimal(digits, most).value_or(most);
            made.expires = negative || seconds == 0 ? wall_time::min() : now + std::chrono::seconds(seconds);
            return;
        }
    }
    if (const auto when = parse_cookie_date(said.expires)) {
        made.expires = *when > std::chrono::floor<std::chrono::seconds>(now) + longest_life ? now + longest_life
                                                                                            : wall_time(*when);
    }
}

/// RFC 6265 §5.1.4: where the request went, up to its last slash.
std::string default_path(std::string_view target) {
    const std::string_view path = path_of(target);
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos || slash == 0) return "/";
    return std::string(path.substr(0, slash));
}

}  // namespace

std::string_view path_of(std::string_view target) noexcept {
    return target.substr(0, target.find('?'));
}

bool domain_matches(std::string_view host, std::string_view domain) noexcept {
    if (host == domain) return true;
    return !is_address(host) && host.size() > domain.size() && host.ends_with(domain) &&
           host[host.size() - domain.size() - 1] == '.';
}

bool path_matches(std::string_view path, std::string_view cookie_path) noexcept {
    if (!path.starts_with(cookie_path)) return false;
    return path.size() == cookie_path.size() || cookie_path.ends_with('/') || path[cookie_path.size()] == '/';
}

std::optional<cookie> parse_set_cookie(std::string_view text, const parsed_url& from, wall_time now,
                                       const public_suffix_check& is_public_suffix) {
    if (has_control_character(text)) return std::nullopt;
    const std::optional<attributes> said = read(text);
    if (!said) return std::nullopt;
    cookie made;
    made.name = said->name;
    made.value = said->value;
    made.secure = said->secure;
    if (made.secure && !from.origin.secure) return std::nullopt;
    if (!set_domain(made, said->domain, from.origin.host, is_public_suffix)) return std::nullopt;
    made.path = said->path.starts_with('/') ? std::string(said->path) : default_path(from.target);
    set_expiry(made, *said, now);
    if (begins_with_name(made.name, "__Secure-") && !made.secure) return std::nullopt;
    if (begins_with_name(made.name, "__Host-")) {
        const bool has_domain = said->domain && !said->domain->empty();
        if (!made.secure || has_domain || said->path != "/") return std::nullopt;
    }
    return made;
}

}  // namespace lido::http
