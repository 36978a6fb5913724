// Goal: a lease that is out too long is reported once, with the place that took it.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

lido::pool::settings watched(lido::duration after) {
    auto settings = quiet_settings();
    settings.leak_after = after;
    return settings;
}

TEST(ledger_leaks, a_lease_held_too_long_is_reported_once) {  // HikariCP leakDetectionThreshold
    ledger_driver pool(watched(10s));
    pool.lend("a");
    pool.advance(5s);
    pool.lend("b");
    EXPECT_EQ(pool.advance(4999ms), "");
    EXPECT_EQ(pool.advance(1ms), "leak a");
    EXPECT_EQ(pool.last_actions().front().held, 10s);
    EXPECT_EQ(pool.advance(1h), "leak b");
    EXPECT_EQ(pool.statistics().leaks_reported, 2U);
}

TEST(ledger_leaks, the_report_names_the_place_that_took_the_lease) {
    ledger_driver pool(watched(10s));
    lido::pool::actions out;
    const std::source_location here = std::source_location::current();
    static_cast<void>(pool.book().acquire(pool.now(), {.deadline = lido::never, .where = here}, out));
    pool.book().opened(pool.now(), out.front().slot, 1, out);
    out.clear();
    pool.book().tick(pool.now() + 10s, out);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out.front().where.line(), here.line());
    EXPECT_STREQ(out.front().where.file_name(), here.file_name());
}

TEST(ledger_leaks, a_lease_returned_in_time_is_not_reported) {
    ledger_driver pool(watched(10s));
    pool.lend("a");
    pool.advance(9s);
    pool.release("a");
    EXPECT_EQ(pool.advance(1h), "");
}

TEST(ledger_leaks, a_limit_that_is_set_later_holds_for_leases_that_are_out) {
    ledger_driver pool(quiet_settings());
    pool.lend("a");
    EXPECT_EQ(pool.advance(1h), "");
    pool.reconfigure([](auto& settings) { settings.leak_after = 1min; });
    EXPECT_EQ(pool.advance(1ms), "leak a");
}

TEST(ledger_leaks, a_reported_lease_can_still_be_returned) {
    ledger_driver pool(watched(10s));
    pool.lend("a");
    pool.advance(10s);
    EXPECT_EQ(pool.release("a"), "");
    EXPECT_EQ(pool.acquire("b"), "granted 1");
}

}  // namespace
