// Goal: which setting is named when several are wrong.
#include "resilience/check_setting.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::resilience::setting_check;

TEST(check_setting, is_content_with_what_is_within_its_range) {
    setting_check check("made-up policy");
    check.number("share", 0.5, 0.0, 1.0).time("pause", 1s, 0s, 1s).holds(true, "count", "3", "an odd number");
    EXPECT_TRUE(check.outcome().has_value());
}

TEST(check_setting, names_the_first_that_is_wrong_its_range_and_the_remedy) {
    setting_check check("made-up policy");
    check.number("share", 0.5, 0.0, 1.0).number("count", 7, 1, 5).time("pause", 2s, 0s, 1s);
    const auto outcome = check.holds(false, "count", "7", "an even number").outcome();
    ASSERT_FALSE(outcome.has_value());
    EXPECT_TRUE(outcome.error() == errc::invalid_argument);
    const std::string message(outcome.error().message());
    EXPECT_NE(message.find("made-up policy setting count = 7 is out of range 1 … 5"), std::string::npos) << message;
    EXPECT_NE(message.find("set count within 1 … 5"), std::string::npos) << message;
    EXPECT_EQ(message.find("pause"), std::string::npos) << message;
}

}  // namespace
