// Goal: the turns of a rate limiter come as its settings say, in order, and never more than rate × t + burst in any
// span of time t. Method: tables in virtual time, and random callers whose turns are all kept and counted over every
// span.
#include "lido/resilience/rate_limiter.hpp"

#include "lido/base/random.hpp"
#include "support/refused_settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

rate_limiter_settings per_second(double rate, std::uint32_t burst) {
    rate_limiter_settings settings;
    settings.per_second = rate;
    settings.burst_per_second = burst;
    settings.max_wait = 1h;
    return settings;
}

/// The waits of `count` callers that ask at once.
std::vector<duration> waits(rate_limiter& limiter, time_point now, int count) {
    std::vector<duration> found;
    for (int i = 0; i < count; ++i) {
        const auto turn = limiter.reserve(now);
        if (turn) found.push_back(turn.reservation->at - now);
    }
    return found;
}

using durations = std::vector<duration>;

TEST(rate_limiter, without_limits_lets_everything_through) {
    rate_limiter limiter;
    for (int i = 0; i < 10'000; ++i) {
        const auto turn = limiter.reserve(start);
        ASSERT_TRUE(turn);
        ASSERT_EQ(turn.reservation->at, start);
    }
}

TEST(rate_limiter, spaces_calls_evenly) {
    rate_limiter limiter(per_second(10.0, 1));
    EXPECT_EQ(waits(limiter, start, 4), (durations{0ms, 100ms, 200ms, 300ms}));
}

TEST(rate_limiter, lets_a_burst_through_at_once) {
    rate_limiter limiter(per_second(10.0, 3));
    EXPECT_EQ(waits(limiter, start, 5), (durations{0ms, 0ms, 0ms, 100ms, 200ms}));
}

TEST(rate_limiter, saves_no_more_than_a_burst_while_resting) {
    rate_limiter limiter(per_second(10.0, 3));
    static_cast<void>(waits(limiter, start, 3));
    EXPECT_EQ(waits(limiter, start + 150ms, 2), (durations{0ms, 50ms})) << "one and a half were saved";
    EXPECT_EQ(waits(limiter, start + 24h, 5), (durations{0ms, 0ms, 0ms, 100ms, 200ms}));
}

TEST(rate_limiter, of_a_rate_below_one_waits_longer_than_a_second) {
    rate_limiter limiter(per_second(0.5, 0));
    EXPECT_EQ(waits(limiter, start, 3), (durations{0s, 2s, 4s}));
}

TEST(rate_limiter, has_one_seconds_worth_of_burst_by_default) {
    rate_limiter limiter(per_second(10.0, 0));
    const auto found = waits(limiter, start, 12);
    EXPECT_EQ(found[9], 0ms);
    EXPECT_EQ(found[10], 100ms);
    EXPECT_EQ(limiter.settings().burst_per_second, 10);
}

TEST(rate_limiter, has_six_seconds_worth_of_burst_per_minute_by_default) {
    rate_limiter_settings settings;
    settings.per_minute = 600.0;
    rate_limiter limiter(settings);
    const auto found = waits(limiter, start, 62);
    EXPECT_EQ(found[59], 0ms);
    EXPECT_EQ(found[60], 100ms);
    settings.per_minute = 5.0;
    EXPECT_EQ(rate_limiter(settings).settings().burst_per_minute, 1);
}

TEST(rate_limiter, keeps_both_limits_at_once) {
    auto settings = per_second(10.0, 2);
    settings.per_minute = 60.0;
    settings.burst_per_minute = 4;
    rate_limiter limiter(settings);
    // Two at once, two at the pace of the second, then at the pace of the minute, whose four are used up.
    EXPECT_EQ(waits(limiter, start, 7), (durations{0ms, 0ms, 100ms, 200ms, 1s, 2s, 3s}));
}

TEST(rate_limiter, refuses_who_would_wait_too_long_and_tells_when_it_would_have_been) {
    auto settings = per_second(10.0, 1);
    settings.max_wait = 200ms;
    rate_limiter limiter(settings);
    EXPECT_EQ(waits(limiter, start, 3), (durations{0ms, 100ms, 200ms}));
    for (int i = 0; i < 5; ++i) {
        const auto refused = limiter.reserve(start);
        EXPECT_FALSE(refused);
        EXPECT_EQ(refused.earliest, start + 300ms) << "a refusal costs nothing";
    }
    EXPECT_TRUE(limiter.reserve(start + 100ms));
}

