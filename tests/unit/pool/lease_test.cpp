#include "lido/pool/lease.hpp"

#include "support/pool_world.hpp"

#include <functional>
#include <stdexcept>
#include <utility>

namespace {

using lido::pool::verdict;
using lido::test::fake_lease;
using lido::test::outcome_kind;
using lido::test::pool_world;
using lido::test::step_kind;

class lease : public pool_world {};

TEST_F(lease, returns_its_connection_at_the_end_of_its_scope) {
    open();
    {
        const auto held = take();
        EXPECT_EQ(pool_->statistics().leases, 1U);
    }
    EXPECT_EQ(pool_->statistics().leases, 0U);
    EXPECT_EQ(pool_->statistics().idle, 1U);
}

TEST_F(lease, that_is_empty_holds_nothing) {
    fake_lease empty;
    EXPECT_FALSE(empty.valid());
    EXPECT_FALSE(static_cast<bool>(empty));
    empty.release();
    empty.discard();
}

TEST_F(lease, released_twice_is_released_once) {
    open();
    auto held = take();
    held.release();
    EXPECT_FALSE(held.valid());
    held.release();
    held.discard();
    EXPECT_EQ(pool_->statistics().released, 1U);
    EXPECT_EQ(pool_->statistics().stale_events, 0U);
    EXPECT_EQ(pool_->statistics().idle, 1U);
}

TEST_F(lease, moves_with_its_connection) {
    open();
    auto first = take();
    auto second = take();
    auto* const connection = &*first;
    fake_lease third = std::move(first);
    EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(&*third, connection);
    second = std::move(third);  // returns what it held
    EXPECT_EQ(&*second, connection);
    EXPECT_EQ(pool_->statistics().leases, 1U);
    auto& same = second;
    second = std::move(same);
    EXPECT_TRUE(second.valid());
}

TEST_F(lease, is_asked_for_its_state_by_the_connector) {
    open();
    auto held = take();
    held->state = verdict::broken;
    held.release();
    run();
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ(pool_->statistics().closed_broken, 1U);

    held = take();
    held->state = verdict::needs_reset;
    held.release();
    run();
    EXPECT_EQ(world_.begun(step_kind::reset), 1U);
    EXPECT_EQ(pool_->statistics().idle, 1U);
}

TEST_F(lease, that_is_discarded_closes_its_connection) {
    open();
    auto held = take();
    held.discard();
    run();
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ(world_.begun(step_kind::close), 1U);
}

TEST_F(lease, left_by_an_exception_closes_its_connection) {
    open();
    auto before = take();
    try {
        const auto held = take();
        throw std::runtime_error("in the middle of something");
    } catch (const std::runtime_error&) {
        // A lease that lives through the exception is not concerned.
        before.release();
    }
    run();
    EXPECT_EQ(world_.live(), 1U);
    EXPECT_EQ(pool_->statistics().closed_broken, 1U);
}

TEST_F(lease, taken_while_an_exception_is_on_its_way_is_returned_in_order) {
    open();
    struct cleanup {
        std::function<void()> what;
        ~cleanup() { what(); }
    };
    try {
        const cleanup at_the_end{[this] { const auto held = take(); }};
        throw std::runtime_error("before the lease");
    } catch (const std::runtime_error&) {
        EXPECT_EQ(pool_->statistics().idle, 1U);
    }
}

TEST_F(lease, returned_after_the_connection_was_lost_closes_it) {
    open();
    auto held = take();
    held->events.lost();
    EXPECT_EQ(pool_->statistics().in_use, 1U);
    held.release();
    run();
    EXPECT_EQ(world_.live(), 0U);
}

}  // namespace
