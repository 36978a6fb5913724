// Goal: who gets which connection, what a verdict does to it, and that nothing is lent twice.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::idle_order;
using lido::pool::slot_state;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

TEST(ledger_lending, the_first_caller_waits_for_a_connection_that_is_opened_for_it) {
    ledger_driver pool(quiet_settings());
    EXPECT_EQ(pool.acquire("a"), "queued, open 1");
    EXPECT_EQ(pool.opened(1), "grant a 1");
    EXPECT_EQ(pool.release("a"), "");
    EXPECT_EQ(pool.state(1), slot_state::idle);
}

TEST(ledger_lending, an_idle_connection_is_lent_at_once_and_without_a_new_wake) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    EXPECT_EQ(pool.acquire("b"), "granted 1");
    EXPECT_FALSE(pool.wake_changed());
    EXPECT_EQ(pool.release("b"), "");
    EXPECT_FALSE(pool.wake_changed());
}

TEST(ledger_lending, a_returned_connection_goes_to_the_caller_that_waits) {  // sqlx#622
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    EXPECT_EQ(pool.acquire("b"), "queued");
    EXPECT_EQ(pool.release("a"), "grant b 1");
}

TEST(ledger_lending, the_connection_used_last_is_lent_first_by_default) {
    ledger_driver pool(quiet_settings());
    pool.fill(3);
    EXPECT_EQ(pool.acquire("d"), "granted 3");
    EXPECT_EQ(pool.acquire("e"), "granted 2");
}

TEST(ledger_lending, the_connection_idle_longest_is_lent_first_when_asked_for) {  // golang/go#68539
    auto settings = quiet_settings();
    settings.order = idle_order::first_in_first_out;
    ledger_driver pool(settings);
    pool.fill(3);
    EXPECT_EQ(pool.acquire("d"), "granted 1");
    EXPECT_EQ(pool.acquire("e"), "granted 2");
    pool.release("d");
    EXPECT_EQ(pool.acquire("f"), "granted 3");
    EXPECT_EQ(pool.acquire("g"), "granted 1");
}

TEST(ledger_lending, a_connection_of_the_callers_scheduler_is_preferred) {
    ledger_driver pool(quiet_settings(), 3);
    EXPECT_EQ(pool.acquire("a", {.affinity = 2}), "queued, open 1@2");
    EXPECT_EQ(pool.acquire("b", {.affinity = 1}), "queued, open 2@1");
    pool.opened(1);
    pool.opened(2);
    pool.release("a");
    pool.release("b");
    EXPECT_EQ(pool.acquire("c", {.affinity = 2}), "granted 1");
    EXPECT_EQ(pool.acquire("d", {.affinity = 2}), "granted 2") << "one of another scheduler is better than none";
}

TEST(ledger_lending, connections_that_nobody_in_particular_asked_for_are_spread_over_the_schedulers) {
    ledger_driver pool(quiet_settings(), 2);
    EXPECT_EQ(pool.warm_up(4), "open 1, open 2@1, open 3, open 4@1");
}

TEST(ledger_lending, a_broken_connection_is_closed_and_replaced_for_the_caller_that_waits) {  // redis-py#2665
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    pool.acquire("b");
    EXPECT_EQ(pool.release("a", verdict::broken), "close 1");
    EXPECT_EQ(pool.closed(1), "open 2") << "and not before the place is free";
    EXPECT_EQ(pool.opened(2), "grant b 2");
}

TEST(ledger_lending, a_connection_that_needs_a_reset_is_reset_before_it_is_lent) {  // sqlx#4393
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    pool.acquire("b");
    EXPECT_EQ(pool.release("a", verdict::needs_reset), "reset 1");
    EXPECT_EQ(pool.reset_done(1), "grant b 1");
}

TEST(ledger_lending, a_connection_that_cannot_be_reset_is_closed) {
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    pool.acquire("b");
    pool.release("a", verdict::needs_reset);
    EXPECT_EQ(pool.reset_done(1, false), "close 1");
    EXPECT_EQ(pool.closed(1), "open 2");
    EXPECT_EQ(pool.statistics().resets_failed, 1U);
}

