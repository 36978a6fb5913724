// Goal: connections that carry several leases at once, and a number of them that changes.
#include "support/ledger_driver.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::pool::slot_state;
using lido::pool::verdict;
using lido::test::ledger_driver;
using lido::test::quiet_settings;

/// One caller, and a connection of the given capacity.
void begin(ledger_driver& pool, std::uint32_t capacity) {
    pool.acquire("a");
    pool.opened(1, capacity);
}

TEST(ledger_multiplexed, one_connection_serves_as_many_as_its_peer_allows) {
    ledger_driver pool(quiet_settings());
    begin(pool, 2);
    EXPECT_EQ(pool.state(1), slot_state::shared);
    EXPECT_EQ(pool.acquire("b"), "granted 1");
    EXPECT_EQ(pool.state(1), slot_state::leased);
    EXPECT_EQ(pool.acquire("c"), "queued, open 2");
    EXPECT_EQ(pool.release("a"), "grant c 1");
}

TEST(ledger_multiplexed, a_new_connection_serves_all_who_wait_for_it) {
    auto settings = quiet_settings();
    settings.max_concurrent_connects = 1;
    ledger_driver pool(settings);
    for (const char* name : {"a", "b", "c"}) pool.acquire(name);
    EXPECT_EQ(pool.opened(1, 100), "grant a 1, grant b 1, grant c 1");
    EXPECT_EQ(pool.opened_so_far(), 1U);
}

TEST(ledger_multiplexed, once_the_capacity_is_known_a_crowd_opens_few_connections) {  // undici#5362
    ledger_driver pool(quiet_settings());
    begin(pool, 100);
    pool.release("a");
    pool.lost(1);
    pool.closed(1);
    for (int i = 0; i < 100; ++i) pool.acquire("w" + std::to_string(i));
    EXPECT_EQ(pool.opened_so_far(), 2U);
    pool.acquire("one more");
    EXPECT_EQ(pool.opened_so_far(), 3U);
}

TEST(ledger_multiplexed, a_crowd_waits_for_the_first_connection_when_it_is_expected_to_do_for_all) {
    auto settings = quiet_settings();
    settings.expected_capacity = 100;
    ledger_driver pool(settings);
    EXPECT_EQ(pool.acquire("first"), "queued, open 1");
    for (int i = 0; i < 99; ++i) EXPECT_EQ(pool.acquire("w" + std::to_string(i)), "queued");
    EXPECT_EQ(pool.acquire("one more"), "queued, open 2");
    pool.opened(1, 100);
    EXPECT_EQ(pool.state(1), slot_state::leased);
    EXPECT_EQ(pool.opened_so_far(), 2U);
}

TEST(ledger_multiplexed, an_expectation_that_was_too_high_ends_with_the_first_connection) {
    auto settings = quiet_settings();
    settings.expected_capacity = 100;
    ledger_driver pool(settings);
    for (const char* name : {"a", "b", "c"}) pool.acquire(name);
    EXPECT_EQ(pool.opened_so_far(), 1U);
    EXPECT_EQ(pool.opened(1, 1), "grant a 1, open 2, open 3");
}

TEST(ledger_multiplexed, what_was_seen_counts_for_more_than_a_changed_expectation) {
    ledger_driver pool(quiet_settings());
    begin(pool, 2);
    EXPECT_EQ(pool.reconfigure([](auto& changed) { changed.expected_capacity = 50; }), "");
    pool.acquire("b");
    pool.acquire("c");
    pool.acquire("d");
    EXPECT_EQ(pool.acquire("e"), "queued, open 3");
}

TEST(ledger_multiplexed, a_shared_connection_comes_before_an_idle_one) {
    ledger_driver pool(quiet_settings());
    begin(pool, 2);
    pool.acquire("b");
    pool.acquire("c");
    pool.opened(2, 2);
    pool.release("a");
    pool.release("b");
    EXPECT_EQ(pool.state(1), slot_state::idle);
    EXPECT_EQ(pool.acquire("d"), "granted 2") << "so that the other can expire";
}

TEST(ledger_multiplexed, more_capacity_serves_those_who_wait) {
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    begin(pool, 1);
    pool.acquire("b");
    pool.acquire("c");
    EXPECT_EQ(pool.capacity(1, 3), "grant b 1, grant c 1");
}

TEST(ledger_multiplexed, less_capacity_takes_no_lease_away_and_gives_none_until_there_is_room) {
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    begin(pool, 4);
    for (const char* name : {"b", "c"}) pool.acquire(name);
    EXPECT_EQ(pool.capacity(1, 2), "");
    EXPECT_EQ(pool.acquire("d"), "queued");
    EXPECT_EQ(pool.release("a"), "");
    EXPECT_EQ(pool.release("b"), "grant d 1");
}

