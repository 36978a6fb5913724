// Goal: when connections are opened, how many at once, and whom they serve.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::slot_state;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

TEST(ledger_opening, never_more_than_the_maximum) {  // A13
    auto settings = quiet_settings();
    settings.max_size = 2;
    ledger_driver pool(settings);
    EXPECT_EQ(pool.acquire("a"), "queued, open 1");
    EXPECT_EQ(pool.acquire("b"), "queued, open 2");
    EXPECT_EQ(pool.acquire("c"), "queued");
}

TEST(ledger_opening, a_connection_that_is_closing_counts_until_it_is_gone) {  // pgx#2425
    ledger_driver pool({.max_size = 1});
    pool.lend("a");
    pool.release("a", verdict::broken);
    EXPECT_EQ(pool.acquire("b"), "queued");
    EXPECT_EQ(pool.closed(1), "open 2");
}

TEST(ledger_opening, few_at_once_and_the_next_when_one_is_done) {  // R8
    auto settings = quiet_settings();
    settings.max_concurrent_connects = 2;
    ledger_driver pool(settings);
    for (const char* name : {"a", "b", "c", "d"}) pool.acquire(name);
    EXPECT_EQ(pool.opened_so_far(), 2U);
    EXPECT_EQ(pool.opened(1), "grant a 1, open 3");
    EXPECT_EQ(pool.opened(3), "grant b 3, open 4");
}

TEST(ledger_opening, a_returned_connection_serves_whoever_waited_for_a_new_one) {  // sqlx#2848, "Welcome to the Jungle"
    auto settings = quiet_settings();
    settings.max_size = 5;
    settings.max_concurrent_connects = 1;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("b");
    pool.acquire("c");
    EXPECT_EQ(pool.release("a"), "grant b 1");
    EXPECT_EQ(pool.release("b"), "grant c 1");
    EXPECT_EQ(pool.opened(2), "") << "the connect goes on, its connection becomes idle, and no third is opened";
    EXPECT_EQ(pool.state(2), slot_state::idle);
    EXPECT_EQ(pool.opened_so_far(), 2U);
}

TEST(ledger_opening, a_connect_whose_caller_ran_out_of_time_is_kept) {  // sqlx#3132
    ledger_driver pool({.max_size = 1, .connect_timeout = 10s});
    pool.acquire("a", {.timeout = 1s});
    EXPECT_EQ(pool.advance(1s), "refuse a acquire_timeout");
    EXPECT_EQ(pool.opened(1), "");
    EXPECT_EQ(pool.acquire("b"), "granted 1");
}

TEST(ledger_opening, a_connect_that_hangs_costs_its_place_until_its_deadline_only) {  // HikariCP#2186, httpcore#1093
    auto settings = quiet_settings();
    settings.max_size = 2;
    settings.connect_timeout = 10s;
    ledger_driver pool(settings);
    pool.acquire("a", {.timeout = 60s});
    pool.acquire("b", {.timeout = 60s});
    EXPECT_EQ(pool.opened(2), "grant a 2") << "another connect is not held up by the one that hangs";
    EXPECT_EQ(pool.advance(9999ms), "");
    EXPECT_EQ(pool.advance(1ms), "abandon 1");
    EXPECT_EQ(pool.last_actions().front().reason, lido::errc::connect_timeout);
    pool.advance(1s);
    EXPECT_EQ(pool.opened(1), "stale") << "too late";
    EXPECT_EQ(pool.closed(1), "open 3");
    EXPECT_EQ(pool.statistics().connect_failed, 1U);
    EXPECT_EQ(pool.statistics().closed, 0U) << "it never was a connection";
}

TEST(ledger_opening, an_abandoned_place_is_not_forgotten) {  // A4
    ledger_driver pool({.max_size = 1, .connect_timeout = 1s, .close_timeout = 2s});
    pool.warm_up(1);
    EXPECT_EQ(pool.advance(1s), "warmed 0 (down), abandon 1");
    EXPECT_EQ(pool.advance(2s), "abandon 1") << "it is asked for again until it is gone";
    EXPECT_EQ(pool.advance(2s), "abandon 1");
}

