#include "lido/pool/core.hpp"

#include "support/pool_world.hpp"

#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::pool::acquire_options;
using lido::pool::settings;
using lido::pool::verdict;
using lido::test::borrowing;
using lido::test::fake_lease;
using lido::test::outcome_kind;
using lido::test::pool_world;
using lido::test::step_kind;

class core : public pool_world {};

TEST_F(core, lends_what_is_idle_at_once) {
    open();
    auto first = take();
    EXPECT_FALSE(first.reused());
    first.release();
    bool at_once = false;
    const auto body = [&]() -> lido::task<> {
        auto lease = co_await pool_->acquire();
        at_once = lease.has_value() && lease->reused();
    };
    const auto running = group_.at(0).start(body());
    group_.at(0).run_until_idle();
    EXPECT_TRUE(at_once);
    EXPECT_TRUE(running.done());
    EXPECT_EQ(world_.begun(step_kind::open), 1U);
    EXPECT_EQ(pool_->statistics().served_reused, 1U);
}

TEST_F(core, opens_a_connection_for_who_finds_none) {
    open();
    world_.let(step_kind::open, outcome_kind::pending);
    const borrowing asked = ask();
    run();
    EXPECT_FALSE(asked.done());
    EXPECT_EQ(world_.pending(step_kind::open), 1U);
    EXPECT_EQ(world_.deadline(step_kind::open), group_.now() + 10s);
    world_.end(step_kind::open, outcome_kind::succeed);
    run();
    const auto lease = asked.take();
    ASSERT_TRUE(lease.has_value());
    EXPECT_EQ((*lease)->number, 1U);
}

TEST_F(core, serves_callers_in_the_order_of_their_coming) {
    open({.max_size = 1});
    auto first = take();
    std::vector<borrowing> waiting;
    for (int i = 0; i < 5; ++i) waiting.push_back(ask({}, static_cast<std::uint32_t>(i % 2)));
    run();
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        EXPECT_FALSE(waiting[i].done());
        first.release();
        run();
        ASSERT_TRUE(waiting[i].done());
        first = waiting[i].take().value();
    }
    EXPECT_EQ(world_.begun(step_kind::open), 1U);
}

TEST_F(core, hands_over_directly_so_that_a_newcomer_cannot_overtake) {
    open({.max_size = 1});
    auto first = take();
    const borrowing waiting = ask();
    run();
    first.release();
    // The grant is on its way; nobody who asks now gets it.
    EXPECT_TRUE(pool_->try_acquire().error() == errc::pool_exhausted);
    run();
    EXPECT_TRUE(waiting.take().has_value());
}

TEST_F(core, refuses_at_the_deadline_with_its_numbers) {
    open({.name = "outfits", .max_size = 1});
    const auto held = take();
    const borrowing patient = ask();
    const borrowing hasty = ask({.timeout = 250ms});
    advance(249ms);
    EXPECT_FALSE(hasty.done());
    advance(1ms);
    const auto refused = hasty.take();
    EXPECT_TRUE(refused.error() == errc::acquire_timeout);
    ASSERT_TRUE(refused.error().numbers().has_value());
    EXPECT_EQ(refused.error().numbers()->max, 1U);
    EXPECT_EQ(refused.error().numbers()->leased, 1U);
    EXPECT_EQ(refused.error().numbers()->waiting, 1U);
    EXPECT_NE(refused.error().message().find("outfits"), std::string::npos);
    advance(30s - 251ms);
    EXPECT_FALSE(patient.done());
    advance(1ms);
    EXPECT_TRUE(patient.take().error() == errc::acquire_timeout);
}

TEST_F(core, names_the_last_connect_error_as_the_cause_of_a_refusal_while_the_server_is_down) {
    open({.down_fail_fast = 1min});
    world_.let(step_kind::open, outcome_kind::fail);
    const borrowing asked = ask({.timeout = 1s});
    advance(1s);
    const auto refused = asked.take();
    EXPECT_TRUE(refused.error() == errc::acquire_timeout);
    ASSERT_NE(refused.error().cause(), nullptr);
    EXPECT_TRUE(*refused.error().cause() == errc::connection_closed);
    EXPECT_TRUE(refused.error().numbers().has_value());
}