TEST(ledger_multiplexed, no_capacity_means_drain) {  // GOAWAY
    ledger_driver pool(quiet_settings());
    begin(pool, 4);
    pool.acquire("b");
    EXPECT_EQ(pool.capacity(1, 0), "");
    EXPECT_EQ(pool.acquire("c"), "queued, open 2");
    EXPECT_EQ(pool.release("a"), "");
    EXPECT_EQ(pool.release("b"), "close 1");
    pool.closed(1);
    EXPECT_EQ(pool.statistics().closed_retired, 1U) << "nothing was broken";
}

TEST(ledger_multiplexed, no_capacity_while_idle_closes) {
    ledger_driver pool(quiet_settings());
    begin(pool, 4);
    pool.release("a");
    EXPECT_EQ(pool.capacity(1, 0), "close 1");
    EXPECT_EQ(pool.capacity(1, 3), "stale");
}

TEST(ledger_multiplexed, one_broken_lease_fences_the_connection_for_all) {
    ledger_driver pool(quiet_settings());
    begin(pool, 4);
    pool.acquire("b");
    EXPECT_EQ(pool.release("a", verdict::broken), "");
    EXPECT_EQ(pool.state(1), slot_state::draining);
    EXPECT_EQ(pool.acquire("c"), "queued, open 2");
    EXPECT_EQ(pool.release("b"), "close 1");
}

TEST(ledger_multiplexed, a_dirty_connection_takes_no_lease_until_it_is_reset) {  // B5
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    begin(pool, 4);
    pool.acquire("b");
    EXPECT_EQ(pool.release("a", verdict::needs_reset), "");
    EXPECT_EQ(pool.acquire("c"), "queued") << "what a left must not be seen by c";
    EXPECT_EQ(pool.release("b"), "reset 1") << "only when the last lease has returned";
    EXPECT_EQ(pool.reset_done(1), "grant c 1");
}

TEST(ledger_multiplexed, a_dirty_connection_stays_so_when_its_capacity_grows) {
    auto settings = quiet_settings();
    settings.max_size = 1;
    ledger_driver pool(settings);
    begin(pool, 2);
    pool.acquire("b");
    pool.acquire("c");
    pool.release("a", verdict::needs_reset);
    EXPECT_EQ(pool.capacity(1, 10), "");
}

TEST(ledger_multiplexed, a_connection_that_is_never_without_a_lease_is_replaced_all_the_same) {
    auto settings = quiet_settings();
    settings.max_lifetime = 60s;
    ledger_driver pool(settings);
    begin(pool, 4);
    pool.advance(61s);
    EXPECT_EQ(pool.acquire("b"), "queued, open 2");
    EXPECT_EQ(pool.opened(2, 4), "grant b 2");
    EXPECT_EQ(pool.release("a"), "close 1");
    pool.closed(1);
    EXPECT_EQ(pool.statistics().closed_lifetime, 1U);
}

TEST(ledger_multiplexed, where_max_leaves_no_room_shared_connections_are_replaced_one_after_the_other) {
    auto settings = quiet_settings();
    settings.max_lifetime = 60s;
    settings.max_size = 2;
    ledger_driver pool(settings);
    begin(pool, 2);
    pool.acquire("b");
    pool.acquire("c");
    pool.opened(2, 2);
    pool.release("a");
    pool.advance(61s);
    EXPECT_EQ(pool.acquire("d"), "granted 1") << "2 was asked first, and drains";
    EXPECT_EQ(pool.state(2), slot_state::draining);
    EXPECT_EQ(pool.release("d"), "") << "old as well, but the other is not yet gone";
    EXPECT_EQ(pool.acquire("e"), "granted 1");
}

TEST(ledger_multiplexed, a_connection_is_worn_out_by_its_uses_even_if_it_is_never_without_a_lease) {
    auto settings = quiet_settings();
    settings.max_uses = 3;
    settings.max_size = 1;
    ledger_driver pool(settings);
    begin(pool, 2);
    pool.acquire("b");
    pool.release("a");
    pool.acquire("c");
    pool.release("b");
    EXPECT_EQ(pool.acquire("d"), "queued") << "three uses";
    EXPECT_EQ(pool.release("c"), "close 1");
}

TEST(ledger_multiplexed, fewer_uses_allowed_hold_for_a_shared_connection_too) {
    ledger_driver pool(quiet_settings());
    begin(pool, 5);
    pool.acquire("b");
    pool.reconfigure([](auto& settings) { settings.max_uses = 2; });
    EXPECT_EQ(pool.acquire("c"), "queued, open 2");
    pool.release("a");
    EXPECT_EQ(pool.release("b"), "close 1");
}

TEST(ledger_multiplexed, the_capacity_may_change_while_the_connection_is_checked) {
    auto settings = quiet_settings();
    settings.check_after_idle = 1s;
    settings.max_size = 1;
    ledger_driver pool(settings);
    begin(pool, 2);
    pool.release("a");
    pool.advance(2s);
    for (const char* name : {"b", "c", "d"}) pool.acquire(name);
    EXPECT_EQ(pool.capacity(1, 3), "");
    EXPECT_EQ(pool.checked(1), "grant b 1, grant c 1, grant d 1");
}

}  // namespace
