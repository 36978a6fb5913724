// Goal: every sequence of events in a small world, to a depth that takes seconds; lido-sim --exhaustive N goes further.
#include "sim/exhaustive.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace {

using lido::sim::explore;
using lido::sim::small_settings;

TEST(exhaustive, every_sequence_of_events_with_two_connections_and_three_callers) {
    const auto result = explore(small_settings(), 8);
    RecordProperty("steps", std::to_string(result.steps));
    EXPECT_GT(result.steps, 10'000U);
}

TEST(exhaustive, the_same_without_a_minimum_and_without_time_outs) {
    auto settings = small_settings();
    settings.min_size = 0;
    settings.idle_timeout = lido::pool::settings::forever;
    settings.max_lifetime = lido::pool::settings::forever;
    EXPECT_GT(explore(settings, 8).steps, 10'000U);
}

TEST(exhaustive, the_same_with_one_connection_and_one_beyond) {
    auto settings = small_settings();
    settings.max_size = 1;
    settings.on_full = lido::pool::when_full::overflow;
    settings.max_overflow = 1;
    EXPECT_GT(explore(settings, 8).steps, 10'000U);
}

}  // namespace
