// Goal: how many connections may be idle, and making room for others.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using lido::pool::idle_order;
using lido::pool::slot_state;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings idle_at_most(std::size_t max_idle) {
    auto settings = quiet_settings();
    settings.max_size = 3;
    settings.max_idle = max_idle;
    return settings;
}

TEST(ledger_idle_limit, one_more_than_may_be_idle_is_closed_when_it_returns) {
    ledger_driver pool(idle_at_most(1));
    for (const char* name : {"a", "b", "c"}) pool.lend(name);
    EXPECT_EQ(pool.release("a"), "");
    EXPECT_EQ(pool.release("b"), "close 2");
    EXPECT_EQ(pool.release("c"), "close 3");
    EXPECT_EQ(pool.statistics().closed_idle, 0U) << "counted once they are gone";
    pool.closed(2);
    pool.closed(3);
    EXPECT_EQ(pool.statistics().closed_idle, 2U);
}

TEST(ledger_idle_limit, a_connection_that_somebody_waits_for_is_not_idle) {
    ledger_driver pool(idle_at_most(1));
    for (const char* name : {"a", "b", "c"}) pool.lend(name);
    pool.acquire("d");
    pool.acquire("e");
    EXPECT_EQ(pool.release("a"), "grant d 1");
    EXPECT_EQ(pool.release("b"), "grant e 2");
}

TEST(ledger_idle_limit, none_may_be_idle_means_one_lease_a_connection) {
    ledger_driver pool(idle_at_most(0));
    pool.lend("a");
    EXPECT_EQ(pool.release("a"), "close 1");
}

TEST(ledger_idle_limit, room_is_made_by_the_connection_that_was_idle_longest) {
    for (const auto order : {idle_order::last_in_first_out, idle_order::first_in_first_out}) {
        auto settings = idle_at_most(3);
        settings.order = order;
        ledger_driver pool(settings);
        pool.fill(3);
        lido::pool::actions out;
        EXPECT_TRUE(pool.book().close_one_idle(pool.now(), out));
        ASSERT_EQ(out.size(), 1U);
        EXPECT_EQ(out.front().kind, lido::pool::action_kind::close);
        EXPECT_EQ(out.front().slot, pool.slot(1));
        pool.book().audit();
    }
}

TEST(ledger_idle_limit, no_room_is_made_of_leases_or_of_the_minimum) {
    auto settings = idle_at_most(3);
    settings.min_size = 1;
    ledger_driver pool(settings);
    pool.lend("a");
    pool.lend("b");
    lido::pool::actions out;
    EXPECT_FALSE(pool.book().close_one_idle(pool.now(), out)) << "all are leased";
    pool.release("a");
    EXPECT_TRUE(pool.book().close_one_idle(pool.now(), out));
    pool.release("b");
    out.clear();
    EXPECT_FALSE(pool.book().close_one_idle(pool.now(), out)) << "it is the minimum";
    EXPECT_TRUE(out.empty());
}

TEST(ledger_idle_limit, is_refused_by_name_below_the_minimum) {
    auto settings = idle_at_most(1);
    settings.min_size = 2;
    const auto valid = settings.validate();
    ASSERT_FALSE(valid);
    EXPECT_NE(valid.error().message().find("max_idle"), std::string::npos);
}

}  // namespace
