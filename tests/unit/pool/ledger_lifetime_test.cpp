// Goal: how long connections live, and that the pool never loses its minimum over that.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

#include <set>

namespace {

using namespace std::chrono_literals;
using lido::pool::slot_state;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings living(lido::duration lifetime, std::size_t min = 0, std::size_t max = 10) {
    auto settings = quiet_settings();
    settings.max_lifetime = lifetime;
    settings.min_size = min;
    settings.max_size = max;
    return settings;
}

/// Opens the minimum, uses each connection once, so that none of them counts as stillborn.
void open_minimum(ledger_driver& pool, std::size_t count) {
    pool.start();
    for (std::size_t i = 1; i <= count; ++i) pool.opened(i);
    for (std::size_t i = 1; i <= count; ++i) pool.acquire("u" + std::to_string(i));
    for (std::size_t i = 1; i <= count; ++i) pool.release("u" + std::to_string(i));
}

TEST(ledger_lifetime, an_idle_connection_past_its_lifetime_is_closed) {
    ledger_driver pool(living(60s));
    pool.fill(1);
    EXPECT_EQ(pool.advance(59999ms), "");
    EXPECT_EQ(pool.advance(1ms), "close 1");
    pool.closed(1);
    EXPECT_EQ(pool.statistics().closed_lifetime, 1U);
}

TEST(ledger_lifetime, a_connection_in_use_is_never_ended_but_closes_when_returned) {
    ledger_driver pool(living(60s));
    pool.lend("a");
    EXPECT_EQ(pool.advance(2min), "");
    EXPECT_EQ(pool.release("a"), "close 1");
}

TEST(ledger_lifetime, one_past_its_lifetime_is_not_lent_even_before_the_tick) {
    ledger_driver pool(living(60s));
    pool.fill(1);
    pool.advance(59s);
    lido::pool::actions out;
    const auto outcome = pool.book().acquire(pool.now() + 1s, {.deadline = pool.now() + 2s}, out);
    EXPECT_EQ(outcome.what, lido::pool::acquire_outcome::kind::queued);
    EXPECT_EQ(out.front().kind, lido::pool::action_kind::close);
    EXPECT_EQ(out.back().kind, lido::pool::action_kind::open);
}

TEST(ledger_lifetime, lifetimes_differ_by_their_jitter) {  // HikariCP#2099
    auto settings = living(1000s, 0, 100);
    settings.lifetime_jitter = 0.1;
    settings.max_concurrent_connects = 100;
    ledger_driver pool(settings);
    for (int i = 0; i < 50; ++i) pool.acquire("w" + std::to_string(i));
    for (std::size_t i = 1; i <= 50; ++i) pool.opened(i);
    for (int i = 0; i < 50; ++i) pool.release("w" + std::to_string(i));
    EXPECT_EQ(pool.advance(900s - 1ms), "");
    std::set<lido::duration> moments;
    std::size_t ended = 0;
    while (ended < 50) {
        ASSERT_FALSE(pool.advance_to_action(101s).empty());
        ended += pool.last_actions().size();
        moments.insert(pool.elapsed());
    }
    EXPECT_LE(pool.elapsed(), 1000s + 1ms);
    EXPECT_GT(moments.size(), 40U);
}

TEST(ledger_lifetime, a_successor_is_opened_before_the_old_one_goes) {  // vitess#20080
    ledger_driver pool(living(60s, 1));
    open_minimum(pool, 1);
    EXPECT_EQ(pool.advance(60s), "open 2");
    EXPECT_EQ(pool.state(1), slot_state::idle);
    EXPECT_EQ(pool.opened(2), "close 1");
    EXPECT_EQ(pool.statistics().idle, 1U);
}

TEST(ledger_lifetime, while_its_successor_is_opened_the_old_one_is_lent) {
    ledger_driver pool(living(60s, 1));
    open_minimum(pool, 1);
    pool.advance(60s);
    EXPECT_EQ(pool.acquire("a"), "granted 1");
    EXPECT_EQ(pool.opened(2), "");
    EXPECT_EQ(pool.release("a"), "close 1");
}

TEST(ledger_lifetime, a_successor_that_cannot_be_opened_in_time_does_not_keep_the_old_one_alive) {
    auto settings = living(60s, 1);
    settings.connect_timeout = 10s;
    settings.back_off = {.initial = 1h, .factor = 1.0, .maximum = 1h};
    ledger_driver pool(settings);
    open_minimum(pool, 1);
    pool.advance(60s);
    EXPECT_EQ(pool.open_failed(2), "");
    EXPECT_EQ(pool.advance(9999ms), "");
    EXPECT_EQ(pool.advance(1ms), "close 1");
}

TEST(ledger_lifetime, a_check_that_falls_due_during_the_replacement_does_not_end_the_old_one_early) {
    auto settings = living(60s, 1);
    settings.keep_alive = 10s;
    settings.connect_timeout = 10min;
    ledger_driver pool(settings);
    open_minimum(pool, 1);
    while (pool.elapsed() < 60s) {
        if (pool.advance_to_action(60s - pool.elapsed()) == "check 1") pool.checked(1);
    }
    EXPECT_EQ(pool.state(2), slot_state::connecting);
    EXPECT_EQ(pool.advance(1min), "");
    EXPECT_EQ(pool.opened(2), "close 1");
}

TEST(ledger_lifetime, a_connection_that_expires_during_its_check_still_waits_for_its_successor) {
    auto settings = living(60s, 1);
    settings.keep_alive = 57s;
    ledger_driver pool(settings);
    open_minimum(pool, 1);
    std::string text = pool.advance_to_action();
    if (text != "check 1") GTEST_SKIP() << "the jitter of this seed put the check behind the lifetime";
    pool.advance(60s - pool.elapsed());
    EXPECT_EQ(pool.checked(1), "open 2");
    EXPECT_EQ(pool.opened(2), "close 1");
}

TEST(ledger_lifetime, after_a_machine_slept_the_old_ones_still_wait_for_their_successors) {  // A17
    ledger_driver pool(living(60s, 2));
    open_minimum(pool, 2);
    EXPECT_EQ(pool.sleep(8h), "open 3, open 4");
    EXPECT_EQ(pool.advance(5s), "") << "they get the time of a connect from now on";
    EXPECT_EQ(pool.opened(3).substr(0, 5), "close");
    EXPECT_EQ(pool.opened(4).substr(0, 5), "close");
    EXPECT_EQ(pool.statistics().idle, 2U);
}

TEST(ledger_lifetime, where_max_leaves_no_room_they_are_replaced_one_after_the_other) {  // R10
    ledger_driver pool(living(60s, 3, 3));
    open_minimum(pool, 3);
    std::string text = pool.advance(60s);
    std::size_t next = 4;
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(text.substr(0, 6), "close ") << text;
        EXPECT_EQ(text.find(','), std::string::npos) << "only one at a time: " << text;
        EXPECT_EQ(pool.statistics().idle, 2U);
        EXPECT_EQ(pool.closed(static_cast<std::size_t>(text[6] - '0')), "open " + std::to_string(next));
        text = pool.opened(next++);
    }
    EXPECT_EQ(text, "");
    EXPECT_EQ(pool.statistics().idle, 3U);
}