TEST(rate_limiter, of_no_wait_only_lets_through_or_refuses) {
    auto settings = per_second(10.0, 2);
    settings.max_wait = 0s;
    rate_limiter limiter(settings);
    EXPECT_EQ(waits(limiter, start, 10), (durations{0ms, 0ms}));
    EXPECT_FALSE(limiter.reserve(start + 100ms - 1ns));
    EXPECT_TRUE(limiter.reserve(start + 100ms));
}

TEST(rate_limiter, refuses_a_turn_after_the_callers_deadline) {
    rate_limiter limiter(per_second(10.0, 1));
    static_cast<void>(waits(limiter, start, 1));
    EXPECT_FALSE(limiter.reserve(start, start + 100ms - 1ns));
    EXPECT_TRUE(limiter.reserve(start, start + 100ms));
}

TEST(rate_limiter, gives_the_token_of_the_last_reservation_back) {
    rate_limiter limiter(per_second(10.0, 1));
    const auto first = limiter.reserve(start);
    const auto second = limiter.reserve(start);
    const auto third = limiter.reserve(start);
    EXPECT_FALSE(limiter.cancel(*second.reservation)) << "the third has its turn already";
    EXPECT_EQ(waits(limiter, start, 1), durations{300ms});

    rate_limiter other(per_second(10.0, 1));
    const auto a = other.reserve(start);
    const auto b = other.reserve(start);
    const auto c = other.reserve(start);
    EXPECT_TRUE(other.cancel(*c.reservation));
    EXPECT_FALSE(other.cancel(*c.reservation)) << "twice is once";
    EXPECT_TRUE(other.cancel(*b.reservation));
    EXPECT_EQ(waits(other, start, 2), (durations{100ms, 200ms}));
    EXPECT_FALSE(other.cancel(*b.reservation)) << "that turn belongs to another by now";
    EXPECT_FALSE(other.cancel(rate_reservation{}));
    EXPECT_EQ(waits(other, start, 1), durations{300ms});
    static_cast<void>(first);
    static_cast<void>(third);
    static_cast<void>(a);
}

TEST(rate_limiter, rounds_a_rate_down_and_never_up) {
    rate_limiter limiter(per_second(3.0, 1));
    const auto found = waits(limiter, start, 4);
    EXPECT_GE(found[3], 1s);
    EXPECT_LE(found[3], 1s + 3ns);
}

TEST(rate_limiter, bears_its_extreme_settings) {
    rate_limiter_settings settings;
    settings.per_second = 0.001;
    settings.burst_per_second = 1'000'000;
    settings.per_minute = 0.001;
    settings.burst_per_minute = 1'000'000;
    settings.max_wait = 24h;
    rate_limiter slow(settings);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(slow.reserve(start + i * 1h));
    settings.burst_per_second = 1;
    settings.burst_per_minute = 1;
    rate_limiter slowest(settings);
    EXPECT_TRUE(slowest.reserve(start));
    EXPECT_EQ(slowest.reserve(start).reservation->at, start + 60'000s);
    EXPECT_FALSE(slowest.reserve(start));
    rate_limiter fast(per_second(1e6, 1));
    EXPECT_EQ(waits(fast, start, 3), (durations{0us, 1us, 2us}));
}

TEST(rate_limiter, counts_what_it_did) {
    auto settings = per_second(10.0, 1);
    settings.max_wait = 150ms;
    rate_limiter limiter(settings);
    static_cast<void>(limiter.reserve(start));
    const auto waiting = limiter.reserve(start);
    EXPECT_FALSE(limiter.reserve(start));
    EXPECT_EQ(limiter.statistics(start).next_wait, 200ms);
    EXPECT_TRUE(limiter.cancel(*waiting.reservation));
    EXPECT_FALSE(limiter.cancel(*waiting.reservation));
    const auto statistics = limiter.statistics(start);
    EXPECT_EQ(statistics.reserved, 2);
    EXPECT_EQ(statistics.waited, 1);
    EXPECT_EQ(statistics.refused, 1);
    EXPECT_EQ(statistics.cancelled, 2);
    EXPECT_EQ(statistics.given_back, 1);
    EXPECT_EQ(statistics.waiting, 100ms);
    EXPECT_EQ(statistics.next_wait, 100ms);
    EXPECT_EQ(limiter.statistics(start + 1h).next_wait, 0ms);
}

/// The most turns in any span, looked at from every turn as its beginning and every later one as its end: n turns from
/// the i-th on need n ≤ rate × t + burst. Equivalent and quick: turn(j) - j × interval must never fall further below
/// its own past maximum than (burst - 1) × interval.
void expect_bound(const std::vector<time_point>& turns, double rate, duration span, std::uint32_t burst) {
    const double per_tick = rate / static_cast<double>(span.count());
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < turns.size(); ++j) {
        const double allowed = static_cast<double>((turns[j] - start).count()) * per_tick - static_cast<double>(j);
        highest = std::max(highest, allowed);
        ASSERT_LE(highest - allowed, static_cast<double>(burst) - 1.0 + 1e-6) << "turn " << j;
    }
}

