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
    EXPECT_FALSE(pause.ends(begun + fence_pause::length + 1s)) << "it began anew";
}

}  // namespace
}  // namespace lido::sql
