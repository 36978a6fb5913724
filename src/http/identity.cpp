#include "http/identity.hpp"

#include "lido/net/endpoint.hpp"

#include <string_view>
#include <utility>

namespace lido::http {

result<reach> reach_of(const client_settings& settings) {
    reach made;
    made.tls = settings.tls;
    made.versions = settings.http_version;
    auto rules = proxy_rules::make(settings);
    if (!rules) return std::move(rules).error();
    made.rules = std::move(*rules);
    made.proxy_tunnel = settings.proxy_tunnel;
    made.unix_socket = settings.unix_socket;
    if (const auto from = net::address::from_literal(settings.local_address, 0)) made.local_address = from->host_text();
    return made;
}

identity identity_of(const origin& to, const reach& by) {
    identity made;
    made.origin = to;
    made.versions = by.versions;
    made.unix_socket = by.unix_socket;
    made.local_address = by.local_address;
    if (made.unix_socket.empty()) made.proxies = by.rules.for_origin(to);
    if (to.secure) {
        made.tls = by.tls;
        made.tls.alpn = protocols_offered(made.versions, by.tls.alpn);
    } else if (!made.proxies.empty() && made.proxies.back().kind != proxy_kind::socks5) {
        // A proxy that is asked for a URL speaks its own HTTP to the server.
        made.tunnel_plain = by.proxy_tunnel || made.versions == http_versions::http2;
    }
    return made;
}

std::vector<std::string> protocols_offered(http_versions versions, const std::vector<std::string>& outright) {
    if (!outright.empty()) return outright;
    switch (versions) {
        case http_versions::automatic:
            return {"h2", "http/1.1"};
        case http_versions::http2:
            return {"h2"};
        case http_versions::http1:
            break;
    }
    return {};
}

}  // namespace lido::http

std::size_t std::hash<lido::http::identity>::operator()(const lido::http::identity& of) const noexcept {
    std::size_t mixed = 0;
    const auto mix = [&mixed](std::size_t part) {
        mixed ^= part + 0x9E3779B97F4A7C15U + (mixed << 6U) + (mixed >> 2U);  // as boost::hash_combine does
    };
    const std::hash<std::string_view> text;
    mix(text(of.origin.host));
    mix((std::size_t{of.origin.port} << 1U) | (of.origin.secure ? 1U : 0U));
    mix(text(of.unix_socket));
    for (const lido::http::proxy& each : of.proxies) {
        mix(text(each.host));
        mix((std::size_t{each.port} << 2U) | static_cast<std::size_t>(each.kind));
        mix(text(each.user));
    }
    mix(text(of.local_address));
    return mixed;
}
