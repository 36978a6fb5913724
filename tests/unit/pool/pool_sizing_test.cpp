// Goal: adaptive pools as users have them: the cache between borrowers counts, and a budget holds over several pools.
#include "lido/pool/size_budget.hpp"
#include "support/pool_world.hpp"

#include <memory>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::pool::adaptive_sizing;
using lido::pool::settings;
using lido::pool::size_budget;
using lido::test::borrowing;
using lido::test::fake_connector;
using lido::test::fake_lease;
using lido::test::fake_pool;
using lido::test::pool_world;
using lido::test::step_kind;

settings adaptive(std::size_t max, std::shared_ptr<size_budget> budget = nullptr) {
    settings made;
    made.max_size = max;
    made.sizing = adaptive_sizing::by_load();
    made.budget = std::move(budget);
    return made;
}

class pool_sizing : public pool_world {};

TEST_F(pool_sizing, grows_for_those_who_wait_and_returns_to_one) {
    open(adaptive(8));
    std::vector<fake_lease> held;
    held.push_back(take());
    std::vector<borrowing> waiting;
    for (int i = 0; i < 5; ++i) waiting.push_back(ask());
    advance(3s);
    EXPECT_EQ(pool_->statistics().in_use, 6U);
    EXPECT_EQ(pool_->statistics().wanted_size, 6U);
    for (borrowing& each : waiting) held.push_back(each.take().value());
    held.clear();
    advance(30s);
    EXPECT_EQ(pool_->statistics().wanted_size, 1U);
    EXPECT_LE(world_.live(), 1U);
}

TEST_F(pool_sizing, leases_that_rest_in_the_cache_count_as_used_only_while_they_are_lent) {
    for (const auto hold : {1ms, 9ms}) {
        auto wanted = adaptive(8);
        auto& rules = std::get<adaptive_sizing>(wanted.sizing);
        rules.shrink_after = 1;
        rules.shrink_below_utilisation = 0.2;
        open(wanted);
        const auto warmed = group_.at(0).start(pool_->warm_up(8));
        run();
        // Two connections, taken again and again from the cache: for a tenth or nine tenths of the time.
        for (int i = 0; i < 300; ++i) {
            auto one = take();
            auto other = take();
            advance(hold);
            one.release();
            other.release();
            advance(10ms - hold);
        }
        EXPECT_GT(pool_->statistics().served_reused, 500U);
        // Nine tenths of two are 22 % of eight, a tenth is 2 %; two that are taken back each time only to rest are 25
        // %.
        EXPECT_EQ(pool_->statistics().wanted_size, hold == 9ms ? 8U : 4U) << "two at once, and their root";
        advance(10s);
        EXPECT_EQ(pool_->statistics().wanted_size, 1U);
        pool_.reset();
    }
}

TEST_F(pool_sizing, a_connection_that_mostly_rests_makes_no_pool_grow) {
    for (const auto hold : {1ms, 10ms}) {
        auto wanted = adaptive(8);
        auto& rules = std::get<adaptive_sizing>(wanted.sizing);
        rules.grow_above_wait = adaptive_sizing::not_looked_at;
        open(wanted);
        for (int i = 0; i < 200; ++i) {
            // One in turn after the other; somebody waits for a moment now and then.
            auto one = take();
            borrowing next;
            const bool crowded = i % 20 == 0;
            if (crowded) next = ask();
            advance(hold);
            one.release();
            run();
            if (crowded) next.take().value().release();
            advance(10ms - hold);
        }
        if (hold == 1ms) {
            EXPECT_EQ(pool_->statistics().grown, 0U) << "a tenth of its time was used";
        } else {
            EXPECT_GT(pool_->statistics().grown, 0U) << "all of its time was used";
        }
        pool_.reset();
    }
}

TEST_F(pool_sizing, a_budget_holds_over_pools_and_what_one_gives_back_serves_the_other) {
    const auto budget = std::make_shared<size_budget>(6);
    open(adaptive(20, budget));
    fake_pool other(group_, adaptive(20, budget), fake_connector(world_));
    std::vector<borrowing> here;
    std::vector<borrowing> there;
    const auto give_back = [](std::vector<borrowing>& all) {
        std::erase_if(all, [](borrowing& each) {
            if (each.done()) each.take().value().release();
            return each.done();
        });
    };
    for (int i = 0; i < 20; ++i) here.push_back(ask());
    advance(5s);
    EXPECT_EQ(pool_->statistics().in_use, 5U) << "all but what is reserved for the other pool";
    for (int i = 0; i < 20; ++i) there.push_back(group_.at(1).start(borrow(other, {})));
    advance(5s);
    EXPECT_EQ(other.statistics().in_use, 1U);
    EXPECT_LE(world_.peak_live(), 6U);
    // The first returns what it has: three are due to each.
    for (int round = 0; round < 3; ++round) {
        give_back(here);
        advance(2s);
    }
    EXPECT_EQ(other.statistics().in_use, 3U);
    EXPECT_EQ(pool_->statistics().in_use, 3U);
    EXPECT_LE(world_.peak_live(), 6U) << "never more, not even between";
    EXPECT_EQ(budget->held(), 6U);
    here.clear();
    there.clear();
    advance(1min);
    EXPECT_EQ(budget->held(), 2U) << "each at its minimum";
}

TEST_F(pool_sizing, a_pool_that_was_closed_gives_its_share_back) {
    const auto budget = std::make_shared<size_budget>(4);
    open(adaptive(4, budget));
    take().release();
    const auto closing = group_.at(0).start(pool_->close());
    advance(1s);
    EXPECT_EQ(budget->pools(), 0U);
}

TEST_F(pool_sizing, minimums_that_the_budget_cannot_hold_are_refused) {
    const auto budget = std::make_shared<size_budget>(4);
    auto first = adaptive(4, budget);
    first.min_size = 3;
    open(first);
    run();
    EXPECT_EQ(world_.live(), 3U);
    auto second = adaptive(4, budget);
    second.min_size = 2;
    EXPECT_THROW(fake_pool(group_, second, fake_connector(world_)), lido::exception);
    EXPECT_TRUE(pool_->resize(4, 4).has_value());
    EXPECT_TRUE(pool_->resize(4, 5).has_value()) << "that asks the budget for nothing";
    EXPECT_TRUE(pool_->resize(5, 5).error() == errc::invalid_argument);
    EXPECT_EQ(pool_->current_settings().min_size, 4U);
    auto without = pool_->current_settings();
    without.budget = nullptr;
    EXPECT_TRUE(pool_->reconfigure(without).error() == errc::invalid_argument) << "a budget is for life";
}

TEST_F(pool_sizing, a_warm_up_asks_the_budget_at_once) {
    const auto budget = std::make_shared<size_budget>(5);
    open(adaptive(20, budget));
    const auto warmed = group_.at(0).start(pool_->warm_up(10));
    run();
    EXPECT_EQ(warmed.take().value(), 5U);
    EXPECT_EQ(world_.peak_live(), 5U);
}

}  // namespace
