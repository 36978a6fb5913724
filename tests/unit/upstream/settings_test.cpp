#include "lido/upstream/settings.hpp"

#include "lido/upstream/endpoint.hpp"

#include <gtest/gtest.h>

namespace lido::upstream {
namespace {

using namespace std::chrono_literals;

TEST(upstream_settings, are_valid_by_default) {
    EXPECT_TRUE(settings{}.validate());
}

TEST(upstream_settings, name_the_one_that_is_out_of_range) {
    const auto refused = [](std::string_view word, auto change) {
        settings wrong;
        change(wrong);
        const auto valid = wrong.validate();
        return !valid && valid.error() == errc::invalid_argument &&
               valid.error().message().find(word) != std::string::npos;
    };
    EXPECT_TRUE(refused("name", [](settings& s) { s.name.clear(); }));
    EXPECT_TRUE(refused("timeout", [](settings& s) { s.timeout = 0ms; }));
    EXPECT_TRUE(refused("attempt_timeout", [](settings& s) { s.attempt_timeout = 1us; }));
    EXPECT_TRUE(refused("max_endpoints", [](settings& s) { s.max_endpoints = 0; }));
    EXPECT_TRUE(refused("max_retries", [](settings& s) { s.repeat.max_retries = 101; }));
    EXPECT_TRUE(refused("max_retry_after", [](settings& s) { s.repeat.max_retry_after = -1s; }));
    EXPECT_TRUE(refused("factor", [](settings& s) { s.repeat.back_off.factor = 0.5; }));
    EXPECT_TRUE(refused("trouble_interval", [](settings& s) { s.health.trouble_interval = 1ms; }));
    EXPECT_TRUE(refused("open_for", [](settings& s) { s.breaker->open_for = 0ms; }));
    EXPECT_TRUE(refused("max_share", [](settings& s) { s.ejection->max_share = 2.0; }));
    EXPECT_TRUE(refused("window", [](settings& s) { s.slow_start->window = 1ms; }));
    EXPECT_TRUE(refused("decay", [](settings& s) { s.latency.decay = 0ms; }));
    EXPECT_TRUE(refused("share", [](settings& s) { s.retry_budget.share = -1.0; }));
    EXPECT_TRUE(refused("exploration", [](settings& s) { s.balancer.exploration = 2.0; }));
    EXPECT_TRUE(refused("max_concurrent", [](settings& s) {
        s.bulkhead.emplace();
        s.bulkhead->max_concurrent = 0;
    }));
    EXPECT_TRUE(refused("per_second", [](settings& s) {
        s.rate_limiter.emplace();
        s.rate_limiter->per_second = -1.0;
    }));
    EXPECT_TRUE(refused("max_hedges", [](settings& s) {
        s.hedge.emplace();
        s.hedge->max_hedges = 5;
    }));
}

TEST(endpoint_settings, name_the_one_that_is_out_of_range) {
    EXPECT_FALSE(endpoint_settings{}.validate());
    EXPECT_TRUE((endpoint_settings{.name = "eu"}.validate()));
    EXPECT_FALSE((endpoint_settings{.name = "eu", .weight = -1.0}.validate()));
    EXPECT_FALSE((endpoint_settings{.name = std::string(501, 'x')}.validate()));
}

}  // namespace
}  // namespace lido::upstream
