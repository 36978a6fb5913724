// Goal: the ready-made settings are valid, and have the figures that were promised.
#include "lido/pool/profiles.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
namespace profiles = lido::pool::profiles;

TEST(pool_profiles, are_valid) {
    for (const auto& each : {profiles::high_throughput(), profiles::low_latency(), profiles::batch()}) {
        EXPECT_TRUE(each.validate().has_value());
    }
}

TEST(pool_profiles, have_the_figures_that_are_promised) {
    const auto many = profiles::high_throughput();
    const auto quick = profiles::low_latency();
    const auto patient = profiles::batch();
    EXPECT_EQ(many.max_size, 100U);
    EXPECT_EQ(many.max_idle, 50U);
    EXPECT_EQ(many.connect_timeout, 2s);
    EXPECT_TRUE(std::holds_alternative<lido::pool::adaptive_sizing>(many.sizing));
    EXPECT_EQ(quick.max_size, 30U);
    EXPECT_EQ(quick.min_size, 10U);
    EXPECT_EQ(quick.connect_timeout, 1s);
    EXPECT_EQ(patient.max_size, 10U);
    EXPECT_EQ(patient.min_size, 0U);
    EXPECT_EQ(patient.connect_timeout, 5s);
    EXPECT_LT(quick.acquire_timeout, many.acquire_timeout);
    EXPECT_LT(many.acquire_timeout, patient.acquire_timeout);
    EXPECT_LT(patient.idle_timeout, many.idle_timeout);
}

}  // namespace
