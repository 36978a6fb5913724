#include "http/cache_control.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

cache_directives read(std::string_view line) {
    cache_directives into;
    read_cache_control(line, into);
    return into;
}

struct line_case {
    std::string_view line;
    cache_directives meaning;
};

class cache_control_line : public testing::TestWithParam<line_case> {};

TEST_P(cache_control_line, means_what_the_table_says) {
    EXPECT_EQ(read(GetParam().line), GetParam().meaning);
}

INSTANTIATE_TEST_SUITE_P(
    rfc_9111, cache_control_line,
    testing::Values(line_case{"", {}}, line_case{"no-store", {.no_store = true}},
                    line_case{"no-cache", {.no_cache = true}}, line_case{"must-revalidate", {.must_revalidate = true}},
                    line_case{"private", {.is_private = true}}, line_case{"only-if-cached", {.only_if_cached = true}},
                    line_case{"max-age=60", {.max_age = 60s}},
                    line_case{"max-age=0, must-revalidate", {.must_revalidate = true, .max_age = 0s}},
                    line_case{"private, max-age=600", {.is_private = true, .max_age = 600s}},
                    line_case{"min-fresh=20", {.min_fresh = 20s}}, line_case{"max-stale=10", {.max_stale = 10s}},
                    line_case{"max-stale", {.max_stale = longest_delta}},
                    line_case{"public, s-maxage=5, proxy-revalidate, immutable, no-transform", {}}));

INSTANTIATE_TEST_SUITE_P(rfc_5861, cache_control_line,
                         testing::Values(line_case{"max-age=600, stale-while-revalidate=30",
                                                   {.max_age = 600s, .stale_while_revalidate = 30s}},
                                         line_case{"max-age=600, stale-if-error=1200",
                                                   {.max_age = 600s, .stale_if_error = 1200s}}));

INSTANTIATE_TEST_SUITE_P(tolerance, cache_control_line,
                         testing::Values(line_case{"MAX-AGE=60, No-Store", {.no_store = true, .max_age = 60s}},
                                         line_case{R"(max-age="60")", {.max_age = 60s}},
                                         line_case{",, ,no-cache , ,", {.no_cache = true}},
                                         line_case{"\tmax-age=60\t,\tno-cache\t", {.no_cache = true, .max_age = 60s}},
                                         line_case{R"(private="Set-Cookie, X-Name")", {.is_private = true}},
                                         line_case{R"(no-cache="Set-Cookie")", {.no_cache = true}},
                                         line_case{R"(community="UCI", max-age=5)", {.max_age = 5s}},
                                         line_case{R"(x="a, no-store, \", no-cache", max-age=5)", {.max_age = 5s}},
                                         line_case{"@@@, max-age=5", {.max_age = 5s}},
                                         line_case{"max-age=99999999999999999999", {.max_age = longest_delta}}));

INSTANTIATE_TEST_SUITE_P(
    in_doubt_stricter, cache_control_line,
    testing::Values(
        line_case{"max-age", {.max_age = 0s}}, line_case{"max-age=", {.max_age = 0s}},
        line_case{"max-age=abc", {.max_age = 0s}}, line_case{"max-age=-1", {.max_age = 0s}},
        line_case{"max-age=1.5", {.max_age = 0s}}, line_case{"max-age=60 s", {.max_age = 0s}},
        line_case{"max-age =60", {.max_age = 0s}}, line_case{"max-age= 60", {.max_age = 0s}},
        line_case{R"(max-age="60)", {.max_age = 0s}}, line_case{R"(max-age="60"0)", {.max_age = 0s}},
        line_case{"max-age=60, max-age=30", {.max_age = 30s}}, line_case{"max-age=30, max-age=60", {.max_age = 30s}},
        line_case{"max-age=60;no-store", {.max_age = 0s}}, line_case{"min-fresh", {.min_fresh = longest_delta}},
        line_case{"min-fresh=5, min-fresh=9", {.min_fresh = 9s}}, line_case{"max-stale=", {.max_stale = 0s}},
        line_case{"max-stale, max-stale=5", {.max_stale = 5s}}, line_case{"max-stale=5, max-stale", {.max_stale = 5s}},
        line_case{"no-store=1", {.no_store = true}}, line_case{"no-store; x", {.no_store = true}},
        line_case{R"(x="never closed, no-store)", {.no_store = true}},
        line_case{R"(private="a, no-store)", {.no_store = true, .is_private = true}},
        line_case{"stale-if-error", {.stale_if_error = 0s}},
        line_case{"stale-while-revalidate=x", {.stale_while_revalidate = 0s}}));

