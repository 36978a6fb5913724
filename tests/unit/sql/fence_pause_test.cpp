#include "sql/fence_pause.hpp"

#include <gtest/gtest.h>

namespace lido::sql {
namespace {

using namespace std::chrono_literals;

TEST(sql_fence_pause, the_first_fence_is_at_once_and_the_next_after_the_pause) {
    fence_pause pause;
    const time_point begun(1h);
    EXPECT_TRUE(pause.ends(begun));
    EXPECT_FALSE(pause.ends(begun));
    EXPECT_FALSE(pause.ends(begun + fence_pause::length - 1ms));
    EXPECT_TRUE(pause.ends(begun + fence_pause::length));
    EXPECT_FALSE(pause.ends(begun + 2 * fence_pause::length - 1ms)) << "it began anew";
}

TEST(sql_fence_pause, leaves_time_to_connect_within_what_a_recovery_may_take) {
    fence_pause pause;
    const time_point begun(1h);
    EXPECT_TRUE(pause.ends(begun));
    EXPECT_FALSE(pause.ends(begun + 500ms)) << "or each refused write would cost all connections";
    EXPECT_TRUE(pause.ends(begun + 1s));
}

}  // namespace
}  // namespace lido::sql
