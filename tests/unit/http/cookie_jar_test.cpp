#include "lido/http/cookie_jar.hpp"

#include "http/cookie_date.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using wall_time = cookie_jar::wall_time;

const wall_time now = wall_time(std::chrono::sys_days(std::chrono::year(2024) / 5 / 1));

/// What goes along to `to` after `from` has set that cookie; "-" for nothing.
std::string sent(std::string_view from, std::string_view set_cookie, std::string_view to,
                 cookie_jar_settings settings = {}, std::chrono::seconds later = 0s) {
    cookie_jar jar(std::move(settings));
    jar.set(from, set_cookie, now);
    const std::string field = jar.field_for(to, now + later);
    return field.empty() ? "-" : field;
}

cookie_jar_settings with_suffixes() {
    cookie_jar_settings settings;
    settings.is_public_suffix = [](std::string_view domain) {
        return domain == "example" || domain == "uk" || domain == "co.uk";
    };
    return settings;
}

struct jar_case {
    const char* about;
    std::string_view from;
    std::string_view set_cookie;
    std::string_view to;
    std::string_view field;
};

TEST(CookieJar, SendsACookieWhereRfc6265SaysAndNowhereElse) {
    for (const jar_case& each : {
             jar_case{"host-only", "http://a.example/", "k=v", "http://a.example/", "k=v"},
             jar_case{"not to a name below", "http://a.example/", "k=v", "http://x.a.example/", "-"},
             jar_case{"not to the parent", "http://a.example/", "k=v", "http://example/", "-"},
             jar_case{"any port", "http://a.example:81/", "k=v", "http://a.example:82/", "k=v"},
             jar_case{"host in any case", "http://A.Example/", "k=v", "http://a.example/", "k=v"},
             jar_case{"a dot at the end of the host", "http://a.example./", "k=v", "http://a.example/", "k=v"},
             jar_case{"secure not over http", "https://a.example/", "k=v; Secure", "http://a.example/", "-"},
             jar_case{"secure over https", "https://a.example/", "k=v; secure", "https://a.example/", "k=v"},
             jar_case{"secure cannot be set over http", "http://a.example/", "k=v; Secure", "https://a.example/", "-"},
             jar_case{"default path", "http://a.example/x/y", "k=v", "http://a.example/x/z", "k=v"},
             jar_case{"default path, elsewhere", "http://a.example/x/y", "k=v", "http://a.example/z", "-"},
             jar_case{"path", "http://a.example/", "k=v; Path=/x", "http://a.example/x?q", "k=v"},
             jar_case{"path, below", "http://a.example/", "k=v; Path=/x", "http://a.example/x/y", "k=v"},
             jar_case{"path, not a part of a name", "http://a.example/", "k=v; Path=/x", "http://a.example/xy", "-"},
             jar_case{"path that is none", "http://a.example/b/", "k=v; Path=x", "http://a.example/b/", "k=v"},
             jar_case{"empty value", "http://a.example/", "k=", "http://a.example/", "k="},
             jar_case{"value with equals", "http://a.example/", "k=a=b", "http://a.example/", "k=a=b"},
             jar_case{"quotes stay", "http://a.example/", "k=\"v\"", "http://a.example/", "k=\"v\""},
             jar_case{"white space goes", "http://a.example/", " k = v ; Path = / ", "http://a.example/", "k=v"},
             jar_case{"no pair", "http://a.example/", "kv", "http://a.example/", "-"},
             jar_case{"no name", "http://a.example/", "=v", "http://a.example/", "-"},
             jar_case{"HttpOnly", "http://a.example/", "k=v; HttpOnly", "http://a.example/", "k=v"},
             jar_case{"Max-Age of zero", "http://a.example/", "k=v; Max-Age=0", "http://a.example/", "-"},
             jar_case{"negative Max-Age", "http://a.example/", "k=v; Max-Age=-1", "http://a.example/", "-"},
             jar_case{"Max-Age that is none", "http://a.example/", "k=v; Max-Age=x", "http://a.example/", "k=v"},
             jar_case{"Max-Age goes before Expires", "http://a.example/",
                      "k=v; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.example/", "k=v"},
             jar_case{"Expires in the past", "http://a.example/", "k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                      "http://a.example/", "-"},
             jar_case{"control characters: curl CVE-2022-35252", "http://a.example/", "k=v\x01", "http://a.example/",
                      "-"},
             jar_case{"__Host- as it must be", "https://a.example/", "__Host-k=v; Secure; Path=/", "https://a.example/",
                      "__Host-k=v"},
             jar_case{"__Host- with a domain", "https://a.example/", "__Host-k=v; Secure; Path=/; Domain=a.example",
                      "https://a.example/", "-"},
             jar_case{"__Host- without a path", "https://a.example/", "__Host-k=v; Secure", "https://a.example/", "-"},
             jar_case{"__Secure- without Secure", "https://a.example/", "__secure-k=v", "https://a.example/", "-"},
         }) {
        EXPECT_EQ(sent(each.from, each.set_cookie, each.to), each.field) << each.about;
    }
}

TEST(CookieJar, ObeysDomainOnlyWithSomebodyToAskForPublicSuffixes) {
    for (const jar_case& each : {
             jar_case{"parent", "http://w.a.example/", "k=v; Domain=a.example", "http://x.a.example/", "k=v"},
             jar_case{"parent with a dot", "http://w.a.example/", "k=v; Domain=.A.Example", "http://a.example/", "k=v"},
             jar_case{"itself", "http://a.example/", "k=v; Domain=a.example", "http://x.a.example/", "k=v"},
             jar_case{"a stranger", "http://a.example/", "k=v; Domain=b.example", "http://b.example/", "-"},
             jar_case{"a stranger, also not to oneself", "http://a.example/", "k=v; Domain=b.example",
                      "http://a.example/", "-"},
             jar_case{"a name below", "http://a.example/", "k=v; Domain=x.a.example", "http://x.a.example/", "-"},
             jar_case{"the end of a name: curl CVE-2014-3613", "http://ba.example/", "k=v; Domain=a.example",
                      "http://a.example/", "-"},
             jar_case{"a suffix: curl CVE-2014-3620", "http://a.co.uk/", "k=v; Domain=co.uk", "http://b.co.uk/", "-"},
             jar_case{"in mixed case: curl CVE-2023-46218", "http://a.co.uk/", "k=v; Domain=Co.UK", "http://b.co.uk/",
                      "-"},
             jar_case{"a dot at its end: curl CVE-2022-27779", "http://a.co.uk/", "k=v; Domain=co.uk.",
                      "http://b.co.uk/", "-"},
             jar_case{"a host that is a suffix", "http://co.uk/", "k=v; Domain=co.uk", "http://co.uk/", "k=v"},
             jar_case{"and not below it", "http://co.uk/", "k=v; Domain=co.uk", "http://b.co.uk/", "-"},
             jar_case{"an address has no parents", "http://10.0.0.1/", "k=v; Domain=0.0.1", "http://11.0.0.1/", "-"},
             jar_case{"an address itself", "http://10.0.0.1/", "k=v; Domain=10.0.0.1", "http://10.0.0.1/", "k=v"},
             jar_case{"an IPv6 address", "http://[::1]/", "k=v", "http://[::1]/", "k=v"},
         }) {
        EXPECT_EQ(sent(each.from, each.set_cookie, each.to, with_suffixes()), each.field) << each.about;
    }
    EXPECT_EQ(sent("http://w.a.example/", "k=v; Domain=a.example", "http://x.a.example/"), "-");
    EXPECT_EQ(sent("http://w.a.example/", "k=v; Domain=a.example", "http://w.a.example/"), "k=v");
}

TEST(CookieJar, ForgetsWhatHasExpired) {
    EXPECT_EQ(sent("http://a/", "k=v; Max-Age=60", "http://a/", {}, 59s), "k=v");
    EXPECT_EQ(sent("http://a/", "k=v; Max-Age=60", "http://a/", {}, 60s), "-");
    EXPECT_EQ(sent("http://a/", "k=v; Max-Age=99999999999999999999", "http://a/", {}, 24h * 399), "k=v");
    EXPECT_EQ(sent("http://a/", "k=v; Max-Age=99999999999999999999", "http://a/", {}, 24h * 401), "-");
    EXPECT_EQ(sent("http://a/", "k=v; Expires=Wed, 01-May-2024 00:01:00 GMT", "http://a/", {}, 59s), "k=v");
    EXPECT_EQ(sent("http://a/", "k=v; Expires=Wed, 01-May-2024 00:01:00 GMT", "http://a/", {}, 60s), "-");
}

TEST(CookieJar, ReplacesAndTakesAway) {
    cookie_jar jar;
    EXPECT_TRUE(jar.set("http://a/", "k=1", now));
    EXPECT_TRUE(jar.set("http://a/", "k=2", now));
    EXPECT_TRUE(jar.set("http://a/", "k=3; Path=/x", now));
    EXPECT_EQ(jar.size(), 2U);
    EXPECT_EQ(jar.field_for("http://a/x", now), "k=3; k=2");
    EXPECT_FALSE(jar.set("http://a/", "k=; Max-Age=0", now));
    EXPECT_EQ(jar.field_for("http://a/x", now), "k=3");
    jar.clear();
    EXPECT_EQ(jar.size(), 0U);
    EXPECT_EQ(jar.field_for("http://a/x", now), "");
}

TEST(CookieJar, DoesNotLetPlainHttpHideASecureCookie) {
    cookie_jar jar;
    EXPECT_TRUE(jar.set("https://a.example/", "k=good; Secure", now));
    EXPECT_FALSE(jar.set("http://a.example/", "k=bad", now));
    EXPECT_FALSE(jar.set("http://a.example/x/y", "k=bad", now));
    EXPECT_EQ(jar.field_for("https://a.example/x/y", now), "k=good");
}

TEST(CookieJar, HoldsNoMoreThanItMay) {
    cookie_jar_settings settings;
    settings.max_cookies = 5;
    settings.max_cookies_per_host = 3;
    settings.max_cookie_bytes = 64;
    cookie_jar jar(settings);
    for (int i = 0; i < 5; ++i) jar.set("http://a/", fmt::format("k{}=v", i), now);
    EXPECT_EQ(jar.field_for("http://a/", now), "k2=v; k3=v; k4=v");
    for (int i = 0; i < 3; ++i) jar.set("http://b/", fmt::format("k{}=v", i), now);
    EXPECT_EQ(jar.size(), 5U);
    EXPECT_EQ(jar.field_for("http://b/", now), "k0=v; k1=v; k2=v");
    EXPECT_FALSE(jar.set("http://c/", "k=" + std::string(63, 'x'), now));
    EXPECT_TRUE(jar.set("http://c/", "k=" + std::string(62, 'x'), now));
}

/// curl CVE-2022-32205: a host, or one beside it, sets so many that every server refuses the request.
TEST(CookieJar, SendsNoMoreInOneFieldThanServersTake) {
    cookie_jar jar;
    for (int i = 0; i < 180; ++i) {
        jar.set("http://a.example/", fmt::format("k{}={}", i, std::string(4'000, 'v')), now);
    }
    ASSERT_EQ(jar.size(), 180U);
    const std::string field = jar.field_for("http://a.example/", now);
    EXPECT_EQ(field, fmt::format("k0={}; k1={}", std::string(4'000, 'v'), std::string(4'000, 'v')));
    EXPECT_LE(field.size(), 8'190U);
    EXPECT_EQ(jar.size(), 180U) << "what is left out is kept";

    cookie_jar of_small_ones;
    for (int i = 0; i < 180; ++i) of_small_ones.set("http://a.example/", fmt::format("k{}=", i), now);
    const std::string many = of_small_ones.field_for("http://a.example/", now);
    EXPECT_TRUE(many.ends_with("; k149=")) << many;
}

TEST(CookieJar, FillsAFieldInTheOrderOfRfc6265) {
    cookie_jar_settings settings;
    settings.max_cookie_bytes = 64;
    settings.max_field_bytes = 64;
    cookie_jar jar(settings);
    jar.set("http://a.example/", "older=" + std::string(20, 'x'), now);
    jar.set("http://a.example/", "newer=" + std::string(20, 'x'), now);
    jar.set("http://a.example/", "longer=" + std::string(27, 'x') + "; Path=/p", now);
    jar.set("http://a.example/", "n=", now);
    // 34 bytes, and 28 with what separates them, are 62; what is behind the first that does not fit is left out too.
    EXPECT_EQ(jar.field_for("http://a.example/p", now),
              "longer=" + std::string(27, 'x') + "; older=" + std::string(20, 'x'));
    settings.max_field_cookies = 1;
    cookie_jar of_one(settings);
    of_one.set("http://a.example/", "older=1", now);
    of_one.set("http://a.example/", "longer=2; Path=/p", now);
    EXPECT_EQ(of_one.field_for("http://a.example/p", now), "longer=2");
    EXPECT_EQ(of_one.field_for("http://a.example/", now), "older=1");
}

TEST(CookieJar, RefusesSettingsByName) {
    const auto is_valid = [](auto change) {
        cookie_jar_settings settings;
        change(settings);
        return settings.validate().has_value();
    };
    EXPECT_TRUE(is_valid([](auto&) {}));
    EXPECT_FALSE(is_valid([](auto& of) { of.max_cookies = 0; }));
    EXPECT_FALSE(is_valid([](auto& of) { of.max_cookies_per_host = 0; }));
    EXPECT_FALSE(is_valid([](auto& of) { of.max_cookie_bytes = 63; }));
    EXPECT_FALSE(is_valid([](auto& of) { of.max_field_bytes = of.max_cookie_bytes - 1; }));
    EXPECT_TRUE(is_valid([](auto& of) { of.max_field_bytes = of.max_cookie_bytes; }));
    EXPECT_FALSE(is_valid([](auto& of) { of.max_field_bytes = 1'048'577; }));
    EXPECT_FALSE(is_valid([](auto& of) { of.max_field_cookies = 0; }));
    EXPECT_THROW(cookie_jar({.max_cookies = 0}), exception);
}

TEST(CookieDate, IsReadAsRfc6265Says) {
    using namespace std::chrono;
    const sys_seconds wanted = sys_days(year(1994) / 11 / 6) + 8h + 49min + 37s;
    for (const std::string_view text :
         {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
          "06 november 1994 8:49:37", "1994 Nov 6 08:49:37"}) {
        const auto read = parse_cookie_date(text);
        EXPECT_EQ(read, wanted) << text;
    }
    for (const std::string_view text : {"", "Sun, 06 Nov 1994", "06 Nov 1994 24:00:00", "31 Feb 2020 01:01:01",
                                        "06 Nov 1600 08:49:37", "Nov 1994 08:49:37", "06 Now 1994 08:49:37"}) {
        EXPECT_FALSE(parse_cookie_date(text).has_value()) << text;
    }
    EXPECT_EQ(parse_cookie_date("06 Nov 69 08:49:37"), sys_days(year(2069) / 11 / 6) + 8h + 49min + 37s);
    EXPECT_EQ(parse_cookie_date("06 Nov 70 08:49:37"), sys_days(year(1970) / 11 / 6) + 8h + 49min + 37s);
}

}  // namespace
}  // namespace lido::http
