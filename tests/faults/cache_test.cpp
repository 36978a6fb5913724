// A client with a cache in front of a server that fails: what stands in, what is asked behind the caller's back, and
// that both end.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <optional>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::cache_settings;
using http::client;
using http::method;
using http::request;
using http::response_cache;
using http::response_source;

/// The first request is answered well, with that Cache-Control; all others as told.
server_script well_once(std::string_view cache_control, const reaction& afterwards_like) {
    const std::string lines = "Cache-Control: " + std::string(cache_control) + "\r\nETag: \"v1\"\r\n";
    return {.on_request = [lines, afterwards_like](const arrival& what) {
        return what.number == 1 ? reaction{.bytes = response_text("old", 200, lines)} : afterwards_like;
    }};
}

http::client_settings cached(const scripted_server& server, cache_settings settings = {}) {
    http::client_settings made = plain_settings(server.url());
    made.cache = std::make_shared<response_cache>(std::move(settings));
    return made;
}

void expect_stale(client& user) {
    const auto got = user.get("/page").wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->status(), 200U);
    EXPECT_EQ(got->body(), "old");
    EXPECT_TRUE(got->is_stale());
}

// ---- validation -----------------------------------------------------------------------------------------------------

TEST(a_confirmation_of_another_version, gives_the_request_no_more_time) {
    // Each answer comes in time by itself, both together do not.
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.number == 1) {
            return reaction{.bytes = response_text("old", 200, "Cache-Control: max-age=0\r\nETag: \"v1\"\r\n")};
        }
        const bool asks = what.head.find("If-None-Match") != std::string::npos;
        if (asks) return reaction{.bytes = "HTTP/1.1 304 Not Modified\r\nETag: \"v2\"\r\n\r\n", .delay = 700ms};
        return reaction{.bytes = response_text("new"), .delay = 700ms};
    }});
    runtime io;
    http::client_settings settings = cached(server);
    settings.timeout = 1s;
    client user(io, settings);
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    const auto late = user.get("/page").wait();
    ASSERT_FALSE(late.has_value()) << late->body();
    EXPECT_EQ(late.error(), errc::timeout) << late.error().message();
    EXPECT_EQ(user.send(request(method::get, "/page").timeout(20s)).wait().value().body(), "new");
}

// ---- stale if error -------------------------------------------------------------------------------------------------

struct failing_server {
    std::string name;
    reaction like;
};

class a_server_that_fails : public testing::TestWithParam<failing_server> {};

TEST_P(a_server_that_fails, is_stood_in_for) {
    scripted_server server(well_once("max-age=0, stale-if-error=600", GetParam().like));
    runtime io;
    http::client_settings settings = cached(server);
    settings.read_timeout = 200ms;
    client user(io, settings);
    ASSERT_EQ(user.send(request(method::get, "/page").read_timeout(20s)).wait().value().body(), "old");
    expect_stale(user);
    EXPECT_EQ(user.statistics().failed, 0U);
    EXPECT_EQ(user.statistics().requests, 2U);
    EXPECT_GE(server.requests(), 2U) << "it was asked";
}

INSTANTIATE_TEST_SUITE_P(
    by, a_server_that_fails,
    testing::Values(failing_server{"status_500", {.bytes = response_text("", 500)}},
                    failing_server{"status_502", {.bytes = response_text("", 502)}},
                    failing_server{"status_503", {.bytes = response_text("", 503)}},
                    failing_server{"status_504", {.bytes = response_text("", 504)}},
                    failing_server{"silence", {.then = afterwards::stall}},
                    failing_server{"reset", {.then = afterwards::rst}},
                    failing_server{"garbage", {.bytes = "what?\r\n\r\n", .then = afterwards::fin}},
                    failing_server{"half_an_answer",
                                   {.bytes = response_text("never whole"), .then = afterwards::fin, .cut_at = 30}}),
    [](const auto& each) { return each.param.name; });

TEST(a_server_that_is_gone, is_stood_in_for_at_each_request) {
    scripted_server server(well_once("max-age=0, stale-if-error=600", {}));
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    server.go_down();
    for (int i = 0; i < 2; ++i) expect_stale(user);
    EXPECT_EQ(user.statistics().cache->stale_if_error, 2U);
}

