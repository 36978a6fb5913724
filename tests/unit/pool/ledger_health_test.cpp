// Goal: when idle connections are checked, and what follows.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::idle_order;
using lido::pool::slot_state;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings checked_after(lido::duration idle) {
    auto settings = quiet_settings();
    settings.check_after_idle = idle;
    return settings;
}

TEST(ledger_health, a_connection_idle_for_long_is_checked_before_it_is_lent) {  // HikariCP: alive test after 500 ms
    ledger_driver pool(checked_after(1s));
    pool.fill(1);
    pool.advance(1s);
    EXPECT_EQ(pool.acquire("b"), "granted 1") << "not longer than that";
    pool.release("b");
    pool.advance(1001ms);
    EXPECT_EQ(pool.acquire("c"), "queued, check 1");
    EXPECT_EQ(pool.checked(1), "grant c 1");
    EXPECT_EQ(pool.statistics().checks, 1U);
}

TEST(ledger_health, always_means_always_but_for_one_that_is_just_now_returned_to_a_waiter) {
    ledger_driver pool(checked_after(0s));
    pool.fill(1);
    pool.advance(1ms);
    EXPECT_EQ(pool.acquire("b"), "queued, check 1");
    pool.checked(1);
    EXPECT_TRUE(pool.has_lease("b"));
}

TEST(ledger_health, after_a_machine_slept_everything_is_checked_before_use) {  // A17
    ledger_driver pool(checked_after(1s));
    pool.fill(2);
    pool.sleep(8h);
    EXPECT_EQ(pool.acquire("c"), "queued, check 2");
    EXPECT_EQ(pool.acquire("d"), "queued, check 1");
}

TEST(ledger_health, the_place_of_a_connection_that_fails_its_check_serves_the_caller) {  // R13, HikariCP#1474
    auto settings = checked_after(1s);
    settings.max_size = 1;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(2s);
    pool.acquire("b");
    EXPECT_EQ(pool.checked(1, false), "close 1");
    EXPECT_EQ(pool.closed(1), "open 2");
    EXPECT_EQ(pool.opened(2), "grant b 2");
    EXPECT_EQ(pool.statistics().closed_broken, 1U);
}

TEST(ledger_health, a_second_caller_does_not_wait_for_the_check_of_the_first) {
    ledger_driver pool(checked_after(1s));
    pool.fill(1);
    pool.advance(2s);
    EXPECT_EQ(pool.acquire("b"), "queued, check 1");
    EXPECT_EQ(pool.acquire("c"), "queued, open 2");
}

TEST(ledger_health, one_that_was_just_returned_is_lent_before_one_that_must_be_checked) {
    ledger_driver pool(checked_after(1s));
    pool.fill(2);
    pool.advance(2s);
    pool.acquire("c");
    EXPECT_EQ(pool.checked(2), "grant c 2");
    pool.release("c");
    EXPECT_EQ(pool.acquire("d"), "granted 2");
}

TEST(ledger_health, of_those_that_must_be_checked_one_past_its_lifetime_is_closed_instead) {
    auto settings = checked_after(1s);
    settings.max_lifetime = 100s;
    ledger_driver pool(settings);
    pool.advance(500us);  // timers are exact to a millisecond: that of the first comes a moment after its lifetime
    pool.lend("a");
    pool.advance(50s);
    pool.lend("b");
    pool.lend("c");
    pool.release("b");
    pool.release("a");
    pool.release("c");
    pool.pause();
    EXPECT_EQ(pool.advance(50s), "");
    pool.acquire("d");
    pool.acquire("e");
    EXPECT_EQ(pool.resume(), "check 3, close 1, check 2");
}

TEST(ledger_health, in_the_order_of_idleness_a_fresh_one_is_found_behind_stale_ones) {
    auto settings = checked_after(1s);
    settings.order = idle_order::first_in_first_out;
    ledger_driver pool(settings);
    pool.fill(2);
    pool.advance(2s);
    pool.acquire("c");
    pool.checked(1);
    pool.release("c");
    EXPECT_EQ(pool.acquire("d"), "granted 1") << "2 is idle longer, but would have to be checked first";
}

