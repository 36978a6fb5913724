#include "lido/upstream/health_check.hpp"

#include <gtest/gtest.h>

namespace lido::upstream {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

class health_check_test : public testing::Test {
protected:
    /// Makes the next check that is due and ends it so; false when the state stayed.
    bool check(check_outcome how) {
        now_ = checks_.next();
        const auto number = checks_.begin(now_);
        EXPECT_TRUE(number.has_value());
        return checks_.end(number.value_or(0), how, false, now_, random_);
    }

    health_check_settings settings_;
    random_source random_{7};
    time_point now_ = start;
    health_check checks_{settings_, start, random_};
};

TEST_F(health_check_test, begins_unknown_and_is_first_checked_within_the_trouble_interval) {
    EXPECT_EQ(checks_.state(), health_state::unknown);
    EXPECT_GE(checks_.next(), start);
    EXPECT_LE(checks_.next(), start + settings_.trouble_interval);
}

TEST_F(health_check_test, is_healthy_after_the_first_success) {
    EXPECT_TRUE(check(check_outcome::passed));
    EXPECT_EQ(checks_.state(), health_state::healthy);
    EXPECT_EQ(checks_.since(), now_);
}

TEST_F(health_check_test, is_unhealthy_after_so_many_failures_in_a_row_and_not_before) {
    check(check_outcome::passed);
    EXPECT_FALSE(check(check_outcome::failed));
    EXPECT_FALSE(check(check_outcome::failed));
    check(check_outcome::passed);
    EXPECT_FALSE(check(check_outcome::failed));
    EXPECT_FALSE(check(check_outcome::failed));
    EXPECT_EQ(checks_.state(), health_state::healthy);
    EXPECT_TRUE(check(check_outcome::failed));
    EXPECT_EQ(checks_.state(), health_state::unhealthy);
}

TEST_F(health_check_test, is_healthy_again_after_so_many_successes_in_a_row) {
    for (int i = 0; i < 3; ++i) check(check_outcome::failed);
    ASSERT_EQ(checks_.state(), health_state::unhealthy);
    EXPECT_FALSE(check(check_outcome::passed));
    EXPECT_FALSE(check(check_outcome::failed));
    EXPECT_FALSE(check(check_outcome::passed));
    EXPECT_TRUE(check(check_outcome::passed));
    EXPECT_EQ(checks_.state(), health_state::healthy);
}

TEST_F(health_check_test, does_not_count_a_check_that_could_not_be_made) {
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(check(check_outcome::unknown));
    EXPECT_EQ(checks_.state(), health_state::unknown);
    EXPECT_EQ(checks_.passed() + checks_.failed(), 0U);
}

TEST_F(health_check_test, looks_more_often_after_a_failure) {
    check(check_outcome::passed);
    EXPECT_GE(checks_.next() - now_, settings_.interval * 9 / 10);
    EXPECT_LE(checks_.next() - now_, settings_.interval * 11 / 10);
    check(check_outcome::failed);
    EXPECT_LE(checks_.next() - now_, settings_.trouble_interval * 11 / 10);
    EXPECT_GE(checks_.next() - now_, settings_.trouble_interval * 9 / 10);
}

TEST_F(health_check_test, brings_the_next_check_forward_when_trouble_begins) {
    check(check_outcome::passed);
    checks_.hurry(now_, random_);
    EXPECT_LE(checks_.next() - now_, settings_.trouble_interval * 11 / 10);
}

TEST_F(health_check_test, never_has_two_under_way_and_counts_one_without_an_answer_as_failed) {
    now_ = checks_.next();
    const auto first = checks_.begin(now_);
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(checks_.begin(now_ + settings_.timeout).has_value());
    now_ = checks_.next();
    const auto second = checks_.begin(now_);
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(checks_.failed(), 1U);
    EXPECT_FALSE(checks_.end(*first, check_outcome::passed, false, now_, random_));
    EXPECT_EQ(checks_.passed(), 0U);
    EXPECT_TRUE(checks_.end(*second, check_outcome::passed, false, now_, random_));
}

TEST(health_check, is_never_due_when_it_is_off) {
    health_check_settings settings;
    settings.interval = health_check_settings::off;
    random_source random(1);
    health_check checks(settings, start, random);
    EXPECT_EQ(checks.next(), never);
    checks.hurry(start, random);
    EXPECT_EQ(checks.next(), never);
}

TEST(health_check, refuses_settings_out_of_range_by_name) {
    const auto refused = [](auto change) {
        health_check_settings settings;
        change(settings);
        const auto valid = settings.validate();
        return valid ? std::string() : valid.error().message();
    };
    EXPECT_NE(refused([](auto& s) { s.interval = 9ms; }).find("interval"), std::string::npos);
    EXPECT_NE(refused([](auto& s) { s.trouble_interval = 25h; }).find("trouble_interval"), std::string::npos);
    EXPECT_NE(refused([](auto& s) { s.jitter = 0.6; }).find("jitter"), std::string::npos);
    EXPECT_NE(refused([](auto& s) { s.timeout = 0ms; }).find("timeout"), std::string::npos);
    EXPECT_NE(refused([](auto& s) { s.failures = 0; }).find("failures"), std::string::npos);
    EXPECT_NE(refused([](auto& s) { s.recoveries = 0; }).find("recoveries"), std::string::npos);
    EXPECT_EQ(refused([](auto& s) { s.interval = health_check_settings::off; }), "");
}

}  // namespace
}  // namespace lido::upstream
