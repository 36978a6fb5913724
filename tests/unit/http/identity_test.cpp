#include "http/identity.hpp"

#include <gtest/gtest.h>

namespace lido::http {
namespace {

origin named(const char* url) {
    return parse_url(url).value().origin;
}

TEST(identity, is_the_same_for_the_same_origin_however_it_is_written) {
    const client_settings settings;
    const identity one = identity_of(named("https://shop.example/a"), settings);
    for (const char* same : {"https://SHOP.example:443/b?c", "HTTPS://shop.example./"}) {
        EXPECT_EQ(identity_of(named(same), settings), one) << same;
        EXPECT_EQ(std::hash<identity>()(identity_of(named(same), settings)), std::hash<identity>()(one)) << same;
    }
    for (const char* other : {"http://shop.example/", "https://shop.example:8443/", "https://www.shop.example/"}) {
        EXPECT_NE(identity_of(named(other), settings), one) << other;
    }
}

TEST(identity, of_a_plain_origin_does_not_depend_on_tls_settings) {
    client_settings other;
    other.tls.verify = net::tls_verify::none;
    EXPECT_EQ(identity_of(named("http://shop.example"), {}), identity_of(named("http://shop.example"), other));
    EXPECT_NE(identity_of(named("https://shop.example"), {}), identity_of(named("https://shop.example"), other));
}

TEST(identity, depends_on_the_versions_of_http_that_are_allowed) {
    client_settings other;
    other.http_version = http_versions::http1;
    EXPECT_NE(identity_of(named("http://shop.example"), {}), identity_of(named("http://shop.example"), other));
}

TEST(identity, takes_over_the_protocols_that_the_settings_name_outright) {
    client_settings settings;
    settings.tls.alpn = {"acme/1"};
    EXPECT_EQ(identity_of(named("https://shop.example"), settings).tls.alpn, settings.tls.alpn);
}

TEST(proxy, is_shown_without_its_credentials) {
    proxy by;
    by.kind = proxy_kind::https;
    by.host = "::1";
    by.port = 3128;
    by.user = "me";
    by.password = "hidden";
    EXPECT_EQ(by.to_text(), "https://[::1]:3128");
    by.kind = proxy_kind::socks5;
    by.host = "proxy.example";
    EXPECT_EQ(by.to_text(), "socks5://proxy.example:3128");
}

}  // namespace
}  // namespace lido::http
