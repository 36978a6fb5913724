// Goal: an HTTP service does with requests what the policies say. Method: scripted servers as regions.
#include "lido/http/service.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"
#include "support/test_sockets.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::region;
using http::service;
using http::service_settings;
using testing::HasSubstr;

server_script named(std::string name, int status = 200, std::string more = {}) {
    return {.on_request = [name = std::move(name), status, more = std::move(more)](const arrival&) {
        return reaction{.bytes = response_text(name, status, more)};
    }};
}

/// Regions a, b … in that order of preference.
service_settings preferring(std::initializer_list<std::string> urls) {
    service_settings settings;
    for (const std::string& each : urls) settings.regions.push_back({.base_url = each});
    settings.policies.balancer.strategy = resilience::balancing::primary_backup;
    return settings;
}

/// A script that answers nothing any more.
server_script broken_script() {
    return {.on_request = [](const arrival&) { return reaction{.bytes = "", .then = afterwards::rst}; }};
}

upstream::endpoint_report report_of(const service& which, std::string_view base_url) {
    for (auto& each : which.statistics().report.endpoints) {
        if (each.settings.name == base_url) return each;
    }
    ADD_FAILURE() << "no region " << base_url;
    return {};
}

TEST(http_service, asks_the_regions_by_the_strategy) {
    scripted_server a(named("a"));
    scripted_server b(named("b"));
    runtime io;
    service shop(io, preferring({a.url(), b.url()}));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(shop.get("/outfits").wait().value().body(), "a");
    const auto seen = shop.statistics();
    EXPECT_EQ(seen.requests, 10U);
    EXPECT_EQ(seen.failed, 0U);
    EXPECT_EQ(seen.report.attempts, 10U);
    ASSERT_EQ(seen.regions.size(), 2U);
    EXPECT_EQ(seen.regions[0].base_url, a.url());
    EXPECT_GE(seen.regions[0].client.connections_reused, 9U);
    EXPECT_EQ(report_of(shop, a.url()).share, 1.0);
}

TEST(http_service, puts_the_path_of_a_region_before_that_of_the_request) {
    scripted_server a(echo_script());
    runtime io;
    service shop(io, preferring({a.url() + "/shop/"}));
    EXPECT_EQ(shop.get("/outfits").wait().value().body(), "/shop/outfits");
    EXPECT_EQ(shop.get("http://elsewhere.example/").wait().error(), errc::invalid_argument);
}

TEST(http_service, goes_to_another_region_when_one_cannot_be_reached_even_with_what_writes) {
    const refusing_address nobody;
    scripted_server b(named("b"));
    runtime io;
    service shop(io, preferring({"http://" + nobody.where().to_text(), b.url()}));
    const auto begun = clock::now();
    EXPECT_EQ(shop.post("/rating", "5").wait().value().body(), "b");
    EXPECT_LT(clock::now() - begun, 5s) << "it waited for a server that is down";
    EXPECT_EQ(shop.statistics().report.failovers, 1U);
}

TEST(http_service, makes_again_after_a_failure_what_does_no_harm_and_nothing_else) {
    scripted_server a(named("a", 503));
    scripted_server b(named("b"));
    runtime io;
    service shop(io, preferring({a.url(), b.url()}));
    EXPECT_EQ(shop.get("/").wait().value().body(), "b");
    EXPECT_EQ(shop.post("/", "5").wait().value().status(), 503U);
    a.behave(broken_script());
    EXPECT_EQ(shop.get("/").wait().value().body(), "b");
    EXPECT_EQ(shop.post("/", "5").wait().error(), errc::maybe_executed);
    EXPECT_EQ(shop.statistics().failed, 2U);
}

TEST(http_service, makes_again_what_was_refused_for_too_many_requests_and_holds_it_against_nobody) {
    scripted_server a(named("a", 429, "Retry-After: 1\r\n"));
    scripted_server b(named("b"));
    runtime io;
    service shop(io, preferring({a.url(), b.url()}));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(shop.post("/", "5").wait().value().body(), "b");
    EXPECT_EQ(report_of(shop, a.url()).breaker->state, resilience::breaker_state::closed);
}

