// Goal: a pool ends in time, with an answer for everybody and nothing left.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

TEST(ledger_drain, an_empty_pool_ends_at_once) {
    ledger_driver pool(quiet_settings());
    EXPECT_EQ(pool.drain(1s), "drained 0");
    EXPECT_EQ(pool.until_wake(), lido::duration::max());
}

TEST(ledger_drain, idle_connections_close_and_the_last_one_ends_it) {
    ledger_driver pool(quiet_settings());
    pool.fill(2);
    EXPECT_EQ(pool.drain(1s), "close 1, close 2");
    EXPECT_EQ(pool.closed(1), "");
    EXPECT_EQ(pool.closed(2), "drained 0");
    EXPECT_TRUE(pool.book().is_empty());
}

TEST(ledger_drain, those_who_wait_are_refused_at_once) {  // httpcore#631
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("b");
    pool.acquire("c");
    EXPECT_EQ(pool.drain(10s), "refuse b pool_closed, refuse c pool_closed");
    EXPECT_EQ(pool.acquire("d"), "refused pool_closed");
    EXPECT_EQ(pool.release("a"), "close 1");
    EXPECT_EQ(pool.closed(1), "drained 0");
}

TEST(ledger_drain, what_is_under_way_is_abandoned) {
    auto settings = quiet_settings();
    settings.check_after_idle = 1s;
    ledger_driver pool(settings);
    pool.fill(2);
    pool.lend("c");
    pool.release("c", verdict::needs_reset);
    pool.advance(2s);
    pool.acquire("d");
    pool.acquire("e");
    pool.acquire("f");
    EXPECT_EQ(pool.drain(10s),
              "refuse d pool_closed, refuse e pool_closed, refuse f pool_closed, abandon 1, abandon 2, abandon 3");
    EXPECT_EQ(pool.opened(3), "stale");
    EXPECT_EQ(pool.checked(1), "stale");
    EXPECT_EQ(pool.reset_done(2), "stale");
    pool.closed(1);
    pool.closed(2);
    EXPECT_EQ(pool.closed(3), "drained 0");
}

TEST(ledger_drain, leases_have_until_the_deadline_and_are_then_cut) {
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    pool.lend("b");
    EXPECT_EQ(pool.drain(10s), "");
    EXPECT_EQ(pool.release("b"), "close 2");
    EXPECT_EQ(pool.closed(2), "");
    EXPECT_EQ(pool.advance(9999ms), "");
    EXPECT_EQ(pool.advance(1ms), "cut 1, drained 1");
    EXPECT_EQ(pool.release("a", verdict::broken), "abandon 1") << "there is no time left to be polite";
    EXPECT_EQ(pool.closed(1), "") << "once is enough";
    EXPECT_TRUE(pool.book().is_empty());
    EXPECT_EQ(pool.until_wake() > 1h || pool.advance_to_action(1h).empty(), true);
}

TEST(ledger_drain, a_close_that_hangs_is_cut_at_the_deadline) {
    auto settings = quiet_settings();
    settings.close_timeout = 1min;
    ledger_driver pool(settings);
    pool.fill(1);
    EXPECT_EQ(pool.drain(1s), "close 1");
    EXPECT_EQ(pool.advance(1s), "abandon 1, drained 0");
    EXPECT_EQ(pool.closed(1), "");
}

TEST(ledger_drain, a_second_one_may_only_be_earlier) {  // idempotent
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    EXPECT_EQ(pool.drain(10s), "");
    EXPECT_EQ(pool.drain(1s), "");
    EXPECT_EQ(pool.drain(1h), "");
    EXPECT_EQ(pool.advance(1s), "cut 1, drained 1");
    EXPECT_EQ(pool.drain(5s), "drained 1") << "whoever asks again is told again";
}

TEST(ledger_drain, nothing_is_opened_any_more) {
    auto settings = quiet_settings();
    settings.min_size = 2;
    ledger_driver pool(settings);
    pool.start();
    pool.opened(1);
    pool.opened(2);
    EXPECT_EQ(pool.drain(1s), "close 1, close 2");
    EXPECT_EQ(pool.closed(1), "");
    EXPECT_EQ(pool.closed(2), "drained 0");
    EXPECT_EQ(pool.resume(), "");
    EXPECT_EQ(pool.retire_all(), "");
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.min_size = 5; }), "");
    EXPECT_EQ(pool.advance(1h), "");
}

TEST(ledger_drain, a_dirty_lease_is_closed_not_reset) {
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    pool.drain(10s);
    EXPECT_EQ(pool.release("a", verdict::needs_reset), "close 1");
}

TEST(ledger_drain, a_warm_up_ends_with_what_there_is) {
    ledger_driver pool(quiet_settings());
    pool.warm_up(2);
    pool.opened(1);
    EXPECT_EQ(pool.drain(1s), "warmed 1, close 1, abandon 2");
}

TEST(ledger_drain, a_paused_pool_can_be_drained) {
    ledger_driver pool(quiet_settings());
    pool.pause();
    pool.acquire("a");
    EXPECT_EQ(pool.drain(1s), "refuse a pool_closed, drained 0");
}

TEST(ledger_drain, the_pause_after_a_failed_connect_is_no_reason_to_wake_any_more) {
    ledger_driver pool(quiet_settings());
    pool.acquire("a");
    pool.open_failed(1);
    EXPECT_EQ(pool.drain(1s), "refuse a pool_closed, drained 0");
    EXPECT_EQ(pool.advance(1h), "");
}

}  // namespace
