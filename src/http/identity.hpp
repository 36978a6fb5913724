// Lido: what connections must have in common to stand in for each other.
#pragma once

#include "http/origin.hpp"
#include "http/proxy.hpp"
#include "http/proxy_rules.hpp"
#include "lido/http/client.hpp"
#include "lido/http/http_versions.hpp"
#include "lido/net/tls.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace lido::http {

/// Everything that decides whom a connection reaches, by which way, and as whom: the key of a client's pools, of TLS
/// contexts, and of the TLS sessions that may be resumed. Requests of different identities never share any of these.
///
/// Equality is defaulted, so a new member counts from the day it is added; tests/integration/http/identity_test.cpp
/// does not compile until it has a row there. The members are canonical already: lower-case hosts without a final dot,
/// an IPv6 zone kept. Not an aggregate, so that it may stand in a `co_await` expression.
struct identity {
    identity() {}  // NOLINT(modernize-use-equals-default): user-provided, so that it is no aggregate

    http::origin origin;
    std::string unix_socket;     ///< connected to instead of host and port; empty: none
    std::vector<proxy> proxies;  ///< gone through in this order; empty: none
    bool tunnel_plain = false;   ///< CONNECT for http targets too, instead of asking the proxy for the whole URL
    net::tls_settings tls;       ///< of the connection to the origin; default when that is plain
    http_versions versions = http_versions::automatic;
    std::string local_address;  ///< connected from; empty: the system's choice

    [[nodiscard]] friend bool operator==(const identity&, const identity&) = default;
};

/// What the settings of a client say about all its identities: clients that differ here may get different answers to
/// the same request.
struct reach {
    reach() {}  // NOLINT(modernize-use-equals-default): user-provided, so that it is no aggregate

    net::tls_settings tls;
    http_versions versions = http_versions::automatic;
    proxy_rules rules;
    bool proxy_tunnel = false;
    std::string unix_socket;
    std::string local_address;

    [[nodiscard]] friend bool operator==(const reach&, const reach&) = default;
};
/// Errors: those of `proxy_rules::make`. `settings` must be valid.
[[nodiscard]] result<reach> reach_of(const client_settings& settings);

/// The identity of requests to `to` by a client that reaches `by`.
[[nodiscard]] identity identity_of(const origin& to, const reach& by);

/// The protocols to offer by ALPN, most wanted first; those that the settings name outright come before the choice of
/// versions. Empty: the extension is not sent.
[[nodiscard]] std::vector<std::string> protocols_offered(http_versions versions,
                                                         const std::vector<std::string>& outright);

}  // namespace lido::http

/// Leaves out what seldom tells two identities apart.
template <>
struct std::hash<lido::http::identity> {
    [[nodiscard]] std::size_t operator()(const lido::http::identity& of) const noexcept;
};
