// Goal: endpoints are ejected for the reasons, the times and up to the limit that Envoy documents. Method: tables in
// virtual time, and random traffic to random endpoints in which every ejection is checked against its reason and limit.
#include "lido/resilience/outlier_ejection.hpp"

#include "support/refused_settings.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

/// Without jitter, so that times can be told.
outlier_ejection_settings exact() {
    outlier_ejection_settings settings;
    settings.jitter = 0s;
    return settings;
}

/// Ejected by as many failures as it takes.
bool fail(outlier_ejection& watch, std::size_t position, time_point now) {
    random_source random(1);
    bool is_ejected = false;
    for (std::uint32_t i = 0; i < watch.settings().failures; ++i) {
        is_ejected = watch.report(position, false, now, random);
    }
    return is_ejected;
}

/// `calls` calls of which a share succeeds, never as many failures in a row as eject.
void traffic(outlier_ejection& watch, std::size_t position, int calls, double success_rate, time_point now) {
    random_source random(1);
    double owed = 0.0;
    for (int i = 0; i < calls; ++i) {
        owed += success_rate;
        const bool success = owed >= 1.0 - 1e-9;
        if (success) owed -= 1.0;
        ASSERT_FALSE(watch.report(position, success, now, random));
    }
}

TEST(outlier_ejection, ejects_after_failures_in_a_row) {
    struct line {
        const char* script;
        bool is_ejected;
    };
    for (const auto& [script, expected] : {
             line{"ffff", false},
             line{"fffff", true},
             line{"ffffsffff", false},
             line{"sssffffsfffff", true},
         }) {
        random_source random(1);
        outlier_ejection watch(exact(), 10, start);
        bool is_out = false;
        for (const char* letter = script; *letter != '\0'; ++letter) {
            is_out = watch.report(3, *letter == 's', start, random);
        }
        EXPECT_EQ(is_out, expected) << script;
        EXPECT_EQ(watch.is_ejected(3, start), expected) << script;
    }
}

TEST(outlier_ejection, of_zero_failures_does_not_eject_for_failures_in_a_row) {
    auto settings = exact();
    settings.failures = 0;
    random_source random(1);
    outlier_ejection watch(settings, 10, start);
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(watch.report(0, false, start, random));
}

TEST(outlier_ejection, lasts_the_base_time_for_each_ejection_and_forgets_one_per_interval_in_service) {
    outlier_ejection watch(exact(), 10, start);
    random_source random(1);
    time_point now = start;
    for (const auto time : {30s, 60s, 90s, 120s, 150s, 180s, 210s, 240s, 270s, 300s, 300s, 300s}) {
        ASSERT_TRUE(fail(watch, 0, now));
        EXPECT_EQ(watch.returns_at(0), now + time);
        EXPECT_TRUE(watch.is_ejected(0, now + time - 1ns));
        EXPECT_FALSE(watch.is_ejected(0, now + time));
        now += time;
        // The interval in which it was ejected, or was away, is none in service.
        watch.sweep(now - 1ns, random);
    }
    for (int i = 0; i < 12; ++i) watch.sweep(now += 10s, random);
    ASSERT_TRUE(fail(watch, 0, now));
    EXPECT_EQ(watch.returns_at(0), now + 30s) << "all is forgotten";
}

TEST(outlier_ejection, never_lasts_longer_than_the_longest_time) {
    auto settings = exact();
    settings.base_time = 40s;
    settings.max_time = 100s;
    outlier_ejection watch(settings, 10, start);
    time_point now = start;
    for (const auto time : {40s, 80s, 100s, 100s}) {
        ASSERT_TRUE(fail(watch, 0, now));
        EXPECT_EQ(watch.returns_at(0), now + time);
        now += time;
    }
}

TEST(outlier_ejection, adds_jitter) {
    outlier_ejection watch({.max_share = 1.0}, 100, start);
    random_source random(7);
    duration earliest = duration::max();
    duration latest{};
    for (std::size_t i = 0; i < 100; ++i) {
        for (int j = 0; j < 5; ++j) watch.report(i, false, start, random);
        earliest = std::min(earliest, watch.returns_at(i) - start);
        latest = std::max(latest, watch.returns_at(i) - start);
    }
    EXPECT_GE(earliest, 30s);
    EXPECT_LE(earliest, 30s + 300ms);
    EXPECT_LE(latest, 33s);
    EXPECT_GE(latest, 33s - 300ms);
}

