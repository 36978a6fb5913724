// Goal: what the pool does while its server cannot be reached: pauses, no storm, no spin, and answers in time.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::slot_state;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings down_settings(std::size_t max_size = 10) {
    auto settings = quiet_settings();
    settings.max_size = max_size;
    settings.down_fail_fast = 1h;
    return settings;
}

TEST(ledger_down, a_failed_connect_is_tried_again_after_a_pause) {  // reactor-pool#82, vixcpp/vix#445
    ledger_driver pool(down_settings(1));
    pool.acquire("a");
    EXPECT_EQ(pool.open_failed(1), "");
    EXPECT_EQ(pool.advance(100ms), "open 2");
    EXPECT_EQ(pool.opened(2), "grant a 2");
}

TEST(ledger_down, attempts_come_one_at_a_time_while_they_fail_and_many_again_after_a_success) {
    ledger_driver pool(down_settings());
    for (const char* name : {"a", "b", "c", "d", "e"}) pool.acquire(name);
    EXPECT_EQ(pool.opened_so_far(), 4U);
    for (std::size_t i = 1; i <= 4; ++i) EXPECT_EQ(pool.open_failed(i), "");
    EXPECT_EQ(pool.advance(100ms), "open 5");
    EXPECT_EQ(pool.advance(5s), "") << "and no second beside it";
    EXPECT_EQ(pool.opened(5), "grant a 5, open 6, open 7, open 8, open 9");
}

TEST(ledger_down, no_attempt_begins_beside_one_that_was_under_way_when_another_failed) {
    ledger_driver pool(down_settings());
    for (const char* name : {"a", "b"}) pool.acquire(name, {.timeout = 60s});
    EXPECT_EQ(pool.open_failed(1), "");
    EXPECT_EQ(pool.advance(9s), "");
    EXPECT_EQ(pool.opened(2), "grant a 2, open 3");
}

TEST(ledger_down, many_connects_that_fail_at_once_are_one_failure) {
    auto settings = down_settings();
    settings.max_concurrent_connects = 1000;
    settings.max_size = 1000;
    ledger_driver pool(settings);
    for (int i = 0; i < 100; ++i) pool.acquire("w" + std::to_string(i));
    for (std::size_t i = 1; i <= 100; ++i) pool.open_failed(i);
    EXPECT_EQ(pool.advance(100ms), "open 101") << "the pause is the first one, not the hundredth";
}

TEST(ledger_down, the_pauses_grow_and_are_bounded) {  // R8, A9
    ledger_driver pool(down_settings(1));
    pool.acquire("a", {.timeout = 1h});
    lido::duration longest{};
    for (std::size_t i = 1; i <= 40; ++i) {
        pool.open_failed(i);
        const lido::duration before = pool.elapsed();
        ASSERT_EQ(pool.advance_to_action(5s + 1ms), "open " + std::to_string(i + 1));
        longest = std::max(longest, pool.elapsed() - before);
    }
    EXPECT_GT(longest, 2s) << "full jitter of 5 s, forty times";
}

TEST(ledger_down, a_pause_is_not_cut_short_by_new_callers) {  // A9
    ledger_driver pool(down_settings());
    pool.acquire("a");
    pool.open_failed(1);
    const lido::duration pause = pool.until_wake();
    if (pause > 1ms) {
        EXPECT_EQ(pool.acquire("b"), "queued");
        EXPECT_EQ(pool.acquire("c"), "queued");
    }
    EXPECT_EQ(pool.until_wake(), pause);
}

TEST(ledger_down, a_caller_who_waited_long_enough_is_refused_with_the_connect_error) {  // R15
    auto settings = down_settings();
    settings.down_fail_fast = 1s;
    ledger_driver pool(settings);
    pool.acquire("a");
    pool.advance(400ms);
    pool.acquire("b");
    pool.open_failed(1);
    pool.open_failed(2);
    std::string all = pool.advance(600ms);
    EXPECT_NE(all.find("refuse a connect_failed (down)"), std::string::npos) << all;
    EXPECT_EQ(all.find("refuse b"), std::string::npos) << all;
    EXPECT_EQ(pool.statistics().refused_down, 1U);
}

TEST(ledger_down, with_no_patience_at_all_a_caller_is_refused_at_once_and_the_pool_still_recovers) {
    auto settings = down_settings();
    settings.down_fail_fast = 0s;
    ledger_driver pool(settings);
    pool.acquire("a");
    EXPECT_EQ(pool.open_failed(1), "refuse a connect_failed (down)");
    pool.advance(100ms);
    EXPECT_EQ(pool.acquire("b"), "queued, open 2, refuse b connect_failed (down)");
    EXPECT_EQ(pool.opened(2), "");
    EXPECT_EQ(pool.acquire("c"), "granted 2");
}

TEST(ledger_down, nobody_is_refused_while_a_connection_still_works) {
    auto settings = down_settings();
    settings.down_fail_fast = 0s;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("b");
    EXPECT_EQ(pool.open_failed(2), "");
    EXPECT_EQ(pool.release("a"), "grant b 1");
}

TEST(ledger_down, a_connection_on_its_last_lease_keeps_nobody_waiting) {
    auto settings = down_settings();
    settings.down_fail_fast = 500ms;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.lost(1);
    pool.acquire("b");
    pool.open_failed(2);
    const std::string all = pool.advance(500ms);
    EXPECT_NE(all.find("refuse b connect_failed"), std::string::npos) << all;
}

