// Goal: the delay is the percentile of recent times, within its limits, and hedges never exceed the budget.
#include "lido/resilience/hedge.hpp"

#include "lido/base/random.hpp"
#include "support/refused_settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <limits>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

/// Times of 1 ms, 2 ms … `count` ms.
void record_steps(hedge& hedging, int count, time_point now) {
    for (int i = 1; i <= count; ++i) hedging.record(i * 1ms, now);
}

void expect_about(const std::optional<duration>& found, duration expected) {
    ASSERT_TRUE(found);
    EXPECT_NEAR(static_cast<double>(found->count()), static_cast<double>(expected.count()),
                0.02 * static_cast<double>(expected.count()));
}

TEST(hedge, waits_for_the_percentile_of_recent_calls) {
    hedge hedging;
    record_steps(hedging, 100, start);
    expect_about(hedging.delay(0, start), 95ms);
    hedge median({.percentile = 0.5});
    record_steps(median, 100, start);
    expect_about(median.delay(0, start), 50ms);
}

TEST(hedge, does_not_hedge_before_enough_times_are_known) {
    hedge hedging({.minimum_calls = 10});
    record_steps(hedging, 9, start);
    EXPECT_FALSE(hedging.delay(0, start));
    record_steps(hedging, 1, start);
    EXPECT_TRUE(hedging.delay(0, start));
}

TEST(hedge, keeps_its_delay_within_its_limits) {
    hedge hedging({.minimum_delay = 20ms, .maximum_delay = 50ms, .minimum_calls = 1});
    hedging.record(1ms, start);
    EXPECT_EQ(hedging.delay(0, start), 20ms);
    for (int i = 0; i < 100; ++i) hedging.record(10s, start);
    EXPECT_EQ(hedging.delay(0, start), 50ms);
}

TEST(hedge, makes_no_more_hedges_of_one_call_than_allowed) {
    hedge hedging({.max_hedges = 2, .minimum_calls = 1});
    hedging.record(10ms, start);
    EXPECT_TRUE(hedging.delay(0, start));
    EXPECT_TRUE(hedging.delay(1, start));
    EXPECT_FALSE(hedging.delay(2, start));
    EXPECT_FALSE(hedging.delay(std::numeric_limits<unsigned>::max(), start));
}

TEST(hedge, forgets_times_older_than_its_window) {
    hedge hedging({.window = 60s});
    record_steps(hedging, 200, start);
    expect_about(hedging.delay(0, start + 29s), 190ms);
    expect_about(hedging.delay(0, start + 31s), 190ms);
    EXPECT_FALSE(hedging.delay(0, start + 60s)) << "nothing recent is known";
    record_steps(hedging, 100, start + 63s);
    expect_about(hedging.delay(0, start + 63s), 95ms);
    hedge late({.window = 60s});
    record_steps(late, 100, start);
    expect_about(late.delay(0, start + 59s), 95ms);
    EXPECT_FALSE(late.delay(0, start + 60s)) << "the window does not grow when nobody looks";
    EXPECT_FALSE(hedging.delay(0, start + 100h)) << "after a long rest neither half counts";
}

TEST(hedge, follows_when_a_service_becomes_slower) {
    hedge hedging({.window = 60s});
    for (int second = 0; second < 200; ++second) {
        const duration took = second < 100 ? 10ms : 80ms;
        for (int i = 0; i < 20; ++i) hedging.record(took, start + second * 1s);
        if (second == 99) expect_about(hedging.delay(0, start + 99s), 10ms);
        if (second == 161) expect_about(hedging.delay(0, start + 161s), 80ms);
    }
}