TEST(outlier_ejection, ejects_no_more_than_its_share) {
    struct line {
        std::size_t endpoints;
        double share;
        bool always_one;
        std::size_t most;
    };
    for (const auto& [endpoints, share, always_one, most] : {
             line{10, 0.1, true, 1},
             line{20, 0.1, true, 2},
             line{19, 0.1, true, 1},
             line{3, 0.1, true, 1},
             line{3, 0.1, false, 0},
             line{2, 0.0, true, 1},
             line{1, 0.1, true, 0},  // never the only one
             line{1, 1.0, false, 1},
             line{3, 1.0, true, 3},
             line{100, 0.29, true, 29},
             line{10, 0.0, false, 0},
         }) {
        auto settings = exact();
        settings.max_share = share;
        settings.always_one = always_one;
        outlier_ejection watch(settings, endpoints, start);
        std::size_t out = 0;
        for (std::size_t i = 0; i < endpoints; ++i) out += fail(watch, i, start) ? 1U : 0U;
        EXPECT_EQ(out, most) << endpoints << " endpoints, share " << share;
        EXPECT_EQ(watch.statistics(start).ejected, most);
        EXPECT_EQ(watch.statistics(start).refused, endpoints - most);
    }
}

TEST(outlier_ejection, makes_room_when_one_has_come_back) {
    outlier_ejection watch(exact(), 3, start);
    ASSERT_TRUE(fail(watch, 0, start));
    EXPECT_FALSE(fail(watch, 1, start + 30s - 1ns));
    EXPECT_TRUE(fail(watch, 1, start + 30s));
    watch.take_back(1);
    EXPECT_FALSE(watch.is_ejected(1, start + 30s));
    EXPECT_TRUE(fail(watch, 2, start + 30s));
}

TEST(outlier_ejection, does_not_count_late_outcomes_of_one_that_is_out) {
    outlier_ejection watch(exact(), 3, start);
    random_source random(1);
    ASSERT_TRUE(fail(watch, 0, start));
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(watch.report(0, false, start + 1s, random));
    EXPECT_EQ(watch.returns_at(0), start + 30s);
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(watch.report(0, false, start + 30s, random)) << "a clean record again";
    EXPECT_EQ(watch.statistics(start).late, 100);
}

TEST(outlier_ejection, ejects_whose_success_rate_is_far_below_the_others) {
    outlier_ejection watch(exact(), 10, start);
    random_source random(1);
    for (std::size_t i = 0; i < 9; ++i) traffic(watch, i, 100, 0.99, start);
    traffic(watch, 9, 100, 0.75, start);
    EXPECT_EQ(watch.sweep(start + 10s - 1ns, random), 0) << "not before the interval is over";
    EXPECT_EQ(watch.sweep(start + 10s, random), 1);
    EXPECT_TRUE(watch.is_ejected(9, start + 10s));
    const auto statistics = watch.statistics(start + 10s);
    EXPECT_EQ(statistics.by_success_rate, 1);
    EXPECT_EQ(statistics.by_failures, 0);
    EXPECT_NEAR(statistics.mean_success_rate, (9 * 0.99 + 0.75) / 10, 1e-9);
    // The deviation of one among ten that differs by d is 0.3 d.
    EXPECT_NEAR(statistics.threshold_of_success_rate, 0.966 - 1.9 * 0.3 * 0.24, 1e-8);
}

TEST(outlier_ejection, compares_only_enough_endpoints_with_enough_calls) {
    struct line {
        std::size_t endpoints;
        int calls;
        std::size_t out;
    };
    for (const auto& [endpoints, calls, out] : {line{5, 100, 1}, line{4, 100, 0}, line{5, 99, 0}}) {
        outlier_ejection watch(exact(), endpoints, start);
        random_source random(1);
        for (std::size_t i = 0; i + 1 < endpoints; ++i) traffic(watch, i, calls, 1.0, start);
        traffic(watch, endpoints - 1, calls, 0.5, start);
        EXPECT_EQ(watch.sweep(start + 10s, random), out) << endpoints << " endpoints, calls " << calls;
    }
}

