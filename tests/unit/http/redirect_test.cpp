#include "http/redirect.hpp"

#include "http/response_reader.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lido::http {
namespace {

using testing::HasSubstr;

response redirecting(unsigned status, std::string_view more) {
    response_reader reader;
    const http_limits limits;
    reader.reset(method::get, limits);
    reader.feed(fmt::format("HTTP/1.1 {} Moved\r\n{}Content-Length: 0\r\n\r\n", status, more));
    return reader.take();
}

response to(unsigned status, std::string_view location) {
    return redirecting(status, fmt::format("Location: {}\r\n", location));
}

redirect_settings ten() {
    return redirect_settings::follow();
}

parsed_url at(std::string_view url) {
    return parse_url(url).value();
}

/// The target that follows, "none", or the error's text.
std::string next_target(std::string_view from, const response& came, const redirect_settings& settings = ten(),
                        unsigned followed = 0) {
    const auto next = redirect(request(method::get, "/"), at(from), came, settings, followed);
    if (!next) return next.error().message();
    return *next ? (*next)->target() : "none";
}

struct method_case {
    unsigned status;
    method before;
    method after;
    bool keeps_body;
};

TEST(Redirect, ChangesTheMethodAsRfc9110Says) {
    for (const method_case& each : {
             method_case{301, method::get, method::get, true},
             method_case{302, method::head, method::head, true},
             method_case{301, method::post, method::get, false},
             method_case{302, method::post, method::get, false},
             method_case{301, method::put, method::put, true},
             method_case{302, method::delete_, method::delete_, true},
             method_case{303, method::post, method::get, false},
             method_case{303, method::put, method::get, false},
             method_case{303, method::head, method::head, true},
             method_case{303, method::delete_, method::get, false},
             method_case{307, method::post, method::post, true},
             method_case{308, method::patch, method::patch, true},
         }) {
        request what(each.before, "/");
        what.body("content", "text/plain");
        what.header("Content-Language", "de").header("Digest", "x").header("Accept", "*/*").expect_continue();
        const auto next = redirect(what, at("http://a.example/"), to(each.status, "/next"), ten(), 0);
        ASSERT_TRUE(next.has_value() && next->has_value());
        const request& then = **next;
        EXPECT_EQ(then.method(), each.after) << each.status << ' ' << each.before.text();
        EXPECT_EQ(then.has_body(), each.keeps_body) << each.status << ' ' << each.before.text();
        for (const std::string_view name : {"Content-Type", "Content-Language", "Digest", "Expect"}) {
            EXPECT_EQ(then.header(name).has_value(), each.keeps_body) << name;
        }
        EXPECT_TRUE(then.header("Accept").has_value());
    }
}

TEST(Redirect, IsTheAnswerForOtherStatusesAndWithoutALocation) {
    for (const unsigned status : {200U, 300U, 304U, 305U, 306U, 400U, 503U}) {
        EXPECT_EQ(next_target("http://a.example/", to(status, "/next")), "none") << status;
    }
    EXPECT_EQ(next_target("http://a.example/", redirecting(302, "")), "none");
    EXPECT_EQ(next_target("http://a.example/", to(302, "/next"), {}), "none");
}

struct reference_case {
    std::string_view base;
    std::string_view reference;
    std::string_view target;
};

TEST(Redirect, ResolvesReferencesAsRfc3986Says) {
    for (const reference_case& each : {
             reference_case{"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
             reference_case{"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
             reference_case{"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"},
             reference_case{"http://a/b/c/d;p?q", "/g", "http://a/g"},
             reference_case{"http://a/b/c/d;p?q", "//g", "http://g/"},
             reference_case{"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
             reference_case{"http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y"},
             reference_case{"http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q"},
             reference_case{"http://a/b/c/d;p?q", "g#s", "http://a/b/c/g"},
             reference_case{"http://a/b/c/d;p?q", ";x", "http://a/b/c/;x"},
             reference_case{"http://a/b/c/d;p?q", "..", "http://a/b/"},
             reference_case{"http://a/b/c/d;p?q", "../g", "http://a/b/g"},
             reference_case{"http://a/b/c/d;p?q", "../../../../g", "http://a/g"},
             reference_case{"http://a/b/c/d;p?q", "/./g", "http://a/g"},
             reference_case{"http://a/b/c/d;p?q", "/../g", "http://a/g"},
             reference_case{"http://a/b/c/d;p?q", "../../..", "http://a/"},
             reference_case{"http://a/b/c/d;p?q", "../../..?x", "http://a/?x"},
             reference_case{"http://a/b/c/d;p?q", "/..g", "http://a/..g"},
             reference_case{"http://a/b/c/d;p?q", "http://b/x?y#z", "http://b/x?y"},
             reference_case{"http://a:8080/b", "/c", "http://a:8080/c"},
             reference_case{"http://a:8080/b", "//c:90/d", "http://c:90/d"},
             reference_case{"https://a/b", "//c/d", "https://c/d"},
             reference_case{"http://a/b", "HTTP://C.Example:80/d", "http://c.example/d"},
             reference_case{"http://[::1]:81/b", "c", "http://[::1]:81/c"},
             // Found by fuzzing: what is encoded stays so, or a "%2F" would become another path.
             reference_case{"http://a/b", "/c%2Fd%2f..%2f..%2Fe", "http://a/c%2Fd%2f..%2f..%2Fe"},
             reference_case{"http://a/b", "http://a/%7e%41%2e%2e/x", "http://a/%7e%41%2e%2e/x"},
             reference_case{"http://a/b%2Fc/d?e", "?f", "http://a/b%2Fc/d?f"},
             reference_case{"http://a//b//c", "..//d", "http://a//b//d"},
             reference_case{"http://a/b", "//c/d/../e?f/../g", "http://c/e?f/../g"},
             reference_case{"http://[fe80::1%25eth0]:81/b", "c", "http://[fe80::1%25eth0]:81/c"},
             reference_case{"http://[fe80::1%25eth0]:81/b", "//[fe80::1]/c", "http://[fe80::1]/c"},
         }) {
        EXPECT_EQ(next_target(each.base, to(302, each.reference)), each.target) << each.reference;
    }
}

struct refusal_case {
    const char* source;
    std::string_view from;
    std::string_view location;
    std::string_view says;
};

TEST(Redirect, RefusesWhatMustNotBeFollowed) {
    for (const refusal_case& each : {
             refusal_case{"another scheme: curl CVE-2009-0037", "http://a/", "file:///etc/passwd", "scheme 'file'"},
             refusal_case{"another scheme", "http://a/", "gopher://a/", "scheme 'gopher'"},
             refusal_case{"another scheme", "http://a/", "javascript:alert(1)", "redirect"},
             refusal_case{"credentials in the URL: curl CVE-2022-27774", "http://a/", "http://user:word@b/",
                          "do not belong"},
             refusal_case{"user only", "http://a/", "http://user@b/", "do not belong"},
             refusal_case{"down to http", "https://a/", "http://a/", "from https to http"},
             refusal_case{"no URI reference", "http://a/", "http://a b/", "no URI reference"},
             refusal_case{"no URI reference", "http://a/", "http://a/%zz", "no URI reference"},
             refusal_case{"a hidden zero byte", "http://a/", "http://a%00.example/", "Location cannot be followed"},
             refusal_case{"no port", "http://a/", "http://b:0/", "port"},
             refusal_case{"no host", "http://a/", "http:///x", "redirect"},
         }) {
        EXPECT_THAT(next_target(each.from, to(302, each.location)), HasSubstr(each.says)) << each.source;
    }
    EXPECT_THAT(next_target("http://a/", redirecting(302, "Location: /b\r\nLocation: /c\r\n")), HasSubstr("differ"));
    EXPECT_EQ(next_target("http://a/", redirecting(302, "Location: /b\r\nLocation: /b\r\n")), "http://a/b");
}

TEST(Redirect, ErrorsNeverHaveTheSecretsOfAUrlInThem) {
    const std::string message = next_target("http://a/", to(302, "http://user:hidden@b/?token=hidden"));
    EXPECT_THAT(message, testing::Not(HasSubstr("hidden")));
}

TEST(Redirect, GoesFromHttpsToHttpWhereAllowedAndUpInAnyCase) {
    redirect_settings settings = ten();
    EXPECT_EQ(next_target("http://a/", to(302, "https://a/")), "https://a/");
    settings.allow_downgrade = true;
    EXPECT_EQ(next_target("https://a/", to(302, "http://a/"), settings), "http://a/");
}

TEST(Redirect, EndsAtTheLimit) {
    redirect_settings settings;
    settings.max = 2;
    EXPECT_EQ(next_target("http://a/", to(302, "/b"), settings, 1), "http://a/b");
    EXPECT_THAT(next_target("http://a/", to(302, "/b"), settings, 2), HasSubstr("max = 2"));
    EXPECT_EQ(next_target("http://a/", to(200, "/b"), settings, 2), "none");
    settings.max = 51;
    EXPECT_FALSE(settings.validate().has_value());
    EXPECT_TRUE(ten().validate().has_value());
}

struct origin_case {
    const char* source;
    std::string_view from;
    std::string_view location;
    bool keeps;
};

TEST(Redirect, CarriesSecretsToTheSameOriginOnly) {
    for (const origin_case& each : {
             origin_case{"the same", "http://a/", "/b", true},
             origin_case{"the same, written out", "http://a/", "http://A:80/b", true},
             origin_case{"another host: curl CVE-2018-1000007", "http://a/", "http://b/", false},
             origin_case{"a name below", "http://a.example/", "http://x.a.example/", false},
             origin_case{"another port: curl CVE-2022-27774, CVE-2022-27776", "http://a/", "http://a:81/", false},
             origin_case{"another scheme: urllib3 GHSA-v845-jxx5-vc9f", "http://a/", "https://a/", false},
             origin_case{"another scheme, the same port", "http://a:443/", "https://a:443/", false},
         }) {
        request what(method::get, "/");
        what.header("Authorization", "Bearer hidden").header("Cookie", "a=b").header("Proxy-Authorization", "Basic x");
        what.secret_header("X-Api-Key", "hidden").header("Host", "mine").header("Accept", "*/*");
        const auto next = redirect(what, at(each.from), to(307, each.location), ten(), 0);
        ASSERT_TRUE(next.has_value() && next->has_value()) << each.source;
        for (const std::string_view name : {"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "Host"}) {
            EXPECT_EQ((*next)->header(name).has_value(), each.keeps) << each.source << ' ' << name;
        }
        EXPECT_TRUE((*next)->header("Accept").has_value());
    }
}

task<result<std::size_t>> nothing(std::span<char>) {
    co_return std::size_t{0};
}

TEST(Redirect, ThatKeepsABodyWhichCannotBeHadAgainIsTheAnswer) {
    const request what = request(method::post, "/").body(body_from(nothing));
    ASSERT_TRUE(what.source()->begin().has_value());
    EXPECT_FALSE(redirect(what, at("http://a/"), to(307, "/b"), ten(), 0).value().has_value());
    EXPECT_TRUE(redirect(what, at("http://a/"), to(303, "/b"), ten(), 0).value().has_value());
}

}  // namespace
}  // namespace lido::http
