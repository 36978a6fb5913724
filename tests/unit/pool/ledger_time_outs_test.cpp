// Goal: deadlines are absolute, cover everything, and are met.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings one_connection() {
    auto settings = quiet_settings();
    settings.max_size = 1;
    return settings;
}

TEST(ledger_time_outs, a_caller_is_refused_at_its_deadline) {
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("b", {.timeout = 500ms});
    EXPECT_EQ(pool.advance(499ms), "");
    EXPECT_EQ(pool.advance(1ms), "refuse b acquire_timeout");
    EXPECT_EQ(pool.statistics().refused_timeout, 1U);
}

TEST(ledger_time_outs, a_deadline_between_two_ticks_is_never_early_and_at_most_a_tick_late) {
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("b", {.timeout = 500us});
    EXPECT_EQ(pool.advance(499us), "");
    EXPECT_EQ(pool.advance(501us), "refuse b acquire_timeout");
}

TEST(ledger_time_outs, a_caller_past_its_deadline_is_not_served_even_before_the_tick) {  // vitess#20310
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("b", {.timeout = 500us});
    pool.acquire("c", {.timeout = 2s});
    pool.advance(500us);
    EXPECT_EQ(pool.release("a"), "refuse b acquire_timeout, grant c 1");
}

TEST(ledger_time_outs, the_deadline_covers_waiting_connecting_checking_and_resetting_together) {  // node-mysql2#4498
    auto settings = one_connection();
    settings.check_after_idle = 0s;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(1s);
    EXPECT_EQ(pool.acquire("b", {.timeout = 500ms}), "queued, check 1");
    pool.advance(300ms);
    EXPECT_EQ(pool.checked(1, false), "close 1");
    pool.advance(100ms);
    EXPECT_EQ(pool.closed(1).substr(0, 4), "open") << "a check that fails is no reason to begin to wait anew";
    EXPECT_EQ(pool.advance(100ms), "refuse b acquire_timeout");
}

TEST(ledger_time_outs, a_check_that_hangs_ends_at_its_deadline) {
    auto settings = one_connection();
    settings.check_after_idle = 1s;
    settings.check_timeout = 5s;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(2s);
    EXPECT_EQ(pool.acquire("b"), "queued, check 1");
    EXPECT_EQ(pool.advance(5s), "abandon 1");
    EXPECT_EQ(pool.checked(1), "stale");
    EXPECT_EQ(pool.closed(1), "open 2");
    EXPECT_EQ(pool.statistics().checks_failed, 1U);
}

TEST(ledger_time_outs, a_reset_that_hangs_ends_at_its_deadline) {  // A11: cleanup is bounded
    auto settings = one_connection();
    settings.check_timeout = 5s;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.release("a", verdict::needs_reset);
    pool.acquire("b");
    EXPECT_EQ(pool.advance(5s), "abandon 1");
    EXPECT_EQ(pool.reset_done(1), "stale");
    EXPECT_EQ(pool.closed(1), "open 2");
    EXPECT_EQ(pool.statistics().resets_failed, 1U);
}

TEST(ledger_time_outs, while_paused_the_reason_is_the_pause) {
    ledger_driver pool(one_connection());
    pool.pause();
    pool.acquire("a", {.timeout = 10ms});
    EXPECT_EQ(pool.advance(10ms), "refuse a pool_paused");
}

TEST(ledger_time_outs, after_a_machine_slept_everybody_overdue_is_refused_and_nobody_is_served_late) {  // A17
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("b", {.timeout = 1s});
    pool.acquire("c", {.timeout = 10h});
    EXPECT_EQ(pool.sleep(5h), "refuse b acquire_timeout");
    EXPECT_EQ(pool.release("a"), "grant c 1");
}

TEST(ledger_time_outs, a_tick_too_early_or_too_often_does_nothing) {  // S11
    ledger_driver pool(one_connection());
    pool.acquire("a", {.timeout = 1s});
    lido::pool::actions none;
    for (int i = 0; i < 100; ++i) pool.book().tick(pool.now(), none);
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(pool.advance(1s), "refuse a acquire_timeout");
}

}  // namespace
