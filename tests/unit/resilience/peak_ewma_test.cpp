// Goal: the average jumps up at once and comes down by its decay, also while nothing is heard.
#include "lido/resilience/peak_ewma.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

TEST(peak_ewma, knows_nothing_at_first) {
    EXPECT_EQ(peak_ewma().value(start), 0ns);
}

TEST(peak_ewma, follows_a_rise_at_once) {
    peak_ewma average;
    average.record(5ms, start);
    EXPECT_EQ(average.value(start), 5ms);
    average.record(200ms, start + 1us);
    EXPECT_EQ(average.value(start + 1us), 200ms);
}

TEST(peak_ewma, follows_a_fall_by_its_decay) {
    peak_ewma average({.decay = 10s});
    average.record(100ms, start);
    average.record(10ms, start + 10s);
    // 37 % of the old one and 63 % of the new one.
    EXPECT_NEAR(static_cast<double>(average.value(start + 10s).count()), 43.11e6, 0.01e6);
}

TEST(peak_ewma, forgets_who_is_not_heard_of) {
    peak_ewma average({.decay = 10s});
    average.record(100ms, start);
    EXPECT_NEAR(static_cast<double>(average.value(start + 10s).count()), 36.79e6, 0.01e6);
    EXPECT_EQ(average.value(start + 1h), 0ns);
    EXPECT_EQ(average.value(start + 10s), average.value(start + 10s)) << "looking changes nothing";
}

TEST(peak_ewma, bears_times_below_zero_and_a_clock_that_goes_back) {
    peak_ewma average;
    average.record(-5s, start);
    EXPECT_EQ(average.value(start), 0ns);
    average.record(50ms, start);
    average.record(10ms, start - 1h);
    EXPECT_EQ(average.value(start - 2h), 50ms);
}

TEST(peak_ewma, stays_between_zero_and_the_longest_time) {
    random_source random(1);
    peak_ewma average({.decay = 100ms});
    time_point now = start;
    duration longest{};
    for (int step = 0; step < 20'000; ++step) {
        now += random.up_to(50ms);
        const duration took = random.up_to(random.below(100) == 0 ? 10s : 100ms);
        longest = std::max(longest, took);
        const duration before = average.value(now);
        average.record(took, now);
        const duration after = average.value(now);
        ASSERT_LE(after, longest);
        ASSERT_GE(after + 1ns, std::min(before, took));
        ASSERT_LE(average.value(now + 10ms), after);
    }
}

TEST(peak_ewma, settings_are_checked_by_name) {
    EXPECT_TRUE(peak_ewma_settings{}.validate());
    EXPECT_TRUE(peak_ewma_settings{1ms}.validate());
    EXPECT_TRUE(peak_ewma_settings{1h}.validate());
    for (const duration wrong : {duration(0), duration(1ms - 1ns), duration(1h + 1ns)}) {
        const auto outcome = peak_ewma_settings{wrong}.validate();
        ASSERT_FALSE(outcome);
        EXPECT_NE(outcome.error().what().find("decay = "), std::string::npos);
    }
}

}  // namespace
}  // namespace lido::resilience
