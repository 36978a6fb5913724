// Goal: what the options of `lido simulate` about regions and policies mean, and what they refuse.
#include "simulate/policies.hpp"

#include "command_error.hpp"
#include "simulate/options.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;
using resilience::balancing;

std::string refusal_of(const std::function<void()>& what) {
    try {
        what();
    } catch (const usage_error& refused) {
        return refused.what();
    }
    return "nothing";
}

TEST(policies, a_strategy_may_be_written_with_hyphens_or_underscores) {
    EXPECT_EQ(strategy_value("--strategy", "round-robin"), balancing::round_robin);
    EXPECT_EQ(strategy_value("--strategy", "two_random_choices"), balancing::two_random_choices);
    EXPECT_EQ(refusal_of([] { static_cast<void>(strategy_value("--strategy", "best")); }),
              "--strategy must be round-robin, weighted-round-robin, random, weighted-random, two-random-choices, "
              "least-loaded, primary-backup or nearest, got 'best'");
}

TEST(policies, a_rate_limit_is_per_second_or_per_minute_or_both) {
    EXPECT_EQ(rate_limit_value("--rate-limit", "50/s").per_second, 50.0);
    EXPECT_EQ(rate_limit_value("--rate-limit", "1000/min").per_minute, 1000.0);
    const auto both = rate_limit_value("--rate-limit", "0.5/sec,10/minute");
    EXPECT_EQ(both.per_second, 0.5);
    EXPECT_EQ(both.per_minute, 10.0);
    for (const char* wrong : {"", "50", "50/", "50/h", "/s", "-1/s", "0/s", "1/s,2/s", "1e9/s", "1/s,"}) {
        EXPECT_NE(refusal_of([&] { static_cast<void>(rate_limit_value("--rate-limit", wrong)); }), "nothing") << wrong;
    }
}

TEST(policies, a_breaker_is_off_or_the_default_with_what_differs) {
    EXPECT_FALSE(breaker_value("--circuit-breaker", "off").has_value());
    EXPECT_EQ(breaker_value("--circuit-breaker", "default")->failures, 5U);
    const auto own =
        breaker_value("--circuit-breaker", "failures=3,timeout=2s,reset=10s,successes=2,probes=1,rate=0.2,window=20");
    ASSERT_TRUE(own.has_value());
    EXPECT_EQ(own->failures, 3U);
    EXPECT_EQ(own->call_timeout, 2s);
    EXPECT_EQ(own->open_for, 10s);
    EXPECT_EQ(own->successes, 2U);
    EXPECT_EQ(own->max_probes, 1U);
    EXPECT_EQ(own->failure_rate, 0.2);
    EXPECT_EQ(own->window_calls, 20U);
    EXPECT_TRUE(own->validate());
    for (const char* wrong : {"on", "failures", "failures=x", "failures=3,", "reset=0", "colour=red", "successes=0"}) {
        EXPECT_NE(refusal_of([&] { static_cast<void>(breaker_value("--circuit-breaker", wrong)); }), "nothing")
            << wrong;
    }
}

TEST(policies, a_hedge_comes_after_a_percentile) {
    EXPECT_DOUBLE_EQ(hedge_value("--hedge", "p95").percentile, 0.95);
    EXPECT_DOUBLE_EQ(hedge_value("--hedge", "p99.9").percentile, 0.999);
    for (const char* wrong : {"", "95", "p", "p40", "p100", "pp"}) {
        EXPECT_NE(refusal_of([&] { static_cast<void>(hedge_value("--hedge", wrong)); }), "nothing") << wrong;
    }
}

TEST(policies, regions_make_a_service_whose_others_are_backups_of_the_first_when_asked) {
    const auto asked = read_options({"--regions", "http://127.0.0.1:81/a,http://127.0.0.1:82/a", "--strategy",
                                     "primary-backup", "--circuit-breaker", "off", "--max-retries", "2"});
    ASSERT_TRUE(asked.has_value());
    EXPECT_EQ(asked->url->target, "/a");
    const auto service = service_settings_for(*asked, asked->url->origin,
                                              client_settings_for(*asked, asked->url->origin, way::shared_pool));
    ASSERT_EQ(service.regions.size(), 2U);
    EXPECT_EQ(service.regions[0].base_url, "http://127.0.0.1:81");
    EXPECT_FALSE(service.regions[0].backup);
    EXPECT_TRUE(service.regions[1].backup);
    EXPECT_FALSE(service.policies.breaker.has_value());
    EXPECT_EQ(service.policies.repeat.max_retries, 2U);
    EXPECT_TRUE(service.validate());
}

TEST(policies, without_any_of_the_options_there_is_no_service) {
    EXPECT_FALSE(read_options({"http://127.0.0.1:81"})->policies.any());
    EXPECT_TRUE(read_options({"--hedge", "p95"})->policies.any());
    EXPECT_TRUE(read_options({"--circuit-breaker", "off"})->policies.any());
}

}  // namespace
}  // namespace lido::cli::simulate
