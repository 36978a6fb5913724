#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::random_source;

TEST(random, equal_seeds_give_equal_sequences_and_a_copy_goes_on_alike) {
    random_source first(1);
    random_source second(1);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(first.next(), second.next());
    random_source copy = first;
    EXPECT_EQ(copy.next(), first.next());
    EXPECT_NE(random_source(1).next(), random_source(2).next());
}

/// Computed from the published algorithms independently of this implementation.
TEST(random, gives_the_published_sequence) {
    random_source source(0);
    EXPECT_EQ(source.next(), 0x99EC5F36CB75F2B4U);
    EXPECT_EQ(source.next(), 0xBF6E1F784956452AU);
    EXPECT_EQ(source.next(), 0x1A5F849D4933E6E0U);
}

TEST(random, below_stays_below_and_favours_nobody) {
    random_source source(3);
    EXPECT_EQ(source.below(0), 0U);
    EXPECT_EQ(source.below(1), 0U);
    std::array<int, 7> counts{};
    for (int i = 0; i < 70'000; ++i) ++counts.at(source.below(7));
    for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
    for (int i = 0; i < 1000; ++i) EXPECT_LT(source.below(~std::uint64_t{0}), ~std::uint64_t{0});
}

/// A bound of two thirds of the range: taking the product's upper half alone would double the share of every other one.
TEST(random, below_is_fair_for_bounds_near_the_range_too) {
    random_source source(4);
    constexpr std::uint64_t bound = (~std::uint64_t{0} / 3) * 2;
    int odd = 0;
    for (int i = 0; i < 30'000; ++i) odd += static_cast<int>(source.below(bound) % 2);
    EXPECT_NEAR(odd, 15'000, 600);
}

TEST(random, unit_lies_in_the_half_open_interval_and_around_its_middle) {
    random_source source(5);
    double sum = 0.0;
    for (int i = 0; i < 100'000; ++i) {
        const double value = source.unit();
        ASSERT_GE(value, 0.0);
        ASSERT_LT(value, 1.0);
        sum += value;
    }
    EXPECT_NEAR(sum / 100'000, 0.5, 0.01);
}

TEST(random, up_to_includes_both_ends_and_takes_nothing_negative) {
    random_source source(6);
    std::set<duration> seen;
    for (int i = 0; i < 200; ++i) seen.insert(source.up_to(3ns));
    EXPECT_EQ(seen, (std::set<duration>{0ns, 1ns, 2ns, 3ns}));
    EXPECT_EQ(source.up_to(0ns), 0ns);
    EXPECT_EQ(source.up_to(-5s), 0ns);
    EXPECT_GE(source.up_to(duration::max()), 0ns);
}

TEST(random, seeds_from_the_kernel_differ) {
    std::set<std::uint64_t> seeds;
    for (int i = 0; i < 100; ++i) seeds.insert(random_source::entropy_seed());
    EXPECT_EQ(seeds.size(), 100U);
}

}  // namespace
