// Connections to a real server are reused, and never more than allowed.
#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/sanitized.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;

constexpr std::size_t requests = sanitized ? 2'000 : 10'000;
constexpr std::size_t users = 50;
constexpr std::size_t limit = 10;

nginx_configuration echoing() {
    return {.server = R"(location / { return 200 "$http_x_nonce"; })"};
}

http::client_settings pool_of_ten(const nginx_server& server) {
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = limit;
    return settings;
}

void expect_reuse(const client& by, nginx_server& server, std::size_t right) {
    EXPECT_EQ(right, requests);
    EXPECT_LE(server.accepted(), limit);
    EXPECT_LE(server.active(), limit);
    const http::client_statistics numbers = by.statistics();
    EXPECT_EQ(numbers.requests, requests);
    EXPECT_EQ(numbers.failed, 0U);
    EXPECT_LE(numbers.connections_created, limit);
    EXPECT_GE(numbers.connections_reused, requests - limit);
}

TEST(reuse, by_tasks_on_one_loop_keeps_to_the_size_of_the_pool) {
    nginx_server server(echoing());
    runtime io;
    client shop(io, pool_of_ten(server));
    std::atomic<std::size_t> right{0};
    on_tasks(io, users, [&](std::size_t i) { return ask_all(shop, i, requests / users, right, http::method::get); });
    expect_reuse(shop, server, right);
}

TEST(reuse, by_tasks_on_two_loops_keeps_to_the_size_of_the_pool) {
    nginx_server server(echoing());
    runtime io({.threads = 2});
    client shop(io, pool_of_ten(server));
    std::atomic<std::size_t> right{0};
    on_tasks(io, users, [&](std::size_t i) { return ask_all(shop, i, requests / users, right, http::method::get); });
    expect_reuse(shop, server, right);
}

TEST(reuse, by_blocking_threads_keeps_to_the_size_of_the_pool) {
    nginx_server server(echoing());
    runtime io({.threads = 2});
    client shop(io, pool_of_ten(server));
    std::atomic<std::size_t> right{0};
    on_threads(users, [&](std::size_t user) {
        for (std::size_t i = 0; i < requests / users; ++i) {
            const std::string nonce = fmt::format("{}-{}", user, i);
            const auto got = shop.send(nonce_request(http::method::get, nonce)).wait();
            ASSERT_TRUE(got.has_value()) << got.error().message();
            if (got->body() == nonce) ++right;
        }
    });
    expect_reuse(shop, server, right);
}

TEST(reuse, of_one_connection_by_two_loops_answers_each_request_with_its_own) {
    nginx_server server(echoing());
    runtime io({.threads = 2});
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    client shop(io, settings);
    std::atomic<std::size_t> right{0};
    on_tasks(io, 10, [&](std::size_t i) { return ask_all(shop, i, 200, right, http::method::get); });
    EXPECT_EQ(right, 2000U);
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(reuse, is_not_made_when_told_to_keep_nothing) {
    nginx_server server(echoing());
    runtime io;
    http::client_settings settings = pool_of_ten(server);
    settings.keep_alive = false;
    client shop(io, settings);
    for (int i = 0; i < 20; ++i) ASSERT_EQ(shop.get("/").wait().value().status(), 200U);
    EXPECT_EQ(server.accepted(), 20U);
    EXPECT_EQ(shop.statistics().connections_reused, 0U);
}

TEST(a_warmed_up_client, has_its_connections_before_the_first_request) {
    nginx_server server(echoing());
    runtime io;
    client shop(io, pool_of_ten(server));
    EXPECT_EQ(shop.warm_up(5).wait().value(), 5U);
    // A connection is there for the client before the server has taken it from the kernel.
    EXPECT_TRUE(comes_true([&] { return server.accepted() == 5; }));
    ASSERT_EQ(shop.get("/").wait().value().status(), 200U);
    EXPECT_EQ(server.accepted(), 5U);
    EXPECT_EQ(shop.warm_up(100).wait().value(), limit);
    EXPECT_TRUE(comes_true([&] { return server.accepted() == limit; }));
}

/// Where in the order of ending the request is that began as number `i`.
task<void> note_order(client& by, std::vector<std::size_t>& order, std::size_t i) {
    const auto got = co_await by.get("/");
    EXPECT_TRUE(got.has_value()) << got.error().message();
    order.push_back(i);
}

TEST(a_thousand_tasks, on_ten_connections_are_served_in_their_order) {
    nginx_server server(echoing());
    runtime io;
    client shop(io, pool_of_ten(server));
    std::vector<std::size_t> order;
    on_tasks(io, 1000, [&](std::size_t i) { return note_order(shop, order, i); });
    ASSERT_EQ(order.size(), 1000U);
    std::size_t furthest = 0;
    for (std::size_t place = 0; place < order.size(); ++place) {
        furthest = std::max(furthest, place > order[place] ? place - order[place] : order[place] - place);
    }
    // Ten are under way at once, and the server answers them as it likes; but nobody falls far behind.
    EXPECT_LE(furthest, 10 * limit);
    EXPECT_LE(server.accepted(), limit);
    EXPECT_EQ(shop.statistics().origins.at(0).pool.peak_in_use, limit);
}

TEST(a_thousand_tasks, of_many_requests_each_all_come_forward) {
    nginx_server server(echoing());
    runtime io({.threads = 2});
    client shop(io, pool_of_ten(server));
    std::atomic<std::size_t> right{0};
    on_tasks(io, 1000, [&](std::size_t i) { return ask_all(shop, i, 5, right, http::method::get); });
    EXPECT_EQ(right, 5000U);
    EXPECT_LE(server.accepted(), limit);
}

}  // namespace
}  // namespace lido::test
