// Goal: every line of the table in retry.hpp, its numbers and their limits. Method: tables in the manner of urllib3's
// test_retry.py, and random settings for what must hold of all of them.
#include "lido/resilience/retry.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

retry_settings plain() {
    retry_settings settings;
    settings.jitter = 0.0;
    return settings;
}

attempt_outcome status_of(int status, std::string_view method = "GET") {
    attempt_outcome outcome;
    outcome.method = method;
    outcome.status = status;
    return outcome;
}

attempt_outcome failure_of(errc failure, std::string_view method = "GET") {
    attempt_outcome outcome;
    outcome.method = method;
    outcome.failure = failure;
    return outcome;
}

std::optional<duration> next(const retry_settings& settings, const attempt_outcome& outcome, unsigned attempt = 1) {
    return next_attempt(settings, outcome, attempt, start, never, 0.5);
}

constexpr std::array all_failures{
    errc::acquire_timeout, errc::queue_full,     errc::pool_exhausted,  errc::pool_closed,       errc::pool_paused,
    errc::would_deadlock,  errc::connect_failed, errc::connect_timeout, errc::resolve_failed,    errc::tls_failed,
    errc::read_timeout,    errc::write_timeout,  errc::timeout,         errc::connection_closed, errc::maybe_executed,
    errc::protocol_error,  errc::limit_exceeded, errc::cancelled,       errc::invalid_argument,  errc::check_failed,
    errc::reset_failed,    errc::circuit_open,   errc::rate_limited,
};

bool is_one_of(errc code, std::initializer_list<errc> codes) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

bool never_reached(errc code) {
    return is_one_of(code, {errc::connect_failed, errc::connect_timeout, errc::resolve_failed});
}

bool maybe_reached(errc code) {
    return is_one_of(code, {errc::read_timeout, errc::write_timeout, errc::connection_closed, errc::maybe_executed,
                            errc::protocol_error});
}

TEST(retry, waits_double_from_the_factor) {
    const std::array expected{300ms, 600ms, 1200ms};
    for (unsigned attempt = 1; attempt <= expected.size(); ++attempt) {
        EXPECT_EQ(next(plain(), status_of(503), attempt), expected[attempt - 1]) << "attempt " << attempt;
    }
}

TEST(retry, attempt_zero_is_taken_for_the_first) {
    EXPECT_EQ(next(plain(), status_of(503), 0), 300ms);
}

TEST(retry, ends_after_the_number_of_retries) {
    EXPECT_TRUE(next(plain(), status_of(503), 3));
    EXPECT_FALSE(next(plain(), status_of(503), 4));
    auto none = plain();
    none.max_retries = 0;
    EXPECT_FALSE(next(none, status_of(503), 1));
    EXPECT_FALSE(next(none, failure_of(errc::connect_failed), 1));
}

TEST(retry, factor_zero_means_no_wait) {
    auto settings = plain();
    settings.backoff_factor = 0.0;
    EXPECT_EQ(next(settings, status_of(503), 3), duration::zero());
}

TEST(retry, no_wait_of_its_own_is_longer_than_the_cap) {
    auto settings = plain();
    settings.max_retries = 100;
    settings.backoff_factor = 0.2;
    settings.max_backoff = 500ms;
    EXPECT_EQ(next(settings, status_of(503), 2), 400ms);
    EXPECT_EQ(next(settings, status_of(503), 3), 500ms);
    settings.backoff_factor = 3600.0;
    settings.max_backoff = 24h;
    EXPECT_EQ(next(settings, status_of(503), 100), duration(24h));
}

TEST(retry, statuses_by_default_are_those_of_the_seed) {
    for (int status = 100; status <= 599; ++status) {
        const bool listed = status == 429 || status == 500 || (status >= 502 && status <= 504);
        EXPECT_EQ(next(plain(), status_of(status)).has_value(), listed) << status;
    }
}

TEST(retry, statuses_can_be_chosen) {
    auto settings = plain();
    settings.statuses = {418};
    EXPECT_TRUE(next(settings, status_of(418)));
    EXPECT_FALSE(next(settings, status_of(503)));
    settings.statuses.clear();
    EXPECT_FALSE(next(settings, status_of(418)));
    EXPECT_TRUE(next(settings, failure_of(errc::connect_failed)));
}

TEST(retry, methods_by_default_are_those_of_the_seed) {
    for (const auto* method : {"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE", "POST"}) {
        EXPECT_TRUE(next(plain(), status_of(503, method))) << method;
    }
    for (const auto* method : {"PATCH", "CONNECT", "get", ""}) {
        EXPECT_FALSE(next(plain(), status_of(503, method))) << method;
    }
}