TEST_F(core, refuses_as_down_also_when_connects_succeed_and_lend_nothing) {
    world_.capacity = 0;
    open({.name = "outfits", .down_fail_fast = 1s});
    const borrowing asked = ask();
    const borrowing hasty = ask({.timeout = 500ms});
    advance(1s);
    const auto timely = hasty.take();
    EXPECT_TRUE(timely.error() == errc::acquire_timeout);
    EXPECT_EQ(timely.error().cause(), nullptr) << "no connect has failed";
    const auto refused = asked.take();
    EXPECT_TRUE(refused.error() == errc::connect_failed);
    EXPECT_EQ(refused.error().cause(), nullptr);
    EXPECT_NE(refused.error().message().find("outfits"), std::string::npos);
    EXPECT_TRUE(refused.error().numbers().has_value());
}

TEST_F(core, refuses_when_the_queue_is_full) {
    open({.max_size = 1, .max_waiters = 2});
    const auto held = take();
    const borrowing first = ask();
    const borrowing second = ask();
    const borrowing third = ask();
    run();
    EXPECT_TRUE(third.take().error() == errc::queue_full);
    EXPECT_FALSE(first.done());
    EXPECT_FALSE(second.done());
}

TEST_F(core, fails_at_once_where_it_was_told_not_to_wait) {
    open({.max_size = 1, .on_full = lido::pool::when_full::fail});
    const auto held = take();
    const borrowing refused = ask();
    run();
    EXPECT_TRUE(refused.take().error() == errc::pool_exhausted);
}

TEST_F(core, opens_beyond_the_maximum_where_it_was_told_to_and_closes_that_on_return) {
    open({.max_size = 1, .on_full = lido::pool::when_full::overflow});
    auto first = take();
    auto second = take();
    EXPECT_EQ(world_.live(), 2U);
    EXPECT_EQ(pool_->statistics().overflow, 1U);
    second.release();
    first.release();
    run();
    EXPECT_EQ(world_.live(), 1U);
    EXPECT_EQ(pool_->statistics().closed_retired, 1U);
}

TEST_F(core, tells_a_nested_caller_that_it_would_wait_for_itself) {
    open({.max_size = 1});
    const auto held = take({.holder = 7});
    const borrowing nested = ask({.holder = 7});
    run();
    EXPECT_TRUE(nested.take().error() == errc::would_deadlock);
}

// Cancellation, at each moment.

TEST_F(core, forgets_a_caller_that_goes_away_while_it_waits) {
    open({.max_size = 1});
    auto held = take();
    const borrowing gone = ask();
    const borrowing next = ask();
    run();
    gone.cancel();
    run();
    EXPECT_TRUE(gone.cancelled());
    EXPECT_EQ(pool_->statistics().waiting, 1U);
    EXPECT_EQ(pool_->statistics().refused_cancelled, 1U);
    held.release();
    run();
    EXPECT_TRUE(next.take().has_value());
}

TEST_F(core, gives_to_the_next_what_was_granted_to_a_caller_that_goes_away_at_that_moment) {
    open({.max_size = 1});
    auto held = take();
    const borrowing gone = ask();
    const borrowing next = ask({}, 1);
    run();
    gone.cancel();  // posted before the grant is: the caller is gone when the grant arrives
    held.release();
    run();
    EXPECT_TRUE(gone.cancelled());
    const auto lease = next.take();
    ASSERT_TRUE(lease.has_value());
    EXPECT_EQ((*lease)->number, 1U);
    EXPECT_EQ(world_.begun(step_kind::open), 1U);
    EXPECT_EQ(pool_->statistics().leases, 1U);
}