TEST(hedge, pays_each_hedge_from_the_budget) {
    hedge hedging;
    retry_budget budget({.share = 0.0, .minimum_per_second = 2.0, .window = 1s});
    EXPECT_TRUE(hedging.try_hedge(budget, start));
    EXPECT_TRUE(hedging.try_hedge(budget, start));
    EXPECT_FALSE(hedging.try_hedge(budget, start));
    hedging.note_won();
    const auto statistics = hedging.statistics();
    EXPECT_EQ(statistics.hedges, 2);
    EXPECT_EQ(statistics.refused, 1);
    EXPECT_EQ(statistics.won, 1);
    EXPECT_EQ(budget.statistics(start).spent[static_cast<std::size_t>(retry_budget_use::hedge)], 2);
}

TEST(hedge, of_a_service_that_is_slow_as_a_whole_does_not_double_the_load) {
    hedge hedging;
    retry_budget budget({.share = 0.1, .minimum_per_second = 0.0, .window = 10s});
    record_steps(hedging, 100, start);
    int sent = 0;
    constexpr int calls = 20'000;
    for (int i = 0; i < calls; ++i) {
        const time_point now = start + i * 1ms;
        budget.note_request(now);
        ++sent;
        // Every call is late.
        if (hedging.delay(0, now) && hedging.try_hedge(budget, now)) ++sent;
    }
    EXPECT_LE(sent, calls * 1.1);
}

TEST(hedge, has_no_delay_beyond_the_longest_recent_time_nor_outside_its_limits) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        random_source random(seed);
        hedge_settings settings;
        settings.percentile = 0.5 + random.unit() * 0.4999;
        settings.minimum_delay = random.up_to(5ms);
        settings.maximum_delay = settings.minimum_delay + random.up_to(1s);
        settings.window = 1s + random.up_to(1min);
        settings.minimum_calls = 1 + random.below(200);
        hedge hedging(settings);
        time_point now = start;
        // The longest time of the window, first; behind it those that will be it one after the other.
        std::deque<std::pair<time_point, duration>> longest;
        for (int step = 0; step < 10'000; ++step) {
            now += random.below(1000) == 0 ? random.up_to(settings.window * 2) : random.up_to(20ms);
            const duration took = random.up_to(random.below(20) == 0 ? 1s : 20ms);
            hedging.record(took, now);
            while (!longest.empty() && longest.back().second <= took) longest.pop_back();
            longest.emplace_back(now, took);
            while (now - longest.front().first > settings.window) longest.pop_front();
            const auto delay = hedging.delay(0, now);
            if (!delay) continue;
            ASSERT_GE(*delay, settings.minimum_delay);
            ASSERT_LE(*delay, settings.maximum_delay);
            const duration most = longest.front().second * 102 / 100 + 64ns;
            ASSERT_LE(*delay, std::max(most, settings.minimum_delay)) << "seed " << seed << ", step " << step;
        }
    }
}

TEST(hedge, settings_are_checked_by_name) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(hedge_settings{}.validate());
    EXPECT_TRUE((hedge_settings{0.5, 0s, 0s, 1, 1s, 1}.validate()));
    EXPECT_TRUE((hedge_settings{0.9999, 1h, 1h, 4, 24h, 1'000'000}.validate()));
    const std::pair<hedge_settings, const char*> table[] = {
        {{.percentile = 0.49}, "percentile = 0.49 is out of range 0.5 … 0.9999"},
        {{.percentile = 1.0}, "percentile = 1"},
        {{.percentile = nan}, "percentile = nan"},
        {{.minimum_delay = -1ns}, "minimum_delay = "},
        {{.minimum_delay = 2s, .maximum_delay = 1s}, "maximum_delay = 1 s is out of range 2 s … 1 h"},
        {{.maximum_delay = 2h}, "maximum_delay = "},
        {{.max_hedges = 0}, "max_hedges = 0"},
        {{.max_hedges = 5}, "max_hedges = 5"},
        {{.window = 999ms}, "window = "},
        {{.window = 25h}, "window = "},
        {{.minimum_calls = 0}, "minimum_calls = 0"},
        {{.minimum_calls = 1'000'001}, "minimum_calls = 1000001"},
    };
    test::expect_each_refused(table);
}

}  // namespace
}  // namespace lido::resilience