TEST(a_pool_without_a_free_connection, is_stood_in_for) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.target == "/slow") return reaction{.then = afterwards::stall};
        return reaction{.bytes = response_text("old", 200, "Cache-Control: max-age=0, stale-if-error=600\r\n")};
    }});
    runtime io;
    http::client_settings settings = cached(server);
    settings.max_connections_per_origin = 1;
    settings.when_full = pool::when_full::fail;
    client user(io, settings);
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    std::stop_source stop;
    std::atomic<bool> ended{false};
    user.get("/slow").start([&](const result<http::response>&) { ended = true; }, stop.get_token());
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 2; }));
    expect_stale(user);
    EXPECT_EQ(user.get("/none").wait().error(), errc::pool_exhausted);
    stop.request_stop();
    EXPECT_TRUE(comes_true([&] { return ended.load(); }));
}

TEST(retries, come_before_what_is_stale) {
    scripted_server server(well_once("max-age=0, stale-if-error=600", {.bytes = response_text("", 503)}));
    runtime io;
    http::client_settings settings = cached(server);
    settings.retry.max_retries = 2;
    settings.retry.backoff_factor = 0;
    client user(io, settings);
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    expect_stale(user);
    EXPECT_EQ(server.requests(), 4U);
}

// ---- stale while revalidating ---------------------------------------------------------------------------------------

TEST(a_response_in_its_grace, is_replaced_behind_the_caller) {
    scripted_server server(well_once("max-age=0, stale-while-revalidate=600",
                                     {.bytes = response_text("new", 200, "Cache-Control: max-age=600\r\n")}));
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    expect_stale(user);
    EXPECT_TRUE(comes_true([&] { return user.get("/page").wait().value().body() == "new"; }));
    EXPECT_EQ(user.get("/page").wait().value().source(), response_source::cache);
    EXPECT_EQ(server.requests(), 2U);
    EXPECT_EQ(user.statistics().cache->revalidations, 1U);
    EXPECT_EQ(user.statistics().attempts, 2U);
}

TEST(a_revalidation, is_one_at_a_time_and_ends_at_its_deadline) {
    scripted_server server(well_once("max-age=0, stale-while-revalidate=600", {.then = afterwards::stall}));
    runtime io({.threads = 2});
    cache_settings patient;
    patient.revalidation_pause = 1h;
    http::client_settings settings = cached(server, patient);
    settings.timeout = 2s;
    client user(io, settings);
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    on_threads(4, [&](std::size_t) { expect_stale(user); });
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 2; }));
    EXPECT_EQ(user.statistics().cache->revalidations_running, 1U);
    // Nobody knows whether these are done before it ends: none may begin another, neither beside it nor after it.
    on_threads(4, [&](std::size_t) {
        for (int i = 0; i < 24; ++i) expect_stale(user);
    });
    EXPECT_EQ(user.statistics().cache->hits, 100U);
    EXPECT_TRUE(comes_true([&] { return user.statistics().cache->revalidations_running == 0; }));
    EXPECT_EQ(server.requests(), 2U);
    expect_stale(user);
    EXPECT_EQ(user.statistics().cache->revalidations, 1U) << "the server is left alone for a while";
}

TEST(a_revalidation, is_not_retried) {
    scripted_server server(well_once("max-age=0, stale-while-revalidate=600", {.bytes = response_text("", 503)}));
    runtime io;
    http::client_settings settings = cached(server);
    settings.retry.max_retries = 5;
    settings.retry.backoff_factor = 0;
    client user(io, settings);
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    expect_stale(user);
    EXPECT_TRUE(comes_true([&] {
        const auto numbers = user.statistics();
        return numbers.cache->revalidations == 1 && numbers.cache->revalidations_running == 0;
    }));
    EXPECT_EQ(server.requests(), 2U);
}

TEST(a_revalidation, ends_with_the_close_of_its_client) {
    scripted_server server(well_once("max-age=0, stale-while-revalidate=600", {.then = afterwards::stall}));
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    expect_stale(user);
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 2; }));
    const auto begun = clock::now();
    EXPECT_EQ(user.close(20s).wait().value(), 0U);
    EXPECT_LT(clock::now() - begun, 10s) << "nobody waits for what nobody asked for";
    EXPECT_TRUE(comes_true([&] { return user.statistics().cache->revalidations_running == 0; }));
    EXPECT_EQ(user.get("/page").wait().error(), errc::pool_closed) << "also what is stored";
}

