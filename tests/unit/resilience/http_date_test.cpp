#include "resilience/http_date.hpp"

#include <gtest/gtest.h>

namespace lido::resilience {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

constexpr sys_seconds example = sys_days(1994y / November / 6) + 8h + 49min + 37s;
constexpr sys_seconds now = sys_days(2026y / November / 21);

TEST(http_date, has_three_forms) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now), example);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), example);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), example);
}

TEST(http_date, of_two_digits_is_at_most_fifty_years_ahead) {
    EXPECT_EQ(parse_http_date("Saturday, 21-Nov-76 00:00:00 GMT", now), sys_days(2076y / November / 21));
    EXPECT_EQ(parse_http_date("Monday, 21-Nov-77 00:00:00 GMT", now), sys_days(1977y / November / 21));
}

TEST(http_date, that_is_malformed_is_none) {
    for (const char* text : {"", "0", "-1", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
                             "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                             "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "06 Nov 1994"}) {
        EXPECT_FALSE(parse_http_date(text, now).has_value()) << text;
    }
}

}  // namespace
}  // namespace lido::resilience
