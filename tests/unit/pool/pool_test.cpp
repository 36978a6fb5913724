#include "lido/pool/pool.hpp"

#include "support/pool_world.hpp"

#include <string>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::pool::settings;
using lido::pool::verdict;
using lido::test::borrowing;
using lido::test::fake_connector;
using lido::test::fake_pool;
using lido::test::outcome_kind;
using lido::test::pool_world;
using lido::test::step_kind;

class pool : public pool_world {};

TEST_F(pool, is_not_made_from_settings_that_are_out_of_range) {
    try {
        open({.max_size = 0});
        FAIL() << "no exception";
    } catch (const lido::exception& refused) {
        EXPECT_TRUE(refused.error() == errc::invalid_argument);
        EXPECT_NE(refused.error().message().find("max_size"), std::string::npos);
    }
}

TEST_F(pool, lends_by_try_acquire_only_what_is_idle) {
    open({.max_size = 2});
    EXPECT_TRUE(pool_->try_acquire().error() == errc::pool_exhausted);
    run();
    EXPECT_EQ(world_.begun(step_kind::open), 0U);
    take().release();
    {
        auto lease = pool_->try_acquire();
        ASSERT_TRUE(lease.has_value());
        EXPECT_TRUE(lease->reused());
        EXPECT_TRUE(pool_->try_acquire().error() == errc::pool_exhausted);
    }
    advance(5s);  // it would have to be checked first
    EXPECT_TRUE(pool_->try_acquire().error() == errc::pool_exhausted);
    EXPECT_EQ(world_.begun(step_kind::check), 0U);
}

TEST_F(pool, says_by_try_acquire_why_there_is_nothing_and_counts_it_as_full) {
    open({.max_size = 2});
    take().release();
    pool_->pause();
    EXPECT_TRUE(pool_->try_acquire().error() == errc::pool_paused);
    pool_->resume();
    EXPECT_TRUE(pool_->try_acquire().has_value());
    EXPECT_EQ(pool_->statistics().refused_full, 1U);
    EXPECT_EQ(pool_->statistics().refused_timeout, 0U);
}

TEST_F(pool, can_be_moved) {
    open();
    auto held = take();
    fake_pool other = std::move(*pool_);
    held.release();
    EXPECT_EQ(other.statistics().idle, 1U);
    const auto asked = group_.at(0).start(borrow(other, {}));
    run();
    EXPECT_TRUE(asked.take().has_value());
}

// Warm-up.

TEST_F(pool, warms_up_to_a_number_of_connections) {
    open({.max_size = 5});
    const auto warmed = group_.at(0).start(pool_->warm_up(3));
    run();
    EXPECT_EQ(warmed.take().value(), 3U);
    EXPECT_EQ(pool_->statistics().idle, 3U);
    const auto again = group_.at(1).start(pool_->warm_up(2));
    run();
    EXPECT_EQ(again.take().value(), 3U);
}

TEST_F(pool, warms_up_to_no_more_than_its_maximum) {
    open({.max_size = 2});
    const auto warmed = group_.at(0).start(pool_->warm_up(30));
    run();
    EXPECT_EQ(warmed.take().value(), 2U);
    EXPECT_EQ(world_.peak_live(), 2U);
}

TEST_F(pool, warmed_up_to_nothing_has_nothing_and_that_is_no_error) {
    open();
    const auto warmed = group_.at(0).start(pool_->warm_up(0));
    run();
    EXPECT_EQ(warmed.take().value(), 0U);
    EXPECT_EQ(world_.begun(step_kind::open), 0U);
}

TEST_F(pool, that_is_closed_before_the_server_lent_anything_is_not_warm) {
    world_.capacity = 0;  // it takes connections and lends nothing on them
    open();
    const auto warmed = group_.at(0).start(pool_->warm_up(1));
    run();
    EXPECT_FALSE(warmed.done());
    const auto closed = group_.at(0).start(pool_->close());
    run();
    EXPECT_TRUE(warmed.take().error() == errc::pool_closed);
    EXPECT_FALSE(pool_->last_connect_error().has_value());
    EXPECT_TRUE(closed.done());
}