TEST(ledger_opening, a_close_that_hangs_is_cut) {
    ledger_driver pool({.max_size = 1, .close_timeout = 2s});
    pool.lend("a");
    EXPECT_EQ(pool.release("a", verdict::broken), "close 1");
    EXPECT_EQ(pool.advance(1999ms), "");
    EXPECT_EQ(pool.advance(1ms), "abandon 1");
    EXPECT_EQ(pool.closed(1), "");
    EXPECT_TRUE(pool.book().is_empty());
}

TEST(ledger_opening, the_minimum_is_opened_and_restored) {  // pgbouncer#648
    auto settings = quiet_settings();
    settings.min_size = 2;
    ledger_driver pool(settings);
    EXPECT_EQ(pool.start(), "open 1, open 2");
    pool.opened(1);
    pool.opened(2);
    pool.acquire("a");
    pool.release("a");
    EXPECT_EQ(pool.lost(2), "close 2, open 3") << "there is room, so nothing waits for the close";
}

TEST(ledger_opening, connections_in_use_count_for_the_minimum) {
    auto settings = quiet_settings();
    settings.min_size = 1;
    ledger_driver pool(settings);
    pool.lend("a");
    EXPECT_EQ(pool.sleep(1s), "");
    EXPECT_EQ(pool.opened_so_far(), 1U);
}

TEST(ledger_opening, no_connection_is_opened_when_the_load_has_stopped) {  // HikariCP ConnectionPoolSizeVsThreads
    auto settings = quiet_settings();
    settings.max_size = 100;
    ledger_driver pool(settings);
    for (int i = 0; i < 50; ++i) pool.acquire("w" + std::to_string(i));
    for (int i = 0; i < 50; ++i) pool.cancel("w" + std::to_string(i));
    EXPECT_EQ(pool.opened_so_far(), 4U);
    for (std::size_t i = 1; i <= 4; ++i) EXPECT_EQ(pool.opened(i), "");
    EXPECT_EQ(pool.opened_so_far(), 4U);
}

TEST(ledger_opening, a_warm_up_opens_so_many_and_says_when_they_stand) {
    auto settings = quiet_settings();
    settings.max_concurrent_connects = 2;
    ledger_driver pool(settings);
    EXPECT_EQ(pool.warm_up(3), "open 1, open 2");
    EXPECT_EQ(pool.opened(1), "open 3");
    EXPECT_EQ(pool.opened(2), "");
    EXPECT_EQ(pool.opened(3), "warmed 3");
    EXPECT_EQ(pool.warm_up(2), "warmed 3") << "nothing to do";
}

TEST(ledger_opening, a_warm_up_is_limited_by_the_maximum) {
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    EXPECT_EQ(pool.warm_up(5), "open 1");
    EXPECT_EQ(pool.opened(1), "warmed 1");
}

TEST(ledger_opening, a_warm_up_ends_when_the_server_does_not_answer) {
    ledger_driver pool(quiet_settings());
    pool.warm_up(3);
    EXPECT_EQ(pool.opened(1), "");
    EXPECT_EQ(pool.open_failed(2), "warmed 1 (down)");
    EXPECT_EQ(pool.opened(3), "") << "those under way are welcome";
    EXPECT_EQ(pool.statistics().idle, 2U);
}

TEST(ledger_opening, a_warm_up_for_more_than_a_lowered_maximum_ends) {
    ledger_driver pool(quiet_settings());
    pool.warm_up(4);
    pool.opened(1);
    EXPECT_EQ(pool.reconfigure([](auto& settings) { settings.max_size = 1; }), "warmed 1");
    EXPECT_EQ(pool.opened(2), "close 2");
}

TEST(ledger_opening, a_closed_pool_has_nothing_to_warm) {
    ledger_driver pool(quiet_settings());
    pool.drain(1s);
    EXPECT_EQ(pool.warm_up(3), "warmed 0");
}

TEST(ledger_opening, two_warm_ups_end_as_one) {
    ledger_driver pool(quiet_settings());
    pool.warm_up(1);
    EXPECT_EQ(pool.warm_up(2), "open 2");
    EXPECT_EQ(pool.opened(1), "");
    EXPECT_EQ(pool.opened(2), "warmed 2");
}

}  // namespace
