// A streamed response and the cache; and cookies that come with a 304.
#include "lido/http/cookie_jar.hpp"
#include "lido/http/response_cache.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <gmock/gmock.h>

namespace lido::test {
namespace {

using http::client;
using http::method;
using http::request;
using http::response_source;

/// Answers with a body and validators, and a request that has conditions with 304.
server_script validating(std::string cache_control) {
    return {.on_request = [cache_control](const arrival& what) {
        const bool conditional = what.head.find("If-None-Match") != std::string::npos;
        const std::string fields = "ETag: \"1\"\r\nCache-Control: " + cache_control +
                                   "\r\nSet-Cookie: number=" + std::to_string(what.number) + "\r\n";
        if (!conditional) {
            // Set-Cookie keeps a response out of the cache, so the first one has none.
            return reaction{.bytes = response_text("stored", 200, fields.substr(0, fields.find("Set-Cookie")))};
        }
        return reaction{.bytes = "HTTP/1.1 304 Not Modified\r\n" + fields + "\r\n"};
    }};
}

http::client_settings caching(const std::string& url) {
    http::client_settings settings = plain_settings(url);
    settings.cache = std::make_shared<http::response_cache>(http::cache_settings{});
    return settings;
}

TEST(a_streamed_response, comes_from_the_cache_when_that_has_it) {
    scripted_server server(validating("max-age=100"));
    runtime io;
    client user(io, caching(server.url()));
    ASSERT_EQ(user.get("/").wait().value().body(), "stored");
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->head().source(), response_source::cache);
    EXPECT_EQ(opened->head().header("ETag"), "\"1\"");
    std::string space(4, '\0');
    EXPECT_EQ(opened->read_some(space).wait().value(), 4U);
    EXPECT_EQ(space, "stor");
    EXPECT_FALSE(opened->has_ended());
    EXPECT_EQ(opened->read_all(10).wait().value(), "ed");
    EXPECT_TRUE(opened->has_ended());
    EXPECT_EQ(server.requests(), 1U);
}

TEST(a_streamed_response, comes_from_the_cache_when_the_server_says_that_it_still_holds) {
    scripted_server server(validating("no-cache"));
    runtime io;
    client user(io, caching(server.url()));
    ASSERT_EQ(user.get("/").wait().value().body(), "stored");
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->head().source(), response_source::validated);
    EXPECT_EQ(opened->read_all(10).wait().value(), "stored");
    EXPECT_EQ(server.requests(), 2U);
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(a_streamed_response, from_the_server_is_not_stored_and_displaces_what_was) {
    scripted_server server({.on_request = [](const arrival& what) {
        const bool first = what.number == 1;
        return reaction{.bytes = response_text(first ? "first" : "second", 200,
                                               first ? "ETag: \"1\"\r\nCache-Control: no-cache\r\n"
                                                     : "ETag: \"2\"\r\nCache-Control: max-age=100\r\n")};
    }});
    runtime io;
    const auto settings = caching(server.url());
    client user(io, settings);
    ASSERT_EQ(user.get("/").wait().value().body(), "first");
    EXPECT_EQ(settings.cache->statistics().entries, 1U);
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->head().source(), response_source::network);
    EXPECT_EQ(opened->read_all(10).wait().value(), "second");
    EXPECT_EQ(settings.cache->statistics().entries, 0U);
}

TEST(a_streamed_request, that_changes_something_takes_out_what_is_stored) {
    scripted_server server(validating("max-age=100"));
    runtime io;
    const auto settings = caching(server.url());
    client user(io, settings);
    ASSERT_EQ(user.get("/").wait().value().body(), "stored");
    auto opened = user.open(request(method::put, "/").body("new")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(settings.cache->statistics().entries, 0U);
}

TEST(cookies, of_a_304_are_kept) {
    scripted_server server(validating("no-cache"));
    runtime io;
    auto settings = caching(server.url());
    settings.cookies = std::make_shared<http::cookie_jar>();
    client user(io, settings);
    ASSERT_EQ(user.get("/").wait().value().source(), response_source::network);
    EXPECT_EQ(user.get("/").wait().value().source(), response_source::validated);
    EXPECT_EQ(settings.cookies->field_for(server.url() + "/", std::chrono::system_clock::now()), "number=2");
}

}  // namespace
}  // namespace lido::test
