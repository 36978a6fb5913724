// Goal: every limit in settings.hpp, on both sides of it, and an error that names the field.
#include "lido/pool/settings.hpp"

#include "lido/pool/size_budget.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <memory>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::pool::settings;

const duration day = 24h;
const duration instant = 1ns;

/// What `validate` says of the defaults with one change; empty when it has nothing to say.
std::string verdict_on(const std::function<void(settings&)>& change) {
    settings changed;
    change(changed);
    const auto result = changed.validate();
    if (result.has_value()) return {};
    EXPECT_EQ(result.error(), lido::errc::invalid_argument);
    EXPECT_FALSE(result.error().remedy().empty());
    return result.error().what();
}

void expect_range(const std::string& field, duration settings::*member, duration lowest, duration highest,
                  bool endless) {
    const auto with = [&](duration value) { return verdict_on([&](settings& s) { s.*member = value; }); };
    EXPECT_EQ(with(lowest), "") << field;
    EXPECT_EQ(with(highest), "") << field;
    EXPECT_NE(with(lowest - instant).find(field), std::string::npos) << field;
    EXPECT_NE(with(highest + instant).find(field), std::string::npos) << field;
    EXPECT_EQ(with(settings::forever).empty(), endless) << field;
}

template <class Number>
void expect_range(const std::string& field, Number settings::*member, Number lowest, Number highest) {
    const auto with = [&](Number value) { return verdict_on([&](settings& s) { s.*member = value; }); };
    EXPECT_EQ(with(lowest), "") << field;
    EXPECT_EQ(with(highest), "") << field;
    EXPECT_EQ(with(lowest - (lowest > 0 ? 1 : 0)).empty(), lowest == 0) << field;
    EXPECT_NE(with(highest + 1).find(field), std::string::npos) << field;
}

TEST(settings, the_defaults_are_valid_and_those_that_are_promised) {
    const settings defaults;
    EXPECT_TRUE(defaults.validate().has_value());
    EXPECT_EQ(defaults.max_size, 10U);
    EXPECT_EQ(defaults.min_size, 0U);
    EXPECT_EQ(defaults.acquire_timeout, 30s);
    EXPECT_EQ(defaults.idle_timeout, 10min);
    EXPECT_EQ(defaults.max_lifetime, 30min);
    EXPECT_EQ(defaults.lifetime_jitter, 0.1);
    EXPECT_EQ(defaults.check_after_idle, 1s);
    EXPECT_EQ(defaults.keep_alive, 2min);
    EXPECT_EQ(defaults.connect_timeout, 10s);
    EXPECT_EQ(defaults.back_off.initial, 100ms);
    EXPECT_EQ(defaults.back_off.factor, 2.0);
    EXPECT_EQ(defaults.back_off.maximum, 5s);
    EXPECT_EQ(defaults.max_concurrent_connects, 4U);
    EXPECT_EQ(defaults.expected_capacity, 1U);
    EXPECT_EQ(defaults.drain_timeout, 10s);
    EXPECT_EQ(defaults.max_waiters, 1024U);
}

TEST(settings, each_number_has_its_range) {
    expect_range<std::size_t>("max_size", &settings::max_size, 1, 100'000);
    expect_range<std::size_t>("max_waiters", &settings::max_waiters, 1, 10'000'000);
    expect_range<std::size_t>("max_overflow", &settings::max_overflow, 1, 100'000);
    expect_range<std::uint64_t>("max_uses", &settings::max_uses, 0, 1'000'000'000'000'000);
    expect_range<std::size_t>("max_concurrent_connects", &settings::max_concurrent_connects, 1, 1000);
    expect_range<std::uint32_t>("expected_capacity", &settings::expected_capacity, 1, 1'000'000);
}

TEST(settings, each_duration_has_its_range) {
    expect_range("acquire_timeout", &settings::acquire_timeout, 1ms, 1h, false);
    expect_range("down_fail_fast", &settings::down_fail_fast, 0ms, 1h, false);
    expect_range("priority_ageing", &settings::priority_ageing, 0ms, 1h, false);
    expect_range("idle_timeout", &settings::idle_timeout, 1ms, 30 * day, true);
    expect_range("max_lifetime", &settings::max_lifetime, 1ms, 365 * day, true);
    expect_range("check_after_idle", &settings::check_after_idle, 0ms, 30 * day, true);
    expect_range("keep_alive", &settings::keep_alive, 1ms, 30 * day, true);
    expect_range("check_timeout", &settings::check_timeout, 1ms, 10min, false);
    expect_range("connect_timeout", &settings::connect_timeout, 1ms, 10min, false);
    expect_range("close_timeout", &settings::close_timeout, 1ms, 10min, false);
    expect_range("drain_timeout", &settings::drain_timeout, 0ms, 1h, false);
    expect_range("leak_after", &settings::leak_after, 1ms, 30 * day, true);
}

TEST(settings, the_minimum_is_at_most_the_maximum) {
    EXPECT_EQ(verdict_on([](settings& s) { s.min_size = 10; }), "");
    EXPECT_NE(verdict_on([](settings& s) { s.min_size = 11; }).find("min_size"), std::string::npos);
}

TEST(settings, the_jitter_is_a_share) {
    for (const double good : {0.0, 0.5}) {
        EXPECT_EQ(verdict_on([&](settings& s) { s.lifetime_jitter = good; }), "");
    }
    for (const double bad : {-0.01, 0.51, std::numeric_limits<double>::quiet_NaN()}) {
        EXPECT_NE(verdict_on([&](settings& s) { s.lifetime_jitter = bad; }).find("lifetime_jitter"), std::string::npos);
    }
}

TEST(settings, a_name_has_1_to_100_characters) {
    EXPECT_EQ(verdict_on([](settings& s) { s.name = std::string(100, 'x'); }), "");
    EXPECT_NE(verdict_on([](settings& s) { s.name = std::string(101, 'x'); }).find("name"), std::string::npos);
    EXPECT_NE(verdict_on([](settings& s) { s.name.clear(); }).find("name"), std::string::npos);
}

TEST(settings, a_budget_wants_a_size_that_adapts_and_no_overflow) {
    const auto shared = [](settings& s) {
        s.budget = std::make_shared<lido::pool::size_budget>(10);
        s.sizing = lido::pool::adaptive_sizing::by_load();
    };
    EXPECT_EQ(verdict_on(shared), "");
    const auto fixed = [&](settings& s) { shared(s), s.sizing = lido::pool::fixed_sizing{}; };
    EXPECT_NE(verdict_on(fixed).find("budget needs an adaptive sizing"), std::string::npos);
    const auto overflowing = [&](settings& s) { shared(s), s.on_full = lido::pool::when_full::overflow; };
    EXPECT_NE(verdict_on(overflowing).find("budget allows no overflow"), std::string::npos);
}

TEST(settings, the_rules_of_an_adaptive_sizing_are_validated_too) {
    lido::pool::adaptive_sizing rules;
    rules.grow_by = 0;
    EXPECT_NE(verdict_on([&](settings& s) { s.sizing = rules; }).find("grow_by"), std::string::npos);
}

TEST(settings, the_back_off_is_validated_too) {
    EXPECT_NE(verdict_on([](settings& s) { s.back_off.factor = 0.5; }).find("factor"), std::string::npos);
}

}  // namespace
