// Goal: an adaptive size in the ledger, from the acquire that begins an interval to the connections that it opens.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using lido::pool::adaptive_sizing;
using lido::pool::when_full;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

/// Looks every second, grows by one while somebody waits longer than 100 ms, shrinks by one after a calm second.
lido::pool::settings adaptive(std::size_t min, std::size_t max) {
    auto settings = quiet_settings();
    settings.min_size = min;
    settings.max_size = max;
    adaptive_sizing rules;
    rules.interval = 1s;
    rules.grow_above_wait = 100ms;
    rules.grow_above_utilisation = 1.0;
    rules.grow_share = 0.0;
    rules.shrink_below_utilisation = 0.5;
    rules.shrink_share = 0.0;
    rules.shrink_after = 1;
    settings.sizing = rules;
    return settings;
}

TEST(ledger_sizing, begins_with_the_minimum_and_at_least_one) {
    EXPECT_EQ(ledger_driver(adaptive(0, 5)).statistics().wanted_size, 1U);
    EXPECT_EQ(ledger_driver(adaptive(3, 5)).statistics().wanted_size, 3U);
    EXPECT_EQ(ledger_driver(quiet_settings()).statistics().wanted_size, quiet_settings().max_size) << "a fixed size";
}

TEST(ledger_sizing, opens_one_more_after_an_interval_in_which_somebody_waited) {
    ledger_driver pool(adaptive(0, 3));
    pool.lend("a");
    EXPECT_EQ(pool.acquire("b"), "queued") << "one is all that it wants so far";
    EXPECT_EQ(pool.advance(999ms), "");
    EXPECT_EQ(pool.advance(2ms), "open 2");
    EXPECT_EQ(pool.opened(2), "grant b 2");
    EXPECT_EQ(pool.statistics().wanted_size, 2U);
    EXPECT_EQ(pool.statistics().grown, 1U);
}

TEST(ledger_sizing, never_opens_more_than_its_maximum) {
    ledger_driver pool(adaptive(0, 3));
    pool.lend("a");
    for (const char* name : {"b", "c", "d", "e", "f"}) pool.acquire(name);
    EXPECT_EQ(pool.advance(10s), "open 2, open 3");
    EXPECT_EQ(pool.statistics().wanted_size, 3U);
}

TEST(ledger_sizing, who_waits_for_a_connect_lacks_no_connection) {
    ledger_driver pool(adaptive(0, 3));
    pool.acquire("a");
    EXPECT_EQ(pool.advance(5s), "") << "it is on its way";
    EXPECT_EQ(pool.statistics().wanted_size, 1U);
}

TEST(ledger_sizing, shrinks_when_little_is_used_and_closes_what_is_idle) {
    ledger_driver pool(adaptive(1, 5));
    pool.start();
    pool.opened(1);
    pool.warm_up(4);
    for (const std::size_t each : {2U, 3U, 4U}) pool.opened(each);
    EXPECT_EQ(pool.statistics().wanted_size, 4U) << "whoever warms up wants them";
    EXPECT_EQ(pool.advance_to_action(), "close 1") << "the one that was idle longest";
    pool.closed(1);
    EXPECT_EQ(pool.advance_to_action(), "close 2");
    pool.closed(2);
    EXPECT_EQ(pool.advance_to_action(), "close 3");
    pool.closed(3);
    EXPECT_EQ(pool.advance(1h), "") << "the minimum stays";
    EXPECT_EQ(pool.statistics().shrunk, 3U);
}

TEST(ledger_sizing, a_pool_at_rest_never_wakes) {
    ledger_driver pool(adaptive(0, 5));
    EXPECT_EQ(pool.until_wake(), lido::duration::max());
    pool.lend("a");
    EXPECT_LE(pool.until_wake(), 1s);
    pool.release("a");
    pool.advance(1min);
    EXPECT_EQ(pool.until_wake(), lido::duration::max());
}

TEST(ledger_sizing, connections_beyond_a_smaller_size_close_when_they_are_returned) {
    ledger_driver pool(adaptive(0, 5));
    pool.warm_up(2);
    pool.opened(1);
    pool.opened(2);
    pool.lend("a");
    pool.lend("b");
    pool.book().allow(pool.now(), 1, *std::make_unique<lido::pool::actions>());
    EXPECT_EQ(pool.release("a"), "close 2");
    EXPECT_EQ(pool.release("b"), "");
}

TEST(ledger_sizing, an_allowance_bounds_it_and_callers_go_on_when_it_is_raised) {
    ledger_driver pool(adaptive(0, 5));
    lido::pool::actions none;
    pool.book().allow(pool.now(), 1, none);
    pool.lend("a");
    pool.acquire("b");
    EXPECT_EQ(pool.advance(5s), "");
    EXPECT_EQ(pool.statistics().wanted_size, 1U);
    EXPECT_EQ(pool.book().wanted_size(), 2U) << "that is what it asks for, and no more and more";
    lido::pool::actions now_open;
    pool.book().allow(pool.now(), 2, now_open);
    ASSERT_EQ(now_open.size(), 1U);
    EXPECT_EQ(now_open.front().kind, lido::pool::action_kind::open);
}