TEST(outlier_ejection, ejects_nobody_when_all_are_equally_bad) {
    for (std::size_t endpoints = 5; endpoints < 50; ++endpoints) {
        auto settings = exact();
        settings.deviations = 0.1;  // as strict as it can be: rounding must not matter either
        outlier_ejection watch(settings, endpoints, start);
        random_source random(1);
        for (std::size_t i = 0; i < endpoints; ++i) traffic(watch, i, 300, 0.3, start);
        EXPECT_EQ(watch.sweep(start + 10s, random), 0) << endpoints;
        EXPECT_EQ(watch.statistics(start).comparisons, 1);
        EXPECT_EQ(watch.statistics(start).refused, 0) << endpoints;
    }
}

TEST(outlier_ejection, of_no_deviations_compares_nothing) {
    auto settings = exact();
    settings.deviations = 0.0;
    outlier_ejection watch(settings, 5, start);
    random_source random(1);
    for (std::size_t i = 0; i < 4; ++i) traffic(watch, i, 100, 1.0, start);
    traffic(watch, 4, 100, 0.5, start);
    EXPECT_EQ(watch.sweep(start + 10s, random), 0);
    EXPECT_EQ(watch.statistics(start).comparisons, 0);
}

TEST(outlier_ejection, compares_each_interval_by_itself) {
    outlier_ejection watch(exact(), 5, start);
    random_source random(1);
    for (std::size_t i = 0; i < 5; ++i) traffic(watch, i, 60, i == 4 ? 0.5 : 1.0, start);
    EXPECT_EQ(watch.sweep(start + 10s, random), 0);
    EXPECT_EQ(watch.next_sweep(), start + 20s);
    for (std::size_t i = 0; i < 5; ++i) traffic(watch, i, 60, i == 4 ? 0.5 : 1.0, start + 15s);
    EXPECT_EQ(watch.sweep(start + 20s, random), 0) << "sixty calls in each, never a hundred";
}

TEST(outlier_ejection, ejects_the_worst_first_when_not_all_may_go) {
    auto settings = exact();
    settings.deviations = 0.5;
    outlier_ejection watch(settings, 10, start);
    random_source random(1);
    for (std::size_t i = 0; i < 10; ++i) traffic(watch, i, 100, i == 2 ? 0.7 : i == 7 ? 0.5 : 1.0, start);
    EXPECT_EQ(watch.sweep(start + 10s, random), 1);
    EXPECT_TRUE(watch.is_ejected(7, start + 10s));
    EXPECT_FALSE(watch.is_ejected(2, start + 10s));
    EXPECT_EQ(watch.statistics(start + 10s).refused, 1);
}

TEST(outlier_ejection, knows_endpoints_that_come_and_go) {
    outlier_ejection watch(exact(), 2, start);
    watch.add();
    EXPECT_EQ(watch.size(), 3);
    ASSERT_TRUE(fail(watch, 2, start));
    watch.remove(0);
    EXPECT_EQ(watch.size(), 2);
    EXPECT_TRUE(watch.is_ejected(1, start)) << "it has moved up";
    EXPECT_FALSE(watch.is_ejected(0, start));
}

/// Says of every ejection whether there was a reason for it and room.
struct world {
    explicit world(std::uint64_t seed) : random(seed) {
        settings.failures = static_cast<std::uint32_t>(random.below(6));
        settings.interval = 1s + random.up_to(10s);
        settings.deviations = random.below(3) == 0 ? 0.0 : 0.5 + random.unit() * 2.0;
        settings.minimum_calls = 1 + random.below(20);
        settings.minimum_endpoints = 2 + random.below(5);
        settings.base_time = 1s + random.up_to(10s);
        settings.max_time = settings.base_time + random.up_to(60s);
        settings.jitter = random.up_to(2s);
        settings.max_share = random.unit();
        settings.always_one = random.below(2) == 0;
        const std::size_t count = 1 + random.below(20);
        rates.assign(count, 0.9);
        in_a_row.assign(count, 0);
        watch = outlier_ejection(settings, count, start);
        most = static_cast<std::size_t>(std::floor(settings.max_share * static_cast<double>(count) + 1e-9));
        if (settings.always_one && count > 1) most = std::max<std::size_t>(most, 1);
    }

