// Goal: callers that hold leases and wait for more are told when that can never come true, and never otherwise.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::nested_acquire;
using lido::pool::verdict;
using lido::pool::when_full;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings sized(std::size_t max) {
    auto settings = quiet_settings();
    settings.max_size = max;
    return settings;
}

TEST(ledger_nested, who_holds_the_only_connection_and_wants_another_is_refused) {  // HikariCP#442
    ledger_driver pool(sized(1));
    pool.lend("a", {.holder = 1});
    EXPECT_EQ(pool.acquire("b", {.holder = 1}), "refused would_deadlock");
    EXPECT_EQ(pool.acquire("c", {.holder = 2}), "queued") << "who holds nothing just waits";
}

TEST(ledger_nested, the_last_of_a_circle_is_refused) {  // agroal#27
    ledger_driver pool(sized(2));
    pool.lend("a", {.holder = 1});
    pool.lend("b", {.holder = 2});
    EXPECT_EQ(pool.acquire("a2", {.holder = 1}), "queued") << "2 may return his";
    EXPECT_EQ(pool.acquire("b2", {.holder = 2}), "refused would_deadlock");
    EXPECT_EQ(pool.release("b"), "grant a2 2");
}

TEST(ledger_nested, a_lease_of_somebody_unknown_may_always_come_back) {
    ledger_driver pool(sized(2));
    pool.lend("a", {.holder = 1});
    pool.lend("b");
    EXPECT_EQ(pool.acquire("a2", {.holder = 1}), "queued");
}

TEST(ledger_nested, there_is_no_deadlock_while_a_connection_may_be_opened) {
    ledger_driver pool(sized(2));
    pool.lend("a", {.holder = 1});
    EXPECT_EQ(pool.acquire("a2", {.holder = 1}), "queued, open 2");
    EXPECT_EQ(pool.acquire("a3", {.holder = 1}), "queued") << "one is on its way";
}

TEST(ledger_nested, there_is_no_deadlock_while_an_idle_connection_only_has_to_be_checked) {
    auto settings = sized(2);
    settings.check_after_idle = 1s;
    ledger_driver pool(settings);
    pool.fill(2);
    pool.acquire("c", {.holder = 1});
    pool.advance(2s);
    EXPECT_EQ(pool.acquire("c2", {.holder = 1}), "queued, check 1");
    EXPECT_EQ(pool.checked(1), "grant c2 1");
}

TEST(ledger_nested, there_is_no_deadlock_while_a_connection_is_closing) {
    ledger_driver pool(sized(2));
    pool.lend("a", {.holder = 1});
    pool.lend("b", {.holder = 2});
    pool.release("b", verdict::broken);
    EXPECT_EQ(pool.acquire("a2", {.holder = 1}), "queued") << "its place will be free";
    EXPECT_EQ(pool.closed(2), "open 3");
}

TEST(ledger_nested, there_is_no_deadlock_while_beyond_max_is_allowed) {
    auto settings = sized(1);
    settings.on_full = when_full::overflow;
    settings.max_overflow = 1;
    ledger_driver pool(settings);
    pool.lend("a", {.holder = 1});
    EXPECT_EQ(pool.acquire("a2", {.holder = 1}), "queued, open 2");
    pool.opened(2);
    EXPECT_EQ(pool.acquire("a3", {.holder = 1}), "refused would_deadlock") << "beyond max has a limit too";
}

TEST(ledger_nested, who_no_longer_waits_no_longer_blocks) {
    ledger_driver pool(sized(2));
    pool.lend("a", {.holder = 1});
    pool.lend("b", {.holder = 2});
    pool.acquire("a2", {.holder = 1});
    pool.cancel("a2");
    EXPECT_EQ(pool.acquire("b2", {.holder = 2}), "queued");
    EXPECT_EQ(pool.acquire("a3", {.holder = 1}), "refused would_deadlock");
}

TEST(ledger_nested, several_leases_and_several_waits_of_one_holder_are_counted_right) {
    ledger_driver pool(sized(3));
    pool.lend("a", {.holder = 1});
    pool.lend("b", {.holder = 1});
    pool.lend("c", {.holder = 2});
    EXPECT_EQ(pool.acquire("a2", {.holder = 1}), "queued");
    EXPECT_EQ(pool.acquire("a3", {.holder = 1}), "queued");
    EXPECT_EQ(pool.acquire("c2", {.holder = 2}), "refused would_deadlock");
    EXPECT_EQ(pool.release("c"), "grant a2 3");
    EXPECT_EQ(pool.release("a"), "grant a3 1");
    for (const char* name : {"a2", "a3", "b"}) pool.release(name);
    EXPECT_EQ(pool.statistics().leases, 0U);
}

TEST(ledger_nested, it_can_be_switched_off) {
    auto settings = sized(1);
    settings.nested = nested_acquire::allow;
    ledger_driver pool(settings);
    pool.lend("a", {.holder = 1});
    EXPECT_EQ(pool.acquire("b", {.holder = 1}), "queued");
}

}  // namespace