TEST(ledger_lifetime, two_that_expire_together_are_both_closed_when_both_successors_are_there) {
    ledger_driver pool(living(60s, 2));
    open_minimum(pool, 2);
    EXPECT_EQ(pool.advance(60s), "open 3, open 4");
    EXPECT_EQ(pool.opened(3).substr(0, 5), "close");
    EXPECT_EQ(pool.opened(4).substr(0, 5), "close");
    EXPECT_EQ(pool.statistics().closing, 2U);
}

TEST(ledger_lifetime, one_that_is_returned_past_its_lifetime_waits_for_its_successor_too) {
    ledger_driver pool(living(60s, 1));
    open_minimum(pool, 1);
    pool.acquire("a");
    pool.advance(61s);
    EXPECT_EQ(pool.release("a"), "open 2");
    EXPECT_EQ(pool.acquire("b"), "granted 1");
    EXPECT_EQ(pool.release("b"), "close 1") << "once";
}

TEST(ledger_lifetime, an_old_one_that_must_be_checked_first_is_kept_when_it_passes) {
    auto settings = living(60s, 1, 2);
    settings.check_after_idle = 1s;
    settings.back_off = {.initial = 1h, .factor = 1.0, .maximum = 1h};
    settings.connect_timeout = 1min;
    ledger_driver pool(settings);
    open_minimum(pool, 1);
    pool.advance(60s);
    pool.open_failed(2);
    EXPECT_EQ(pool.acquire("a"), "queued, check 1");
    EXPECT_EQ(pool.checked(1), "grant a 1");
}

TEST(ledger_lifetime, idle_connections_above_the_minimum_are_closed_in_time) {
    auto settings = quiet_settings();
    settings.idle_timeout = 10s;
    settings.min_size = 1;
    ledger_driver pool(settings);
    pool.fill(3);
    EXPECT_EQ(pool.advance(9s), "");
    EXPECT_EQ(pool.acquire("d"), "granted 3");
    pool.release("d");
    EXPECT_EQ(pool.advance(1s).size(), std::string("close 1, close 2").size()) << "in any order";
    EXPECT_EQ(pool.closed(1), "");
    EXPECT_EQ(pool.closed(2), "");
    EXPECT_EQ(pool.advance(1h), "") << "the last belongs to the minimum";
    EXPECT_EQ(pool.statistics().closed_idle, 2U);
}

TEST(ledger_lifetime, one_that_stayed_for_the_minimum_goes_when_the_minimum_no_longer_needs_it) {
    auto settings = quiet_settings();
    settings.idle_timeout = 10s;
    settings.min_size = 1;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(25s);
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.min_size = 0; }), "");
    EXPECT_EQ(pool.advance(1ms), "close 1");
}

TEST(ledger_lifetime, a_changed_lifetime_holds_for_open_connections_too) {  // R19
    ledger_driver pool(living(1h));
    pool.fill(1);
    pool.advance(2min);
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.max_lifetime = 1min; }), "");
    EXPECT_EQ(pool.advance(1ms), "close 1");
}

TEST(ledger_lifetime, a_dirty_one_past_its_lifetime_is_reset_only_if_it_is_still_needed) {
    ledger_driver pool(living(60s));
    pool.lend("a");
    pool.advance(61s);
    EXPECT_EQ(pool.release("a", verdict::needs_reset), "close 1");
}

TEST(ledger_lifetime, a_dirty_one_past_its_lifetime_that_is_needed_is_reset_first) {
    ledger_driver pool(living(60s, 1));
    open_minimum(pool, 1);
    pool.acquire("a");
    pool.advance(61s);
    EXPECT_EQ(pool.release("a", verdict::needs_reset), "reset 1");
    EXPECT_EQ(pool.reset_done(1), "open 2");
    EXPECT_EQ(pool.opened(2), "close 1");
}

}  // namespace
