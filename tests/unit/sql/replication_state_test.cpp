#include "lido/sql/replication_state.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

namespace lido::sql {
namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

log_numbers made_of(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> all) {
    log_numbers made;
    for (const auto& [first, last] : all) made.add(first, last);
    return made;
}

TEST(log_numbers, that_touch_or_overlap_become_one_range) {
    EXPECT_EQ(made_of({{1, 3}, {4, 6}}), made_of({{1, 6}}));
    EXPECT_EQ(made_of({{4, 6}, {1, 3}}), made_of({{1, 6}}));
    EXPECT_EQ(made_of({{1, 3}, {7, 9}, {2, 8}}), made_of({{1, 9}}));
    EXPECT_EQ(made_of({{1, 9}, {3, 4}}), made_of({{1, 9}}));
    EXPECT_EQ(made_of({{0, largest}, {5, 6}}), made_of({{0, largest}}));
    EXPECT_EQ(made_of({{largest, largest}, {1, largest - 1}}), made_of({{1, largest}}));
    EXPECT_NE(made_of({{1, 3}, {5, 6}}), made_of({{1, 6}}));
    EXPECT_EQ(log_numbers(7), made_of({{0, 7}}));
}

TEST(log_numbers, agree_with_a_plain_set_whatever_is_added) {
    random_source dice(4711);
    constexpr std::uint64_t most = 30;
    for (int round = 0; round < 2000; ++round) {
        std::array<log_numbers, 2> ranges;
        std::array<std::set<std::uint64_t>, 2> plain;
        for (std::size_t which = 0; which < 2; ++which) {
            for (std::uint64_t count = dice.below(8); count > 0; --count) {
                const std::uint64_t first = dice.below(most);
                const std::uint64_t last = first + dice.below(6);
                ranges[which].add(first, last);
                for (std::uint64_t each = first; each <= last; ++each) plain[which].insert(each);
            }
        }
        const bool is_covered = std::includes(plain[0].begin(), plain[0].end(), plain[1].begin(), plain[1].end());
        ASSERT_EQ(ranges[0].covers(ranges[1]), is_covered) << round;
        ASSERT_EQ(ranges[0] == ranges[1], plain[0] == plain[1]) << round;
    }
}

TEST(log_position, covers_another_when_it_does_for_each_origin) {
    EXPECT_TRUE(covers(log_position{{0, 5}}, log_position{{0, 5}}));
    EXPECT_FALSE(covers(log_position{{0, 4}}, log_position{{0, 5}}));
    EXPECT_TRUE(covers(log_position{{0, 5}, {1, 1}}, log_position{{0, 4}}));
    EXPECT_FALSE(covers(log_position{{0, 5}}, log_position{{1, 0}}));
    EXPECT_TRUE(covers(log_position{}, log_position{}));
}

}  // namespace
}  // namespace lido::sql
