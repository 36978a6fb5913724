// Goal: the table of leases: names, order of suspicion.
#include "pool/leak_watch.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::time_point;
using lido::pool::leak_watch;
using lido::pool::lease_id;

const time_point start{1000h};

TEST(leak_watch, a_lease_is_known_until_it_is_removed) {
    leak_watch table(10s);
    const lease_id one = table.add(5, start, 42, {});
    EXPECT_TRUE(table.contains(one));
    EXPECT_EQ(table.at(one).slot, 5U);
    EXPECT_EQ(table.at(one).holder, 42U);
    EXPECT_EQ(table.size(), 1U);
    table.remove(one);
    EXPECT_FALSE(table.contains(one));
    EXPECT_FALSE(table.contains({77, 1}));
    EXPECT_EQ(table.size(), 0U);
}

TEST(leak_watch, a_place_used_again_has_another_name) {
    leak_watch table(10s);
    const lease_id one = table.add(1, start, 0, {});
    table.remove(one);
    const lease_id two = table.add(1, start, 0, {});
    EXPECT_EQ(one.index, two.index);
    EXPECT_FALSE(table.contains(one));
    EXPECT_TRUE(table.contains(two));
}

TEST(leak_watch, suspects_come_in_the_order_of_lending_and_once) {
    leak_watch table(10s);
    EXPECT_EQ(table.next_report(), lido::never);
    const lease_id one = table.add(1, start, 0, {});
    const lease_id two = table.add(2, start + 1s, 0, {});
    const lease_id three = table.add(3, start + 2s, 0, {});
    EXPECT_EQ(table.next_report(), start + 10s);
    EXPECT_EQ(table.take_suspect(), one);
    EXPECT_EQ(table.next_report(), start + 11s);
    table.remove(two);
    EXPECT_EQ(table.next_report(), start + 12s);
    EXPECT_EQ(table.take_suspect(), three);
    EXPECT_EQ(table.next_report(), lido::never);
    table.remove(one);
    table.remove(three);
}

TEST(leak_watch, forever_is_never) {
    leak_watch table(lido::duration::max());
    static_cast<void>(table.add(1, start, 0, {}));
    EXPECT_EQ(table.next_report(), lido::never);
    table.set_leak_after(1s);
    EXPECT_EQ(table.next_report(), start + 1s);
}

}  // namespace
