// Goal: what several pools get of one budget: never more than there is, minimums for sure, the rest in equal parts.
#include "lido/pool/size_budget.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace {

using lido::pool::size_budget;
using share = size_budget::share;

share join(const std::shared_ptr<size_budget>& budget, std::size_t least = 1) {
    auto joined = share::join(budget, least);
    EXPECT_TRUE(joined.has_value());
    return std::move(joined).value();
}

TEST(size_budget, one_pool_may_have_all_of_it_and_no_more) {
    const auto budget = std::make_shared<size_budget>(10);
    share only = join(budget);
    EXPECT_EQ(only.ask(4, 0), 4U);
    EXPECT_EQ(only.ask(40, 4), 10U);
    EXPECT_EQ(budget->held(), 10U);
    EXPECT_EQ(only.ask(3, 10), 3U);
    EXPECT_EQ(budget->held(), 10U) << "what is open counts until it is closed";
    EXPECT_EQ(only.ask(3, 3), 3U);
    EXPECT_EQ(budget->held(), 3U);
}

TEST(size_budget, a_share_moved_to_itself_stays_what_it_is) {
    const auto budget = std::make_shared<size_budget>(10);
    share only = join(budget, 2);
    share& same = only;
    only = std::move(same);
    EXPECT_EQ(only.budget(), budget);
    EXPECT_EQ(only.ask(40, 0), 10U);
}

TEST(size_budget, what_one_pool_holds_comes_to_the_other_as_it_is_returned) {
    const auto budget = std::make_shared<size_budget>(10);
    share first = join(budget);
    EXPECT_EQ(first.ask(10, 0), 10U);
    share second = join(budget);
    EXPECT_EQ(second.ask(10, 0), 0U) << "nothing is free yet";
    EXPECT_EQ(first.ask(10, 10), 5U) << "half is due to each";
    EXPECT_EQ(second.ask(10, 0), 0U) << "still open in the first";
    EXPECT_EQ(first.ask(10, 7), 5U);
    EXPECT_EQ(second.ask(10, 0), 3U);
    EXPECT_EQ(first.ask(10, 5), 5U);
    EXPECT_EQ(second.ask(10, 3), 5U);
    EXPECT_EQ(budget->held(), 10U);
}

TEST(size_budget, what_one_pool_does_not_want_goes_to_the_others) {
    const auto budget = std::make_shared<size_budget>(12);
    share modest = join(budget);
    share eager = join(budget);
    share greedy = join(budget);
    EXPECT_EQ(modest.ask(2, 0), 2U);
    EXPECT_EQ(eager.ask(100, 0), 9U) << "the third has asked for nothing beyond its minimum";
    EXPECT_EQ(greedy.ask(100, 0), 1U) << "all that is free";
    EXPECT_EQ(eager.ask(100, 0), 5U);
    EXPECT_EQ(greedy.ask(100, 0), 5U);
    EXPECT_EQ(budget->held(), 12U);
}

TEST(size_budget, what_cannot_be_divided_goes_to_those_who_came_first) {
    const auto budget = std::make_shared<size_budget>(11);
    std::vector<share> all;
    for (int i = 0; i < 3; ++i) all.push_back(join(budget));
    for (int round = 0; round < 2; ++round) {
        for (share& each : all) static_cast<void>(each.ask(50, 0));
    }
    EXPECT_EQ(all[0].ask(50, 0), 4U);
    EXPECT_EQ(all[1].ask(50, 0), 4U);
    EXPECT_EQ(all[2].ask(50, 0), 3U);
}

TEST(size_budget, minimums_are_reserved) {
    const auto budget = std::make_shared<size_budget>(10);
    share big = join(budget, 6);
    share other = join(budget, 1);
    EXPECT_EQ(other.ask(10, 0), 4U) << "six belong to the other, who has not asked yet";
    EXPECT_EQ(big.ask(6, 0), 6U);
    const auto refused = share::join(budget, 4);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), lido::errc::invalid_argument);
    EXPECT_NE(std::string(refused.error().what()).find("budget"), std::string::npos);
    EXPECT_EQ(budget->pools(), 2U);
    EXPECT_TRUE(big.reserve(9).has_value());
    EXPECT_FALSE(big.reserve(10).has_value());
    EXPECT_TRUE(big.reserve(0).has_value()) << "counts as one";
}

