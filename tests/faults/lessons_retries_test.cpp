// What others have learned about retries that become the load, and about callers of a server that is down. Each test
// begins with where it was learned; docs/design/lessons.md lists them all.
#include "lido/http/service.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <optional>
#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::service;
using http::service_settings;
using testing::HasSubstr;

server_script answering(int status) {
    return {.on_request = [status](const arrival&) { return reaction{.bytes = response_text("answer", status)}; }};
}

/// A service of one region, of whose policies only retries are on, by a budget of a tenth.
service_settings only_retries(const scripted_server& server) {
    service_settings settings;
    settings.regions.push_back({.base_url = server.url()});
    settings.policies.breaker.reset();
    settings.policies.ejection.reset();
    settings.policies.slow_start.reset();
    settings.policies.repeat.max_retries = 3;
    settings.policies.repeat.back_off = {.initial = 0ms, .factor = 1.0, .maximum = 1ms};
    settings.policies.retry_budget = {.share = 0.1, .minimum_per_second = 0.0, .window = 1h};
    return settings;
}

void ask_one_by_one(service& of, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(of.get("/").wait().has_value());
}

/// Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021: the load of the retries keeps the server
/// down. Huang et al., "Metastable Failures in the Wild", OSDI 2022, found it in half of the outages they looked at.
TEST(lessons_retries,
     bronson_hotos_21_huang_osdi_22_a_server_that_fails_is_asked_hardly_more_often_than_its_callers_ask) {
    scripted_server server(answering(503));
    runtime io;
    service shop(io, only_retries(server));
    ask_one_by_one(shop, 200);
    EXPECT_GT(server.requests(), 210U) << "retries are of use within the budget";
    EXPECT_LE(server.requests(), 220U) << "a tenth, whatever the policy of three retries says";
    const std::size_t before = server.requests();
    server.behave(answering(200));
    ask_one_by_one(shop, 50);
    EXPECT_EQ(server.requests(), before + 50) << "nothing of the outage is left";
}

/// "Site Reliability Engineering", chapter 22: retries in several layers multiply; so one layer retries, three attempts
/// in all, and a tenth for each client.
TEST(lessons_retries, sre_book_22_the_client_of_a_region_does_not_retry_what_the_service_retries) {
    scripted_server server(answering(503));
    runtime io;
    service_settings settings = only_retries(server);
    settings.policies.repeat.max_retries = 2;
    settings.policies.retry_budget.minimum_per_second = 1000.0;
    settings.client.retry.max_retries = 5;
    settings.client.retry.backoff_factor = 0;
    service shop(io, settings);
    EXPECT_EQ(shop.get("/").wait().value().status(), 503U);
    EXPECT_EQ(server.requests(), 3U);
}

/// gRPC, proposal A6: tokens that failures use up and successes earn back.
TEST(lessons_retries, grpc_a6_retries_end_when_the_budget_is_used_up_and_requests_earn_them_back) {
    scripted_server server(answering(503));
    runtime io;
    service shop(io, only_retries(server));
    ask_one_by_one(shop, 100);
    const std::size_t used_up = server.requests();
    ask_one_by_one(shop, 1);
    EXPECT_EQ(server.requests(), used_up + 1) << "no retry is left";
    server.behave(answering(200));
    ask_one_by_one(shop, 100);
    server.behave(answering(503));
    const std::size_t earned = server.requests();
    ask_one_by_one(shop, 1);
    EXPECT_EQ(server.requests(), earned + 4) << "three retries again";
}

/// Envoy bounds retries that run at once (max_retries 3), or by a share of what runs (retry_budget, 20 %, at least 3).
TEST(lessons_retries, envoy_retry_budget_that_nobody_has_set_is_a_fifth_of_the_requests) {
    const service_settings defaults;
    EXPECT_DOUBLE_EQ(defaults.policies.retry_budget.share, 0.2);
    scripted_server server(answering(503));
    runtime io;
    service_settings settings = only_retries(server);
    settings.policies.retry_budget.share = defaults.policies.retry_budget.share;
    service shop(io, settings);
    ask_one_by_one(shop, 100);
    EXPECT_LE(server.requests(), 120U);
    EXPECT_GT(server.requests(), 110U);
}

// ---- while the server is down ---------------------------------------------------------------------------------------

/// HikariCP, "Database down": who waits while nothing can be connected to learns why, and not only that time is up.
TEST(lessons_retries, hikaricp_database_down_a_caller_hears_the_connect_error_long_before_its_time_is_up) {
    scripted_server server(answering(200));
    server.go_down();
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.down_fail_fast = 100ms;
    client user(io, settings);
    const auto begun = clock::now();
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connect_failed) << got.error().message();
    EXPECT_THAT(got.error().message(), HasSubstr("connection refused"));
    EXPECT_LT(clock::now() - begun, settings.acquire_timeout);
}

/// psycopg_pool: within `reconnect_timeout` callers are kept waiting, and served when the server is back.
TEST(lessons_retries, psycopg_pool_reconnect_timeout_callers_with_patience_are_served_when_the_server_is_back) {
    scripted_server server(answering(200));
    server.go_down();
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.down_fail_fast = 20s;
    settings.connect_back_off.maximum = 200ms;
    client user(io, settings);
    std::latch ended(5);
    std::atomic<std::size_t> right{0};
    for (int i = 0; i < 5; ++i) {
        user.get("/").start([&](const result<http::response>& got) {
            if (got && got->status() == 200) ++right;
            ended.count_down();
        });
    }
    ASSERT_TRUE(comes_true([&] { return user.statistics().connections_failed >= 2; }));
    server.come_back();
    ended.wait();
    EXPECT_EQ(right, 5U);
}

}  // namespace
}  // namespace lido::test
