#include "lido/base/histogram.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::histogram;
using lido::random_source;

double as_double(duration value) {
    return static_cast<double>(value.count());
}

TEST(histogram, empty_answers_zero_to_everything) {
    const histogram none;
    EXPECT_EQ(none.count(), 0U);
    for (const duration each : {none.min(), none.max(), none.mean(), none.quantile(0.5), none.quantile(1.0)}) {
        EXPECT_EQ(each, 0s);
    }
}

TEST(histogram, a_single_value_is_exact_everywhere) {
    for (const duration value : std::vector<duration>{0ns, 1ns, 63ns, 64ns, 12'345ns, 1ms + 1ns, 5s + 3us, 40h}) {
        histogram one;
        one.record(value);
        EXPECT_EQ(one.count(), 1U);
        EXPECT_EQ(one.min(), value);
        EXPECT_EQ(one.max(), value);
        EXPECT_EQ(one.mean(), value);
        EXPECT_EQ(one.quantile(0.5), value);
    }
}

TEST(histogram, a_quantile_is_off_by_32_ns_or_1_6_percent_at_most_up_to_39_hours) {
    random_source random(1);
    for (int i = 0; i < 50'000; ++i) {
        const duration value = random.up_to(duration(std::int64_t{1} << random.below(48)));
        histogram three;
        three.record(0ns);
        three.record(value);
        three.record(duration::max());
        const double found = as_double(three.quantile(0.5));
        ASSERT_LE(std::abs(found - as_double(value)), std::max(32.0, as_double(value) * 0.016)) << value.count();
    }
}

TEST(histogram, neighbours_on_both_sides_of_every_power_of_two_are_within_the_bound) {
    for (unsigned bits = 0; bits < 47; ++bits) {
        for (const std::int64_t beside : {-1, 0, 1}) {
            const duration value((std::int64_t{1} << bits) + beside);
            histogram three;
            three.record(0ns);
            three.record(value);
            three.record(duration::max());
            const double found = as_double(three.quantile(0.5));
            ASSERT_LE(std::abs(found - as_double(value)), std::max(32.0, as_double(value) * 0.016)) << value.count();
        }
    }
}

TEST(histogram, quantiles_of_many_values_are_those_of_the_sorted_list) {
    random_source random(2);
    histogram all;
    std::vector<duration> sorted;
    for (int i = 0; i < 50'000; ++i) {
        const auto value = duration(static_cast<std::int64_t>(50'000.0 * std::exp(random.unit() * 8.0)));
        all.record(value);
        sorted.push_back(value);
    }
    std::sort(sorted.begin(), sorted.end());
    duration before = 0s;
    for (const double share : {0.001, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999}) {
        const auto rank = static_cast<std::size_t>(std::ceil(share * 50'000)) - 1;
        const duration found = all.quantile(share);
        EXPECT_NEAR(as_double(found), as_double(sorted[rank]), as_double(sorted[rank]) * 0.016);
        EXPECT_GE(found, before);
        before = found;
    }
    EXPECT_EQ(all.quantile(0.0), sorted.front());
    EXPECT_EQ(all.quantile(-1.0), sorted.front());
    EXPECT_EQ(all.quantile(1.0), sorted.back());
    EXPECT_EQ(all.quantile(std::nan("")), sorted.front());
}

TEST(histogram, negative_counts_as_zero_and_the_longest_still_counts) {
    histogram odd;
    odd.record(-5s);
    odd.record(duration::max());
    EXPECT_EQ(odd.min(), 0s);
    EXPECT_EQ(odd.max(), duration::max());
    EXPECT_EQ(odd.count(), 2U);
}

TEST(histogram, the_mean_survives_sums_beyond_64_bits) {
    histogram large;
    for (int i = 0; i < 10; ++i) large.record(duration::max());
    EXPECT_NEAR(as_double(large.mean()), as_double(duration::max()), 1e4);
}

TEST(histogram, merging_is_the_same_as_recording_in_one) {
    random_source random(3);
    histogram first;
    histogram second;
    histogram both;
    for (int i = 0; i < 10'000; ++i) {
        const duration value = random.up_to(10s);
        (i % 3 == 0 ? first : second).record(value);
        both.record(value);
    }
    first.merge(second);
    first.merge(histogram());
    EXPECT_EQ(first.count(), both.count());
    EXPECT_EQ(first.min(), both.min());
    EXPECT_EQ(first.max(), both.max());
    EXPECT_EQ(first.mean(), both.mean());
    for (const double share : {0.01, 0.5, 0.99}) EXPECT_EQ(first.quantile(share), both.quantile(share));
}

TEST(histogram, merging_carries_counts_beyond_32_bits) {
    histogram sum;
    sum.record(1ms);
    for (int doubling = 0; doubling < 36; ++doubling) {
        const histogram copy = sum;
        sum.merge(copy);
    }
    sum.record(1s);
    EXPECT_EQ(sum.count(), (std::uint64_t{1} << 36) + 1);
    EXPECT_NEAR(as_double(sum.quantile(0.99)), 1e6, 1.6e4);
}

TEST(histogram, forgets_on_reset) {
    histogram used;
    used.record(1s);
    used.reset();
    EXPECT_EQ(used.count(), 0U);
    EXPECT_EQ(used.min(), 0s);
    EXPECT_EQ(used.quantile(0.5), 0s);
}

}  // namespace