TEST_F(core, lets_a_grant_stand_that_arrived_before_the_cancellation) {
    open({.max_size = 1});
    auto held = take();
    const borrowing late = ask();
    run();
    held.release();
    late.cancel();  // posted after the grant
    run();
    EXPECT_FALSE(late.cancelled());
    EXPECT_TRUE(late.take().has_value());
    run();
    EXPECT_EQ(pool_->statistics().leases, 0U);
    EXPECT_EQ(pool_->statistics().idle, 1U);
}

TEST_F(core, ignores_a_refusal_that_finds_its_caller_gone) {
    open({.max_size = 1});
    const auto held = take();
    const borrowing gone = ask({.timeout = 1s});
    run();
    gone.cancel();
    advance(2s);
    EXPECT_TRUE(gone.cancelled());
    EXPECT_EQ(pool_->statistics().waiting, 0U);
}

TEST_F(core, keeps_a_connect_that_comes_after_its_caller_has_gone) {
    open();
    world_.let(step_kind::open, outcome_kind::pending);
    const borrowing impatient = ask({.timeout = 100ms});
    const borrowing gone = ask();
    run();
    EXPECT_EQ(world_.pending(step_kind::open), 2U);
    gone.cancel();
    advance(200ms);
    EXPECT_TRUE(impatient.take().error() == errc::acquire_timeout);
    world_.end(step_kind::open, outcome_kind::succeed);
    world_.end(step_kind::open, outcome_kind::succeed);
    run();
    EXPECT_EQ(pool_->statistics().idle, 2U);
    EXPECT_TRUE(pool_->try_acquire().has_value());
    EXPECT_EQ(world_.begun(step_kind::open), 2U);
}

// What hangs is ended at its deadline.

TEST_F(core, ends_a_connect_that_hangs) {
    open({.connect_timeout = 3s});
    world_.let(step_kind::open, outcome_kind::pending);
    const borrowing asked = ask();
    advance(3s);
    EXPECT_EQ(world_.ended_from_outside(step_kind::open), 1U);
    EXPECT_TRUE(asked.take().error() == errc::connect_timeout);
    EXPECT_TRUE(*pool_->last_connect_error() == errc::connect_timeout);
    EXPECT_EQ(pool_->statistics().connect_failed, 1U);
}

TEST_F(core, serves_with_a_new_connection_who_waited_for_a_check_that_hangs) {
    open({.max_size = 1, .check_timeout = 2s});
    take().release();
    advance(5s);
    world_.let(step_kind::check, outcome_kind::pending);
    const borrowing asked = ask();
    run();
    EXPECT_EQ(world_.pending(step_kind::check), 1U);
    EXPECT_EQ(world_.deadline(step_kind::check), group_.now() + 2s);
    advance(2s);
    EXPECT_EQ(world_.ended_from_outside(step_kind::check), 1U);
    const auto lease = asked.take();
    ASSERT_TRUE(lease.has_value());
    EXPECT_EQ((*lease)->number, 2U);
    EXPECT_EQ(world_.peak_live(), 1U);
}

TEST_F(core, replaces_a_connection_whose_reset_hangs) {
    open({.max_size = 1, .check_timeout = 2s});
    auto lease = take();
    world_.let(step_kind::reset, outcome_kind::pending);
    lease->state = verdict::needs_reset;
    lease.release();
    const borrowing next = ask();
    run();
    EXPECT_FALSE(next.done());
    advance(2s);
    EXPECT_EQ(world_.ended_from_outside(step_kind::reset), 1U);
    EXPECT_EQ((*next.take())->number, 2U);
    EXPECT_EQ(pool_->statistics().resets_failed, 1U);
    EXPECT_EQ(world_.peak_live(), 1U);
}

TEST_F(core, counts_a_connection_until_its_close_has_ended_and_ends_one_that_hangs) {
    open({.max_size = 1, .close_timeout = 2s});
    world_.let(step_kind::close, outcome_kind::pending);
    take().discard();
    const borrowing next = ask();
    advance(1999ms);
    EXPECT_FALSE(next.done());
    EXPECT_EQ(world_.live(), 1U);
    advance(1ms);
    EXPECT_EQ(world_.ended_from_outside(step_kind::close), 1U);
    EXPECT_EQ((*next.take())->number, 2U);
    EXPECT_EQ(world_.peak_live(), 1U);
}

