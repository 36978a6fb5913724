// Goal: the order of the queue against a plain model, deadlines, and names that go stale.
#include "pool/waiters.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace std::chrono_literals;
using lido::never;
using lido::time_point;
using lido::pool::waiter_id;
using lido::pool::waiters;

const time_point start{1000h};

TEST(waiters, first_come_first_served_within_a_priority) {
    waiters queue(start, 5s);
    const waiter_id one = queue.add(2, start, never, 0, 0);
    const waiter_id two = queue.add(2, start, never, 0, 0);
    EXPECT_EQ(queue.first(), one);
    queue.remove(one);
    EXPECT_EQ(queue.first(), two);
}

TEST(waiters, a_name_goes_stale_with_its_removal_and_with_the_reuse_of_its_place) {
    waiters queue(start, 5s);
    const waiter_id one = queue.add(1, start, never, 0, 0);
    EXPECT_TRUE(queue.contains(one));
    queue.remove(one);
    EXPECT_FALSE(queue.contains(one));
    const waiter_id two = queue.add(1, start, never, 0, 0);
    EXPECT_EQ(two.index, one.index) << "places are used again";
    EXPECT_FALSE(queue.contains(one));
    EXPECT_TRUE(queue.contains(two));
    EXPECT_FALSE(queue.contains({99, 1}));
}

TEST(waiters, what_was_said_of_a_waiter_is_kept) {
    waiters queue(start, 5s);
    const waiter_id one = queue.add(3, start, start + 1s, 42, 7);
    EXPECT_EQ(queue.at(one).priority, 3);
    EXPECT_EQ(queue.at(one).holder, 42U);
    EXPECT_EQ(queue.at(one).affinity, 7U);
    EXPECT_EQ(queue.at(one).deadline, start + 1s);
}

TEST(waiters, the_earliest_is_found_over_all_priorities) {
    waiters queue(start, 5s);
    EXPECT_EQ(queue.earliest_arrival(), never);
    const waiter_id low = queue.add(10, start, never, 0, 0);
    queue.add(1, start + 1s, never, 0, 0);
    EXPECT_EQ(queue.earliest(), low);
    EXPECT_EQ(queue.earliest_arrival(), start);
}

TEST(waiters, expired_ones_are_named_once_and_never_early) {
    waiters queue(start, 5s);
    const waiter_id soon = queue.add(1, start, start + 10ms, 0, 0);
    const waiter_id late = queue.add(1, start, start + 20ms, 0, 0);
    queue.add(1, start, never, 0, 0);
    std::vector<waiter_id> expired;
    const auto expire = [&](time_point now) {
        queue.expire(now, [&](waiter_id who) {
            expired.push_back(who);
            queue.remove(who);
        });
    };
    EXPECT_LE(queue.next_expiry(), start + 10ms);
    expire(start + 9ms);
    EXPECT_TRUE(expired.empty());
    expire(start + 10ms);
    EXPECT_EQ(expired, std::vector{soon});
    expire(start + 1h);
    EXPECT_EQ(expired, (std::vector{soon, late}));
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_EQ(queue.next_expiry(), never);
}

TEST(waiters, the_order_is_that_of_a_sorted_list) {
    struct entry {
        waiter_id id;
        time_point due;
        std::uint8_t priority;
    };
    lido::random_source random(3);
    waiters queue(start, 5s);
    std::vector<entry> model;
    time_point now = start;
    for (int step = 0; step < 20'000; ++step) {
        now += random.up_to(3s);
        if (model.empty() || random.below(2) == 0) {
            const auto priority = static_cast<std::uint8_t>(1 + random.below(10));
            model.push_back({queue.add(priority, now, never, 0, 0), now + (priority - 1) * 5s, priority});
        } else if (random.below(4) == 0) {
            const auto which = static_cast<std::ptrdiff_t>(random.below(model.size()));
            queue.remove(model[static_cast<std::size_t>(which)].id);
            model.erase(model.begin() + which);
        } else {
            const auto first = std::min_element(model.begin(), model.end(), [](const entry& a, const entry& b) {
                return a.due != b.due ? a.due < b.due : a.priority < b.priority;
            });
            ASSERT_EQ(queue.first(), first->id);
            queue.remove(first->id);
            model.erase(first);
        }
        ASSERT_EQ(queue.size(), model.size());
        ASSERT_TRUE(model.empty() || queue.earliest() == model.front().id);
    }
}

}  // namespace
