// Goal: the curve is the one that Envoy documents, and stays within its bounds for any settings.
#include "lido/resilience/slow_start.hpp"

#include "lido/base/random.hpp"
#include "support/refused_settings.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

TEST(slow_start, follows_the_documented_curve) {
    struct line {
        double aggression;
        duration age;
        double share;
    };
    for (const auto& [aggression, age, share] : {
             line{1.0, 0s, 0.1},
             line{1.0, 6s, 0.1},
             line{1.0, 15s, 0.25},
             line{1.0, 30s, 0.5},
             line{1.0, 60s, 1.0},
             line{1.0, 1000h, 1.0},
             line{2.0, 15s, 0.5},
             line{2.0, 0s, 0.129099},  // the square root of a 60th: the first second counts as a whole one
             line{2.0, 1s, 0.129099},
             line{0.5, 30s, 0.25},
             line{0.5, 15s, 0.1},
             line{100.0, 1s, 0.959883},
         }) {
        const slow_start_settings settings{.window = 60s, .aggression = aggression, .minimum_share = 0.1};
        EXPECT_NEAR(slow_start_share(settings, age), share, 1e-6) << aggression << ", " << to_text(age);
    }
}

TEST(slow_start, of_no_window_gives_the_whole_weight_at_once) {
    EXPECT_EQ(slow_start_share({.window = 0s}, 0s), 1.0);
}

TEST(slow_start, takes_an_age_below_zero_for_none) {
    EXPECT_EQ(slow_start_share({}, -5h), 0.1);
}

TEST(slow_start, rises_within_its_bounds_whatever_the_settings) {
    random_source random(1);
    for (int step = 0; step < 10'000; ++step) {
        const slow_start_settings settings{.window = 1s + random.up_to(1h),
                                           .aggression = 0.01 + random.unit() * (random.below(2) == 0 ? 1.0 : 99.0),
                                           .minimum_share = 0.001 + random.unit() * 0.999};
        ASSERT_TRUE(settings.validate());
        const duration age = random.up_to(settings.window + 1s);
        const double share = slow_start_share(settings, age);
        ASSERT_GE(share, settings.minimum_share);
        ASSERT_LE(share, 1.0);
        ASSERT_GE(slow_start_share(settings, age + random.up_to(10s)), share);
        ASSERT_EQ(slow_start_share(settings, settings.window), 1.0);
    }
}

TEST(slow_start, settings_are_checked_by_name) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(slow_start_settings{}.validate());
    EXPECT_TRUE((slow_start_settings{0s, 0.01, 0.001}.validate()));
    EXPECT_TRUE((slow_start_settings{1s, 100.0, 1.0}.validate()));
    EXPECT_TRUE((slow_start_settings{24h, 1.0, 0.1}.validate()));
    const std::pair<slow_start_settings, const char*> table[] = {
        {{.window = 999ms}, "window = 999 ms is out of range 1 s … 24 h, or 0"},
        {{.window = -1s}, "window = -1 s"},
        {{.window = 24h + 1ns}, "window = "},
        {{.aggression = 0.0}, "aggression = 0"},
        {{.aggression = 101.0}, "aggression = 101"},
        {{.aggression = nan}, "aggression = nan"},
        {{.minimum_share = 0.0}, "minimum_share = 0"},
        {{.minimum_share = 1.1}, "minimum_share = 1.1"},
    };
    test::expect_each_refused(table);
}

}  // namespace
}  // namespace lido::resilience
