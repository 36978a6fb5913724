#include "lido/base/back_off.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace std::chrono_literals;
using lido::back_off_ceiling;
using lido::back_off_delay;
using lido::back_off_settings;
using lido::duration;
using lido::random_source;
using testing::HasSubstr;

TEST(back_off, doubles_up_to_its_maximum_by_default) {
    const back_off_settings settings;
    EXPECT_TRUE(settings.validate().has_value());
    EXPECT_EQ(back_off_ceiling(settings, 1), 100ms);
    EXPECT_EQ(back_off_ceiling(settings, 2), 200ms);
    EXPECT_EQ(back_off_ceiling(settings, 3), 400ms);
    EXPECT_EQ(back_off_ceiling(settings, 6), 3200ms);
    EXPECT_EQ(back_off_ceiling(settings, 7), 5s);
    EXPECT_EQ(back_off_ceiling(settings, 8), 5s);
}

TEST(back_off, saturates_for_any_number_of_failures) {
    const back_off_settings wild{.initial = 1ns, .factor = 100.0, .maximum = 24h};
    for (const unsigned failures : {100U, 10'000U, std::numeric_limits<unsigned>::max()}) {
        EXPECT_EQ(back_off_ceiling(wild, failures), 24h);
    }
    const back_off_settings flat{.initial = 50ms, .factor = 1.0, .maximum = 5s};
    EXPECT_EQ(back_off_ceiling(flat, std::numeric_limits<unsigned>::max()), 50ms);
    const back_off_settings unchecked{.initial = 1s, .factor = 2.0, .maximum = duration::max()};
    EXPECT_EQ(back_off_ceiling(unchecked, 1000), duration::max());
}

TEST(back_off, no_failure_counts_as_one) {
    EXPECT_EQ(back_off_ceiling({}, 0), 100ms);
}

TEST(back_off, of_zero_never_waits) {
    const back_off_settings none{.initial = 0s, .factor = 2.0, .maximum = 0s};
    random_source random(1);
    EXPECT_TRUE(none.validate().has_value());
    EXPECT_EQ(back_off_ceiling(none, 5000), 0s);
    EXPECT_EQ(back_off_delay(none, 5000, random), 0s);
}

TEST(back_off, its_jitter_covers_the_whole_range_below_the_ceiling) {
    random_source random(2);
    const back_off_settings settings;
    int lower_half = 0;
    for (int i = 0; i < 10'000; ++i) {
        const duration delay = back_off_delay(settings, 3, random);
        ASSERT_GE(delay, 0s);
        ASSERT_LE(delay, 400ms);
        if (delay < 200ms) ++lower_half;
    }
    EXPECT_NEAR(lower_half, 5000, 300);
}

TEST(back_off, refuses_settings_out_of_range_by_name) {
    const auto complaint = [](const back_off_settings& settings) {
        const auto checked = settings.validate();
        return checked ? std::string() : checked.error().message();
    };
    EXPECT_THAT(complaint({.initial = -1ms}), HasSubstr("initial = -1 ms"));
    EXPECT_THAT(complaint({.initial = 10s}), HasSubstr("initial = 10 s is out of range 0 s … maximum (5 s)"));
    EXPECT_THAT(complaint({.factor = 0.5}), HasSubstr("factor = 0.5"));
    EXPECT_THAT(complaint({.factor = 101.0}), HasSubstr("factor = 101"));
    EXPECT_THAT(complaint({.factor = std::numeric_limits<double>::quiet_NaN()}), HasSubstr("factor = nan"));
    EXPECT_THAT(complaint({.maximum = 25h}), HasSubstr("maximum = 25 h"));
    EXPECT_THAT(complaint({.initial = -2s, .maximum = -1s}), HasSubstr("maximum = -1 s"));
    EXPECT_EQ(complaint({.initial = 24h, .factor = 100.0, .maximum = 24h}), "");
}

}  // namespace
