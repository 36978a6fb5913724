// Goal: option values are read as the help says, and mistakes are one line that names the option. Method: tables.
#include "values.hpp"

#include "command_error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lido::cli {
namespace {

using namespace std::chrono_literals;

TEST(duration_value, reads_numbers_with_units) {
    struct row {
        const char* text;
        duration meant;
    };
    const std::array rows{
        row{"0", 0s},        row{"0s", 0s},     row{"10s", 10s},     row{"250ms", 250ms},
        row{"2m", 2min},     row{"1h", 1h},     row{"1m30s", 90s},   row{"1h2m3s4ms5us", 1h + 2min + 3s + 4ms + 5us},
        row{"1.5s", 1500ms}, row{".5s", 500ms}, row{"500us", 500us}, row{"0.25ms", 250us}};
    for (const row& each : rows) EXPECT_EQ(parse_duration(each.text), each.meant) << each.text;
}

TEST(duration_value, refuses_everything_else) {
    for (const auto* text :
         {"",     "s",    "10",    "1.5",  "-1s",  "+1s",  "1 s",  " 1s",          "1s ",  "1d",   "1S",
          "1m1h", "1s1s", "1..5s", "1e3s", "infs", "nans", "0x1s", "10000000000s", "1s30", "1,5s", "ms"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(duration_value, text_is_the_inverse) {
    for (const duration value : {duration(0s), duration(10s), duration(90s), duration(250ms), duration(1h + 5us)}) {
        EXPECT_EQ(parse_duration(duration_text(value)), value);
    }
    EXPECT_EQ(duration_text(90s), "1m30s");
}

/// The line of the error that `call` throws; empty when it throws none.
template <class Call>
std::string line_of(Call call) {
    try {
        call();
    } catch (const usage_error& mistake) {
        return mistake.what();
    }
    return {};
}

TEST(duration_value, says_which_unit_is_missing) {
    EXPECT_EQ(
        line_of([] { static_cast<void>(duration_value("--duration", "10", 1ms, 1h)); }),
        "--duration must be a duration with a unit, such as 10s, 250ms or 1m30s, got '10'; add a unit, such as 10s "
        "or 10ms");
    EXPECT_EQ(
        line_of([] { static_cast<void>(duration_value("--slow", "soon", 1ms, 1h)); }),
        "--slow must be a duration with a unit, such as 10s, 250ms or 1m30s, got 'soon'; units are h, m, s, ms, us");
    EXPECT_EQ(line_of([] { static_cast<void>(duration_value("--slow", "2h", 1ms, 1h)); }),
              "--slow must be 1ms … 1h, got '2h'");
}

TEST(count_value, has_limits) {
    EXPECT_EQ(count_value("--n", "1", 1, 5), 1U);
    EXPECT_EQ(count_value("--n", "5", 1, 5), 5U);
    EXPECT_EQ(count_value("--n", "18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
    for (const auto* text : {"0", "6", "-1", "+1", "1.0", "", " 1", "1 ", "0x1", "99999999999999999999"}) {
        EXPECT_EQ(line_of([&] { static_cast<void>(count_value("--n", text, 1, 5)); }),
                  "--n must be a whole number 1 … 5, got '" + std::string(text) + "'");
    }
}

TEST(number_value, has_limits) {
    EXPECT_EQ(number_value("--f", "0.3", 0, 1), 0.3);
    EXPECT_EQ(number_value("--f", "1", 0, 1), 1.0);
    for (const auto* text : {"-0.1", "1.1", "nan", "inf", "", "1e-1", "0,3", "x"}) {
        EXPECT_EQ(line_of([&] { static_cast<void>(number_value("--f", text, 0, 1)); }),
                  "--f must be a number 0 … 1, got '" + std::string(text) + "'");
    }
}

TEST(list_value, is_separated_by_commas) {
    EXPECT_EQ(list_value("--l", ""), std::vector<std::string>{});
    EXPECT_EQ(list_value("--l", "a"), std::vector<std::string>{"a"});
    EXPECT_EQ(list_value("--l", "a,b,c"), (std::vector<std::string>{"a", "b", "c"}));
    for (const auto* text : {",", "a,", ",a", "a,,b"}) {
        EXPECT_NE(line_of([&] { static_cast<void>(list_value("--l", text)); }), "") << text;
    }
}

}  // namespace
}  // namespace lido::cli