TEST(size_budget, a_pool_that_ends_gives_back_what_it_held) {
    const auto budget = std::make_shared<size_budget>(5);
    share staying = join(budget);
    {
        share leaving = join(budget);
        EXPECT_EQ(leaving.ask(5, 0), 4U);
        const share moved = std::move(leaving);
    }
    EXPECT_EQ(budget->pools(), 1U);
    EXPECT_EQ(budget->held(), 0U);
    EXPECT_EQ(staying.ask(5, 0), 5U);
    staying = share();
    EXPECT_EQ(budget->pools(), 0U);
}

TEST(size_budget, whatever_pools_ask_for_it_is_never_exceeded_and_in_the_end_divided_fairly) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        lido::random_source random(seed);
        const std::size_t total = 5 + random.below(60);
        const auto budget = std::make_shared<size_budget>(total);
        struct pool {
            share part;
            std::size_t least, wanted = 1, open = 0, allowed = 0;
        };
        std::vector<pool> pools;
        for (std::size_t i = 0; i < 5; ++i) {
            const std::size_t least = 1 + random.below(total / 5);
            pools.push_back({join(budget, least), least});
        }
        const auto ask = [&](pool& who) {
            who.allowed = who.part.ask(who.wanted, who.open);
            ASSERT_LE(who.allowed, who.wanted) << seed;
            std::size_t open = 0;
            for (const pool& each : pools) open += each.open;
            ASSERT_LE(open, total) << seed;
            ASSERT_LE(budget->held(), total) << seed;
        };
        for (int step = 0; step < 300; ++step) {
            pool& who = pools[random.below(pools.size())];
            who.wanted = who.least + random.below(total);
            // It opens up to what it is allowed, and closes some of what is beyond.
            if (who.open < who.allowed) who.open += random.below(who.allowed - who.open + 1);
            if (who.open > who.allowed) who.open -= random.below(who.open - who.allowed + 1);
            ask(who);
        }
        std::size_t sum = 0;
        std::size_t wanted = 0;
        for (int round = 0; round < 3; ++round) {
            for (pool& each : pools) {
                each.open = std::min(each.open, each.allowed);
                ask(each);
            }
        }
        for (const pool& each : pools) {
            sum += each.allowed;
            wanted += each.wanted;
            ASSERT_GE(each.allowed, std::min(each.least, each.wanted)) << seed;
        }
        EXPECT_EQ(sum, std::min(total, wanted)) << seed << ": nothing is left unused that somebody wants";
        for (const pool& one : pools) {
            for (const pool& other : pools) {
                if (one.allowed == one.wanted) continue;
                // Who gets less than he wants has as much above his minimum as anybody, but for what does not divide.
                EXPECT_GE(one.allowed - one.least + 1, other.allowed - other.least) << seed;
            }
        }
    }
}

TEST(size_budget, pools_of_many_threads_stay_within_it) {
    const auto budget = std::make_shared<size_budget>(20);
    std::vector<std::thread> threads;
    std::atomic<std::size_t> open{0};
    std::atomic<bool> exceeded{false};
    for (std::uint64_t i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            lido::random_source random(i);
            share mine = join(budget);
            std::size_t here = 0;
            for (int step = 0; step < 2000; ++step) {
                const std::size_t allowed = mine.ask(1 + random.below(30), here);
                if (here < allowed) {
                    if (open.fetch_add(allowed - here) + (allowed - here) > 20) exceeded = true;
                } else {
                    open.fetch_sub(here - allowed);
                }
                here = allowed;
            }
            open.fetch_sub(here);
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_FALSE(exceeded);
    EXPECT_EQ(budget->held(), 0U);
}

}  // namespace
