// Goal: leases rest between borrowers only as long, and only in such pools, as that changes nothing of what is
// promised.
#include "support/pool_world.hpp"

#include <utility>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::pool::idle_order;
using lido::pool::settings;
using lido::test::pool_world;
using lido::test::step_kind;

class core_parking : public pool_world {};

TEST_F(core_parking, what_rested_for_longer_than_it_is_fresh_is_checked_before_it_is_lent) {
    open({.max_size = 1, .check_after_idle = 100ms});
    take().release();
    advance(100ms);
    take().release();
    EXPECT_EQ(world_.begun(step_kind::check), 0U);
    advance(101ms);
    EXPECT_TRUE(pool_->try_acquire().error() == errc::pool_exhausted);
    EXPECT_EQ(pool_->statistics().leases, 0U);
    EXPECT_TRUE(take().reused());
    EXPECT_EQ(world_.begun(step_kind::check), 1U);
}

TEST_F(core_parking, what_rested_beyond_its_lifetime_is_replaced) {
    open({.max_size = 1, .max_lifetime = 300ms, .lifetime_jitter = 0, .check_after_idle = settings::forever});
    take().release();
    advance(299ms);
    EXPECT_EQ(take()->number, 1U);
    advance(1ms);
    EXPECT_EQ(take()->number, 2U);
    EXPECT_EQ(pool_->statistics().closed_lifetime, 1U);
    EXPECT_EQ(world_.peak_live(), 1U);
}

TEST_F(core_parking, the_order_of_idleness_is_kept) {
    open({.max_size = 2, .order = idle_order::first_in_first_out});
    auto first = take();
    auto second = take();
    first.release();
    second.release();
    EXPECT_EQ(take()->number, 1U);
}

TEST_F(core_parking, no_more_are_idle_than_may_be) {
    open({.max_size = 2, .max_idle = 1});
    auto first = take();
    auto second = take();
    first.release();
    second.release();
    run();
    EXPECT_EQ(world_.live(), 1U);
}

TEST_F(core_parking, a_short_idle_time_out_is_kept_to_the_millisecond) {
    open({.idle_timeout = 200ms, .keep_alive = settings::forever});
    take().release();
    advance(199ms);
    EXPECT_EQ(world_.live(), 1U);
    advance(1ms);
    EXPECT_EQ(world_.live(), 0U);
}

TEST_F(core_parking, a_short_keep_alive_is_kept) {
    open({.idle_timeout = settings::forever, .keep_alive = 200ms});
    take().release();
    advance(179ms);
    EXPECT_EQ(world_.begun(step_kind::check), 0U);
    advance(41ms + 1ms);
    EXPECT_EQ(world_.begun(step_kind::check), 1U);
}

}  // namespace