TEST_F(core, destroys_a_connect_that_succeeds_in_the_turn_in_which_it_is_given_up) {
    open({.connect_timeout = 3s});
    world_.let(step_kind::open, outcome_kind::pending);
    const borrowing asked = ask();
    run();
    advance(3s - 1ms);
    // The pool is dropped: what is being opened is abandoned, by a step that is posted and has not run.
    pool_.reset();
    world_.end(step_kind::open, outcome_kind::succeed);
    run();
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ(world_.ended_from_outside(step_kind::open), 0U);
    EXPECT_TRUE(asked.take().error() == errc::pool_closed);
}

// Time that connections have.

TEST_F(core, closes_what_was_idle_too_long) {
    open({.idle_timeout = 10s, .keep_alive = settings::forever});
    take().release();
    advance(9999ms);
    EXPECT_EQ(world_.live(), 1U);
    advance(1ms);
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ(pool_->statistics().closed_idle, 1U);
}

TEST_F(core, replaces_at_the_end_of_their_lifetime_the_connections_that_the_minimum_needs) {
    open({.max_size = 2, .min_size = 1, .max_lifetime = 1min, .lifetime_jitter = 0, .keep_alive = settings::forever});
    take().release();
    advance(59s);
    EXPECT_EQ(world_.begun(step_kind::open), 1U);
    advance(2s);
    EXPECT_EQ(world_.begun(step_kind::open), 2U);
    EXPECT_EQ(world_.live(), 1U);
    EXPECT_EQ(pool_->statistics().closed_lifetime, 1U);
}

TEST_F(core, keeps_idle_connections_alive_by_checking_them) {
    open({.max_size = 2, .min_size = 1, .keep_alive = 1min});
    take().release();
    advance(3min);
    EXPECT_GE(world_.begun(step_kind::check), 2U);
    EXPECT_EQ(world_.live(), 1U);
    world_.let(step_kind::check, outcome_kind::fail);
    advance(2min);
    EXPECT_GE(pool_->statistics().checks_failed, 1U);
    EXPECT_GE(world_.begun(step_kind::open), 2U);
}

TEST_F(core, counts_leases_that_are_out_too_long_though_nobody_listens) {
    open({.leak_after = 1min});
    const auto held = take();
    advance(1min);
    EXPECT_EQ(pool_->statistics().leaks_reported, 1U);
}

TEST_F(core, closes_a_connection_after_its_last_use) {
    open({.max_uses = 2});
    take().release();
    take().release();
    run();
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ((*take()).number, 2U);
}

TEST_F(core, does_nothing_while_nothing_is_due) {
    open({.max_size = 4, .idle_timeout = 10min, .keep_alive = settings::forever});
    take().release();
    advance(1s);
    std::size_t steps = 0;
    for (int minute = 0; minute < 5; ++minute) {
        advance(1min);
        steps += group_.run_until_idle();
    }
    EXPECT_EQ(steps, 0U);
    EXPECT_EQ(group_.armed_timers(), 1U);
}

// Several schedulers.

TEST_F(core, prefers_an_idle_connection_of_the_callers_scheduler) {
    open({.max_size = 2});
    auto here = take({}, 0);
    auto there = take({}, 1);
    EXPECT_EQ(&here->where, &group_.at(0));
    EXPECT_EQ(&there->where, &group_.at(1));
    here.release();
    there.release();
    for (int i = 0; i < 4; ++i) {
        const auto on = static_cast<std::uint32_t>(i % 2);
        auto lease = take({}, on);
        EXPECT_EQ(&lease->where, &group_.at(on));
    }
    // The other's one is better than none.
    const auto first = take({}, 0);
    const auto second = take({}, 0);
    EXPECT_EQ(&second->where, &group_.at(1));
    EXPECT_EQ(world_.begun(step_kind::open), 2U);
}