TEST_F(pool, says_why_it_could_not_warm_up) {
    open();
    world_.let(step_kind::open, outcome_kind::fail);
    const auto warmed = group_.at(0).start(pool_->warm_up(3));
    run();
    EXPECT_TRUE(warmed.take().error() == errc::connection_closed);
}

TEST_F(pool, warmed_up_in_part_says_how_far) {
    open({.max_concurrent_connects = 1});
    world_.let(step_kind::open, outcome_kind::pending);
    const auto warmed = group_.at(0).start(pool_->warm_up(3));
    run();
    world_.end(step_kind::open, outcome_kind::succeed);
    run();
    world_.end(step_kind::open, outcome_kind::fail);
    run();
    EXPECT_EQ(warmed.take().value(), 1U);
}

TEST_F(pool, forgets_whoever_waited_for_a_warm_up_and_went_away) {
    open();
    world_.let(step_kind::open, outcome_kind::pending);
    const auto gone = group_.at(0).start(pool_->warm_up(1));
    const auto gone_late = group_.at(1).start(pool_->warm_up(1));
    run();
    gone.cancel();
    run();
    EXPECT_TRUE(gone.cancelled());
    gone_late.cancel();
    world_.end(step_kind::open, outcome_kind::succeed);
    run();
    EXPECT_TRUE(gone_late.cancelled());
    EXPECT_EQ(pool_->statistics().idle, 1U);
}

TEST_F(pool, that_is_closed_does_not_warm_up) {
    open();
    const auto closed = group_.at(0).start(pool_->close());
    run();
    EXPECT_EQ(closed.take().value(), 0U);
    const auto warmed = group_.at(0).start(pool_->warm_up(1));
    run();
    EXPECT_TRUE(warmed.take().error() == errc::pool_closed);
}

// Drain.

TEST_F(pool, closes_when_the_last_lease_has_returned) {
    open();
    auto held = take();
    const borrowing before = ask();
    run();
    world_.let(step_kind::open, outcome_kind::pending);
    const borrowing waiting = ask();
    run();
    const auto closed = group_.at(1).start(pool_->close(10s));
    run();
    EXPECT_TRUE(waiting.take().error() == errc::pool_closed);
    EXPECT_FALSE(closed.done());
    const borrowing after = ask();
    run();
    EXPECT_TRUE(after.take().error() == errc::pool_closed);
    EXPECT_TRUE(pool_->try_acquire().error() == errc::pool_closed);
    before.take().value().release();
    held.release();
    run();
    EXPECT_EQ(closed.take().value(), 0U);
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ(world_.cuts(), 0U);
}

TEST_F(pool, cuts_at_the_deadline_of_its_close_what_is_still_out) {
    open();
    auto first = take();
    auto second = take();
    const auto closed = group_.at(0).start(pool_->close(10s));
    advance(5s);
    first.release();
    advance(4999ms);
    EXPECT_FALSE(closed.done());
    EXPECT_FALSE(second->was_cut);
    advance(1ms);
    EXPECT_EQ(closed.take().value(), 1U);
    EXPECT_TRUE(second->was_cut);
    EXPECT_EQ(world_.live(), 1U);
    second.release();
    run();
    EXPECT_EQ(world_.live(), 0U);
}

TEST_F(pool, can_be_closed_again_and_sooner) {
    open();
    auto held = take();
    const auto slow = group_.at(0).start(pool_->close(1min));
    run();
    const auto quick = group_.at(1).start(pool_->close(1s));
    advance(1s);
    EXPECT_EQ(slow.take().value(), 1U);
    EXPECT_EQ(quick.take().value(), 1U);
    const auto again = group_.at(0).start(pool_->close());
    run();
    EXPECT_EQ(again.take().value(), 1U);
}

TEST_F(pool, goes_on_closing_when_nobody_waits_for_it_any_more) {
    open({.drain_timeout = 1s});
    auto held = take();
    const auto gone = group_.at(0).start(pool_->close());
    run();
    gone.cancel();
    advance(1s);
    EXPECT_TRUE(gone.cancelled());
    EXPECT_TRUE(held->was_cut);
}

// Pause, retire, reconfigure.