TEST(ledger_lending, a_lease_returned_twice_counts_once) {  // A12
    ledger_driver pool({.max_size = 2});
    pool.fill(1);
    EXPECT_EQ(pool.release("a"), "stale");
    EXPECT_EQ(pool.release("a", verdict::broken), "stale");
    EXPECT_EQ(pool.statistics().stale_events, 2U);
    EXPECT_EQ(pool.state(1), slot_state::idle);
    EXPECT_EQ(pool.acquire("b"), "granted 1");
    EXPECT_EQ(pool.acquire("c"), "queued, open 2") << "one connection, one lease";
}

TEST(ledger_lending, a_late_second_return_does_not_touch_the_next_borrower) {  // A12
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    pool.acquire("b");
    EXPECT_EQ(pool.release("a"), "grant b 1");
    EXPECT_EQ(pool.release("a", verdict::broken), "stale");
    EXPECT_EQ(pool.state(1), slot_state::leased);
}

TEST(ledger_lending, a_connection_lost_while_idle_is_closed) {  // HikariCP#1971
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    EXPECT_EQ(pool.lost(1), "close 1");
    EXPECT_EQ(pool.lost(1), "stale");
    pool.closed(1);
    EXPECT_EQ(pool.acquire("b"), "queued, open 2");
}

TEST(ledger_lending, a_connection_lost_while_leased_closes_when_it_is_returned) {
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    EXPECT_EQ(pool.lost(1), "");
    EXPECT_EQ(pool.state(1), slot_state::draining);
    EXPECT_EQ(pool.release("a"), "close 1") << "clean or not";
}

TEST(ledger_lending, a_connection_lost_during_its_reset_is_not_lent_though_the_reset_says_clean) {
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    pool.acquire("b");
    pool.release("a", verdict::needs_reset);
    EXPECT_EQ(pool.lost(1), "");
    EXPECT_EQ(pool.reset_done(1, true), "close 1");
}

TEST(ledger_lending, a_connection_is_closed_after_its_last_use) {  // max_uses
    auto settings = quiet_settings();
    settings.max_uses = 2;
    ledger_driver pool(settings);
    pool.fill(1);
    EXPECT_EQ(pool.acquire("b"), "granted 1");
    EXPECT_EQ(pool.release("b"), "close 1");
    pool.closed(1);
    EXPECT_EQ(pool.statistics().closed_lifetime, 1U);
}

TEST(ledger_lending, an_answer_for_the_former_owner_of_a_place_is_stale) {  // S9
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    pool.release("a", verdict::broken);
    pool.acquire("b");
    pool.closed(1);
    EXPECT_EQ(pool.state(2), slot_state::connecting);
    EXPECT_EQ(pool.opened(1), "stale");
    EXPECT_EQ(pool.open_failed(1), "stale");
    EXPECT_EQ(pool.checked(1), "stale");
    EXPECT_EQ(pool.reset_done(1), "stale");
    EXPECT_EQ(pool.closed(1), "stale");
    EXPECT_EQ(pool.lost(1), "stale");
    EXPECT_EQ(pool.capacity(1, 5), "stale");
    EXPECT_EQ(pool.state(2), slot_state::connecting);
}

TEST(ledger_lending, an_answer_to_nothing_asked_is_stale) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    EXPECT_EQ(pool.opened(1), "stale");
    EXPECT_EQ(pool.open_failed(1), "stale");
    EXPECT_EQ(pool.checked(1), "stale");
    EXPECT_EQ(pool.reset_done(1), "stale");
    EXPECT_EQ(pool.closed(1), "stale");
    EXPECT_EQ(pool.state(1), slot_state::idle);
    EXPECT_EQ(pool.statistics().stale_events, 5U);
}

TEST(ledger_lending, a_caller_whose_deadline_is_now_gets_what_is_there_and_waits_for_nothing) {
    ledger_driver pool({.max_size = 1});
    EXPECT_EQ(pool.acquire("a", {.timeout = 0s}), "refused acquire_timeout");
    pool.fill(1);
    EXPECT_EQ(pool.acquire("b", {.timeout = 0s}), "granted 1");
    EXPECT_EQ(pool.acquire("c", {.timeout = 0s}), "refused acquire_timeout");
}

TEST(ledger_lending, a_slot_that_never_was_has_no_state) {
    ledger_driver pool(quiet_settings());
    EXPECT_FALSE(pool.book().is_current({7, 1}));
    EXPECT_EQ(pool.book().state_of({7, 1}), slot_state::vacant);
    EXPECT_TRUE(pool.book().is_empty());
}

}  // namespace