TEST(http_service, sends_what_writes_to_no_read_only_region) {
    scripted_server a(named("a"));
    scripted_server b(named("b"));
    runtime io;
    service_settings settings = preferring({a.url(), b.url()});
    settings.regions[0].read_only = true;
    service shop(io, settings);
    EXPECT_EQ(shop.get("/").wait().value().body(), "a");
    EXPECT_EQ(shop.post("/", "5").wait().value().body(), "b");
    const std::vector<region> only_a{{.base_url = a.url(), .read_only = true}};
    ASSERT_TRUE(shop.set_regions(only_a));
    EXPECT_EQ(shop.post("/", "5").wait().error(), errc::circuit_open);
    EXPECT_EQ(shop.get("/").wait().value().body(), "a");
}

TEST(http_service, asks_a_region_that_stalls_no_longer_than_an_attempt_may_take) {
    server_script stalling{
        .on_request = [](const arrival&) { return reaction{.bytes = "", .then = afterwards::stall}; }};
    scripted_server a(stalling);
    scripted_server b(named("b"));
    runtime io;
    service_settings settings = preferring({a.url(), b.url()});
    settings.policies.attempt_timeout = 1s;
    service shop(io, settings);
    EXPECT_EQ(shop.get("/").wait().value().body(), "b");
    EXPECT_EQ(shop.post("/", "5").wait().error(), errc::maybe_executed);
}

TEST(http_service, makes_a_post_that_stalled_again_where_its_user_has_said_that_it_does_no_harm) {
    server_script stalling{
        .on_request = [](const arrival&) { return reaction{.bytes = "", .then = afterwards::stall}; }};
    scripted_server a(stalling);
    scripted_server b(named("b"));
    runtime io;
    service_settings settings = preferring({a.url(), b.url()});
    settings.policies.attempt_timeout = 1s;
    settings.methods.emplace_back("POST");
    service shop(io, settings);
    EXPECT_EQ(shop.post("/", "5").wait().value().body(), "b");
}

TEST(http_service, falls_back_in_the_order_of_the_list) {
    const refusing_address nobody;
    scripted_server other(named("other"));
    runtime io;
    service beside(io, preferring({other.url()}));
    service_settings settings = preferring({"http://" + nobody.where().to_text()});
    settings.policies.repeat.max_retries = 0;
    std::string why;
    settings.fallbacks.push_back({.name = "nothing",
                                  .answer = [&why](const http::request&, const http::unanswered& seen,
                                                   time_point) -> task<result<http::response>> {
                                      why = seen.failure ? seen.failure->message() : "status";
                                      co_return error(errc::check_failed, "test");
                                  }});
    settings.fallbacks.push_back(http::fallback_to(beside, "beside", true));
    service shop(io, settings);
    EXPECT_EQ(shop.get("/").wait().value().body(), "other");
    EXPECT_THAT(why, HasSubstr("connection refused"));
    EXPECT_EQ(shop.post("/", "5").wait().error(), errc::connect_failed) << "these fall back for reading only";
    const auto seen = shop.statistics();
    ASSERT_EQ(seen.fallbacks.size(), 2U);
    EXPECT_EQ(seen.fallbacks[0].asked, 1U);
    EXPECT_EQ(seen.fallbacks[0].answered, 0U);
    EXPECT_EQ(seen.fallbacks[1].answered, 1U);
    EXPECT_EQ(seen.failed, 2U) << "the service itself had no answer";
}

TEST(http_service, falls_back_after_a_status_of_failure_too) {
    scripted_server a(named("a", 503));
    scripted_server other(named("sorry"));
    runtime io;
    http::client simple(io, plain_settings(other.url()));
    service_settings settings = preferring({a.url()});
    settings.policies.repeat.max_retries = 0;
    settings.fallbacks.push_back(http::fallback_to(simple.get("/").wait().value(), "notice"));
    service shop(io, settings);
    EXPECT_EQ(shop.get("/").wait().value().body(), "sorry");
    EXPECT_EQ(shop.post("/", "5").wait().value().status(), 503U);
}

TEST(http_service, falls_back_to_an_error_at_once_and_marks_what_is_old) {
    scripted_server a(named("a", 503));
    scripted_server old(named("yesterday"));
    runtime io;
    http::client simple(io, plain_settings(old.url()));
    service_settings settings = preferring({a.url()});
    settings.policies.repeat.max_retries = 0;
    settings.fallbacks.push_back(http::fallback_to(simple.get("/").wait().value(), "yesterday", true));
    settings.fallbacks.push_back(http::fallback_to(error(errc::pool_paused, "no orders today"), "closed"));
    service shop(io, settings);
    const auto stale = shop.get("/").wait().value();
    EXPECT_EQ(stale.body(), "yesterday");
    EXPECT_TRUE(stale.is_stale());
    EXPECT_EQ(shop.post("/", "5").wait().error(), errc::pool_paused);
}

