// Goal: many connections that end together, or begin together, do not make a storm. Each test begins with where it was
// learned; docs/design/lessons.md lists them all.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::test::ledger_driver;

/// As everybody has them who sets nothing of it, but without checks.
lido::pool::settings as_by_default(std::size_t max_size) {
    lido::pool::settings settings;
    settings.max_size = max_size;
    settings.idle_timeout = lido::pool::settings::forever;
    settings.check_after_idle = lido::pool::settings::forever;
    settings.keep_alive = lido::pool::settings::forever;
    return settings;
}

std::string caller_number(std::size_t i) {
    return "w" + std::to_string(i);
}

/// Opens so many at the same moment and takes them back.
void open_together(ledger_driver& pool, std::size_t count) {
    for (std::size_t i = 1; i <= count; ++i) pool.acquire(caller_number(i));
    for (std::size_t i = 1; i <= count; ++i) pool.opened(i);
    for (std::size_t i = 1; i <= count; ++i) pool.release(caller_number(i));
}

/// When each of them is closed because of its age.
std::vector<duration> ends_of(ledger_driver& pool, std::size_t count) {
    std::vector<duration> moments;
    while (moments.size() < count && !pool.advance_to_action(1h).empty()) {
        for (std::size_t i = 0; i < pool.last_actions().size(); ++i) moments.push_back(pool.elapsed());
    }
    return moments;
}

/// sqlx#2854 and #3292, go-redis#3666, pgdog#962: a cohort that was opened together reaches its greatest age together.
/// HikariCP takes up to 2.5 % off, CockroachDB advises 10 %.
TEST(lessons_storms,
     sqlx_2854_sqlx_3292_go_redis_3666_pgdog_962_ages_of_connections_differ_by_a_tenth_unless_told_otherwise) {
    constexpr std::size_t count = 100;
    auto settings = as_by_default(count);
    settings.max_concurrent_connects = count;
    settings.close_timeout = 10min;  // so that no end is seen twice
    ledger_driver pool(settings);
    open_together(pool, count);
    const std::vector<duration> moments = ends_of(pool, count);
    ASSERT_EQ(moments.size(), count);
    const duration age = settings.max_lifetime;
    EXPECT_GE(moments.front(), age * 9 / 10);
    EXPECT_LE(moments.back(), age + 1s);
    EXPECT_GE(moments.back() - moments.front(), age * 8 / 100) << "they are not spread over the tenth";
    // Of a hundred within three minutes, no second has more than a few.
    std::size_t most = 0;
    for (const duration& from : moments) {
        most = std::max<std::size_t>(
            most, static_cast<std::size_t>(std::count_if(moments.begin(), moments.end(), [&](const duration& each) {
                return each >= from && each < from + 1s;
            })));
    }
    EXPECT_LE(most, 10U);
}

/// vertx-sql-client#1496: what spreads the ends of connections does nothing for the first ones, which are all wanted at
/// once. userver opens one at a time.
TEST(lessons_storms, vertx_sql_client_1496_userver_of_a_thousand_first_callers_a_few_connect_at_once) {
    const auto settings = as_by_default(1000);
    ledger_driver pool(settings);
    for (std::size_t i = 1; i <= 1000; ++i) pool.acquire(caller_number(i));
    EXPECT_EQ(pool.opened_so_far(), settings.max_concurrent_connects);
    EXPECT_LE(settings.max_concurrent_connects, 4U);
    for (std::size_t i = 1; i <= 100; ++i) {
        pool.opened(i);
        EXPECT_EQ(pool.opened_so_far() - i, settings.max_concurrent_connects) << "one more for each that is open";
    }
    auto narrow = as_by_default(1000);
    narrow.max_concurrent_connects = 1;
    ledger_driver one(narrow);
    for (std::size_t i = 1; i <= 1000; ++i) one.acquire(caller_number(i));
    EXPECT_EQ(one.opened_so_far(), 1U);
}

/// PostHog#49745: all clients connected again at once, as often as they were refused, until the server could do nothing
/// else.
TEST(lessons_storms, posthog_49745_while_a_server_refuses_a_thousand_callers_share_one_attempt_at_a_time) {
    auto settings = as_by_default(1000);
    settings.down_fail_fast = 1h;
    settings.acquire_timeout = 1h;
    ledger_driver pool(settings);
    for (std::size_t i = 1; i <= 1000; ++i) pool.acquire(caller_number(i), {.timeout = 1h});
    std::size_t failed = pool.opened_so_far();
    for (std::size_t i = 1; i <= failed; ++i) pool.open_failed(i);
    const duration begun = pool.elapsed();
    while (pool.elapsed() - begun < 5min) {
        ASSERT_FALSE(pool.advance_to_action(1min).empty());
        EXPECT_EQ(pool.opened_so_far(), failed + 1) << "one attempt, for all of them";
        failed = pool.opened_so_far();
        pool.open_failed(failed);
    }
    // With full jitter below five seconds: two and a half on the average, and a few short ones at first.
    EXPECT_LE(failed, 250U);
    EXPECT_GE(failed, 60U) << "and it goes on trying";
}

}  // namespace
