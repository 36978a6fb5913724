// A real server that ends connections: after a time, after a number of requests, by being restarted.
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/sanitized.hpp"
#include "support/scripted_server.hpp"
#include "support/work.hpp"

#include <fmt/format.h>

#include <atomic>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;

nginx_configuration with(std::string_view directives) {
    return {.server = std::string(directives) + R"( location / { return 200 "$http_x_nonce"; })"};
}

TEST(keep_alive_timeout_of_the_server, closes_the_idle_connection_and_the_next_request_has_a_new_one) {
    nginx_server server(with("keepalive_timeout 1s;"));
    runtime io;
    client user(io, plain_settings(server.url()));
    ASSERT_EQ(user.send(nonce_request(method::get, "a")).wait().value().body(), "a");
    ASSERT_EQ(user.send(nonce_request(method::post, "b")).wait().value().body(), "b");
    EXPECT_EQ(server.accepted(), 1U);
    // The client hears of it while the connection is idle.
    EXPECT_TRUE(comes_true([&] { return user.statistics().connections_closed == 1; }));
    EXPECT_EQ(user.send(nonce_request(method::post, "c")).wait().value().body(), "c");
    EXPECT_EQ(server.accepted(), 2U);
    EXPECT_EQ(user.statistics().resends, 0U);
}

TEST(keep_alive_timeout_of_the_server, that_was_announced_is_not_tried_out) {
    nginx_server server(with("keepalive_timeout 60s 2s;"));
    runtime io;
    client user(io, plain_settings(server.url()));
    struct patient {
        static task<void> run(client& by) {
            const auto first = co_await by.send(nonce_request(method::get, "a"));
            EXPECT_EQ(first.value().body(), "a");
            // The connection's age is what is tested: a second less than announced.
            const auto how_long = 1200ms;
            co_await delay(how_long);
            const auto second = co_await by.send(nonce_request(method::post, "b"));
            EXPECT_EQ(second.value().body(), "b");
        }
    };
    io.run(patient::run(user));
    EXPECT_EQ(server.accepted(), 2U);
}

TEST(keep_alive_timeout_of_the_server, of_a_second_leaves_no_time_for_reuse) {
    nginx_server server(with("keepalive_timeout 60s 1s;"));
    runtime io;
    client user(io, plain_settings(server.url()));
    for (int i = 0; i < 5; ++i) ASSERT_EQ(user.send(nonce_request(method::post, "a")).wait().value().body(), "a");
    EXPECT_EQ(server.accepted(), 5U);
    EXPECT_EQ(user.statistics().resends, 0U);
    EXPECT_TRUE(comes_true([&] { return server.active() == 0; })) << "a connection of no use was kept";
}

task<void> race(client& by, std::size_t number, std::atomic<std::size_t>& right, std::atomic<std::size_t>& unsure) {
    for (std::size_t round = 0; round < 3; ++round) {
        const method how = number % 2 == 0 ? method::get : method::post;
        const std::string nonce = fmt::format("{}-{}", number, round);
        const auto got = co_await by.send(nonce_request(how, nonce));
        if (got && got->body() == nonce) {
            ++right;
        } else if (!got && got.error() == errc::maybe_executed && how == method::post) {
            ++unsure;
        } else {
            ADD_FAILURE() << nonce << ": " << (got ? std::string(got->body()) : got.error().message());
        }
        // Around the server's time-out, so that some requests meet its close.
        const auto pause = 990ms + std::chrono::microseconds(500) * number;
        co_await delay(pause);
    }
}

TEST(keep_alive_timeout_of_the_server, that_races_with_a_request_loses_none) {
    nginx_server server(with("keepalive_timeout 1s;"));
    runtime io({.threads = 2});
    // The connection on which a GET is sent again may be about to be closed as well; then it is the policy's turn.
    http::client_settings settings = eager_settings(server.url());
    settings.retry.methods = {"GET"};
    settings.max_connections_per_origin = 40;
    client user(io, settings);
    std::atomic<std::size_t> right{0};
    std::atomic<std::size_t> unsure{0};
    on_tasks(io, 40, [&](std::size_t i) { return race(user, i, right, unsure); });
    EXPECT_EQ(right + unsure, 120U);
    EXPECT_GE(right, 60U) << "a GET can be asked again";
}

