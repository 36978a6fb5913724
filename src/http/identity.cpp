#include "http/identity.hpp"

#include <string_view>

namespace lido::http {

identity identity_of(const origin& to, const client_settings& settings) {
    identity made;
    made.origin = to;
    made.versions = settings.http_version;
    if (to.secure) {
        made.tls = settings.tls;
        made.tls.alpn = protocols_offered(made.versions, settings.tls.alpn);
    }
    return made;
}

reach reach_of(const client_settings& settings) {
    return {settings.tls, settings.http_version};
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
