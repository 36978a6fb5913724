// Goal: the core's steps that cross each other: answers that come when nobody wants them any more, and posts that come
// after what they were to bring about.
#include "support/pool_world.hpp"
#include "support/work.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::pool::verdict;
using lido::test::borrowing;
using lido::test::fake_connector;
using lido::test::function_work;
using lido::test::outcome_kind;
using lido::test::pool_world;
using lido::test::step_kind;

class core_late : public pool_world {
protected:
    /// Begins to close the pool and ends the pending operation in the same turn: the core has given up what it was for,
    /// and the step that ends it from outside is posted and has not run.
    void close_while(step_kind pending, outcome_kind outcome) {
        const auto closed = group_.at(0).start(pool_->close());
        function_work late([&] { world_.end(pending, outcome); });
        group_.at(0).post(late);
        run();
        EXPECT_EQ(closed.take().value(), 0U);
        EXPECT_EQ(world_.ended_from_outside(pending), 0U);
        EXPECT_EQ(world_.live(), 0U);
    }
};

TEST_F(core_late, a_connect_that_fails_after_it_was_given_up_is_no_news) {
    open();
    world_.let(step_kind::open, outcome_kind::pending);
    const borrowing asked = ask();
    run();
    close_while(step_kind::open, outcome_kind::fail);
    EXPECT_TRUE(asked.take().error() == errc::pool_closed);
    EXPECT_FALSE(pool_->last_connect_error().has_value());
    EXPECT_EQ(pool_->statistics().connect_failed, 0U);
}

TEST_F(core_late, a_check_that_ends_after_it_was_given_up_lends_nothing) {
    for (const auto outcome : {outcome_kind::succeed, outcome_kind::fail}) {
        open();
        take().release();
        advance(5s);
        world_.let(step_kind::check, outcome_kind::pending);
        const borrowing asked = ask();
        run();
        EXPECT_EQ(world_.pending(step_kind::check), 1U);
        close_while(step_kind::check, outcome);
        EXPECT_TRUE(asked.take().error() == errc::pool_closed);
        EXPECT_EQ(pool_->statistics().checks_failed, 0U);
    }
}

TEST_F(core_late, a_reset_that_ends_after_it_was_given_up_leaves_nothing_behind) {
    for (const auto outcome : {outcome_kind::succeed, outcome_kind::fail}) {
        open();
        world_.let(step_kind::reset, outcome_kind::pending);
        auto lease = take();
        lease->state = verdict::needs_reset;
        lease.release();
        run();
        EXPECT_EQ(world_.pending(step_kind::reset), 1U);
        close_while(step_kind::reset, outcome);
        EXPECT_EQ(pool_->statistics().resets_failed, 0U);
    }
}

// The core posts to its own scheduler after it has given up the lock: other steps may come before.

TEST_F(core_late, a_timer_that_fired_before_it_was_set_anew_stays_as_it_is) {
    open({.max_size = 1, .connect_timeout = 10s});
    const auto held = take({.holder = 1});
    EXPECT_GT(group_.next_timer(), group_.now() + 1s) << "left over from the connect";
    const borrowing asked = ask({.timeout = 1s});
    group_.hold_next_post();
    advance(10s);
    EXPECT_TRUE(asked.take().error() == errc::acquire_timeout);
    const auto next = group_.next_timer();
    group_.deliver_held();
    run();
    EXPECT_EQ(group_.next_timer(), next);
}

/// A connector that says how long its pool lives.
struct counted_connector : fake_connector {
    counted_connector(lido::test::fake_world& world, std::shared_ptr<int> count)
        : fake_connector(world), token(std::move(count)) {}
    std::shared_ptr<int> token;
};

TEST_F(core_late, it_does_not_end_while_a_step_of_its_own_is_on_its_way) {
    using counted_pool = lido::pool::pool<counted_connector>;
    const auto token = std::make_shared<int>();
    auto pool = std::make_optional<counted_pool>(group_, lido::pool::settings{.close_timeout = 1s},
                                                 counted_connector(world_, token));
    std::optional<counted_pool::lease> held;
    pool->acquire({.holder = 1}).start([&](auto outcome) { held.emplace(std::move(outcome).value()); });
    run();
    ASSERT_TRUE(held.has_value());
    // Its timer must be set anew for the end of the drain, which is sooner than what it waits for.
    group_.hold_next_post();
    pool.reset();
    held.reset();
    int turns = 0;
    function_work patient([&] {
        EXPECT_GT(token.use_count(), 1);
        if (++turns < 20) return group_.at(0).post(patient);
        EXPECT_EQ(world_.live(), 0U);
        group_.deliver_held();
    });
    group_.at(0).post(patient);
    run();
    EXPECT_EQ(turns, 20);
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_EQ(group_.armed_timers(), 0U);
}

}  // namespace