TEST(a_server_that_closes_after_each_seventh_response, is_asked_without_a_failure) {
    nginx_server server(with("keepalive_requests 7;"));
    runtime io({.threads = 2});
    client user(io, plain_settings(server.url()));
    std::atomic<std::size_t> right{0};
    on_tasks(io, 20, [&](std::size_t i) { return ask_all(user, i, 70, right); });
    EXPECT_EQ(right, 1400U);
    EXPECT_GE(server.accepted(), 1400U / 7);
    EXPECT_LE(server.accepted(), 1400U / 7 + 10);
    EXPECT_EQ(user.statistics().resends, 0U) << "it says so in its last response";
}

struct load_counts {
    std::atomic<std::size_t> ended{0};
    std::atomic<std::size_t> right{0};
    std::atomic<std::size_t> failed{0};
    std::atomic<bool> stop{false};
};

task<void> load(client& by, std::size_t user, load_counts& counts) {
    for (std::size_t i = 0; !counts.stop.load(); ++i) {
        const std::string nonce = fmt::format("{}-{}", user, i);
        const auto got = co_await by.send(nonce_request(method::get, nonce));
        ++counts.ended;
        if (got) {
            EXPECT_EQ(got->body(), nonce);
            ++counts.right;
        } else {
            ++counts.failed;
            ADD_FAILURE() << got.error().message();
        }
    }
}

TEST(a_server_that_is_restarted_under_load, loses_no_request_without_an_error) {
    nginx_server server(with(""));
    runtime io({.threads = 2});
    http::client_settings settings = plain_settings(server.url());
    // A server that goes again and again is tried at longer and longer intervals, up to 5 s; a caller is told so after
    // 1 s.
    settings.retry.max_retries = 20;
    settings.retry.backoff_factor = 0.05;
    settings.retry.max_backoff = 200ms;
    client user(io, settings);
    load_counts counts;
    std::thread users([&] { on_tasks(io, 20, [&](std::size_t i) { return load(user, i, counts); }); });
    // On this thread: an nginx ends with the thread that started it.
    for (int round = 0; round < 4; ++round) {
        const std::size_t before = counts.right;
        EXPECT_TRUE(comes_true([&] { return counts.right > before + 200; })) << "it does not recover";
        if (round % 2 == 0) {
            server.kill();
        } else {
            server.stop();
        }
        server.start();
    }
    const std::size_t before = counts.right;
    EXPECT_TRUE(comes_true([&] { return counts.right > before + 200; }));
    EXPECT_LE(server.active(), 10U);
    counts.stop = true;
    users.join();
    EXPECT_EQ(counts.right + counts.failed, counts.ended);
    EXPECT_EQ(counts.ended, user.statistics().requests);
    EXPECT_EQ(counts.failed, 0U) << "each can be asked again, and the server was away for less than the retries";
}

TEST(a_busy_server, that_says_when_to_come_back_is_obeyed) {
    for (const int status : {503, 429}) {
        nginx_server server(
            {.server = fmt::format(R"(location / {{ add_header Retry-After 1 always; return {} "busy"; }})", status)});
        runtime io;
        http::client_settings settings = eager_settings(server.url(), 1);
        client user(io, settings);
        const auto begun = clock::now();
        const auto got = user.get("/").wait();
        EXPECT_GE(clock::now() - begun, 1s);
        ASSERT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(got->status(), static_cast<unsigned>(status));
        EXPECT_EQ(got->body(), "busy");
        EXPECT_EQ(user.statistics().retries, 1U);
        EXPECT_EQ(server.accepted(), 1U);
    }
}

TEST(a_busy_server, that_names_a_date_in_the_past_is_asked_after_the_own_back_off) {
    nginx_server server({.server = R"(location / {
        add_header Retry-After "Wed, 21 Oct 2015 07:28:00 GMT" always; return 503 "busy"; })"});
    runtime io;
    client user(io, eager_settings(server.url(), 2));
    EXPECT_EQ(user.get("/").wait().value().status(), 503U);
    EXPECT_EQ(user.statistics().retries, 2U);
}

TEST(a_server_whose_backend_stalls, costs_the_read_timeout_and_its_connection) {
    scripted_server backend({.on_request = [](const arrival&) { return reaction{.then = afterwards::stall}; }});
    nginx_server server({.server = fmt::format(R"(location / {{ return 200 "fine"; }}
        location /stalls {{ proxy_pass {}; }})",
                                               backend.url())});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.read_timeout = 200ms;
    client user(io, settings);
    ASSERT_EQ(user.get("/").wait().value().body(), "fine");
    const auto got = user.get("/stalls").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::read_timeout) << got.error().message();
    EXPECT_EQ(user.get("/").wait().value().body(), "fine");
    EXPECT_EQ(server.accepted(), 2U);
}

}  // namespace
}  // namespace lido::test