TEST(rate_limiter, never_gives_more_turns_than_rate_times_span_and_burst) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        random_source random(seed);
        rate_limiter_settings settings;
        if (random.below(4) != 0) settings.per_second = 0.5 + random.unit() * 200.0;
        if (random.below(4) != 0) settings.per_minute = 5.0 + random.unit() * 6000.0;
        settings.burst_per_second = static_cast<std::uint32_t>(random.below(20));
        settings.burst_per_minute = static_cast<std::uint32_t>(random.below(100));
        settings.max_wait = random.up_to(3s);
        rate_limiter limiter(settings);
        std::vector<time_point> turns;
        std::vector<rate_reservation> open;
        time_point now = start;
        time_point last_turn = start;
        for (int step = 0; step < 10'000; ++step) {
            now += random.below(200) == 0 ? random.up_to(1min) : random.up_to(10ms);
            if (random.below(10) == 0 && !open.empty()) {
                // Whoever gives up: mostly the last, sometimes another, sometimes one for the second time.
                const std::size_t which = random.below(2) == 0 ? open.size() - 1 : random.below(open.size());
                if (open[which].at > now) {
                    const bool is_given_back = limiter.cancel(open[which]);
                    if (std::erase(turns, open[which].at) > 0 && is_given_back) {
                        last_turn = turns.empty() ? start : turns.back();
                    }
                    if (random.below(5) != 0) open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
                }
                continue;
            }
            const auto admission = limiter.reserve(now);
            ASSERT_GE(admission.earliest, now);
            ASSERT_EQ(static_cast<bool>(admission), admission.earliest <= now + settings.max_wait);
            if (!admission) continue;
            ASSERT_GE(admission.reservation->at, last_turn) << "first come, first served";
            last_turn = admission.reservation->at;
            turns.push_back(last_turn);
            open.push_back(*admission.reservation);
        }
        const auto& actual = limiter.settings();
        if (actual.per_second > 0.0) {
            ASSERT_NO_FATAL_FAILURE(expect_bound(turns, actual.per_second, 1s, actual.burst_per_second));
        }
        if (actual.per_minute > 0.0) {
            ASSERT_NO_FATAL_FAILURE(expect_bound(turns, actual.per_minute, 1min, actual.burst_per_minute));
        }
    }
}

TEST(rate_limiter, under_constant_demand_gives_the_whole_rate) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        random_source random(seed);
        auto settings = per_second(1.0 + random.unit() * 1000.0, static_cast<std::uint32_t>(1 + random.below(50)));
        settings.max_wait = 1s;
        rate_limiter limiter(settings);
        std::uint64_t given = 0;
        for (time_point now = start; now < start + 100s; now += 500us) {
            if (limiter.reserve(now)) ++given;
        }
        EXPECT_NEAR(static_cast<double>(given), settings.per_second * 101.0 + settings.burst_per_second,
                    settings.per_second * 0.01 + 2.0);
    }
}

TEST(rate_limiter, settings_are_valid_at_their_limits) {
    EXPECT_TRUE(rate_limiter_settings{}.validate());
    EXPECT_TRUE((rate_limiter_settings{0.001, 1, 0.001, 1, 0s}.validate()));
    EXPECT_TRUE((rate_limiter_settings{1e6, 1'000'000, 6e7, 1'000'000, 24h}.validate()));
}

TEST(rate_limiter, settings_out_of_range_are_refused_by_name) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::pair<rate_limiter_settings, const char*> table[] = {
        {{.per_second = -1.0}, "per_second = -1 is out of range 0.001 … 1000000, or 0"},
        {{.per_second = 0.0009}, "per_second = 0.0009"},
        {{.per_second = 1e6 + 1}, "per_second = 1000001"},
        {{.per_second = nan}, "per_second = nan"},
        {{.burst_per_second = 1'000'001}, "burst_per_second = 1000001"},
        {{.per_minute = 0.0009}, "per_minute = 0.0009"},
        {{.per_minute = 6e7 + 1}, "per_minute = 60000001"},
        {{.burst_per_minute = 1'000'001}, "burst_per_minute = 1000001"},
        {{.max_wait = -1ns}, "max_wait = "},
        {{.max_wait = 24h + 1ns}, "max_wait = "},
    };
    test::expect_each_refused(table);
}

}  // namespace
}  // namespace lido::resilience
