// Goal: a thread tries again as often, and as long, as it is told to and as there is sense in it.
#include "pool/patience.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::time_point;
using lido::pool::longest_patience;
using lido::pool::patience;
using lido::pool::succeeds_with_patience;

/// Where each try costs a time and the test says which one succeeds.
struct made_up_surroundings {
    int succeeds_at = std::numeric_limits<int>::max();
    int of_use_for = std::numeric_limits<int>::max();
    duration cost = 1us;
    int gave_way = 0;
    int tried = 0;
    time_point time{1000h};

    [[nodiscard]] bool is_of_use() const { return tried < of_use_for; }
    [[nodiscard]] time_point now() const { return time; }
    void give_way() {
        ++gave_way;
        time += cost;
    }
    [[nodiscard]] bool try_again() { return ++tried == succeeds_at; }
};

TEST(patience, ends_with_the_try_that_succeeds) {
    made_up_surroundings here{.succeeds_at = 3};
    EXPECT_TRUE(succeeds_with_patience(here));
    EXPECT_EQ(here.tried, 3);
    EXPECT_EQ(here.gave_way, 3) << "before each try, not after";
}

TEST(patience, ends_after_so_many_tries) {
    made_up_surroundings here;
    EXPECT_FALSE(succeeds_with_patience(here));
    EXPECT_EQ(here.tried, patience);
}

TEST(patience, ends_after_its_time_though_tries_are_left) {
    made_up_surroundings here{.cost = longest_patience / 2};
    EXPECT_FALSE(succeeds_with_patience(here));
    EXPECT_EQ(here.tried, 3) << "at the beginning, in the middle, and at the very end of it";
}

TEST(patience, tries_once_even_when_giving_way_takes_long) {
    made_up_surroundings here{.succeeds_at = 1, .cost = 1s};
    EXPECT_TRUE(succeeds_with_patience(here));
}

TEST(patience, ends_when_there_is_no_sense_in_it_any_more) {
    made_up_surroundings here{.of_use_for = 2};
    EXPECT_FALSE(succeeds_with_patience(here));
    EXPECT_EQ(here.tried, 2);
    made_up_surroundings hopeless{.of_use_for = 0};
    EXPECT_FALSE(succeeds_with_patience(hopeless));
    EXPECT_EQ(hopeless.gave_way, 0);
}

}  // namespace
