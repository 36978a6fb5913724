#include "lido/base/time.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::deadline_after;
using lido::duration;
using lido::never;
using lido::time_point;
using lido::to_text;

TEST(time, a_deadline_saturates_instead_of_overflowing) {
    const time_point now{1000h};
    EXPECT_EQ(deadline_after(now, 5s), now + 5s);
    EXPECT_EQ(deadline_after(now, 0s), now);
    EXPECT_EQ(deadline_after(now, -1s), now - 1s);
    EXPECT_EQ(deadline_after(now, duration::max()), never);
    EXPECT_EQ(deadline_after(never, 1s), never);
    EXPECT_EQ(deadline_after(never, 0s), never);
}

TEST(time, the_coarse_clock_follows_the_exact_one_within_some_milliseconds) {
    for (int i = 0; i < 100; ++i) {
        const time_point coarse = lido::coarse_now();
        const time_point exact = lido::clock::now();
        EXPECT_LE(coarse, exact);
        EXPECT_GT(coarse, exact - 1s);
    }
}

TEST(time, is_written_in_the_shortest_exact_form) {
    EXPECT_EQ(to_text(0s), "0 s");
    EXPECT_EQ(to_text(250ms), "250 ms");
    EXPECT_EQ(to_text(10s), "10 s");
    EXPECT_EQ(to_text(120s), "2 min");
    EXPECT_EQ(to_text(90min), "1 h 30 min");
    EXPECT_EQ(to_text(1s + 5us + 7ns), "1 s 5 us 7 ns");
    EXPECT_EQ(to_text(-90s), "-1 min 30 s");
    EXPECT_EQ(to_text(duration::max()), "2562047 h 47 min 16 s 854 ms 775 us 807 ns");
    EXPECT_EQ(to_text(duration::min()), "-2562047 h 47 min 16 s 854 ms 775 us 808 ns");
}

}  // namespace