headers made(const std::vector<field>& fields) {
    headers all;
    for (const field& each : fields) all.add(each.name, each.value).value();
    return all;
}

TEST(cache_control, of_several_lines_is_one_list) {
    const headers fields =
        made({{"Cache-Control", "max-age=60"}, {"X", "no-store"}, {"cache-control", "must-revalidate"}});
    EXPECT_EQ(response_cache_control(fields.fields()), (cache_directives{.must_revalidate = true, .max_age = 60s}));
}

TEST(cache_control, of_a_request_can_be_a_pragma_when_there_is_no_other) {
    EXPECT_TRUE(request_cache_control(made({{"Pragma", "x, No-Cache"}}).fields()).no_cache);
    EXPECT_FALSE(request_cache_control(made({{"Pragma", "x"}}).fields()).no_cache);
    EXPECT_FALSE(
        request_cache_control(made({{"Pragma", "no-cache"}, {"Cache-Control", "max-age=1"}}).fields()).no_cache);
    EXPECT_FALSE(response_cache_control(made({{"Pragma", "no-cache"}}).fields()).no_cache);
}

TEST(delta_seconds, are_digits_alone_and_bounded) {
    EXPECT_EQ(parse_delta_seconds("0"), seconds(0));
    EXPECT_EQ(parse_delta_seconds("2147483647"), seconds(2'147'483'647));
    EXPECT_EQ(parse_delta_seconds("2147483649"), longest_delta);
    EXPECT_EQ(parse_delta_seconds(std::string(1000, '9')), longest_delta);
    for (const char* text : {"", " ", "-1", "+1", "1 ", " 1", "0x1", "1e3"}) {
        EXPECT_FALSE(parse_delta_seconds(text).has_value()) << text;
    }
}

/// A line of pieces that matter to the parser, put together at random.
std::string random_line(random_source& dice) {
    static const std::vector<std::string> pieces{
        "max-age", "no-store", "private",          "=", "=",  ",", ",", "\"",   "\"",         "\\",
        " ",       "60",       "stale-if-error=5", "x", "\t", ";", "0", "\xFF", "min-fresh=3"};
    std::string line;
    for (auto count = static_cast<std::size_t>(dice.unit() * 20); count > 0; --count) {
        line += pieces[static_cast<std::size_t>(dice.unit() * static_cast<double>(pieces.size()))];
    }
    return line;
}

/// Whatever else a line says: more text can take permissions away, but neither a prohibition nor a demand.
TEST(cache_control, with_more_in_it_never_allows_more) {
    random_source dice(7);
    for (int round = 0; round < 20'000; ++round) {
        const std::string line = random_line(dice);
        const cache_directives before = read(line);
        cache_directives after = before;
        read_cache_control(random_line(dice), after);
        SCOPED_TRACE(line);
        ASSERT_GE(after.no_store, before.no_store);
        ASSERT_GE(after.no_cache, before.no_cache);
        ASSERT_GE(after.is_private, before.is_private);
        if (before.max_age) {
            ASSERT_LE(after.max_age.value(), *before.max_age);
        }
        if (before.stale_if_error) {
            ASSERT_LE(after.stale_if_error.value(), *before.stale_if_error);
        }
        if (before.min_fresh) {
            ASSERT_GE(after.min_fresh.value(), *before.min_fresh);
        }
        for (const auto& number : {after.max_age, after.min_fresh, after.stale_if_error}) {
            ASSERT_TRUE(!number || (*number >= 0s && *number <= longest_delta));
        }
    }
}

TEST(cache_control, of_open_quotes_is_read_in_linear_time) {
    std::string line = "x=\"";
    for (int i = 0; i < 1'000'000; ++i) line += "\\\"";
    EXPECT_TRUE(read(line + ", no-store").no_store) << "quadratic, this would take minutes";
}

}  // namespace
}  // namespace lido::http
