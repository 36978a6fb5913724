// Goal: a Retry-After field is read as RFC 9110 §10.2.3 and §5.6.7 say, and nothing else is. Method: tables, and every
// prefix and every single change of a byte of each format.
#include "lido/base/random.hpp"
#include "lido/resilience/retry.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;
using wall_time = std::chrono::system_clock::time_point;

// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
const wall_time example{784'111'777s};
constexpr std::array formats{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                             "Sun Nov  6 08:49:37 1994"};

TEST(retry_after, seconds) {
    const wall_time now = example;
    EXPECT_EQ(parse_retry_after("0", now), 0s);
    EXPECT_EQ(parse_retry_after("120", now), 120s);
    EXPECT_EQ(parse_retry_after("007", now), 7s);
    EXPECT_EQ(parse_retry_after(" \t5 ", now), 5s);
}

TEST(retry_after, seconds_saturate) {
    EXPECT_EQ(parse_retry_after("9223372036", example), duration(9'223'372'036s));
    EXPECT_EQ(parse_retry_after("9223372037", example), duration::max());
    EXPECT_EQ(parse_retry_after(std::string(4000, '9'), example), duration::max());
}

TEST(retry_after, what_is_neither_is_nothing) {
    for (const auto* text : {"", " ", "-1", "+1", "1.5", "1e3", "0x10", "12 s", "1 2", "soon", "\t", "５"}) {
        EXPECT_FALSE(parse_retry_after(text, example)) << text;
    }
}

TEST(retry_after, the_three_formats_of_a_date) {
    for (const auto* text : formats) {
        EXPECT_EQ(parse_retry_after(text, example - 90s), 90s) << text;
        EXPECT_EQ(parse_retry_after(text, example - 1500ms), 1500ms) << text;
        EXPECT_EQ(parse_retry_after(text, example), 0s) << text;
        EXPECT_EQ(parse_retry_after(text, example + 400ms), 0s) << text;
        EXPECT_EQ(parse_retry_after(text, example + 24h * 365), 0s) << text;
    }
}

TEST(retry_after, a_day_of_two_digits_in_asctime) {
    EXPECT_EQ(parse_retry_after("Wed Nov 16 08:49:37 1994", example), 240h);
    EXPECT_FALSE(parse_retry_after("Wed Nov 016 08:49:37 1994", example));
}

TEST(retry_after, prefixes_and_appendages_are_nothing) {
    for (const std::string text : formats) {
        for (std::size_t size = 0; size < text.size(); ++size) {
            EXPECT_FALSE(parse_retry_after(text.substr(0, size), example)) << text.substr(0, size);
        }
        EXPECT_FALSE(parse_retry_after(text + "x", example));
        EXPECT_FALSE(parse_retry_after(text + " GMT", example));
    }
}

TEST(retry_after, parts_out_of_range_are_nothing) {
    for (const auto* text :
         {"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1995 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:00:61 GMT",
          "Sun, 06 nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000", "Sunday, 06 Nov 1994 08:49:37 GMT",
          "Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 06 08:49:37 94", "06 Nov 1994 08:49:37 GMT"}) {
        EXPECT_FALSE(parse_retry_after(text, example)) << text;
    }
    EXPECT_TRUE(parse_retry_after("Thu, 29 Feb 1996 08:49:60 GMT", example));
}

TEST(retry_after, a_year_of_two_digits_is_at_most_50_years_ahead) {
    struct row {
        int this_year;
        const char* text;
        int meant;
    };
    const std::array rows{
        row{1994, "Sunday, 01-Jan-95 00:00:00 GMT", 1995}, row{2024, "Sunday, 01-Jan-74 00:00:00 GMT", 2074},
        row{2024, "Sunday, 01-Jan-75 00:00:00 GMT", 1975}, row{1999, "Sunday, 01-Jan-00 00:00:00 GMT", 2000},
        row{2099, "Sunday, 01-Jan-01 00:00:00 GMT", 2101},
    };
    for (const row& each : rows) {
        const wall_time now = std::chrono::sys_days(std::chrono::year(each.this_year) / 1 / 1);
        const wall_time meant = std::chrono::sys_days(std::chrono::year(each.meant) / 1 / 1);
        EXPECT_EQ(parse_retry_after(each.text, now), std::max(meant - now, duration::zero())) << each.text;
    }
}

TEST(retry_after, years_beyond_the_range_of_the_clock_saturate) {
    EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", example), duration::max());
    EXPECT_EQ(parse_retry_after("Sat, 01 Jan 0001 00:00:00 GMT", example), 0s);
}

TEST(retry_after, changed_bytes_give_a_wait_that_is_not_negative_or_nothing) {
    random_source random(7);
    for (int round = 0; round < 50'000; ++round) {
        std::string text = formats[random.below(formats.size())];
        for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
            text[random.below(text.size())] = static_cast<char>(random.below(256));
        }
        const auto wait = parse_retry_after(text, example);
        ASSERT_TRUE(!wait || *wait >= duration::zero()) << text;
    }
}

}  // namespace
}  // namespace lido::resilience
