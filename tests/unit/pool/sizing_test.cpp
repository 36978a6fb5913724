// Goal: how many connections are opened, as a table.
#include "pool/sizing.hpp"

#include <gtest/gtest.h>

namespace {

using lido::pool::connections_to_open;

static_assert(connections_to_open({.max = 10}) == 0, "nothing is opened for nothing");

TEST(sizing, one_for_each_caller_that_nothing_in_flight_serves) {
    EXPECT_EQ(connections_to_open({.max = 10, .waiting = 3}), 3U);
    EXPECT_EQ(connections_to_open({.max = 10, .existing = 2, .waiting = 3, .in_flight = 2}), 1U);
    EXPECT_EQ(connections_to_open({.max = 10, .existing = 5, .waiting = 3, .in_flight = 5}), 0U);
}

TEST(sizing, never_beyond_the_maximum) {
    EXPECT_EQ(connections_to_open({.max = 2, .waiting = 100}), 2U);
    EXPECT_EQ(connections_to_open({.max = 2, .existing = 2, .waiting = 100}), 0U);
    EXPECT_EQ(connections_to_open({.max = 2, .existing = 5, .waiting = 100}), 0U) << "max was lowered";
    EXPECT_EQ(connections_to_open({.max = 2, .floor = 5, .existing = 1}), 1U);
}

TEST(sizing, up_to_the_floor_without_demand) {
    EXPECT_EQ(connections_to_open({.max = 10, .floor = 4}), 4U);
    EXPECT_EQ(connections_to_open({.max = 10, .floor = 4, .existing = 3, .kept = 3}), 1U);
    EXPECT_EQ(connections_to_open({.max = 10, .floor = 4, .existing = 4, .kept = 2}), 2U)
        << "what is about to go does not count";
    EXPECT_EQ(connections_to_open({.max = 10, .floor = 4, .existing = 5, .kept = 5}), 0U);
}

TEST(sizing, demand_and_floor_are_not_added_up) {
    EXPECT_EQ(connections_to_open({.max = 10, .floor = 4, .waiting = 3}), 4U);
    EXPECT_EQ(connections_to_open({.max = 10, .floor = 2, .waiting = 3}), 3U);
}

TEST(sizing, connections_that_carry_many_leases_are_counted_by_these) {
    EXPECT_EQ(connections_to_open({.max = 10, .waiting = 100, .per_connect = 100}), 1U);
    EXPECT_EQ(connections_to_open({.max = 10, .waiting = 101, .per_connect = 100}), 2U);
    EXPECT_EQ(connections_to_open({.max = 10, .waiting = 101, .in_flight = 100, .per_connect = 100}), 1U);
    EXPECT_EQ(connections_to_open({.max = 10, .waiting = 3, .per_connect = 0}), 3U) << "0 counts as 1";
}

}  // namespace