TEST(ledger_health, an_idle_connection_is_checked_now_and_then) {  // keep-alive
    auto settings = quiet_settings();
    settings.keep_alive = 100s;
    ledger_driver pool(settings);
    pool.fill(1);
    EXPECT_EQ(pool.advance(89s), "") << "plus or minus a tenth";
    EXPECT_EQ(pool.advance_to_action(22s), "check 1");
    EXPECT_EQ(pool.checked(1), "");
    EXPECT_EQ(pool.advance(89s), "");
    EXPECT_EQ(pool.advance_to_action(22s), "check 1");
}

TEST(ledger_health, a_keep_alive_check_that_fails_closes_and_restores_the_minimum) {
    auto settings = quiet_settings();
    settings.keep_alive = 100s;
    settings.min_size = 1;
    settings.max_size = 1;
    ledger_driver pool(settings);
    pool.start();
    pool.opened(1);
    pool.acquire("a");
    pool.release("a");
    EXPECT_EQ(pool.advance_to_action(111s), "check 1");
    EXPECT_EQ(pool.checked(1, false), "close 1");
    EXPECT_EQ(pool.closed(1), "open 2");
}

TEST(ledger_health, use_counts_as_a_check) {
    auto settings = quiet_settings();
    settings.keep_alive = 100s;
    ledger_driver pool(settings);
    pool.fill(1);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(pool.advance(60s), "");
        EXPECT_EQ(pool.acquire("b"), "granted 1");
        pool.release("b");
    }
    EXPECT_EQ(pool.statistics().checks, 0U);
}

TEST(ledger_health, a_check_does_not_make_a_connection_look_used) {  // golang/go#43173
    auto settings = quiet_settings();
    settings.keep_alive = 100s;
    settings.idle_timeout = 250s;
    ledger_driver pool(settings);
    pool.fill(1);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(pool.advance_to_action(111s), "check 1");
        pool.checked(1);
    }
    EXPECT_EQ(pool.advance_to_action(250s - pool.elapsed()), "close 1") << "idle for 250 s, checks or not";
    EXPECT_EQ(pool.elapsed(), 250s);
}

TEST(ledger_health, a_checked_connection_is_not_lent_before_one_that_was_used_later) {
    auto settings = quiet_settings();
    settings.keep_alive = 100s;
    ledger_driver pool(settings);
    pool.fill(2);
    pool.advance(80s);
    EXPECT_EQ(pool.acquire("c"), "granted 2");
    pool.release("c");
    EXPECT_EQ(pool.advance_to_action(31s), "check 1");
    pool.checked(1);
    EXPECT_EQ(pool.acquire("d"), "granted 2") << "else checks would keep alive in turn what should expire";
}

TEST(ledger_health, a_connection_lost_during_its_check_is_closed_though_it_passed) {
    ledger_driver pool(checked_after(1s));
    pool.fill(1);
    pool.advance(2s);
    pool.acquire("b");
    EXPECT_EQ(pool.lost(1), "open 2") << "it serves nobody any more";
    EXPECT_EQ(pool.checked(1), "close 1");
    EXPECT_EQ(pool.opened(2), "grant b 2");
}

TEST(ledger_health, a_check_whose_caller_has_gone_leaves_an_idle_connection) {
    ledger_driver pool(checked_after(1s));
    pool.fill(1);
    pool.advance(2s);
    pool.acquire("b");
    pool.cancel("b");
    EXPECT_EQ(pool.checked(1), "");
    EXPECT_EQ(pool.state(1), slot_state::idle);
    EXPECT_EQ(pool.acquire("c"), "granted 1");
}

TEST(ledger_health, the_idle_time_out_runs_on_over_a_check_whose_caller_has_gone) {
    auto settings = checked_after(1s);
    settings.idle_timeout = 10s;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(9s);
    pool.acquire("b");
    pool.cancel("b");
    pool.checked(1);
    EXPECT_EQ(pool.advance(1s), "close 1") << "idle for 10 s";
}

TEST(ledger_health, checks_that_begin_when_the_setting_is_switched_on_do_not_run_in_a_loop) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    pool.reconfigure([](auto& settings) { settings.keep_alive = 100s; });
    EXPECT_EQ(pool.advance_to_action(111s), "check 1");
    pool.checked(1);
    EXPECT_EQ(pool.advance(89s), "");
}

TEST(ledger_health, a_shorter_keep_alive_holds_for_idle_connections_too) {
    auto settings = quiet_settings();
    settings.keep_alive = 1h;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(1min);
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.keep_alive = 100s; }), "");
    EXPECT_EQ(pool.advance_to_action(51s), "check 1");
}

}  // namespace
