// A client with a cache against a real server: its files, its entity tags, its 304, and its end.
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"

#include <gmock/gmock.h>

#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::cache_settings;
using http::client;
using http::method;
using http::request;
using http::response_cache;
using http::response_source;

/// Files with that Cache-Control.
nginx_configuration files_with(std::string_view cache_control) {
    return {.server = "location / { add_header Cache-Control \"" + std::string(cache_control) + "\"; }"};
}

http::client_settings cached(const nginx_server& server, cache_settings settings = {}) {
    http::client_settings made = plain_settings(server.url());
    made.cache = std::make_shared<response_cache>(std::move(settings));
    return made;
}

TEST(a_cached_file, is_read_again_without_a_connection) {
    nginx_server server(files_with("max-age=600"));
    server.put_file("page", "the page");
    runtime io;
    const http::client_settings settings = cached(server);
    {
        client first(io, settings);
        const auto page = first.get("/page").wait().value();
        EXPECT_EQ(page.body(), "the page");
        EXPECT_EQ(page.source(), response_source::network);
        EXPECT_EQ(first.get("/page").wait().value().source(), response_source::cache);
        EXPECT_EQ(first.statistics().attempts, 1U);
        EXPECT_EQ(first.statistics().requests, 2U);
    }
    client second(io, settings);  // shares the cache
    const auto again = second.get(server.url() + "/page").wait().value();
    EXPECT_EQ(again.source(), response_source::cache);
    EXPECT_EQ(again.body(), "the page");
    EXPECT_TRUE(again.header("Age").has_value());
    EXPECT_FALSE(again.is_stale());
    EXPECT_EQ(second.statistics().attempts, 0U);
    EXPECT_EQ(second.statistics().cache->hits, 2U);
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(a_cached_file, is_validated_by_the_servers_own_tag) {
    nginx_server server(files_with("no-cache"));
    server.put_file("page", "the page");
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().source(), response_source::network);
    const auto again = user.get("/page").wait().value();
    EXPECT_EQ(again.status(), 200U);
    EXPECT_EQ(again.source(), response_source::validated);
    EXPECT_EQ(again.body(), "the page");
    server.put_file("page", "another page");
    const auto changed = user.get("/page").wait().value();
    EXPECT_EQ(changed.source(), response_source::network);
    EXPECT_EQ(changed.body(), "another page");
    EXPECT_EQ(user.statistics().cache->validated, 1U);
    EXPECT_EQ(user.statistics().cache->replaced, 1U);
}

TEST(a_cached_file, stands_in_for_a_killed_server_within_its_window_and_not_after_it) {
    nginx_server server(files_with("max-age=0, stale-if-error=2"));
    server.put_file("page", "the page");
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().status(), 200U);
    server.kill();
    const auto stale = user.get("/page").wait();
    ASSERT_TRUE(stale.has_value()) << stale.error().message();
    EXPECT_TRUE(stale->is_stale());
    EXPECT_EQ(stale->body(), "the page");
    EXPECT_LE(stale->age(), 2s);
    std::size_t errors = 0;
    EXPECT_TRUE(comes_true([&] {
        errors += user.get("/page").wait().has_value() ? 0U : 1U;
        return errors > 0;
    })) << "stale for ever";
    server.start();
    EXPECT_TRUE(comes_true([&] {
        const auto back = user.get("/page").wait();
        errors += back.has_value() ? 0U : 1U;
        return back && !back->is_stale();
    })) << "the server is back";
    EXPECT_EQ(user.statistics().failed, errors) << "what was answered from the cache is no failure";
}

TEST(a_cached_file, that_says_nothing_of_failures_stands_in_when_the_setting_says_so) {
    nginx_server server;
    server.put_file("page", "the page");
    runtime io;
    cache_settings settings;
    settings.stale_if_error = 1h;
    client user(io, cached(server, settings));
    ASSERT_EQ(user.get("/page").wait().value().source(), response_source::network);
    EXPECT_EQ(user.get("/page").wait().value().source(), response_source::validated) << "while the server can be asked";
    server.kill();
    EXPECT_TRUE(user.get("/page").wait().value().is_stale());
    EXPECT_EQ(user.get("/other").wait().error(), errc::connect_failed);
    EXPECT_EQ(user.statistics().failed, 1U);
}

TEST(a_cached_file, that_must_be_validated_stands_in_for_nothing) {
    nginx_server server(files_with("max-age=0, must-revalidate, stale-if-error=600"));
    server.put_file("page", "the page");
    runtime io;
    cache_settings settings;
    settings.stale_if_error = 1h;
    client user(io, cached(server, settings));
    ASSERT_EQ(user.get("/page").wait().value().status(), 200U);
    ASSERT_EQ(user.get("/page").wait().value().source(), response_source::validated);
    server.kill();
    EXPECT_FALSE(user.get("/page").wait().has_value());
}

TEST(a_cached_file, is_selected_by_what_the_server_says_it_varies_by) {
    nginx_server server({.server = R"(location / {
        add_header Cache-Control "max-age=600"; add_header Vary X-Nonce; return 200 "$http_x_nonce"; })"});
    runtime io;
    client user(io, cached(server));
    for (const char* nonce : {"a", "b", "a", "b"}) {
        EXPECT_EQ(user.send(nonce_request(method::get, nonce)).wait().value().body(), nonce);
    }
    EXPECT_EQ(user.statistics().attempts, 2U);
}

TEST(a_cached_file, answers_a_head) {
    nginx_server server(files_with("max-age=600"));
    server.put_file("page", "the page");
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().status(), 200U);
    const auto head = user.send(request(method::head, "/page")).wait().value();
    EXPECT_EQ(head.source(), response_source::cache);
    EXPECT_EQ(head.header("Content-Length"), "8");
    EXPECT_EQ(head.body(), "");
}

TEST(a_client_without_a_cache, asks_each_time) {
    nginx_server server(files_with("max-age=600"));
    server.put_file("page", "the page");
    runtime io;
    client user(io, plain_settings(server.url()));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(user.get("/page").wait().value().source(), response_source::network);
    EXPECT_EQ(user.statistics().attempts, 3U);
    EXPECT_FALSE(user.statistics().cache.has_value());
}

}  // namespace
}  // namespace lido::test