TEST_F(pool, lends_nothing_while_it_is_paused) {
    open();
    take().release();
    pool_->pause();
    const borrowing patient = ask();
    const borrowing hasty = ask({.timeout = 500ms});
    EXPECT_FALSE(pool_->try_acquire().has_value());
    advance(500ms);
    EXPECT_TRUE(hasty.take().error() == errc::pool_paused);
    EXPECT_FALSE(patient.done());
    pool_->resume();
    run();
    EXPECT_TRUE(patient.take().has_value());
}

TEST_F(pool, takes_leases_back_while_it_is_paused) {
    open();
    auto held = take();
    pool_->pause();
    held.release();
    EXPECT_EQ(pool_->statistics().idle, 1U);
    EXPECT_EQ(pool_->statistics().leases, 0U);
}

TEST_F(pool, fences_all_connections_of_now) {
    open();
    auto held = take();
    take().release();
    pool_->retire_all();
    run();
    EXPECT_EQ(world_.live(), 1U);
    const auto fresh = take();
    EXPECT_EQ(fresh->number, 3U);
    held.release();
    run();
    EXPECT_EQ(world_.live(), 1U);
    EXPECT_EQ(pool_->statistics().closed_retired, 2U);
}

TEST_F(pool, grows_and_shrinks_while_it_runs) {
    open({.max_size = 1});
    auto first = take();
    const borrowing second = ask();
    run();
    EXPECT_FALSE(second.done());
    EXPECT_TRUE(pool_->resize(0, 2).has_value());
    run();
    auto other = second.take().value();
    EXPECT_TRUE(pool_->resize(0, 1).has_value());
    EXPECT_EQ(world_.live(), 2U);
    first.release();
    other.release();
    run();
    EXPECT_EQ(world_.live(), 1U);
    EXPECT_EQ(pool_->current_settings().max_size, 1U);
}

TEST_F(pool, refuses_new_settings_by_the_name_of_the_field) {
    open({.name = "before"});
    const auto expect_refused = [this](const settings& wanted, const char* field) {
        const auto outcome = pool_->reconfigure(wanted);
        ASSERT_FALSE(outcome.has_value()) << field;
        EXPECT_TRUE(outcome.error() == errc::invalid_argument);
        EXPECT_NE(outcome.error().message().find(field), std::string::npos) << outcome.error().message();
        EXPECT_EQ(pool_->current_settings().name, "before");
    };
    expect_refused({.name = std::string(101, 'x')}, "name");
    expect_refused({.max_size = 0}, "max_size");
    expect_refused({.max_size = 3, .min_size = 4}, "min_size");
    expect_refused({.max_waiters = 0}, "max_waiters");
    expect_refused({.acquire_timeout = 0ms}, "acquire_timeout");
    expect_refused({.idle_timeout = 0ms}, "idle_timeout");
    expect_refused({.lifetime_jitter = 0.6}, "lifetime_jitter");
    expect_refused({.check_timeout = 11min}, "check_timeout");
    expect_refused({.connect_timeout = -1ms}, "connect_timeout");
    expect_refused({.max_concurrent_connects = 0}, "max_concurrent_connects");
    expect_refused({.close_timeout = 0ms}, "close_timeout");
    EXPECT_TRUE(pool_->resize(2, 1).error() == errc::invalid_argument);
}

TEST_F(pool, counts_what_it_has_done) {
    open({.max_size = 2});
    auto first = take();
    auto second = take();
    const borrowing third = ask();
    advance(20ms);
    first.release();
    run();
    third.take().value().release();
    second.discard();
    run();
    const auto seen = pool_->statistics();
    EXPECT_EQ(seen.acquires, 3U);
    EXPECT_EQ(seen.served, 3U);
    EXPECT_EQ(seen.served_reused, 1U);
    EXPECT_EQ(seen.released, 3U);
    EXPECT_EQ(seen.created, 2U);
    EXPECT_EQ(seen.closed, 1U);
    EXPECT_EQ(seen.peak_in_use, 2U);
    EXPECT_EQ(seen.peak_waiting, 1U);
    EXPECT_EQ(seen.wait.count(), 3U);
    EXPECT_GE(seen.wait.max(), 20ms);
}

}  // namespace
