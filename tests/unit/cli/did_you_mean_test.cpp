// Goal: a slip of the fingers gets the name that was meant, anything else none. Method: a table.
#include "did_you_mean.hpp"

#include <gtest/gtest.h>

#include <array>

namespace lido::cli {
namespace {

TEST(did_you_mean, finds_the_nearest_name) {
    const std::array<std::string_view, 4> names{"--num-users", "--pool-size", "--slow", "--seed"};
    EXPECT_EQ(did_you_mean("--num-user", names), "--num-users");
    EXPECT_EQ(did_you_mean("--nmu-users", names), "--num-users");
    EXPECT_EQ(did_you_mean("--poolsize", names), "--pool-size");
    EXPECT_EQ(did_you_mean("--slwo", names), "--slow");
    EXPECT_EQ(did_you_mean("--seed", names), "--seed");
}

TEST(did_you_mean, is_silent_when_nothing_is_near) {
    const std::array<std::string_view, 2> names{"--num-users", "--pool-size"};
    EXPECT_EQ(did_you_mean("--frobnicate", names), "");
    EXPECT_EQ(did_you_mean("", names), "");
    EXPECT_EQ(did_you_mean(std::string(10'000, '-'), names), "");
    EXPECT_EQ(did_you_mean("x", {}), "");
}

}  // namespace
}  // namespace lido::cli
