#include "history.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::time_point;
using lido::test::find_overlap;
using lido::test::held;

constexpr time_point start = time_point(1h);

TEST(history, of_leases_one_after_the_other_is_in_order) {
    EXPECT_EQ(find_overlap({{1, start, start + 2ns}, {1, start + 2ns, start + 3ns}, {2, start, start + 9ns}}, 2), "");
}

TEST(history, of_leases_without_length_is_in_order) {
    EXPECT_EQ(find_overlap({{1, start, start}, {1, start, start}, {1, start, start + 1ns}}, 1), "");
}

TEST(history, with_a_connection_held_by_two_is_found_out) {
    EXPECT_NE(find_overlap({{1, start, start + 2ns}, {1, start + 1ns, start + 3ns}}, 2), "");
}

TEST(history, with_more_than_the_maximum_is_found_out) {
    EXPECT_NE(find_overlap({{1, start, start + 2ns}, {2, start + 1ns, start + 3ns}}, 1), "");
}

}  // namespace