TEST(a_revalidation, ends_with_its_client_also_when_the_cache_lives_on) {
    scripted_server server(well_once("max-age=0, stale-while-revalidate=600", {.then = afterwards::stall}));
    runtime io;
    const http::client_settings settings = cached(server);
    {
        client user(io, settings);
        ASSERT_EQ(user.get("/page").wait().value().body(), "old");
        expect_stale(user);
        ASSERT_TRUE(server.wait_until([&] { return server.requests() == 2; }));
    }
    EXPECT_TRUE(comes_true([&] { return settings.cache->statistics().revalidations_running == 0; }));
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
}

// ---- callers --------------------------------------------------------------------------------------------------------

TEST(a_cache, gives_nobody_what_another_caller_was_sent) {
    scripted_server server({.on_request = [](const arrival& what) {
        return reaction{.bytes = response_text(what.nonce, 200, "Cache-Control: max-age=600\r\n")};
    }});
    runtime io({.threads = 2});
    client user(io, cached(server));
    on_threads(4, [&](std::size_t thread) {
        const std::string who = "caller " + std::to_string(thread % 2);
        for (int i = 0; i < 50; ++i) {
            request what = nonce_request(method::get, who, "/page/" + std::to_string(i % 5));
            what.header("Authorization", who);
            const auto got = user.send(std::move(what)).wait();
            ASSERT_TRUE(got.has_value()) << got.error().message();
            ASSERT_EQ(got->body(), who);
        }
    });
    EXPECT_EQ(user.statistics().cache->entries, 10U);
    EXPECT_LE(server.requests(), 20U);
}

TEST(a_cache, is_shared_by_clients_of_the_same_tls_settings_only) {
    scripted_server server({.on_request = [](const arrival& what) {
        const std::string number = std::to_string(what.number);
        return reaction{.bytes = response_text(number, 200, "Cache-Control: max-age=600\r\n")};
    }});
    runtime io;
    http::client_settings settings = cached(server);
    client one(io, settings);
    client same(io, settings);
    settings.tls.server_name = "another.example";
    client other(io, settings);
    EXPECT_EQ(one.get("/page").wait().value().body(), "1");
    EXPECT_EQ(same.get("/page").wait().value().body(), "1");
    EXPECT_EQ(other.get("/page").wait().value().body(), "2");
}

TEST(a_post, takes_out_what_it_changes_whichever_way_its_url_is_written) {
    std::atomic<int> version{1};
    scripted_server server({.on_request = [&version](const arrival& what) {
        if (what.method == "POST") ++version;
        return reaction{.bytes = response_text(std::to_string(version.load()), 200, "Cache-Control: max-age=600\r\n")};
    }});
    runtime io;
    http::client_settings settings = cached(server);
    settings.base_url = server.url() + "/api/";
    client user(io, settings);
    EXPECT_EQ(user.get("/page?x=1").wait().value().body(), "1");
    EXPECT_EQ(user.get(server.url() + "/api/page?x=1").wait().value().source(), response_source::cache);
    ASSERT_TRUE(user.post(server.url() + "/api/page?x=1#top", "change").wait().has_value());
    EXPECT_EQ(user.get("/page?x=1").wait().value().body(), "2");
}

TEST(a_request_that_is_malformed, is_refused_though_its_answer_is_stored) {
    scripted_server server(well_once("max-age=600", {}));
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    for (const std::string& prefix : {std::string(), server.url()}) {
        request what(method::get, prefix + "/page");
        what.header("X", "a\r\nb");
        EXPECT_EQ(user.send(std::move(what)).wait().error(), errc::invalid_argument);
    }
    EXPECT_EQ(user.statistics().failed, 2U);
}

TEST(a_request_that_is_cancelled, leaves_the_cache_as_it_was) {
    scripted_server server(well_once("max-age=0, stale-if-error=600", {.then = afterwards::stall}));
    runtime io;
    client user(io, cached(server));
    ASSERT_EQ(user.get("/page").wait().value().body(), "old");
    std::stop_source stop;
    std::atomic<bool> cancelled{false};
    user.get("/page").start([&](const result<http::response>& ended) { cancelled = ended.error() == errc::cancelled; },
                            stop.get_token());
    ASSERT_TRUE(server.wait_until([&] { return server.requests() == 2; }));
    stop.request_stop();
    EXPECT_TRUE(comes_true([&] { return cancelled.load(); })) << "no stale response for who wants none";
    EXPECT_EQ(user.statistics().cache->entries, 1U);
}

}  // namespace
}  // namespace lido::test