TEST_F(core, shares_a_connection_up_to_its_capacity) {
    world_.capacity = 3;
    open({.max_size = 2});
    std::vector<fake_lease> leases;
    for (int i = 0; i < 6; ++i) leases.push_back(take());
    EXPECT_EQ(world_.live(), 2U);
    const borrowing seventh = ask();
    run();
    EXPECT_FALSE(seventh.done());
    leases.front().release();
    run();
    EXPECT_EQ((*seventh.take())->number, 1U);
}

TEST_F(core, resets_a_shared_connection_only_when_its_last_lease_has_returned) {
    world_.capacity = 2;
    open({.max_size = 1});
    auto first = take();
    auto second = take();
    first->state = verdict::needs_reset;
    first.release();
    run();
    EXPECT_EQ(world_.begun(step_kind::reset), 0U);
    second.release();
    run();
    EXPECT_EQ(world_.begun(step_kind::reset), 1U);
}

// The end.

TEST_F(core, refuses_those_who_wait_when_the_pool_goes) {
    open({.max_size = 1});
    auto held = take();
    const borrowing here = ask({}, 0);
    const borrowing there = ask({}, 1);
    run();
    pool_.reset();
    run();
    EXPECT_TRUE(here.take().error() == errc::pool_closed);
    EXPECT_TRUE(there.take().error() == errc::pool_closed);
}

TEST_F(core, may_be_gone_when_a_cancelled_caller_would_hear_of_its_refusal) {
    open({.max_size = 1});
    auto held = take();
    const borrowing gone = ask({}, 1);
    run();
    held.release();
    run();
    auto again = gone.take().value();
    const borrowing waiting = ask({}, 1);
    run();
    waiting.cancel();  // runs before the refusal arrives
    pool_.reset();
    again.release();
    run();
    EXPECT_TRUE(waiting.cancelled());
}

TEST_F(core, lets_a_lease_outlive_the_pool_and_cuts_its_connection) {
    open();
    auto held = take();
    pool_.reset();
    run();
    EXPECT_EQ(world_.live(), 1U);
    EXPECT_TRUE(held->was_cut);
    held.release();
    run();
    EXPECT_EQ(world_.live(), 0U);
}

TEST_F(core, closes_politely_what_is_idle_when_the_pool_goes) {
    open({.close_timeout = 2s});
    const auto held = take();
    take().release();
    world_.let(step_kind::close, outcome_kind::pending);
    pool_.reset();
    run();
    EXPECT_TRUE(held->was_cut);
    EXPECT_EQ(world_.pending(step_kind::close), 1U);
    advance(1s);
    EXPECT_EQ(world_.live(), 2U);
    world_.end(step_kind::close, outcome_kind::succeed);
    run();
    EXPECT_EQ(world_.live(), 1U);
}

TEST_F(core, ends_with_the_pool_whatever_is_running) {
    world_.let(step_kind::close, outcome_kind::pending);
    for (const auto running : {step_kind::open, step_kind::check, step_kind::reset, step_kind::close}) {
        open({.max_size = 1});
        world_.let(running, outcome_kind::pending);
        borrowing asked = ask();
        run();
        if (running != step_kind::open) {
            auto lease = asked.take().value();
            if (running == step_kind::reset) lease->state = verdict::needs_reset;
            if (running == step_kind::close) lease->state = verdict::broken;
            lease.release();
            run();
            if (running == step_kind::check) {
                advance(2s);
                asked = ask();
                run();
            }
        }
        EXPECT_EQ(world_.pending(running), 1U);
        pool_.reset();
        advance(2s);
        EXPECT_EQ(world_.live(), 0U);
        EXPECT_EQ(world_.pending(running), 0U);
        EXPECT_EQ(group_.armed_timers(), 0U);
        world_.let(running, running == step_kind::close ? outcome_kind::pending : outcome_kind::succeed);
    }
}

}  // namespace
