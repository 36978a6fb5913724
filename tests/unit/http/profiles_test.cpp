// Goal: the ready-made settings are valid, and have the figures that were promised.
#include "lido/http/profiles.hpp"

#include <gtest/gtest.h>

#include <variant>

namespace {

using namespace std::chrono_literals;
namespace profiles = lido::http::profiles;

TEST(http_profiles, are_valid) {
    for (const auto& each : {profiles::high_throughput(), profiles::low_latency(), profiles::batch()}) {
        EXPECT_TRUE(each.validate().has_value());
    }
}

TEST(http_profiles, have_the_figures_that_are_promised) {
    const auto many = profiles::high_throughput();
    EXPECT_EQ(many.max_connections_per_origin, 100U);
    EXPECT_EQ(many.max_idle_per_origin, 50U);
    EXPECT_EQ(many.max_connections, 1000U);
    EXPECT_EQ(many.connect_timeout, 2s);
    EXPECT_EQ(many.read_timeout, 30s);
    const auto quick = profiles::low_latency();
    EXPECT_EQ(quick.max_connections_per_origin, 30U);
    EXPECT_EQ(quick.max_connections, 100U);
    EXPECT_EQ(quick.connect_timeout, 1s);
    EXPECT_EQ(quick.read_timeout, 5s);
    const auto patient = profiles::batch();
    EXPECT_EQ(patient.max_connections_per_origin, 10U);
    EXPECT_EQ(patient.max_connections, 50U);
    EXPECT_EQ(patient.connect_timeout, 5s);
    EXPECT_EQ(patient.read_timeout, 2min);
}

TEST(http_profiles, wrong_rules_of_sizing_are_refused_by_name) {
    auto settings = profiles::high_throughput();
    std::get<lido::pool::adaptive_sizing>(settings.sizing).interval = 1ns;
    const auto refused = settings.validate();
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().message().find("interval"), std::string::npos);
    EXPECT_NE(refused.error().message().find("sizing"), std::string::npos);
}

}  // namespace