    void step() {
        now += random.below(100) == 0 ? random.up_to(20s) : random.up_to(50ms);
        if (random.below(100) == 0) rates[random.below(rates.size())] = random.unit();
        const auto before = watch.statistics(now);
        ASSERT_LE(before.ejected, most);
        const auto position = static_cast<std::size_t>(random.below(rates.size()));
        const bool was_out = watch.is_ejected(position, now);
        const bool success = random.unit() < rates[position];
        in_a_row[position] = success || was_out ? 0 : in_a_row[position] + 1;
        const bool is_outlier = settings.failures > 0 && in_a_row[position] >= settings.failures;
        ASSERT_EQ(watch.report(position, success, now, random), is_outlier && before.ejected < most);
        if (is_outlier) in_a_row[position] = 0;
        if (is_outlier && before.ejected < most) {
            const duration time = watch.returns_at(position) - now;
            ASSERT_GE(time, settings.base_time);
            ASSERT_LE(time, settings.max_time + settings.jitter);
        }
        const std::size_t already = watch.statistics(now).ejected;
        const std::size_t out = watch.sweep(now, random);
        ASSERT_EQ(watch.statistics(now).ejected, already + out);
        ASSERT_LE(already + out, most);
        for (std::size_t i = 0; i < rates.size(); ++i) {
            // Who is out begins with a clean record when it comes back.
            if (watch.is_ejected(i, now)) in_a_row[i] = 0;
        }
    }

    random_source random;
    outlier_ejection_settings settings;
    outlier_ejection watch;
    std::size_t most = 0;
    std::vector<double> rates;
    std::vector<std::uint32_t> in_a_row;
    time_point now = start;
};

TEST(outlier_ejection, keeps_its_limit_and_has_a_reason_for_every_ejection) {
    std::uint64_t by_failures = 0;
    std::uint64_t by_success_rate = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        world each(seed);
        ASSERT_TRUE(each.settings.validate());
        for (int step = 0; step < 10'000; ++step) {
            ASSERT_NO_FATAL_FAILURE(each.step()) << "seed " << seed << ", step " << step;
        }
        by_failures += each.watch.statistics(each.now).by_failures;
        by_success_rate += each.watch.statistics(each.now).by_success_rate;
    }
    EXPECT_GT(by_failures, 1000);
    EXPECT_GT(by_success_rate, 100);
}

TEST(outlier_ejection, settings_are_valid_at_their_limits) {
    EXPECT_TRUE(outlier_ejection_settings{}.validate());
    EXPECT_TRUE((outlier_ejection_settings{0, 100ms, 0.0, 1, 2, 1ms, 1ms, 0s, 0.0, false}.validate()));
    EXPECT_TRUE(
        (outlier_ejection_settings{1'000'000, 24h, 100.0, 1'000'000'000, 100'000, 24h, 24h, 1h, 1.0, true}.validate()));
}

TEST(outlier_ejection, settings_out_of_range_are_refused_by_name) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::pair<outlier_ejection_settings, const char*> table[] = {
        {{.failures = 1'000'001}, "failures = 1000001 is out of range 0 … 1000000"},
        {{.interval = 99ms}, "interval = 99 ms"},
        {{.interval = 25h}, "interval = "},
        {{.deviations = 0.05}, "deviations = 0.05 is out of range 0.1 … 100, or 0"},
        {{.deviations = 101.0}, "deviations = 101"},
        {{.deviations = nan}, "deviations = nan"},
        {{.minimum_calls = 0}, "minimum_calls = 0"},
        {{.minimum_endpoints = 1}, "minimum_endpoints = 1"},
        {{.base_time = 0ms}, "base_time = "},
        {{.base_time = 10min}, "max_time = 5 min is out of range 10 min … 24 h"},
        {{.max_time = 25h}, "max_time = "},
        {{.jitter = -1ns}, "jitter = "},
        {{.jitter = 61min}, "jitter = "},
        {{.max_share = -0.1}, "max_share = -0.1"},
        {{.max_share = 1.1}, "max_share = 1.1"},
    };
    test::expect_each_refused(table);
}

}  // namespace
}  // namespace lido::resilience