TEST(ledger_sizing, an_allowance_or_an_aim_that_comes_after_the_drain_began_changes_nothing) {
    ledger_driver pool(adaptive(2, 5));
    EXPECT_EQ(pool.start(), "open 1, open 2");
    pool.drain(10s);
    lido::pool::actions out;
    pool.book().allow(pool.now(), 1, out);
    pool.book().aim_at(pool.now(), 5, out);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(pool.statistics().wanted_size, 2U);
    EXPECT_EQ(pool.statistics().shrunk, 0U);
    EXPECT_EQ(pool.statistics().grown, 0U);
}

TEST(ledger_sizing, those_who_are_refused_for_want_of_a_connection_make_it_grow) {
    auto settings = adaptive(0, 3);
    settings.on_full = when_full::fail;
    ledger_driver pool(settings);
    pool.lend("a");
    EXPECT_EQ(pool.acquire("b"), "refused pool_exhausted");
    pool.advance(1s);
    EXPECT_EQ(pool.statistics().wanted_size, 2U);
    EXPECT_EQ(pool.acquire("b"), "queued, open 2");
}

TEST(ledger_sizing, an_overflow_makes_it_grow) {
    auto settings = adaptive(0, 3);
    settings.on_full = when_full::overflow;
    ledger_driver pool(settings);
    pool.lend("a");
    EXPECT_EQ(pool.acquire("b"), "queued, open 2");
    EXPECT_EQ(pool.opened(2), "grant b 2");
    EXPECT_EQ(pool.statistics().overflow, 1U);
    pool.advance(1s);
    EXPECT_EQ(pool.statistics().wanted_size, 2U);
}

TEST(ledger_sizing, nothing_is_decided_during_a_pause) {
    ledger_driver pool(adaptive(0, 3));
    pool.lend("a");
    pool.acquire("b");
    pool.pause();
    pool.advance(10s);
    EXPECT_EQ(pool.statistics().wanted_size, 1U);
    pool.resume();
    EXPECT_EQ(pool.advance(1s), "open 2") << "the wait of the pause counts for nothing, that after it does";
}

TEST(ledger_sizing, leases_that_were_kept_unused_do_not_count_as_used) {
    for (const bool kept : {false, true}) {
        ledger_driver pool(adaptive(0, 2));
        pool.warm_up(2);
        pool.opened(1);
        pool.opened(2);
        pool.lend("a");
        pool.lend("b");
        pool.advance(900ms);
        if (kept) {
            pool.release_kept("a", 890ms);
            pool.release_kept("b", 890ms);
        } else {
            pool.release("a");
            pool.release("b");
        }
        pool.advance(2s);
        pool.advance(2s);
        EXPECT_EQ(pool.statistics().wanted_size, 1U);
        EXPECT_EQ(pool.statistics().shrunk, 1U) << kept;
    }
}

TEST(ledger_sizing, the_time_in_a_cache_is_taken_off_what_was_used) {
    auto settings = adaptive(0, 3);
    std::get<adaptive_sizing>(settings.sizing).grow_above_wait = adaptive_sizing::not_looked_at;
    std::get<adaptive_sizing>(settings.sizing).grow_above_utilisation = 0.9;
    for (const bool cached : {false, true}) {
        ledger_driver pool(settings);
        pool.lend("a");
        pool.acquire("b");
        pool.advance(999ms);
        // As the shell says it just before the end of the interval.
        if (cached) pool.book().note_kept(pool.now(), 300ms, 1000);
        pool.advance(2ms);
        EXPECT_EQ(pool.statistics().wanted_size, cached ? 1U : 2U);
    }
}

TEST(ledger_sizing, the_kind_of_sizing_can_change_while_it_lives) {
    auto settings = adaptive(0, 4);
    ledger_driver pool(settings);
    pool.lend("a");
    EXPECT_EQ(pool.acquire("b"), "queued");
    EXPECT_EQ(pool.reconfigure([](auto& s) { s.sizing = lido::pool::fixed_sizing{}; }), "open 2");
    pool.opened(2);
    EXPECT_EQ(pool.statistics().wanted_size, 4U);
    pool.lend("c");
    EXPECT_EQ(pool.reconfigure([&](auto& s) { s.sizing = settings.sizing; }), "");
    EXPECT_EQ(pool.statistics().wanted_size, 3U) << "what is there is the first guess";
    EXPECT_EQ(pool.acquire("d"), "queued");
    EXPECT_EQ(pool.reconfigure([&](auto& s) { s.max_size = 2; }), "");
    EXPECT_EQ(pool.statistics().wanted_size, 2U);
}

TEST(ledger_sizing, a_size_that_may_grow_is_no_deadlock) {
    ledger_driver pool(adaptive(0, 2));
    pool.lend("a", {.holder = 7});
    EXPECT_EQ(pool.acquire("b", {.holder = 7}), "queued") << "it waits for the next interval";
    EXPECT_EQ(pool.advance_to_action(), "open 2");
    pool.opened(2);
    EXPECT_EQ(pool.acquire("c", {.holder = 7}), "refused would_deadlock") << "at the maximum it is one";
}

TEST(ledger_sizing, a_server_that_is_down_does_not_make_it_grow) {
    ledger_driver pool(adaptive(0, 3));
    pool.acquire("a");
    pool.open_failed(1);
    pool.advance(900ms);
    EXPECT_EQ(pool.statistics().wanted_size, 1U);
    EXPECT_EQ(pool.statistics().grown, 0U);
}

}  // namespace
