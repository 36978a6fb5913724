// Goal: connections beyond the maximum, where the user chose them.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::when_full;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings overflowing(std::size_t max, std::size_t beyond) {
    auto settings = quiet_settings();
    settings.max_size = max;
    settings.on_full = when_full::overflow;
    settings.max_overflow = beyond;
    return settings;
}

TEST(ledger_overflow, a_full_pool_opens_one_more_and_closes_it_on_return) {  // A5 of the features
    ledger_driver pool(overflowing(1, 5));
    pool.lend("a");
    EXPECT_EQ(pool.acquire("b"), "queued, open 2");
    EXPECT_EQ(pool.opened(2), "grant b 2");
    EXPECT_EQ(pool.statistics().overflow, 1U);
    EXPECT_EQ(pool.release("b"), "close 2");
    pool.closed(2);
    EXPECT_EQ(pool.statistics().overflow, 0U);
    EXPECT_EQ(pool.statistics().closed_retired, 1U);
}

TEST(ledger_overflow, it_is_bounded) {
    ledger_driver pool(overflowing(1, 2));
    pool.lend("a");
    EXPECT_EQ(pool.acquire("b"), "queued, open 2");
    EXPECT_EQ(pool.acquire("c"), "queued, open 3");
    EXPECT_EQ(pool.acquire("d"), "queued");
    pool.opened(2);
    pool.release("b");
    EXPECT_EQ(pool.closed(2), "open 4") << "and begins anew when there is room";
}

TEST(ledger_overflow, the_maximum_is_filled_first) {
    ledger_driver pool(overflowing(2, 5));
    pool.lend("a");
    pool.acquire("b");
    pool.opened(2);
    EXPECT_EQ(pool.statistics().overflow, 0U);
}

TEST(ledger_overflow, one_whose_caller_has_gone_serves_another) {
    ledger_driver pool(overflowing(1, 1));
    pool.lend("a");
    pool.acquire("b");
    pool.acquire("c");
    pool.cancel("b");
    EXPECT_EQ(pool.opened(2), "grant c 2");
}

TEST(ledger_overflow, one_that_nobody_waits_for_any_more_is_closed_at_once) {
    ledger_driver pool(overflowing(1, 5));
    pool.lend("a");
    pool.acquire("b");
    EXPECT_EQ(pool.release("a"), "grant b 1");
    EXPECT_EQ(pool.opened(2), "close 2");
}

TEST(ledger_overflow, one_whose_callers_have_all_run_out_of_time_is_closed_at_once) {
    ledger_driver pool(overflowing(1, 5));
    pool.lend("a");
    pool.acquire("b", {.timeout = 500us});
    pool.advance(600us);
    EXPECT_EQ(pool.opened(2), "refuse b acquire_timeout, close 2");
}

TEST(ledger_overflow, one_that_comes_up_during_a_pause_is_closed) {
    ledger_driver pool(overflowing(1, 5));
    pool.lend("a");
    pool.acquire("b");
    pool.pause();
    EXPECT_EQ(pool.opened(2), "close 2") << "nobody may have it, and it must not stay";
    pool.closed(2);
    EXPECT_EQ(pool.resume(), "open 3");
}

TEST(ledger_overflow, the_minimum_is_not_met_by_it) {
    auto settings = overflowing(2, 5);
    settings.min_size = 2;
    ledger_driver pool(settings);
    pool.start();
    pool.opened(1);
    pool.opened(2);
    for (const char* name : {"a", "b"}) pool.acquire(name);
    pool.acquire("c");
    pool.opened(3);
    EXPECT_EQ(pool.lost(1), "");
    EXPECT_EQ(pool.release("b"), "close 1") << "it had the one that was lost";
    EXPECT_EQ(pool.closed(1), "open 4") << "although there are two: one of them goes on return";
    pool.opened(4);
    EXPECT_EQ(pool.statistics().idle, 1U);
}

TEST(ledger_overflow, a_lower_limit_does_not_disturb_those_that_are_out) {
    ledger_driver pool(overflowing(1, 5));
    pool.lend("a");
    for (const char* name : {"b", "c"}) pool.lend(name);
    EXPECT_EQ(pool.reconfigure([](auto& settings) { settings.max_overflow = 1; }), "");
    EXPECT_EQ(pool.acquire("d"), "queued");
    EXPECT_EQ(pool.release("b"), "close 2");
    EXPECT_EQ(pool.closed(2), "") << "the limit is one, and one is out";
    EXPECT_EQ(pool.release("c"), "close 3");
    EXPECT_EQ(pool.closed(3), "open 4");
}

}  // namespace
