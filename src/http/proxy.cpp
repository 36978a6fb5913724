#include "http/proxy.hpp"

#include "http/authority.hpp"
#include "http/grammar.hpp"
#include "lido/http/headers.hpp"
#include "lido/net/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace lido::http {
namespace {

const char* scheme_of(proxy_kind kind) noexcept {
    switch (kind) {
        case proxy_kind::http:
            return "http";
        case proxy_kind::https:
            return "https";
        case proxy_kind::socks5:
            break;
    }
    return "socks5";
}

constexpr std::size_t longest_credential = 255;  // RFC 1929 §2; and nobody has longer ones for HTTP

error bad_proxy(std::size_t number, std::string_view why) {
    return {errc::invalid_argument, fmt::format("proxy {}: {}", number, why),
            "write it as http://[user:password@]host[:port], or with https or socks5"};
}

struct scheme {
    std::string_view name;
    proxy_kind kind;
    std::uint16_t port;
};
constexpr scheme schemes[] = {{"http", proxy_kind::http, 80},
                              {"https", proxy_kind::https, 443},
                              {"socks5", proxy_kind::socks5, 1080},
                              {"socks5h", proxy_kind::socks5, 1080}};

int hex_digit(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Nothing when it is malformed, too long, or holds what would be a line's end to somebody.
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (text.size() - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return std::nullopt;
            c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        }
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return std::nullopt;
        decoded += c;
    }
    if (decoded.size() > longest_credential) return std::nullopt;
    return decoded;
}

/// "user:password". What is wrong, or nothing.
const char* take_credentials(std::string_view text, proxy& into) {
    const std::size_t colon = text.find(':');
    const auto user = percent_decoded(text.substr(0, colon));
    const auto password = percent_decoded(colon == std::string_view::npos ? "" : text.substr(colon + 1));
    if (!user || !password) return "user or password is malformed, or longer than 255 bytes";
    // RFC 7617 §2: the first colon ends the name.
    if (user->empty() || user->find(':') != std::string::npos) return "the user is empty, or has a colon";
    into.user = *user;
    into.password = *password;
    return nullptr;
}

/// "host:port". What is wrong, or nothing.
const char* take_place(std::string_view text, proxy& into) {
    const std::size_t after_host = text.starts_with('[') ? text.find(']') : 0;
    const std::size_t colon = after_host == std::string_view::npos ? text.size() : text.find(':', after_host);
    auto host = canonical_host(text.substr(0, colon));
    if (!host) return "the host is missing or malformed";
    into.host = std::move(*host);
    if (colon >= text.size()) return nullptr;
    const auto port = parse_decimal(text.substr(colon + 1), 65535);
    if (!port || *port == 0) return "the port is not one of 1 … 65535";
    into.port = static_cast<std::uint16_t>(*port);
    return nullptr;
}

result<proxy> parse_proxy(std::string_view text, std::size_t number, const net::tls_settings& secure) {
    proxy made;
    made.port = 80;
    if (const std::size_t mark = text.find("://"); mark != std::string_view::npos) {
        const std::string_view name = text.substr(0, mark);
        const auto* const known = std::find_if(std::begin(schemes), std::end(schemes),
                                               [&](const scheme& each) { return same_name(name, each.name); });
        if (known == std::end(schemes)) return bad_proxy(number, "its scheme is none of http, https, socks5, socks5h");
        made.kind = known->kind;
        made.port = known->port;
        text.remove_prefix(mark + 3);
    }
    if (text.ends_with('/')) text.remove_suffix(1);
    if (text.find_first_of("/?#") != std::string_view::npos) return bad_proxy(number, "it has a path");
    if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
        if (const char* const wrong = take_credentials(text.substr(0, at), made)) return bad_proxy(number, wrong);
        text.remove_prefix(at + 1);
    }
    if (const char* const wrong = take_place(text, made)) return bad_proxy(number, wrong);
    if (made.kind == proxy_kind::https) made.tls = secure;
    return made;
}

}  // namespace

result<std::vector<proxy>> parse_proxies(std::string_view text, const net::tls_settings& secure) {
    std::vector<proxy> made;
    std::optional<error> wrong;
    for_each_element(text, [&](std::string_view each) {
        if (wrong || each.empty()) return;
        auto one = parse_proxy(each, made.size() + 1, secure);
        if (one) {
            made.push_back(std::move(*one));
        } else {
            wrong = std::move(one).error();
        }
    });
    if (wrong) return std::move(*wrong);
    if (made.size() > max_proxies) {
        return error(errc::invalid_argument,
                     fmt::format("{} proxies in a row, allowed are {}", made.size(), max_proxies), "name fewer");
    }
    return made;
}

std::string proxy::to_text() const {
    return fmt::format("{}://{}", scheme_of(kind), net::host_and_port(host, port));
}

}  // namespace lido::http
