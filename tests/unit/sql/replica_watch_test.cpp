#include "sql/replica_watch.hpp"

#include <gtest/gtest.h>

namespace lido::sql {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t first = 0;
constexpr std::size_t second = 1;
constexpr std::size_t third = 2;

replication_state primary_at(std::uint64_t position, std::uint64_t epoch = 1) {
    replication_state made;
    made.takes_writes = true;
    made.position = {{0, position}};
    made.epoch = epoch;
    return made;
}

replication_state replica_at(std::uint64_t position) {
    replication_state made;
    made.position = {{0, position}};
    return made;
}

class replica_watch_test : public testing::Test {
protected:
    /// All three answer, a second after the last time.
    void round(const replication_state& one, const replication_state& two, const replication_state& three) {
        now_ += 1s;
        watch_.saw(first, one, now_);
        watch_.saw(second, two, now_);
        watch_.saw(third, three, now_);
    }

    time_point now_ = time_point(100s);
    replica_watch watch_{3, 5s, true};
};

TEST_F(replica_watch_test, knows_nothing_before_anybody_has_answered) {
    EXPECT_FALSE(watch_.primary());
    EXPECT_FALSE(watch_.has_seen_all());
    EXPECT_EQ(watch_.duty(first), member_duty::unknown);
    watch_.lost(first);
    watch_.lost(second);
    watch_.lost(third);
    EXPECT_TRUE(watch_.has_seen_all());
    EXPECT_EQ(watch_.duty(first), member_duty::unknown);
}

TEST_F(replica_watch_test, the_one_that_takes_writes_is_the_primary_and_the_others_are_read) {
    round(replica_at(10), primary_at(10), replica_at(10));
    round(replica_at(10), primary_at(10), replica_at(10));
    EXPECT_EQ(watch_.primary(), second);
    EXPECT_EQ(watch_.duty(first), member_duty::reads);
    EXPECT_EQ(watch_.duty(second), member_duty::writes);
    EXPECT_EQ(watch_.duty(third), member_duty::reads);
}

TEST_F(replica_watch_test, an_idle_primary_makes_nobody_late) {
    for (int i = 0; i < 600; ++i) round(primary_at(10), replica_at(10), replica_at(9));
    EXPECT_EQ(watch_.lag(second), 0s);
    EXPECT_EQ(watch_.duty(second), member_duty::reads);
    EXPECT_EQ(watch_.duty(third), member_duty::none) << "it never got that far";
}

TEST_F(replica_watch_test, one_that_stands_still_is_left_out_beyond_the_limit_and_comes_back) {
    for (std::uint64_t i = 0; i < 5; ++i) round(primary_at(10 + i), replica_at(10), replica_at(10 + i));
    EXPECT_EQ(watch_.lag(second), 4s);
    EXPECT_EQ(watch_.duty(second), member_duty::reads);
    round(primary_at(20), replica_at(10), replica_at(20));
    EXPECT_EQ(watch_.lag(second), 5s);
    EXPECT_EQ(watch_.duty(second), member_duty::reads) << "just";
    round(primary_at(21), replica_at(10), replica_at(21));
    EXPECT_EQ(watch_.duty(second), member_duty::none);
    EXPECT_EQ(watch_.duty(third), member_duty::reads);
    round(primary_at(22), replica_at(22), replica_at(22));
    EXPECT_EQ(watch_.duty(second), member_duty::reads);
}

TEST_F(replica_watch_test, counts_lag_to_the_last_word_of_a_primary_that_is_gone) {
    round(primary_at(10), replica_at(10), replica_at(10));
    round(primary_at(11), replica_at(11), replica_at(10));
    watch_.lost(first);
    now_ += 1h;
    watch_.saw(second, replica_at(11), now_);
    watch_.saw(third, replica_at(10), now_);
    EXPECT_FALSE(watch_.primary_answers());
    EXPECT_EQ(watch_.lag(second), 0s);
    EXPECT_EQ(watch_.lag(third), 1s);
    EXPECT_EQ(watch_.duty(second), member_duty::reads);
    EXPECT_EQ(watch_.duty(first), member_duty::writes) << "no other is one yet";
}

TEST_F(replica_watch_test, without_a_primary_nothing_is_read_where_that_is_not_allowed) {
    watch_ = replica_watch(3, 5s, false);
    round(primary_at(10), replica_at(10), replica_at(10));
    EXPECT_EQ(watch_.duty(second), member_duty::reads);
    watch_.lost(first);
    EXPECT_EQ(watch_.duty(second), member_duty::none);
    round(primary_at(10), replica_at(10), replica_at(10));
    EXPECT_EQ(watch_.duty(second), member_duty::reads);
}

TEST_F(replica_watch_test, where_no_primary_was_ever_seen_lag_is_unknown_and_reading_allowed) {
    watch_.saw(second, replica_at(3), now_);
    watch_.lost(first);
    EXPECT_NE(watch_.duty(second), member_duty::reads) << "the third may be one";
    watch_.lost(third);
    EXPECT_FALSE(watch_.lag(second));
    EXPECT_EQ(watch_.duty(second), member_duty::reads);
}

TEST_F(replica_watch_test, a_replica_that_is_promoted_takes_the_writes_and_the_old_primary_nothing) {
    round(primary_at(10), replica_at(10), replica_at(10));
    watch_.lost(first);
    watch_.saw(second, primary_at(11, 2), now_);
    EXPECT_EQ(watch_.primary(), second);
    // The old one comes back as if nothing had happened, and with more in its log.
    for (int i = 0; i < 3; ++i) {
        round(primary_at(99), primary_at(12, 2), replica_at(12));
        EXPECT_EQ(watch_.primary(), second);
        EXPECT_EQ(watch_.duty(first), member_duty::none);
        EXPECT_EQ(watch_.duty(third), member_duty::reads);
    }
    watch_.lost(second);
    watch_.saw(first, primary_at(100), now_);
    EXPECT_EQ(watch_.duty(first), member_duty::none) << "not even now";
}

TEST_F(replica_watch_test, of_two_that_cannot_be_told_apart_the_first_stays_as_long_as_it_answers) {
    round(primary_at(10, 0), primary_at(10, 0), replica_at(10));
    EXPECT_EQ(watch_.primary(), first);
    EXPECT_EQ(watch_.duty(second), member_duty::none);
    watch_.lost(first);
    watch_.saw(second, primary_at(10, 0), now_);
    EXPECT_EQ(watch_.primary(), second);
}

TEST_F(replica_watch_test,
       where_failovers_are_not_counted_a_replaced_primary_is_none_until_it_was_seen_taking_no_writes) {
    round(primary_at(10, 0), replica_at(10), replica_at(10));
    watch_.lost(first);
    watch_.saw(second, primary_at(11, 0), now_);
    round(primary_at(99, 0), primary_at(12, 0), replica_at(12));
    EXPECT_EQ(watch_.primary(), second);
    watch_.lost(second);
    watch_.saw(first, primary_at(100, 0), now_);
    EXPECT_EQ(watch_.primary(), second) << "one failed check gives the writes to nobody";
    EXPECT_EQ(watch_.duty(first), member_duty::none);
    watch_.saw(second, primary_at(13, 0), now_);
    EXPECT_EQ(watch_.duty(second), member_duty::writes);

    round(replica_at(13), primary_at(13, 0), replica_at(13));
    EXPECT_EQ(watch_.duty(first), member_duty::reads);
    watch_.lost(second);
    watch_.saw(first, primary_at(14, 0), now_);
    EXPECT_EQ(watch_.primary(), first) << "it had followed, and was promoted again";
}

TEST_F(replica_watch_test, where_failovers_are_not_counted_a_primary_that_nobody_has_replaced_is_it_again) {
    round(primary_at(10, 0), replica_at(10), replica_at(10));
    watch_.lost(first);
    watch_.saw(second, replica_at(10), now_);
    round(primary_at(10, 0), replica_at(10), replica_at(10));
    EXPECT_EQ(watch_.primary(), first);
}

TEST_F(replica_watch_test, one_that_takes_writes_before_the_old_primary_is_dead_may_replace_it) {
    round(primary_at(10, 0), primary_at(10, 0), replica_at(10));
    EXPECT_EQ(watch_.primary(), first);
    watch_.lost(first);
    watch_.saw(second, primary_at(11, 0), now_);
    EXPECT_EQ(watch_.primary(), second);
}

TEST_F(replica_watch_test, a_later_failover_makes_a_replaced_primary_one_again_even_if_nobody_saw_it_follow) {
    round(primary_at(10, 1), replica_at(10), replica_at(10));
    watch_.lost(first);
    watch_.saw(second, primary_at(11, 2), now_);
    EXPECT_EQ(watch_.primary(), second);
    watch_.lost(second);
    watch_.saw(first, primary_at(12, 3), now_);
    EXPECT_EQ(watch_.primary(), first);
}

TEST_F(replica_watch_test, a_primary_that_takes_no_writes_any_more_is_none_until_it_does) {
    round(primary_at(10), replica_at(10), replica_at(10));
    watch_.saw(first, replica_at(10), now_);
    EXPECT_FALSE(watch_.primary());
    EXPECT_NE(watch_.duty(first), member_duty::writes);
    round(primary_at(10), replica_at(10), replica_at(10));
    EXPECT_EQ(watch_.primary(), first);
}

TEST_F(replica_watch_test, a_primary_whose_log_tells_no_position_has_no_replicas_to_be_read) {
    replication_state silent;
    silent.takes_writes = true;
    round(silent, replica_at(1), replica_at(1));
    EXPECT_EQ(watch_.duty(first), member_duty::writes);
    EXPECT_EQ(watch_.duty(second), member_duty::none);
}

TEST_F(replica_watch_test, positions_of_several_domains_are_compared_one_by_one) {
    EXPECT_TRUE(covers({{0, 5}, {1, 7}}, {{0, 5}}));
    EXPECT_TRUE(covers({{0, 5}, {1, 7}}, {{0, 4}, {1, 7}}));
    EXPECT_FALSE(covers({{0, 5}, {1, 7}}, {{0, 6}, {1, 1}}));
    EXPECT_FALSE(covers({{0, 5}}, {{0, 5}, {1, 1}}));
    EXPECT_TRUE(covers({}, {}));
}

TEST_F(replica_watch_test, remembers_a_bounded_part_of_the_log) {
    round(primary_at(1), replica_at(1), replica_at(1));
    for (std::uint64_t i = 2; i < 400; ++i) round(primary_at(i), replica_at(1), replica_at(i));
    EXPECT_FALSE(watch_.lag(second)) << "further behind than what is remembered";
    EXPECT_EQ(watch_.duty(second), member_duty::none);
    EXPECT_EQ(watch_.lag(third), 0s);
}

}  // namespace
}  // namespace lido::sql
