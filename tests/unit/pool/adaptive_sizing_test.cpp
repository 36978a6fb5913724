// Goal: the figures of the presets, the ranges of the rules, and each decision from one interval's sample.
#include "lido/pool/adaptive_sizing.hpp"

#include "pool/adaptive_size.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace {

using namespace std::chrono_literals;
using lido::pool::adaptive_size;
using lido::pool::adaptive_sizing;
using lido::pool::load_sample;

std::string verdict_on(const std::function<void(adaptive_sizing&)>& change) {
    adaptive_sizing changed;
    change(changed);
    const auto result = changed.validate();
    return result ? std::string() : std::string(result.error().what());
}

TEST(adaptive_sizing, the_presets_have_the_figures_that_are_promised) {
    const auto waiting = adaptive_sizing::by_waiting();
    EXPECT_EQ(waiting.interval, 30s);
    EXPECT_EQ(waiting.grow_above_wait, 5s);
    EXPECT_EQ(waiting.grow_by, 2U);
    EXPECT_EQ(waiting.shrink_below_utilisation, 0.3);
    EXPECT_EQ(waiting.shrink_by, 1U);
    const auto response = adaptive_sizing::by_response_time();
    EXPECT_EQ(response.interval, 60s);
    EXPECT_EQ(response.grow_above_response, 2s);
    EXPECT_EQ(response.grow_by, 5U);
    EXPECT_EQ(response.shrink_below_response, 500ms);
    EXPECT_EQ(response.shrink_by, 2U);
    EXPECT_EQ(response.least_leases, 10U);
    EXPECT_EQ(adaptive_sizing::by_load(), adaptive_sizing());
    for (const auto& preset : {adaptive_sizing::by_load(), waiting, response}) {
        EXPECT_TRUE(preset.validate().has_value());
    }
}

TEST(adaptive_sizing, each_field_out_of_its_range_is_named) {
    EXPECT_NE(verdict_on([](auto& rules) { rules.interval = 9ms; }).find("interval"), std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.interval = 2h; }).find("10 ms ... 1 h"), std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.grow_above_wait = -1ns; }).find("grow_above_wait"), std::string::npos);
    EXPECT_EQ(verdict_on([](auto& rules) { rules.grow_above_wait = adaptive_sizing::not_looked_at; }), "");
    EXPECT_NE(verdict_on([](auto& rules) { rules.grow_above_response = 2h; }).find("grow_above_response"),
              std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.least_leases = 1'000'001; }).find("least_leases"), std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.grow_above_utilisation = 1.01; }).find("grow_above_utilisation"),
              std::string::npos);
    const auto no_number = [](auto& rules) { rules.grow_share = std::numeric_limits<double>::quiet_NaN(); };
    EXPECT_NE(verdict_on(no_number).find("grow_share"), std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.grow_by = 0; }).find("grow_by"), std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.shrink_below_utilisation = -0.1; }).find("shrink_below_utilisation"),
              std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.shrink_below_response = 2h; }).find("shrink_below_response"),
              std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.shrink_by = 1001; }).find("shrink_by"), std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.shrink_share = 1.1; }).find("shrink_share"), std::string::npos);
    EXPECT_NE(verdict_on([](auto& rules) { rules.shrink_after = 17; }).find("shrink_after"), std::string::npos);
}

TEST(adaptive_sizing, waits_follow_from_the_queue_by_littles_law) {
    // Ten callers waited all the time, and twenty were served in that second.
    const load_sample seen{.length = 1s, .size = 4, .busy = 2s, .lacking = 10s, .served = 20};
    EXPECT_EQ(seen.mean_wait(), 500ms);
    EXPECT_EQ(seen.mean_response(), 600ms);
    EXPECT_EQ(seen.utilisation(), 0.5);
    EXPECT_EQ((load_sample{.length = 1s, .size = 2, .per_connection = 4, .busy = 4s}.utilisation()), 0.5);
    EXPECT_EQ((load_sample{.length = 1s, .lacking = 3s}.mean_wait()), 3s) << "nobody was served";
    EXPECT_EQ(load_sample{}.utilisation(), 0.0);
}

/// One caller lacks a connection all the time, and 100 are served.
load_sample pressed(std::size_t size, lido::duration lacking = 30s) {
    return {.length = 30s,
            .size = size,
            .busy = 30s * static_cast<int>(size),
            .lacking = lacking,
            .served = 100,
            .peak_leases = size};
}

