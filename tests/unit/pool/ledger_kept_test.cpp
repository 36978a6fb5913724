// Goal: leases that somebody kept after their borrowers had done with them, as the lease cache does.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::idle_order;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings checked_after(lido::duration idle) {
    auto settings = quiet_settings();
    settings.max_size = 3;
    settings.check_after_idle = idle;
    return settings;
}

TEST(ledger_kept, the_idle_time_counts_from_when_the_borrower_was_done) {
    auto settings = quiet_settings();
    settings.idle_timeout = 10s;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.advance(5s);
    EXPECT_EQ(pool.release_kept("a", 4s), "");
    EXPECT_EQ(pool.advance(5s), "");
    EXPECT_EQ(pool.advance(1100ms), "close 1");
}

TEST(ledger_kept, one_that_was_kept_too_long_is_checked_before_the_next_in_line_gets_it) {
    auto settings = checked_after(1s);
    settings.max_size = 1;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("b");
    pool.advance(5s);
    EXPECT_EQ(pool.release_kept("a", 2s), "check 1");
    EXPECT_EQ(pool.checked(1), "grant b 1");
}

TEST(ledger_kept, one_that_was_kept_hides_none_that_came_back_since) {
    for (const auto order : {idle_order::last_in_first_out, idle_order::first_in_first_out}) {
        auto settings = checked_after(1s);
        settings.order = order;
        ledger_driver pool(settings);
        for (const char* name : {"a", "b", "c"}) pool.lend(name);
        pool.advance(5s);
        pool.release("a");
        pool.release_kept("b", 3s);
        pool.release_kept("c", 2s);
        EXPECT_EQ(pool.acquire("d"), "granted 1");
        EXPECT_EQ(pool.acquire("e").substr(0, 13), "queued, check");
    }
}

TEST(ledger_kept, one_that_was_only_checked_is_found_beside_one_that_was_kept) {
    auto settings = checked_after(1s);
    settings.keep_alive = 10s;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.lend("b");
    pool.release("a");
    EXPECT_EQ(pool.advance_to_action(20s), "check 1");
    pool.checked(1);
    pool.release_kept("b", 5s);
    EXPECT_EQ(pool.acquire("c"), "granted 1");
}

TEST(ledger_kept, a_lease_that_is_back_already_does_nothing) {
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    EXPECT_EQ(pool.release_kept("a", 1s), "");
    EXPECT_EQ(pool.release_kept("a", 1s), "stale");
    EXPECT_EQ(pool.statistics().stale_events, 1U);
}

}  // namespace