TEST(retry, post_is_tried_again_only_when_listed) {
    auto settings = plain();
    std::erase(settings.methods, "POST");
    EXPECT_FALSE(next(settings, status_of(503, "POST")));
    EXPECT_FALSE(next(settings, failure_of(errc::maybe_executed, "POST")));
    EXPECT_TRUE(next(settings, failure_of(errc::connect_failed, "POST")));
    EXPECT_TRUE(next(plain(), failure_of(errc::maybe_executed, "POST")));
}

TEST(retry, failures_follow_the_table) {
    for (const errc failure : all_failures) {
        EXPECT_EQ(next(plain(), failure_of(failure, "GET")).has_value(),
                  never_reached(failure) || maybe_reached(failure))
            << name_of(failure);
        EXPECT_EQ(next(plain(), failure_of(failure, "PATCH")).has_value(), never_reached(failure)) << name_of(failure);
    }
}

TEST(retry, failure_counts_more_than_a_status_that_came_before_it) {
    auto outcome = status_of(503);
    outcome.failure = errc::limit_exceeded;
    EXPECT_FALSE(next(plain(), outcome));
}

TEST(retry, neither_status_nor_failure_is_nothing_to_try_again) {
    EXPECT_FALSE(next(plain(), status_of(0)));
}

TEST(retry, retry_after_takes_the_place_of_the_back_off) {
    auto outcome = status_of(429);
    outcome.retry_after = 7s;
    EXPECT_EQ(next(plain(), outcome), 7s);
    outcome.retry_after = 1ms;
    EXPECT_EQ(next(plain(), outcome, 3), 1ms);
}

TEST(retry, retry_after_is_never_shortened_by_jitter) {
    auto settings = plain();
    settings.jitter = 1.0;
    auto outcome = status_of(429);
    outcome.retry_after = 7s;
    EXPECT_EQ(next(settings, outcome), 7s);
}

TEST(retry, retry_after_of_zero_leaves_it_to_the_back_off) {
    auto outcome = status_of(503);
    outcome.retry_after = 0s;
    EXPECT_EQ(next(plain(), outcome), 300ms);
    outcome.retry_after = -1s;
    EXPECT_EQ(next(plain(), outcome), 300ms);
}

TEST(retry, retry_after_can_be_ignored) {
    auto settings = plain();
    settings.respect_retry_after = false;
    auto outcome = status_of(503);
    outcome.retry_after = 24h;
    EXPECT_EQ(next(settings, outcome), 300ms);
}

TEST(retry, retry_after_beyond_the_limit_ends_the_retries) {
    auto outcome = status_of(503);
    outcome.retry_after = 2min;
    EXPECT_EQ(next(plain(), outcome), 2min);
    outcome.retry_after = 2min + 1ns;
    EXPECT_FALSE(next(plain(), outcome));
    outcome.retry_after = duration::max();
    EXPECT_FALSE(next(plain(), outcome));
}

TEST(retry, retry_after_does_not_make_a_status_retriable) {
    auto outcome = status_of(413);
    outcome.retry_after = 1s;
    EXPECT_FALSE(next(plain(), outcome));
}

TEST(retry, no_wait_ends_after_the_deadline) {
    EXPECT_EQ(next_attempt(plain(), status_of(503), 1, start, start + 300ms, 0.0), 300ms);
    EXPECT_FALSE(next_attempt(plain(), status_of(503), 1, start, start + 300ms - 1ns, 0.0));
    EXPECT_FALSE(next_attempt(plain(), status_of(503), 1, start, start - 1s, 0.0));
}

TEST(retry, deadline_bounds_the_servers_wait_too) {
    auto outcome = status_of(503);
    outcome.retry_after = 10s;
    EXPECT_TRUE(next_attempt(plain(), outcome, 1, start, start + 10s, 0.0));
    EXPECT_FALSE(next_attempt(plain(), outcome, 1, start, start + 9s, 0.0));
}

TEST(retry, deadline_arithmetic_saturates) {
    EXPECT_FALSE(next_attempt(plain(), status_of(503), 1, never - 1ms, never - 1ns, 0.0));
    EXPECT_TRUE(next_attempt(plain(), status_of(503), 1, never - 1ms, never, 0.0));
}

TEST(retry, jitter_takes_off_at_most_its_share) {
    auto settings = plain();
    settings.jitter = 0.1;
    const auto wait = [&](double share) { return *next_attempt(settings, status_of(503), 1, start, never, share); };
    EXPECT_EQ(wait(0.0), 300ms);
    EXPECT_EQ(wait(0.5), 285ms);
    EXPECT_GE(wait(std::nextafter(1.0, 0.0)), 270ms);
}