TEST(http_service, falls_back_with_nothing_that_may_have_been_done) {
    server_script stalling{
        .on_request = [](const arrival&) { return reaction{.bytes = "", .then = afterwards::stall}; }};
    scripted_server a(stalling);
    scripted_server other(named("other"));
    runtime io;
    service beside(io, preferring({other.url()}));
    service_settings settings = preferring({a.url()});
    settings.policies.attempt_timeout = 1s;
    settings.policies.repeat.max_retries = 0;
    settings.fallbacks.push_back(http::fallback_to(beside, "beside"));
    service shop(io, settings);
    EXPECT_EQ(shop.post("/", "5").wait().error(), errc::maybe_executed);
    EXPECT_EQ(other.requests(), 0U);
    EXPECT_EQ(shop.get("/").wait().value().body(), "other");
}

TEST(http_service, falls_back_with_nothing_that_a_gateway_may_have_passed_on) {
    scripted_server a(named("a", 504));
    scripted_server other(named("other"));
    runtime io;
    service beside(io, preferring({other.url()}));
    service_settings settings = preferring({a.url()});
    settings.policies.repeat.max_retries = 0;
    settings.fallbacks.push_back(http::fallback_to(beside, "beside"));
    service shop(io, settings);
    EXPECT_EQ(shop.post("/", "5").wait().value().status(), 504U);
    EXPECT_EQ(other.requests(), 0U);
    EXPECT_EQ(shop.get("/").wait().value().body(), "other");
    a.behave(named("a", 503));
    EXPECT_EQ(shop.post("/", "5").wait().value().body(), "other") << "it says that it has done nothing";
}

TEST(http_service, falls_back_when_all_regions_say_that_there_are_too_many_requests) {
    scripted_server a(named("a", 429));
    scripted_server other(named("other"));
    runtime io;
    service beside(io, preferring({other.url()}));
    service_settings settings = preferring({a.url()});
    settings.policies.repeat.max_retries = 0;
    service alone(io, settings);
    EXPECT_EQ(alone.get("/").wait().value().status(), 429U);
    settings.fallbacks.push_back(http::fallback_to(beside, "beside"));
    service shop(io, settings);
    EXPECT_EQ(shop.get("/").wait().value().body(), "other");
    EXPECT_EQ(shop.post("/", "5").wait().value().body(), "other");
    EXPECT_EQ(shop.statistics().failed, 2U);
}

TEST(http_service, checks_the_path_it_is_given) {
    scripted_server a(named("a", 500));
    runtime io;
    service_settings settings = preferring({a.url()});
    settings.check_path = "/health";
    settings.policies.health.trouble_interval = 20ms;
    settings.policies.health.interval = 20ms;
    service shop(io, settings);
    EXPECT_TRUE(comes_true([&] { return report_of(shop, a.url()).health == upstream::health_state::unhealthy; }));
    a.behave(named("a", 404));
    EXPECT_TRUE(comes_true([&] { return report_of(shop, a.url()).health == upstream::health_state::healthy; }));
}

TEST(http_service, notices_a_region_that_is_down_without_any_request) {
    const refusing_address nobody;
    runtime io;
    const std::string url = "http://" + nobody.where().to_text();
    service_settings settings = preferring({url});
    settings.policies.health.trouble_interval = 50ms;
    service shop(io, settings);
    EXPECT_TRUE(comes_true([&] { return report_of(shop, url).health == upstream::health_state::unhealthy; }));
}

TEST(http_service, replaces_the_connections_of_a_region_that_is_retired) {
    scripted_server a(named("a"));
    runtime io;
    service shop(io, preferring({a.url()}));
    EXPECT_TRUE(shop.get("/").wait().has_value());
    const std::size_t before = a.accepted();  // a check may open the new one as soon as the old one is retired
    EXPECT_TRUE(shop.retire(a.url()));
    EXPECT_FALSE(shop.retire("http://x.example"));
    EXPECT_TRUE(a.wait_until([&] { return a.connections() <= 1; }));
    EXPECT_TRUE(shop.get("/").wait().has_value());
    EXPECT_GT(a.accepted(), before);
}