TEST(ledger_down, the_end_of_patience_is_noticed_when_the_last_connection_goes) {
    auto settings = down_settings(1);
    settings.down_fail_fast = 500ms;
    settings.max_size = 2;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("b");
    pool.open_failed(2);
    EXPECT_EQ(pool.release("a", verdict::broken), "close 1");
    const std::string all = pool.advance(500ms);
    EXPECT_NE(all.find("refuse b connect_failed"), std::string::npos) << all;
}

TEST(ledger_down, a_dead_server_and_a_thousand_callers_cause_few_wakes) {  // agroal#214
    auto settings = down_settings();
    settings.down_fail_fast = 1h;
    ledger_driver pool(settings);
    for (int i = 0; i < 1000; ++i) pool.acquire("w" + std::to_string(i), {.timeout = 10min});
    std::size_t attempts = 4;
    for (std::size_t i = 1; i <= 4; ++i) pool.open_failed(i);
    while (pool.elapsed() < 5min) {
        const std::string text = pool.advance_to_action(5s + 1ms);
        ASSERT_FALSE(text.empty());
        ++attempts;
        pool.open_failed(attempts);
    }
    EXPECT_LT(attempts, 200U);
}

TEST(ledger_down, a_server_that_accepts_and_hangs_up_is_not_connected_to_in_a_loop) {  // A9, HikariCP#1256
    auto settings = down_settings();
    settings.min_size = 1;
    ledger_driver pool(settings);
    pool.start();
    std::size_t attempts = 1;
    while (pool.elapsed() < 1min) {
        ASSERT_EQ(pool.opened(attempts), "");
        pool.lost(attempts);
        pool.closed(attempts);
        const std::string text = pool.advance_to_action(5s + 1ms);
        ++attempts;
        ASSERT_EQ(text, "open " + std::to_string(attempts));
    }
    EXPECT_LT(attempts, 60U) << "the pauses grow although each connect succeeds";
}

TEST(ledger_down, a_server_that_lends_nothing_on_its_connections_is_not_connected_to_in_a_loop) {
    ledger_driver pool(down_settings(1));
    pool.acquire("a");
    EXPECT_EQ(pool.opened(1, 0), "close 1");
    std::string text = pool.closed(1);
    text += pool.advance(100ms);
    EXPECT_EQ(text, "open 2") << "sooner or later, by the jitter";
    EXPECT_EQ(pool.statistics().closed_retired, 1U);
}

TEST(ledger_down, a_connection_that_has_served_may_break_without_a_pause) {
    ledger_driver pool(down_settings(1));
    pool.fill(1);
    pool.acquire("b");
    pool.acquire("c");
    pool.release("b", verdict::broken);
    EXPECT_EQ(pool.closed(1), "open 2");
}

TEST(ledger_down, the_minimum_waits_for_the_pause_too) {
    auto settings = down_settings();
    settings.min_size = 3;
    ledger_driver pool(settings);
    pool.start();
    for (std::size_t i = 1; i <= 3; ++i) EXPECT_EQ(pool.open_failed(i), "");
    EXPECT_EQ(pool.advance(100ms), "open 4");
    EXPECT_EQ(pool.opened(4), "open 5, open 6");
}

TEST(ledger_down, a_place_that_becomes_free_during_a_pause_is_used_at_its_end) {
    auto settings = down_settings(2);
    settings.min_size = 1;
    settings.back_off = {.initial = 1s, .factor = 1.0, .maximum = 1s};
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("b");
    pool.open_failed(2);
    pool.release("a");
    EXPECT_EQ(pool.release("b"), "");
    EXPECT_EQ(pool.lost(1), "close 1");
    EXPECT_EQ(pool.closed(1), "") << "the pause goes on; the driver checks that its end is a wake";
    EXPECT_EQ(pool.advance(1s), "open 3");
}

TEST(ledger_down, a_time_out_while_the_server_fails_says_so) {  // R15: the error carries the last connect error
    ledger_driver pool(down_settings());
    pool.acquire("a", {.timeout = 50ms});
    pool.open_failed(1);
    const std::string all = pool.advance(50ms);
    EXPECT_NE(all.find("refuse a acquire_timeout (down)"), std::string::npos) << all;
}

TEST(ledger_down, retire_all_forgets_the_pause) {  // the operator knows that the server is back
    auto settings = down_settings();
    settings.back_off = {.initial = 1h, .factor = 1.0, .maximum = 1h};
    ledger_driver pool(settings);
    pool.acquire("a");
    pool.open_failed(1);
    EXPECT_EQ(pool.retire_all(), "open 2");
}

TEST(ledger_down, a_shorter_back_off_shortens_the_present_pause) {  // R19
    auto settings = down_settings();
    settings.back_off = {.initial = 24h, .factor = 1.0, .maximum = 24h};
    ledger_driver pool(settings);
    pool.acquire("a", {.timeout = 1h});
    pool.open_failed(1);
    pool.reconfigure([](auto& changed) { changed.back_off = {.initial = 100ms, .factor = 2.0, .maximum = 1s}; });
    EXPECT_EQ(pool.advance(1s), "open 2");
}

}  // namespace
