#include "http/identity.hpp"

#include <gtest/gtest.h>

namespace lido::http {
namespace {

identity identity_at(const origin& to, const client_settings& settings) {
    return identity_of(to, reach_of(settings).value());
}

origin named(const char* url) {
    return parse_url(url).value().origin;
}

TEST(identity, is_the_same_for_the_same_origin_however_it_is_written) {
    const client_settings settings;
    const identity one = identity_at(named("https://shop.example/a"), settings);
    for (const char* same : {"https://SHOP.example:443/b?c", "HTTPS://shop.example./"}) {
        EXPECT_EQ(identity_at(named(same), settings), one) << same;
        EXPECT_EQ(std::hash<identity>()(identity_at(named(same), settings)), std::hash<identity>()(one)) << same;
    }
    for (const char* other : {"http://shop.example/", "https://shop.example:8443/", "https://www.shop.example/"}) {
        EXPECT_NE(identity_at(named(other), settings), one) << other;
    }
}

TEST(identity, of_a_plain_origin_does_not_depend_on_tls_settings) {
    client_settings other;
    other.tls.verify = net::tls_verify::none;
    EXPECT_EQ(identity_at(named("http://shop.example"), {}), identity_at(named("http://shop.example"), other));
    EXPECT_NE(identity_at(named("https://shop.example"), {}), identity_at(named("https://shop.example"), other));
}

TEST(identity, depends_on_the_versions_of_http_that_are_allowed) {
    client_settings other;
    other.http_version = http_versions::http1;
    EXPECT_NE(identity_at(named("http://shop.example"), {}), identity_at(named("http://shop.example"), other));
}

TEST(identity, takes_over_the_protocols_that_the_settings_name_outright) {
    client_settings settings;
    settings.tls.alpn = {"acme/1"};
    EXPECT_EQ(identity_at(named("https://shop.example"), settings).tls.alpn, settings.tls.alpn);
}

TEST(identity, has_the_proxies_that_the_rules_give_it) {
    client_settings settings;
    settings.proxy = "http://me:hidden@proxy.example:3128";
    settings.no_proxy = "plain.example";
    const identity proxied = identity_at(named("https://shop.example"), settings);
    ASSERT_EQ(proxied.proxies.size(), 1U);
    EXPECT_EQ(proxied.proxies.front().password.reveal(), "hidden");
    EXPECT_TRUE(identity_at(named("https://plain.example"), settings).proxies.empty());
    EXPECT_NE(proxied, identity_at(named("https://shop.example"), {}));
    settings.proxy = "http://me:other@proxy.example:3128";
    EXPECT_NE(proxied, identity_at(named("https://shop.example"), settings));
}

TEST(identity, tunnels_http_where_the_proxy_cannot_be_asked_for_a_url) {
    client_settings settings;
    settings.proxy = "http://proxy.example";
    EXPECT_FALSE(identity_at(named("http://shop.example"), settings).tunnel_plain);
    settings.http_version = http_versions::http2;
    EXPECT_TRUE(identity_at(named("http://shop.example"), settings).tunnel_plain);
    settings.http_version = http_versions::automatic;
    settings.proxy_tunnel = true;
    EXPECT_TRUE(identity_at(named("http://shop.example"), settings).tunnel_plain);
    EXPECT_FALSE(identity_at(named("https://shop.example"), settings).tunnel_plain) << "that is always tunnelled";
    settings.proxy = "socks5://proxy.example";
    EXPECT_FALSE(identity_at(named("http://shop.example"), settings).tunnel_plain) << "it knows nothing else";
}

TEST(identity, has_the_way_that_the_settings_say) {
    client_settings settings;
    settings.unix_socket = "/run/shop.sock";
    EXPECT_EQ(identity_at(named("http://shop.example"), settings).unix_socket, "/run/shop.sock");
    settings.unix_socket.clear();
    settings.local_address = "[0:0::1]";
    EXPECT_EQ(identity_at(named("http://shop.example"), settings).local_address, "::1");
}

TEST(identity, keeps_the_zone_of_an_address) {
    const identity one = identity_at(named("http://[fe80::1%25eth0]/"), {});
    EXPECT_EQ(one.origin.host, "fe80::1%eth0");
    EXPECT_NE(one, identity_at(named("http://[fe80::1%25eth1]/"), {}));
    EXPECT_NE(one, identity_at(named("http://[fe80::1]/"), {}));
}

}  // namespace
}  // namespace lido::http