TEST(http_service, opens_connections_to_each_region_beforehand) {
    scripted_server a(named("a"));
    scripted_server b(named("b"));
    const refusing_address nobody;
    runtime io;
    const std::string nowhere = "http://" + nobody.where().to_text();
    service shop(io, preferring({a.url(), b.url(), nowhere}));
    EXPECT_EQ(shop.warm_up(3).wait().value(), 6U) << "the one that cannot be reached counts for nothing";
    // They are open before the servers have accepted them.
    EXPECT_TRUE(a.wait_until([&] { return a.connections() == 3; }));
    EXPECT_TRUE(b.wait_until([&] { return b.connections() == 3; }));
    service lost(io, preferring({nowhere}));
    EXPECT_EQ(lost.warm_up(3).wait().error(), errc::connect_failed);
}

TEST(http_service, lets_requests_end_when_it_is_closed_and_refuses_new_ones) {
    server_script slow = named("a");
    slow.on_request = [](const arrival&) { return reaction{.bytes = response_text("a"), .delay = 300ms}; };
    scripted_server a(slow);
    runtime io;
    service shop(io, preferring({a.url()}));
    std::thread user([&] { EXPECT_EQ(shop.get("/").wait().value().body(), "a"); });
    EXPECT_TRUE(a.wait_until([&] { return a.requests() == 1; }));
    EXPECT_EQ(shop.close(10s).wait().value(), 0U);
    user.join();
    EXPECT_EQ(shop.get("/").wait().error(), errc::pool_closed);
}

TEST(http_service, serves_many_threads_while_its_regions_change) {
    scripted_server a(named("a"));
    scripted_server b(named("b"));
    runtime io({.threads = 2});
    service_settings settings = preferring({a.url(), b.url()});
    settings.policies.balancer.strategy = resilience::balancing::two_random_choices;
    settings.policies.bulkhead.emplace().max_concurrent = 4;
    settings.policies.bulkhead->max_waiting = 100;
    settings.policies.hedge.emplace().minimum_calls = 10;
    settings.policies.health.interval = 10ms;
    service shop(io, settings);
    const std::vector<region> both = settings.regions;
    const std::vector<region> only_a{both[0]};
    std::atomic<std::size_t> good{0};
    on_threads(9, [&](std::size_t number) {
        for (int i = 0; i < 100; ++i) {
            if (number > 0) {
                const auto got = shop.get("/").wait();
                EXPECT_TRUE(got.has_value()) << got.error().message();
                if (got) ++good;
                continue;
            }
            EXPECT_TRUE(shop.set_regions(i % 2 == 0 ? only_a : both));
            EXPECT_TRUE(shop.retire(a.url()));
            EXPECT_GE(shop.statistics().report.endpoints.size(), 1U);
        }
    });
    EXPECT_EQ(good, 800U);
}

TEST(http_service, refuses_wrong_settings_by_name) {
    runtime io;
    const auto refused = [&](std::string_view word, auto change) {
        service_settings settings = preferring({"http://a.example"});
        change(settings);
        const auto valid = settings.validate();
        return !valid && valid.error().message().find(word) != std::string::npos;
    };
    EXPECT_TRUE(refused("regions", [](service_settings& s) { s.regions.clear(); }));
    EXPECT_TRUE(refused("regions", [](service_settings& s) { s.regions[0].base_url = "nothing"; }));
    EXPECT_TRUE(refused("weight", [](service_settings& s) { s.regions[0].weight = -1; }));
    EXPECT_TRUE(refused("failure_statuses", [](service_settings& s) { s.failure_statuses = {99}; }));
    EXPECT_TRUE(refused("methods", [](service_settings& s) { s.methods = {"NO METHOD"}; }));
    EXPECT_TRUE(refused("check_path", [](service_settings& s) { s.check_path = "health"; }));
    EXPECT_TRUE(refused("look_up_interval", [](service_settings& s) { s.look_up_interval = 1ms; }));
    EXPECT_TRUE(refused("fallbacks", [](service_settings& s) { s.fallbacks.emplace_back(); }));
    EXPECT_TRUE(refused("timeout", [](service_settings& s) { s.policies.timeout = 0s; }));
    EXPECT_TRUE(refused("read_timeout", [](service_settings& s) { s.client.read_timeout = 0s; }));
    service_settings twice = preferring({"http://a.example", "http://a.example"});
    EXPECT_THROW(service(io, twice), exception);
}

}  // namespace
}  // namespace lido::test
