// Goal: leases rest between borrowers only as long, and only in such pools, as that changes nothing of what is
// promised.
#include "support/pool_world.hpp"

#include <cstdint>
#include <optional>
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

TEST_F(core_parking, a_pool_is_exhausted_while_all_that_it_may_have_is_lent_and_none_rests) {
    open({.max_size = 2});
    auto first = take();
    EXPECT_FALSE(pool_->is_exhausted());
    auto second = take({}, 1);
    EXPECT_TRUE(pool_->is_exhausted());
    second.release();
    EXPECT_FALSE(pool_->is_exhausted()) << "returned to the ledger, because it lives elsewhere";
    second = take();
    EXPECT_TRUE(pool_->is_exhausted());
    first.release();
    EXPECT_FALSE(pool_->is_exhausted()) << "it rests";
    first = take();
    const auto third = ask();
    run();
    EXPECT_TRUE(pool_->is_exhausted());
    first.release();
    EXPECT_TRUE(pool_->is_exhausted()) << "it goes to the one who waits";
    run();
    EXPECT_TRUE(third.done());
}

struct roaming_connector : lido::test::fake_connector {
    using fake_connector::fake_connector;
    static constexpr bool roams = true;
};

TEST_F(core_parking, what_may_be_used_anywhere_rests_where_it_was_used) {
    using roaming_pool = lido::pool::pool<roaming_connector>;
    std::optional<roaming_pool> pool(std::in_place, group_, settings{.max_size = 1}, roaming_connector(world_));
    const auto take_on = [&](std::uint32_t on) {
        const auto asked = group_.at(on).start(std::move(pool->acquire()).as_operation());
        run();
        return asked.take().value();
    };
    for (const std::uint32_t on : {0U, 1U, 1U, 0U}) {
        auto lease = take_on(on);
        EXPECT_EQ(&lease.where(), &group_.at(0)) << "that is where it was opened";
        group_.at(on).enter([&] { lease.release(); });
    }
    EXPECT_EQ(world_.begun(step_kind::open), 1U);
    EXPECT_EQ(pool->statistics().idle, 1U);
    pool.reset();
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
