#include "http/proxy.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lido::http {
namespace {

using testing::HasSubstr;
using testing::Not;

struct proxy_case {
    const char* text;
    const char* shown;
    const char* user;
    const char* password;
};

TEST(a_proxy, is_read_from_its_url) {
    const std::vector<proxy_case> table{
        {"http://proxy.example:3128", "http://proxy.example:3128", "", ""},
        {"http://proxy.example:3128/", "http://proxy.example:3128", "", ""},
        {"proxy.example:3128", "http://proxy.example:3128", "", ""},
        {"proxy.example", "http://proxy.example:80", "", ""},
        {"HTTPS://Proxy.Example.", "https://proxy.example:443", "", ""},
        {"socks5://10.0.0.1", "socks5://10.0.0.1:1080", "", ""},
        {"socks5h://10.0.0.1:9050", "socks5://10.0.0.1:9050", "", ""},
        {"http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080", "", ""},
        {"http://me:hidden@proxy.example", "http://proxy.example:80", "me", "hidden"},
        {"http://me@proxy.example", "http://proxy.example:80", "me", ""},
        {"http://me:a%3Ab%40c%2Fd%2Ce@proxy.example", "http://proxy.example:80", "me", "a:b@c/d,e"},
        {"http://me:x@y@proxy.example", "http://proxy.example:80", "me", "x@y"},
    };
    for (const proxy_case& each : table) {
        const auto read = parse_proxies(each.text, {});
        ASSERT_TRUE(read.has_value()) << each.text << ": " << read.error().message();
        ASSERT_EQ(read->size(), 1U);
        EXPECT_EQ(read->front().to_text(), each.shown) << each.text;
        EXPECT_EQ(read->front().user, each.user) << each.text;
        EXPECT_EQ(read->front().password.reveal(), each.password) << each.text;
    }
}

TEST(a_proxy, that_is_none_is_refused_without_telling_credentials) {
    for (const char* text :
         {"ftp://me:hidden@proxy.example", "http://", "http://me:hidden@", "http://me:hidden@proxy.example:0",
          "http://me:hidden@proxy.example:65536", "http://me:hidden@proxy.example:x", "http://me:hidden@proxy example",
          "http://me:hidden@proxy.example/path", "http://me:hidden%0d%0a@proxy.example", "http://me:hidden%2@p.example",
          "http://:hidden@proxy.example", "http://a%3Ab:hidden@proxy.example", "http://me:hidden@[::1", "socks4://a",
          "http://me:hidden@a%00b"}) {
        const auto read = parse_proxies(text, {});
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_EQ(read.error(), errc::invalid_argument);
        EXPECT_THAT(read.error().message(), HasSubstr("proxy 1: "));
        EXPECT_THAT(read.error().message(), Not(HasSubstr("hidden")));
    }
    const auto too_long = parse_proxies("http://me:" + std::string(256, 'h') + "@p.example", {});
    EXPECT_EQ(too_long.error(), errc::invalid_argument);
    EXPECT_TRUE(parse_proxies("http://me:" + std::string(255, 'h') + "@p.example", {}).has_value());
}

TEST(proxies, in_a_row_are_separated_by_commas) {
    const auto read = parse_proxies(" http://a.example:1 ,socks5://b.example:2,,https://c.example", {});
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(read->size(), 3U);
    EXPECT_EQ((*read)[1].to_text(), "socks5://b.example:2");
    EXPECT_TRUE(parse_proxies("", {}).value().empty());
    EXPECT_TRUE(parse_proxies(" ", {}).value().empty());
    EXPECT_EQ(parse_proxies("a,b,c,d,e,f,g,h,i", {}).error(), errc::invalid_argument);
    EXPECT_THAT(parse_proxies("http://a,ftp://b", {}).error().message(), HasSubstr("proxy 2: "));
}

TEST(proxies, spoken_to_by_tls_have_the_settings_for_that) {
    net::tls_settings secure;
    secure.ca_file = "ca.pem";
    const auto read = parse_proxies("http://a.example,https://b.example", secure).value();
    EXPECT_EQ(read[0].tls, net::tls_settings());
    EXPECT_EQ(read[1].tls, secure);
}

TEST(a_proxy, is_shown_without_its_credentials) {
    proxy by;
    by.kind = proxy_kind::https;
    by.host = "::1";
    by.port = 3128;
    by.user = "me";
    by.password = "hidden";
    EXPECT_EQ(by.to_text(), "https://[::1]:3128");
}

}  // namespace
}  // namespace lido::http
