// Lido: a proxy on the way to a server.
#pragma once

#include "lido/base/secret.hpp"
#include "lido/net/tls.hpp"

#include <cstdint>
#include <string>

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

}  // namespace lido::http
