// Goal: the order of those who wait, the bound of the queue, and that nobody is forgotten in it.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::verdict;
using lido::pool::when_full;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings one_connection() {
    auto settings = quiet_settings();
    settings.max_size = 1;
    return settings;
}

TEST(ledger_queue, callers_are_served_in_the_order_they_came) {  // golang/go#31708, bb8#243
    ledger_driver pool(one_connection());
    pool.lend("a");
    for (const char* name : {"b", "c", "d"}) EXPECT_EQ(pool.acquire(name), "queued");
    EXPECT_EQ(pool.release("a"), "grant b 1");
    EXPECT_EQ(pool.release("b"), "grant c 1");
    EXPECT_EQ(pool.release("c"), "grant d 1");
}

TEST(ledger_queue, a_caller_does_not_pass_those_who_wait) {  // A7
    ledger_driver pool(one_connection());
    pool.pause();
    pool.acquire("a");
    pool.acquire("b");
    EXPECT_EQ(pool.resume(), "open 1");
    EXPECT_EQ(pool.opened(1), "grant a 1");
    EXPECT_EQ(pool.acquire("c"), "queued");
    EXPECT_EQ(pool.release("a"), "grant b 1");
}

TEST(ledger_queue, a_higher_priority_is_served_first) {
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("low", {.priority = 10});
    pool.acquire("middle", {.priority = 5});
    pool.acquire("high", {.priority = 1});
    EXPECT_EQ(pool.release("a"), "grant high 1");
    EXPECT_EQ(pool.release("high"), "grant middle 1");
    EXPECT_EQ(pool.release("middle"), "grant low 1");
}

TEST(ledger_queue, a_low_priority_is_overtaken_only_within_its_handicap) {  // asyncpg#1247
    auto settings = one_connection();
    settings.priority_ageing = 1s;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("low", {.priority = 3});
    pool.advance(1999ms);
    pool.acquire("soon", {.priority = 1});
    pool.advance(2ms);
    pool.acquire("late", {.priority = 1});
    EXPECT_EQ(pool.release("a"), "grant soon 1");
    EXPECT_EQ(pool.release("soon"), "grant low 1");
    EXPECT_EQ(pool.release("low"), "grant late 1");
}

TEST(ledger_queue, without_ageing_it_is_strictly_first_come_first_served) {
    auto settings = one_connection();
    settings.priority_ageing = 0s;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("low", {.priority = 10});
    pool.advance(1ms);
    pool.acquire("high", {.priority = 1});
    EXPECT_EQ(pool.release("a"), "grant low 1");
}

TEST(ledger_queue, one_caller_more_than_allowed_is_refused_at_once) {  // mysqljs/mysql#475
    auto settings = one_connection();
    settings.max_waiters = 2;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.acquire("b");
    pool.acquire("c");
    EXPECT_EQ(pool.acquire("d"), "refused queue_full");
    EXPECT_EQ(pool.statistics().refused_full, 1U);
    EXPECT_EQ(pool.cancel("b"), "");
    EXPECT_EQ(pool.acquire("e"), "queued");
}

TEST(ledger_queue, a_cancelled_caller_is_never_served) {  // vitess#20310
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("b");
    pool.acquire("c");
    EXPECT_EQ(pool.cancel("b"), "");
    EXPECT_EQ(pool.release("a"), "grant c 1");
}

TEST(ledger_queue, to_cancel_after_the_grant_is_stale_and_the_lease_remains) {
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("b");
    const lido::pool::waiter_id waiter = {0, 2};
    pool.release("a");
    lido::pool::actions none;
    EXPECT_FALSE(pool.book().cancel(pool.now(), waiter, none));
    EXPECT_TRUE(pool.has_lease("b"));
    EXPECT_EQ(pool.release("b"), "");
}

TEST(ledger_queue, to_cancel_twice_is_stale) {
    ledger_driver pool(one_connection());
    pool.lend("a");
    pool.acquire("b");
    pool.cancel("b");
    EXPECT_EQ(pool.cancel("b"), "stale");
    EXPECT_EQ(pool.statistics().refused_cancelled, 1U);
}

TEST(ledger_queue, a_connect_whose_caller_cancelled_serves_the_next_one) {  // sqlx#3132, hibernate-reactive#4133
    ledger_driver pool(one_connection());
    pool.acquire("a");
    EXPECT_EQ(pool.cancel("a"), "");
    EXPECT_EQ(pool.acquire("b"), "queued") << "the connect under way is enough";
    EXPECT_EQ(pool.opened(1), "grant b 1");
}

TEST(ledger_queue, a_pool_that_does_not_wait_refuses_when_all_is_lent) {
    auto settings = one_connection();
    settings.on_full = when_full::fail;
    ledger_driver pool(settings);
    EXPECT_EQ(pool.acquire("a"), "queued, open 1") << "a connection on its way is not full";
    EXPECT_EQ(pool.acquire("b"), "refused pool_exhausted") << "but it is promised to another";
    pool.opened(1);
    EXPECT_EQ(pool.acquire("b"), "refused pool_exhausted");
    pool.release("a");
    EXPECT_EQ(pool.acquire("b"), "granted 1");
}

TEST(ledger_queue, a_pool_that_does_not_wait_waits_for_the_check_of_what_is_idle) {
    auto settings = one_connection();
    settings.on_full = when_full::fail;
    settings.check_after_idle = 1s;
    ledger_driver pool(settings);
    pool.fill(1);
    pool.advance(2s);
    EXPECT_EQ(pool.acquire("b"), "queued, check 1");
    EXPECT_EQ(pool.acquire("c"), "refused pool_exhausted");
    EXPECT_EQ(pool.checked(1), "grant b 1");
}

TEST(ledger_queue, a_pool_that_does_not_wait_counts_the_leases_that_a_stale_shared_connection_offers) {
    auto settings = one_connection();
    settings.on_full = when_full::fail;
    settings.check_after_idle = 1s;
    ledger_driver pool(settings);
    pool.acquire("a");
    pool.opened(1, 3);
    pool.release("a");
    pool.advance(2s);
    EXPECT_EQ(pool.acquire("b"), "queued, check 1");
    EXPECT_EQ(pool.acquire("c"), "queued");
    EXPECT_EQ(pool.acquire("d"), "queued");
    EXPECT_EQ(pool.acquire("e"), "refused pool_exhausted");
}

TEST(ledger_queue, a_pool_that_does_not_wait_still_waits_while_it_is_paused) {
    auto settings = one_connection();
    settings.on_full = when_full::fail;
    ledger_driver pool(settings);
    pool.pause();
    EXPECT_EQ(pool.acquire("a"), "queued");
    EXPECT_EQ(pool.resume(), "open 1");
}

TEST(ledger_queue, every_caller_gets_an_answer_when_the_connections_break_one_after_the_other) {  // node-pool#175
    auto settings = quiet_settings();
    settings.max_size = 2;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.lend("b");
    for (const char* name : {"c", "d", "e"}) pool.acquire(name);
    EXPECT_EQ(pool.release("a", verdict::broken), "close 1");
    EXPECT_EQ(pool.release("b", verdict::broken), "close 2");
    EXPECT_EQ(pool.closed(1), "open 3");
    EXPECT_EQ(pool.closed(2), "open 4");
    EXPECT_EQ(pool.opened(3), "grant c 3");
    EXPECT_EQ(pool.opened(4), "grant d 4");
    EXPECT_EQ(pool.release("d"), "grant e 4");
}

}  // namespace
