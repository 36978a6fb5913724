// Goal: pause, resume, retire_all and new settings, at any moment.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::slot_state;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

TEST(ledger_operator, a_paused_pool_lends_nothing_and_loses_nobody) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    pool.pause();
    EXPECT_EQ(pool.acquire("b"), "queued");
    EXPECT_EQ(pool.acquire("c"), "queued");
    EXPECT_EQ(pool.resume(), "grant b 1, open 2");
}

TEST(ledger_operator, a_lease_returned_during_a_pause_is_lent_after_it) {
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    pool.pause();
    pool.acquire("b");
    EXPECT_EQ(pool.release("a"), "");
    EXPECT_EQ(pool.resume(), "grant b 1");
}

TEST(ledger_operator, nothing_is_opened_during_a_pause) {
    auto settings = quiet_settings();
    settings.min_size = 1;
    ledger_driver pool(settings);
    pool.pause();
    EXPECT_EQ(pool.sleep(1s), "");
    EXPECT_EQ(pool.acquire("a"), "queued");
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.min_size = 3; }), "");
    EXPECT_EQ(pool.resume(), "open 1, open 2, open 3");
}

TEST(ledger_operator, a_failed_connect_is_not_tried_again_during_a_pause) {
    ledger_driver pool(quiet_settings());
    pool.acquire("a", {.timeout = 1h});
    pool.pause();
    pool.reconfigure([](auto& settings) { settings.down_fail_fast = 1h; });
    pool.open_failed(1);
    EXPECT_EQ(pool.advance(10min), "");
    EXPECT_EQ(pool.resume(), "open 2");
}

TEST(ledger_operator, a_pause_does_not_keep_anybody_waiting_for_a_server_that_is_down) {
    ledger_driver pool(quiet_settings());
    pool.acquire("a");
    pool.pause();
    pool.open_failed(1);
    EXPECT_EQ(pool.advance(1s), "refuse a connect_failed (down)");
}

TEST(ledger_operator, resume_without_a_pause_is_harmless) {
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    EXPECT_EQ(pool.resume(), "");
}

TEST(ledger_operator, retire_all_closes_what_is_idle_and_fences_what_is_out) {  // HikariCP#1802, gpustack#6105
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    pool.lend("b");
    pool.lend("c");
    EXPECT_EQ(pool.release("b"), "");
    EXPECT_EQ(pool.retire_all(), "close 1");
    EXPECT_EQ(pool.state(2), slot_state::draining);
    EXPECT_EQ(pool.release("c"), "close 2");
    EXPECT_EQ(pool.acquire("d"), "queued, open 3") << "nothing of before is lent again";
}

TEST(ledger_operator, retire_all_fences_a_connect_that_is_under_way) {  // vert.x#6251: it may go to the old address
    auto settings = quiet_settings();
    settings.max_size = 2;
    ledger_driver pool(settings);
    pool.acquire("a");
    EXPECT_EQ(pool.retire_all(), "open 2");
    EXPECT_EQ(pool.opened(1), "close 1");
    EXPECT_EQ(pool.opened(2), "grant a 2");
}

TEST(ledger_operator, retire_all_fences_what_is_checked_and_reset) {
    auto settings = quiet_settings();
    settings.check_after_idle = 1s;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.lend("b");
    pool.release("a");
    pool.release("b", verdict::needs_reset);
    pool.advance(2s);
    pool.acquire("c");
    pool.acquire("d");
    EXPECT_EQ(pool.state(1), slot_state::checking);
    EXPECT_EQ(pool.state(2), slot_state::resetting);
    pool.retire_all();
    EXPECT_EQ(pool.checked(1), "close 1");
    EXPECT_EQ(pool.reset_done(2), "close 2");
}

TEST(ledger_operator, retire_all_restores_the_minimum) {
    auto settings = quiet_settings();
    settings.min_size = 2;
    ledger_driver pool(settings);
    pool.start();
    pool.opened(1);
    pool.opened(2);
    EXPECT_EQ(pool.retire_all(), "close 1, close 2, open 3, open 4");
}

TEST(ledger_operator, retire_all_twice_closes_nothing_twice) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    EXPECT_EQ(pool.retire_all(), "close 1");
    EXPECT_EQ(pool.retire_all(), "");
}

TEST(ledger_operator, a_new_name_is_the_name_of_the_statistics) {
    ledger_driver pool(quiet_settings());
    pool.reconfigure([](auto& settings) { settings.name = "shop"; });
    EXPECT_EQ(pool.statistics().name, "shop");
    EXPECT_EQ(pool.book().current_settings().name, "shop");
}

TEST(ledger_operator, a_shorter_idle_time_out_holds_at_once) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    pool.advance(1min);
    pool.reconfigure([](auto& settings) { settings.idle_timeout = 30s; });
    EXPECT_EQ(pool.advance(1ms), "close 1");
}

TEST(ledger_operator, a_new_ageing_orders_those_who_wait_already) {
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("low", {.priority = 10});
    pool.advance(1ms);
    pool.acquire("high");
    pool.reconfigure([](auto& changed) { changed.priority_ageing = 0s; });
    EXPECT_EQ(pool.release("a"), "grant low 1");
}

TEST(ledger_operator, the_order_of_lending_can_be_turned_round_while_connections_are_idle) {
    ledger_driver pool(quiet_settings());
    pool.fill(3);
    pool.reconfigure([](auto& settings) { settings.order = lido::pool::idle_order::first_in_first_out; });
    EXPECT_EQ(pool.acquire("d"), "granted 1");
    pool.release("d");
    EXPECT_EQ(pool.acquire("e"), "granted 2");
    pool.reconfigure([](auto& settings) { settings.order = lido::pool::idle_order::last_in_first_out; });
    EXPECT_EQ(pool.acquire("f"), "granted 1");
}

TEST(ledger_operator, one_idle_connection_can_be_asked_to_go) {
    ledger_driver pool(quiet_settings());
    pool.fill(3);
    lido::pool::actions out;
    EXPECT_TRUE(pool.book().close_one_idle(pool.now(), out));
    EXPECT_EQ(out.front().slot, pool.slot(1)) << "the one idle longest";
    pool.reconfigure([](auto& settings) { settings.min_size = 2; });
    EXPECT_FALSE(pool.book().close_one_idle(pool.now(), out));
}

TEST(ledger_operator, no_more_than_so_many_stay_idle) {  // max_idle
    auto settings = quiet_settings();
    settings.max_idle = 1;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.lend("b");
    EXPECT_EQ(pool.release("a"), "");
    EXPECT_EQ(pool.release("b"), "close 2");
}

TEST(ledger_operator, a_limit_of_idle_ones_does_not_make_replacements_go_round_in_circles) {
    auto settings = quiet_settings();
    settings.max_lifetime = 60s;
    settings.min_size = 1;
    settings.max_idle = 1;
    ledger_driver pool(settings);
    EXPECT_EQ(pool.warm_up(5), "open 1");
    EXPECT_EQ(pool.opened(1), "warmed 1");
    EXPECT_EQ(pool.advance(60s), "open 2");
    EXPECT_EQ(pool.opened(2), "close 1");
}

}  // namespace
