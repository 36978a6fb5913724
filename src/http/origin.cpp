#include "http/origin.hpp"

#include "http/authority.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace lido::http {
namespace {

constexpr std::uint16_t default_port(bool secure) noexcept {
    return secure ? 443 : 80;
}

/// The text as far as it may be shown: what could hold a password or a token is left out. The text may be malformed, so
/// this rather hides too much: everything up to the last @, wherever that stands.
std::string shown(std::string_view text) {
    const std::size_t scheme_end = text.find("://");
    const std::size_t begin = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
    const std::size_t user_end = text.rfind('@');
    std::string visible(text.substr(0, begin));
    if (user_end != std::string_view::npos && user_end >= begin) {
        visible += "...";
        text.remove_prefix(user_end);
    } else {
        text.remove_prefix(begin);
    }
    visible.append(text.substr(0, std::min<std::size_t>(text.find_first_of("?#"), 200)));
    return visible;
}

error bad_url(std::string_view text, std::string_view why) {
    return {errc::invalid_argument, fmt::format("URL '{}': {}", shown(text), why),
            "write it as http://host[:port][/path] or https://…"};
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

/// RFC 6874 §2: the zone of an IPv6 literal, "%25eth0", which Boost.URL does not know. Cut out of `text`, with "%"
/// before it; empty when there is none.
std::string cut_out_zone(std::string& text) {
    const std::size_t open = text.find("://") + 3;
    if (open >= text.size() || text[open] != '[') return {};
    const std::size_t close = text.find(']', open);
    const std::size_t mark = text.find("%25", open);
    if (close == std::string::npos || mark > close) return {};
    std::string zone = "%" + text.substr(mark + 3, close - mark - 3);
    text.erase(mark, close - mark);
    return zone;
}

}  // namespace

std::string origin::host_field() const {
    const bool literal = host.find(':') != std::string::npos;
    // A zone means something on this machine only (RFC 6874 §4).
    std::string field = literal ? fmt::format("[{}]", host.substr(0, host.find('%'))) : host;
    if (port != default_port(secure)) field += fmt::format(":{}", port);
    return field;
}

std::string origin::to_text() const {
    const std::size_t zone = host.find('%');
    std::string shown = host_field();
    if (zone != std::string::npos) shown.insert(shown.find(']'), "%25" + host.substr(zone + 1));
    return fmt::format("{}://{}", secure ? "https" : "http", shown);
}

result<parsed_url> parse_url(std::string_view text) {
    if (text.find("://") == std::string_view::npos) return bad_url(text, "the scheme is missing");
    std::string without_zone(text);
    const std::string zone = cut_out_zone(without_zone);
    const auto outcome = boost::urls::parse_uri(boost::urls::string_view(without_zone.data(), without_zone.size()));
    if (!outcome) return bad_url(text, "it is malformed");
    const boost::urls::url_view& url = *outcome;
    parsed_url parsed;
    const std::string scheme = lower_case(std::string_view(url.scheme().data(), url.scheme().size()));
    if (scheme != "http" && scheme != "https") return bad_url(text, fmt::format("scheme '{}' is not known", scheme));
    parsed.origin.secure = scheme == "https";
    if (url.has_userinfo()) return bad_url(text, "user and password do not belong into a URL; use a header");
    const bool is_ipv6 = url.host_type() == boost::urls::host_type::ipv6;
    const auto host = is_ipv6 ? url.host_address() : url.host();
    if (host.empty()) return bad_url(text, "the host is missing");
    // Percent-encoding is undone by now and may have hidden what no host has: a zero byte, a slash …
    auto canonical = canonical_host(std::string(host.data(), host.size()) + zone);
    if (!canonical || is_ipv6 != (canonical->find(':') != std::string::npos)) {
        return bad_url(text, "the host is malformed");
    }
    parsed.origin.host = std::move(*canonical);
    parsed.origin.port = default_port(parsed.origin.secure);
    if (url.has_port() && !url.port().empty()) {
        const std::uint16_t port = url.port_number();
        if (port == 0) return bad_url(text, "the port is not one of 1 … 65535");
        parsed.origin.port = port;
    }
    const auto path = url.encoded_path();
    // Boost 1.81 takes "http://host:http/" for an empty port and the path "http/".
    if (!path.empty() && path.front() != '/') return bad_url(text, "the port is no number");
    parsed.target = path.empty() ? std::string("/") : std::string(path.data(), path.size());
    if (url.has_query()) {
        const auto query = url.encoded_query();
        parsed.target += '?';
        parsed.target.append(query.data(), query.size());
    }
    return parsed;
}

}  // namespace lido::http