TEST(adaptive_sizing, by_waiting_grows_by_two_when_callers_wait_longer_than_five_seconds) {
    adaptive_size policy(adaptive_sizing::by_waiting());
    EXPECT_EQ(policy.next(pressed(4, 500s), 2, 20), 4U) << "5 s is not longer";
    EXPECT_EQ(policy.next(pressed(4, 501s), 2, 20), 6U);
    EXPECT_EQ(policy.next(pressed(4, 50'000s), 2, 20), 6U) << "by two, however many wait";
    EXPECT_EQ(policy.next(pressed(19, 501s), 2, 20), 20U) << "never above the highest";
}

TEST(adaptive_sizing, by_waiting_shrinks_by_one_when_less_than_a_third_is_used) {
    adaptive_size policy(adaptive_sizing::by_waiting());
    const load_sample quiet{.length = 30s, .size = 10, .busy = 80s, .served = 50, .peak_leases = 4};
    EXPECT_EQ(policy.next(quiet, 2, 20), 10U) << "one calm interval is none";
    EXPECT_EQ(policy.next(quiet, 2, 20), 9U);
    EXPECT_EQ(policy.next(quiet, 9, 20), 9U);
    EXPECT_EQ(policy.next(quiet, 9, 20), 9U) << "never below the lowest";
    load_sample used = quiet;
    used.busy = 90s;
    EXPECT_EQ(policy.next(used, 2, 20), 10U) << "30 % is not less";
    EXPECT_EQ(policy.next(quiet, 2, 20), 10U) << "the calm begins anew";
}

TEST(adaptive_sizing, rules_that_look_at_nothing_to_shrink_never_do) {
    auto rules = adaptive_sizing::by_waiting();
    rules.shrink_below_utilisation = 0.0;
    adaptive_size policy(rules);
    const load_sample quiet{.length = 30s, .size = 10, .served = 1, .peak_leases = 1};
    for (int interval = 0; interval < 20; ++interval) EXPECT_EQ(policy.next(quiet, 2, 20), 10U);
}

TEST(adaptive_sizing, by_response_time_follows_its_two_thresholds) {
    adaptive_size policy(adaptive_sizing::by_response_time());
    load_sample slow{.length = 60s, .size = 10, .busy = 600s, .lacking = 1s, .served = 299, .peak_leases = 10};
    EXPECT_EQ(policy.next(slow, 5, 50), 15U);
    slow.served = 9;
    EXPECT_EQ(policy.next(slow, 5, 50), 10U) << "too few to judge by";
    slow.served = 299;
    slow.lacking = 0s;
    EXPECT_EQ(policy.next(slow, 5, 50), 10U) << "nobody waits: the server is slow, and more connections are no help";
    const load_sample fast{.length = 60s, .size = 10, .busy = 30s, .served = 100, .peak_leases = 2};
    EXPECT_EQ(policy.next(fast, 5, 50), 10U);
    EXPECT_EQ(policy.next(fast, 5, 50), 8U);
}

TEST(adaptive_sizing, by_load_grows_by_those_who_wait_and_doubles_at_most) {
    adaptive_size policy(adaptive_sizing::by_load());
    const auto with = [](std::size_t size, int waiting) {
        return load_sample{.length = 500ms,
                           .size = size,
                           .busy = 500ms * static_cast<int>(size),
                           .lacking = 500ms * waiting,
                           .served = 100,
                           .peak_leases = size};
    };
    EXPECT_EQ(policy.next(with(10, 3), 1, 100), 13U);
    EXPECT_EQ(policy.next(with(10, 50), 1, 100), 20U);
    EXPECT_EQ(policy.next(with(1, 50), 1, 100), 2U);
}

TEST(adaptive_sizing, connections_that_carry_many_leases_are_counted_by_these) {
    adaptive_size policy(adaptive_sizing::by_load());
    const load_sample busy{.length = 500ms,
                           .size = 4,
                           .per_connection = 100,
                           .busy = 200s,
                           .lacking = 75s,
                           .served = 1000,
                           .peak_leases = 400};
    EXPECT_EQ(policy.next(busy, 1, 100), 6U) << "150 who wait need two connections";
}

TEST(adaptive_sizing, whoever_is_turned_away_makes_it_grow) {
    adaptive_size policy(adaptive_sizing::by_waiting());
    load_sample refusing{.length = 30s, .size = 4, .turned_away = 1, .peak_leases = 4};
    EXPECT_EQ(policy.next(refusing, 1, 20), 6U);
    refusing.reachable = false;
    EXPECT_EQ(policy.next(refusing, 1, 20), 4U) << "a server that is down is not helped by more connections";
}

TEST(adaptive_sizing, it_never_shrinks_below_what_was_in_use_at_once) {
    adaptive_size policy(adaptive_sizing::by_load());
    const auto quiet = [](std::size_t size, std::size_t peak) {
        return load_sample{.length = 500ms, .size = size, .busy = 10ms, .served = 10, .peak_leases = peak};
    };
    EXPECT_EQ(policy.next(quiet(40, 9), 1, 100), 40U);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(policy.next(quiet(40, 1), 1, 100), 40U) << i;
    EXPECT_EQ(policy.next(quiet(40, 1), 1, 100), 26U) << "half of what is beyond 9 and its square root";
    EXPECT_EQ(policy.next(quiet(4, 1), 1, 100), 3U) << "the interval with 9 is forgotten after ten";
    EXPECT_EQ(policy.next(quiet(2, 1), 1, 100), 2U) << "one in use, and one more";
    for (int i = 0; i < 9; ++i) static_cast<void>(policy.next(quiet(2, 0), 1, 100));
    EXPECT_EQ(policy.next(quiet(2, 0), 1, 100), 1U) << "nobody asked for five seconds";
}

TEST(adaptive_sizing, a_highest_below_the_size_wins_over_all_rules) {
    adaptive_size policy(adaptive_sizing::by_load());
    EXPECT_EQ(policy.next(pressed(10), 1, 4), 4U);
    EXPECT_EQ(policy.next({.length = 500ms, .size = 3}, 5, 20), 5U) << "and so does a lowest above it";
}

}  // namespace
