#include "http/freshness.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds wall = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h;
constexpr time_point arrival{1000h};

std::string date(seconds from_now) {
    const std::time_t when = std::chrono::system_clock::to_time_t(wall + from_now);
    std::tm parts{};
    gmtime_r(&when, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

struct line {
    std::string name;
    std::string value;
};

freshness fresh(const std::vector<line>& lines, duration took = 0s) {
    headers fields;
    for (const line& each : lines) fields.add(each.name, each.value).value();
    return freshness_of(fields.fields(), response_cache_control(fields.fields()), arrival - took, arrival, wall);
}

TEST(lifetime, is_max_age_before_expires) {
    EXPECT_EQ(fresh({{"Cache-Control", "max-age=60"}}).lifetime, 60s);
    EXPECT_EQ(fresh({{"Cache-Control", "max-age=60"}, {"Expires", date(1h)}, {"Date", date(0s)}}).lifetime, 60s);
    EXPECT_EQ(fresh({{"Cache-Control", "s-maxage=60"}}).lifetime, 0s) << "for shared caches";
}

TEST(lifetime, is_expires_less_date) {
    EXPECT_EQ(fresh({{"Expires", date(90s)}, {"Date", date(-10s)}}).lifetime, 100s);
    EXPECT_EQ(fresh({{"Expires", date(90s)}}).lifetime, 90s) << "without a date the moment of arrival counts";
    EXPECT_EQ(fresh({{"Expires", date(90s)}, {"Date", "yesterday"}}).lifetime, 90s);
    EXPECT_EQ(fresh({{"Expires", date(-90s)}, {"Date", date(0s)}}).lifetime, 0s);
    EXPECT_EQ(fresh({{"Expires", "Fri, 31 Dec 9999 23:59:59 GMT"}}).lifetime, longest_delta);
}

TEST(lifetime, of_a_malformed_expires_or_of_none_is_zero) {
    for (const char* text : {"0", "-1", "never", ""}) EXPECT_EQ(fresh({{"Expires", text}}).lifetime, 0s) << text;
    EXPECT_EQ(fresh({{"Last-Modified", date(-1h)}}).lifetime, 0s) << "no heuristics";
    EXPECT_FALSE(fresh({}).is_fresh(arrival));
}

// RFC 9111 §4.2.3: the greater of (arrival - Date) and (Age + the time that the response took).
TEST(initial_age, is_the_greater_of_the_apparent_and_the_corrected_one) {
    EXPECT_EQ(fresh({}).initial_age, 0s);
    EXPECT_EQ(fresh({}, 3s).initial_age, 3s);
    EXPECT_EQ(fresh({{"Date", date(-20s)}}, 3s).initial_age, 20s);
    EXPECT_EQ(fresh({{"Date", date(-20s)}, {"Age", "30"}}, 3s).initial_age, 33s);
    EXPECT_EQ(fresh({{"Date", date(-40s)}, {"Age", "30"}}, 3s).initial_age, 40s);
    EXPECT_EQ(fresh({{"Date", date(1h)}}, 3s).initial_age, 3s) << "the server's clock is ahead";
}

TEST(initial_age, takes_the_first_of_several_ages_and_no_malformed_one) {
    EXPECT_EQ(fresh({{"Age", "7, 900"}}).initial_age, 7s);
    EXPECT_EQ(fresh({{"Age", "-7"}}).initial_age, 0s);
    EXPECT_EQ(fresh({{"Age", "x, 900"}}).initial_age, 0s);
    EXPECT_EQ(fresh({{"Age", "99999999999999"}}).initial_age, longest_delta);
}

TEST(age, grows_with_the_steady_clock) {
    const freshness stored = fresh({{"Cache-Control", "max-age=60"}, {"Age", "10"}});
    EXPECT_EQ(stored.age(arrival + 5s), 15s);
    EXPECT_TRUE(stored.is_fresh(arrival + 49s));
    EXPECT_FALSE(stored.is_fresh(arrival + 50s)) << "fresh means: lifetime > age";
    EXPECT_EQ(stored.staleness(arrival + 53s), 3s);
}

struct decision_case {
    std::string said;
    std::string asked;
    seconds age;
    cache_decision expected;
};

cache_decision decided(const decision_case& one) {
    cache_directives said;
    read_cache_control(one.said, said);
    cache_directives asked;
    read_cache_control(one.asked, asked);
    return decide(fresh({{"Cache-Control", one.said}}), said, asked, arrival + one.age);
}

TEST(decision, is_that_of_the_table) {
    using enum cache_decision;
    const std::vector<decision_case> table{
        // What the response says alone.
        {"max-age=60", "", 0s, use},
        {"max-age=60", "", 59s, use},
        {"max-age=60", "", 60s, validate},
        {"max-age=0", "", 0s, validate},
        {"", "", 0s, validate},
        {"max-age=60, no-cache", "", 0s, validate},
        {"max-age=60, must-revalidate", "", 59s, use},
        {"max-age=60, must-revalidate", "", 60s, validate},
        // What the request asks (§5.2.1).
        {"max-age=60", "no-cache", 0s, validate},
        {"max-age=60", "max-age=10", 10s, use},
        {"max-age=60", "max-age=10", 11s, validate},
        {"max-age=60", "max-age=0", 1s, validate},
        {"max-age=60", "min-fresh=20", 40s, use},
        {"max-age=60", "min-fresh=20", 41s, validate},
        {"max-age=60", "max-stale=10", 70s, use_stale},
        {"max-age=60", "max-stale=10", 71s, validate},
        {"max-age=60", "max-stale", 100'000s, use_stale},
        {"max-age=60", "max-stale, max-age=90", 91s, validate},
        {"max-age=60, must-revalidate", "max-stale", 61s, validate},
        {"max-age=60, no-cache", "max-stale", 61s, validate},
        // RFC 5861 §3.
        {"max-age=600, stale-while-revalidate=30", "", 599s, use},
        {"max-age=600, stale-while-revalidate=30", "", 600s, use_stale_and_revalidate},
        {"max-age=600, stale-while-revalidate=30", "", 630s, use_stale_and_revalidate},
        {"max-age=600, stale-while-revalidate=30", "", 631s, validate},
        {"max-age=600, stale-while-revalidate=30", "min-fresh=0", 600s, use_stale_and_revalidate},
        {"max-age=600, stale-while-revalidate=30", "min-fresh=1", 600s, validate},
        {"max-age=600, stale-while-revalidate=30", "max-age=600", 601s, validate},
        {"max-age=600, stale-while-revalidate=30", "no-cache", 601s, validate},
        {"max-age=600, stale-while-revalidate=30, must-revalidate", "", 601s, validate},
        {"max-age=600, stale-while-revalidate=0", "", 600s, validate},
        {"max-age=600, stale-if-error=1200", "", 601s, validate},
    };
    for (const decision_case& each : table) {
        EXPECT_EQ(decided(each), each.expected) << each.said << " / " << each.asked << " / " << each.age.count();
    }
}

struct failure_case {
    std::string said;
    std::string asked;
    seconds window;
    seconds age;
    bool expected;
};

bool replaces(const failure_case& one) {
    cache_directives said;
    read_cache_control(one.said, said);
    cache_directives asked;
    read_cache_control(one.asked, asked);
    return may_replace_failure(fresh({{"Cache-Control", one.said}}), said, asked, one.window, arrival + one.age);
}

TEST(stale_if_error, is_that_of_the_table) {
    const std::vector<failure_case> table{
        // RFC 5861 §4: the response or the request says it.
        {"max-age=600, stale-if-error=1200", "", 0s, 1800s, true},
        {"max-age=600, stale-if-error=1200", "", 0s, 1801s, false},
        {"max-age=600", "stale-if-error=100", 0s, 700s, true},
        {"max-age=600", "stale-if-error=100", 0s, 701s, false},
        {"max-age=600, stale-if-error=50", "stale-if-error=100", 0s, 700s, true},
        {"max-age=600", "", 0s, 600s, false},
        // The setting, for responses that say nothing of it.
        {"max-age=600", "", 300s, 900s, true},
        {"max-age=600", "", 300s, 901s, false},
        {"", "", 300s, 300s, true},
        {"max-age=600, stale-if-error=0", "", 300s, 600s, false},
        {"max-age=600, stale-if-error=10", "", 300s, 611s, false},
        // Never what the server or the caller forbids.
        {"max-age=600, must-revalidate", "", 300s, 601s, false},
        {"max-age=600, must-revalidate, stale-if-error=100", "", 300s, 601s, false},
        {"max-age=600, no-cache", "", 300s, 1s, false},
        {"max-age=600, no-store", "", 300s, 1s, false},
        {"max-age=600", "no-cache", 300s, 1s, false},
        {"max-age=600", "no-cache, stale-if-error=100", 300s, 1s, false},
        {"max-age=600", "max-age=0", 300s, 601s, false},
        {"max-age=600", "max-age=0, max-stale", 300s, 601s, true},
        {"max-age=600", "max-age=0, stale-if-error=100", 0s, 601s, true},
        {"max-age=600", "min-fresh=10", 300s, 601s, false},
        {"max-age=600", "max-age=10", 300s, 5s, true},
    };
    for (const failure_case& each : table) {
        EXPECT_EQ(replaces(each), each.expected)
            << each.said << " / " << each.asked << " / " << each.window.count() << " / " << each.age.count();
    }
}

}  // namespace
}  // namespace lido::http
