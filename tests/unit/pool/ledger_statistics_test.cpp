// Goal: the numbers add up and mean what their comments say. That they add up is part of the audit after each event.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::slot_state;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

TEST(ledger_statistics, a_fresh_pool_counts_nothing) {
    ledger_driver pool(quiet_settings());
    const auto numbers = pool.statistics();
    EXPECT_EQ(numbers.name, "pool");
    EXPECT_EQ(numbers.max_size, 10U);
    EXPECT_EQ(numbers.acquires + numbers.created + numbers.peak_size + numbers.idle, 0U);
    EXPECT_EQ(numbers.reuse_ratio(), 0.0);
}

TEST(ledger_statistics, each_state_has_its_number) {
    auto settings = quiet_settings();
    settings.max_size = 6;
    settings.check_after_idle = 1s;
    ledger_driver pool(settings);
    for (const char* name : {"a", "b", "c", "d"}) pool.lend(name);
    pool.release("a");
    pool.advance(2s);
    pool.release("b");
    pool.release("c", verdict::needs_reset);
    pool.acquire("e");
    pool.acquire("f");
    pool.acquire("g");
    const auto numbers = pool.statistics();
    EXPECT_EQ(numbers.in_use, 2U) << "d and e";
    EXPECT_EQ(numbers.leases, 2U);
    EXPECT_EQ(numbers.checking, 2U) << "one checked, one reset";
    EXPECT_EQ(numbers.waiting, 2U);
    EXPECT_EQ(numbers.connecting, 0U) << "both will be served by what is checked and reset";
    pool.release("d", verdict::broken);
    EXPECT_EQ(pool.statistics().closing, 1U);
    const auto short_numbers = pool.book().numbers();
    EXPECT_EQ(short_numbers.max, 6U);
    EXPECT_EQ(short_numbers.leased, 1U);
    EXPECT_EQ(short_numbers.waiting, 2U);
    EXPECT_EQ(pool.book().counts().of(slot_state::closing), 1U);
    EXPECT_EQ(pool.book().counts().regular, 4U);
}

TEST(ledger_statistics, peaks_stay) {
    ledger_driver pool(quiet_settings());
    for (const char* name : {"a", "b", "c"}) pool.acquire(name);
    for (std::size_t i = 1; i <= 3; ++i) pool.opened(i);
    for (const char* name : {"a", "b", "c"}) pool.release(name, verdict::broken);
    for (std::size_t i = 1; i <= 3; ++i) pool.closed(i);
    const auto numbers = pool.statistics();
    EXPECT_EQ(numbers.peak_in_use, 3U);
    EXPECT_EQ(numbers.peak_size, 3U);
    EXPECT_EQ(numbers.peak_waiting, 3U);
    EXPECT_EQ(numbers.in_use, 0U);
}

TEST(ledger_statistics, reuse_is_a_lease_on_a_connection_that_had_served_before) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    for (int i = 0; i < 3; ++i) {
        pool.acquire("b");
        pool.release("b");
    }
    EXPECT_EQ(pool.statistics().served, 4U);
    EXPECT_EQ(pool.statistics().served_reused, 3U);
    EXPECT_DOUBLE_EQ(pool.statistics().reuse_ratio(), 0.75);
}

TEST(ledger_statistics, waiting_and_connecting_are_measured_apart) {  // sqlx#1860
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    pool.acquire("a");
    pool.advance(100ms);
    pool.opened(1);
    pool.acquire("b");
    pool.advance(50ms);
    pool.release("a");
    const auto numbers = pool.statistics();
    EXPECT_EQ(numbers.connect.count(), 1U);
    EXPECT_EQ(numbers.connect.max(), 100ms);
    EXPECT_EQ(numbers.wait.count(), 2U);
    EXPECT_EQ(numbers.wait.min(), 50ms);
    EXPECT_EQ(numbers.wait.max(), 100ms);
}

TEST(ledger_statistics, each_reason_to_close_has_its_counter) {
    auto settings = quiet_settings();
    settings.idle_timeout = 10s;
    settings.max_uses = 2;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(10s);
    pool.closed(1);
    pool.lend("b");
    pool.release("b");
    pool.lend("b");
    pool.release("b");
    pool.closed(2);
    pool.lend("b");
    pool.release("b", verdict::broken);
    pool.closed(3);
    pool.lend("b");
    pool.retire_all();
    pool.release("b");
    pool.closed(4);
    const auto numbers = pool.statistics();
    EXPECT_EQ(numbers.closed_idle, 1U);
    EXPECT_EQ(numbers.closed_lifetime, 1U);
    EXPECT_EQ(numbers.closed_broken, 1U);
    EXPECT_EQ(numbers.closed_retired, 1U);
    EXPECT_EQ(numbers.closed, 4U);
}

TEST(ledger_statistics, each_way_to_be_refused_has_its_counter) {
    auto settings = quiet_settings();
    settings.max_size = 1;
    settings.max_waiters = 3;
    ledger_driver pool(settings);
    pool.lend("a", {.holder = 1});
    pool.acquire("time", {.timeout = 1s});
    pool.acquire("cancel");
    pool.acquire("close");
    pool.acquire("full");
    pool.cancel("cancel");
    pool.acquire("deadlock", {.holder = 1});
    pool.advance(1s);
    pool.drain(1s);
    pool.acquire("late");
    const auto numbers = pool.statistics();
    EXPECT_EQ(numbers.refused_timeout, 1U);
    EXPECT_EQ(numbers.refused_full, 1U);
    EXPECT_EQ(numbers.refused_cancelled, 1U);
    EXPECT_EQ(numbers.refused_other, 3U) << "deadlock, close, late";
    EXPECT_EQ(numbers.refused, 6U);
    EXPECT_EQ(numbers.acquires, 7U);
}

TEST(ledger_statistics, a_copy_of_a_ledger_goes_on_by_itself) {
    ledger_driver pool(quiet_settings());
    pool.fill(1);
    lido::pool::ledger copy = pool.book();
    lido::pool::actions out;
    EXPECT_EQ(copy.acquire(pool.now(), {.deadline = lido::never}, out).what,
              lido::pool::acquire_outcome::kind::granted);
    copy.audit();
    EXPECT_EQ(pool.statistics().idle, 1U);
    EXPECT_EQ(copy.snapshot().idle, 0U);
}

}  // namespace