TEST(retry, random_settings_keep_the_bounds) {
    random_source random(20240719);
    for (int round = 0; round < 20'000; ++round) {
        retry_settings settings;
        settings.max_retries = static_cast<unsigned>(random.below(101));
        settings.backoff_factor = random.unit() * 3600.0 * (random.below(2) == 0 ? 1.0 : 0.0001);
        settings.max_backoff = random.up_to(24h);
        settings.jitter = random.unit();
        settings.max_retry_after = random.up_to(24h);
        ASSERT_TRUE(settings.validate());
        auto outcome = random.below(2) == 0 ? status_of(static_cast<int>(400 + random.below(200)))
                                            : failure_of(all_failures[random.below(all_failures.size())]);
        if (random.below(3) == 0) outcome.retry_after = random.up_to(30h);
        const auto attempt = static_cast<unsigned>(1 + random.below(120));
        const time_point deadline = start + random.up_to(26h);
        const auto wait = next_attempt(settings, outcome, attempt, start, deadline, random.unit());
        if (!wait) continue;
        ASSERT_LE(attempt, settings.max_retries);
        ASSERT_GE(*wait, duration::zero());
        ASSERT_LE(start + *wait, deadline);
        ASSERT_LE(*wait, outcome.retry_after ? std::max(settings.max_retry_after, settings.max_backoff)
                                             : settings.max_backoff);
    }
}

TEST(retry, settings_are_valid_at_their_limits) {
    retry_settings settings;
    EXPECT_TRUE(settings.validate());
    settings = {0, 0.0, 0s, 0.0, {100, 599}, {"X"}, false, 0s};
    EXPECT_TRUE(settings.validate());
    settings = {100, 3600.0, 24h, 1.0, {}, {}, true, 24h};
    EXPECT_TRUE(settings.validate());
}

TEST(retry, any_token_may_be_a_method) {
    for (const auto* method : {"get", "M-SEARCH", "VERSION2", "0", "9", "a", "z", "A", "Z", "!#$%&'*+-.^_`|~"}) {
        retry_settings settings;
        settings.methods = {method};
        EXPECT_TRUE(settings.validate()) << method;
    }
    for (const auto* method : {"/", ":", "@", "[", "{", "\"", "G\x80T", "GET\n", "a,b", "(GET)"}) {
        retry_settings settings;
        settings.methods = {method};
        EXPECT_FALSE(settings.validate()) << method;
    }
}

TEST(retry, settings_out_of_range_are_refused_by_name) {
    struct wrong {
        const char* name;
        void (*set)(retry_settings&);
    };
    const std::array table{
        wrong{"max_retries", [](retry_settings& s) { s.max_retries = 101; }},
        wrong{"backoff_factor", [](retry_settings& s) { s.backoff_factor = -0.1; }},
        wrong{"backoff_factor", [](retry_settings& s) { s.backoff_factor = 3600.1; }},
        wrong{"backoff_factor", [](retry_settings& s) { s.backoff_factor = std::numeric_limits<double>::quiet_NaN(); }},
        wrong{"max_backoff", [](retry_settings& s) { s.max_backoff = -1ns; }},
        wrong{"max_backoff", [](retry_settings& s) { s.max_backoff = 24h + 1ns; }},
        wrong{"jitter", [](retry_settings& s) { s.jitter = -0.01; }},
        wrong{"jitter", [](retry_settings& s) { s.jitter = 1.01; }},
        wrong{"statuses",
              [](retry_settings& s) {
                  s.statuses = {503, 99};
              }},
        wrong{"statuses", [](retry_settings& s) { s.statuses = {600}; }},
        wrong{"methods",
              [](retry_settings& s) {
                  s.methods = {"GET", ""};
              }},
        wrong{"methods", [](retry_settings& s) { s.methods = {"GET POST"}; }},
        wrong{"max_retry_after", [](retry_settings& s) { s.max_retry_after = -1ns; }},
        wrong{"max_retry_after", [](retry_settings& s) { s.max_retry_after = 24h + 1ns; }},
    };
    for (const wrong& each : table) {
        retry_settings settings;
        each.set(settings);
        const auto outcome = settings.validate();
        ASSERT_FALSE(outcome) << each.name;
        EXPECT_EQ(outcome.error(), errc::invalid_argument);
        EXPECT_NE(outcome.error().what().find(each.name), std::string::npos) << outcome.error().what();
    }
}

}  // namespace
}  // namespace lido::resilience
