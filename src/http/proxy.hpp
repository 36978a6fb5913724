// Lido: a proxy on the way to a server.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/secret.hpp"
#include "lido/net/tls.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lido::http {

enum class proxy_kind : std::uint8_t {
    http,    ///< spoken to in cleartext; tunnels by CONNECT
    https,   ///< the same, spoken to by TLS
    socks5,  ///< RFC 1928; it looks names up
};

/// A proxy, and as whom it is asked. Not an aggregate, so that it may stand in a `co_await` expression.
struct proxy {
    proxy() {}  // NOLINT(modernize-use-equals-default): user-provided, so that it is no aggregate

    proxy_kind kind = proxy_kind::http;
    std::string host;  ///< lower case; an IPv6 literal without its brackets
    std::uint16_t port = 0;
    std::string user;  ///< empty: no credentials are sent
    secret password;
    net::tls_settings tls;  ///< of `https`; default otherwise

    [[nodiscard]] friend bool operator==(const proxy&, const proxy&) = default;
    /// "http://proxy.example:3128", without the credentials: fit for errors and logs.
    [[nodiscard]] std::string to_text() const;
};

/// The most proxies in a row.
inline constexpr std::size_t max_proxies = 8;

/// The proxies that `text` names, separated by commas: "http://", "https://", "socks5://" or "socks5h://" (which are
/// one here: names are always looked up by the proxy), then "user:password@" if it wants that, percent-encoded, a host,
/// and a port, without which it is 80, 443 or 1080. Without a scheme it is "http://". `secure` are the settings for
/// `https`. Nothing but white space is no proxy.
///
/// Errors: `invalid_argument` that says what is wrong with which of them, without any credential.
[[nodiscard]] result<std::vector<proxy>> parse_proxies(std::string_view text, const net::tls_settings& secure);

}  // namespace lido::http
