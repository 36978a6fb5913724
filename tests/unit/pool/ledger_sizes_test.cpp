// Goal: sizes that change while connections are out.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::idle_order;
using lido::pool::slot_state;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings sized(std::size_t max) {
    auto settings = quiet_settings();
    settings.max_size = max;
    return settings;
}

const auto to_max = [](std::size_t max) { return [max](auto& settings) { settings.max_size = max; }; };

TEST(ledger_sizes, a_larger_maximum_serves_those_who_wait) {  // A1: resize dispatches
    ledger_driver pool(sized(1));
    pool.lend("a");
    pool.acquire("b");
    pool.acquire("c");
    EXPECT_EQ(pool.reconfigure(to_max(3)), "open 2, open 3");
}

TEST(ledger_sizes, a_smaller_maximum_closes_idle_connections_the_coldest_first) {
    ledger_driver pool(sized(3));
    pool.fill(3);
    EXPECT_EQ(pool.reconfigure(to_max(1)), "close 1, close 2");
}

TEST(ledger_sizes, the_coldest_first_in_the_other_order_too) {
    auto settings = sized(3);
    settings.order = idle_order::first_in_first_out;
    ledger_driver pool(settings);
    pool.fill(3);
    EXPECT_EQ(pool.reconfigure(to_max(1)), "close 1, close 2");
}

TEST(ledger_sizes, a_smaller_maximum_closes_leased_connections_as_they_return) {
    ledger_driver pool(sized(3));
    for (const char* name : {"a", "b", "c"}) pool.lend(name);
    EXPECT_EQ(pool.reconfigure(to_max(1)), "");
    EXPECT_EQ(pool.release("a"), "close 1");
    EXPECT_EQ(pool.release("b"), "close 2");
    EXPECT_EQ(pool.release("c"), "") << "one may stay, though the others are not yet gone";
    EXPECT_EQ(pool.state(3), slot_state::idle);
}

TEST(ledger_sizes, those_that_are_closing_already_do_not_make_more_of_them_close) {
    ledger_driver pool(sized(5));
    for (const char* name : {"a", "b", "c", "d", "e"}) pool.lend(name);
    for (const char* name : {"a", "b", "c"}) pool.release(name);
    EXPECT_EQ(pool.reconfigure(to_max(2)), "close 1, close 2, close 3");
    EXPECT_EQ(pool.release("d"), "");
    EXPECT_EQ(pool.release("e"), "");
    EXPECT_EQ(pool.statistics().idle, 2U);
}

TEST(ledger_sizes, nothing_is_opened_above_a_smaller_maximum) {
    ledger_driver pool(sized(3));
    for (const char* name : {"a", "b", "c"}) pool.lend(name);
    pool.acquire("d");
    pool.reconfigure(to_max(1));
    EXPECT_EQ(pool.release("a"), "close 1");
    EXPECT_EQ(pool.closed(1), "");
    EXPECT_EQ(pool.release("b"), "close 2");
    EXPECT_EQ(pool.closed(2), "");
    EXPECT_EQ(pool.release("c"), "grant d 3");
}

TEST(ledger_sizes, a_connect_that_a_smaller_maximum_overtakes_ends_as_it_comes_up) {
    ledger_driver pool(sized(2));
    pool.lend("a");
    pool.acquire("b");
    pool.reconfigure(to_max(1));
    EXPECT_EQ(pool.opened(2), "close 2");
    EXPECT_EQ(pool.release("a"), "grant b 1");
}

TEST(ledger_sizes, an_idle_connection_is_kept_rather_than_one_that_is_only_being_opened) {
    ledger_driver pool(sized(3));
    pool.warm_up(3);
    pool.opened(1);
    pool.reconfigure(to_max(1));
    EXPECT_EQ(pool.state(1), slot_state::idle);
    EXPECT_EQ(pool.opened(2), "close 2");
    EXPECT_EQ(pool.opened(3), "close 3");
}

TEST(ledger_sizes, a_larger_minimum_is_opened) {
    ledger_driver pool(sized(3));
    pool.fill(1);
    EXPECT_EQ(pool.reconfigure([](auto& settings) { settings.min_size = 3; }), "open 2, open 3");
}

TEST(ledger_sizes, more_connects_at_once_begin_at_once) {
    auto settings = sized(5);
    settings.max_concurrent_connects = 1;
    ledger_driver pool(settings);
    for (const char* name : {"a", "b", "c"}) pool.acquire(name);
    EXPECT_EQ(pool.opened_so_far(), 1U);
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.max_concurrent_connects = 3; }), "open 2, open 3");
}

TEST(ledger_sizes, one_that_waits_for_its_successor_is_surplus_first) {
    auto settings = sized(3);
    settings.min_size = 2;
    settings.max_lifetime = 60s;
    ledger_driver pool(settings);
    pool.start();
    pool.opened(1);
    pool.advance(1s);
    pool.opened(2);
    EXPECT_EQ(pool.advance(59s), "open 3");
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.max_size = 1, changed.min_size = 0; }), "close 1");
}

}  // namespace
