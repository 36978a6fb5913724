#include "sql/sqlite/brief_runs.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace lido::sqlite {
namespace {

using namespace std::chrono_literals;

/// How many runs on a worker thread it takes until the statement is tried on a loop again.
int runs_until_brief(pace& of) {
    int runs = 0;
    for (; !of.is_brief() && runs < 1'000'000; ++runs) of.ran_within();
    return runs;
}

TEST(sqlite_pace_test, takes_a_statement_that_never_ran_for_a_long_one) {
    pace one;
    EXPECT_FALSE(one.is_brief());
    one.ran_within();
    EXPECT_TRUE(one.is_brief());
}

TEST(sqlite_pace_test, tries_a_long_statement_ever_more_rarely) {
    pace one;
    one.ran_beyond();
    EXPECT_EQ(runs_until_brief(one), 16);
    one.ran_beyond();
    one.ran_beyond();
    EXPECT_EQ(runs_until_brief(one), 32);
    for (int i = 0; i < 20; ++i) one.ran_beyond();
    EXPECT_EQ(runs_until_brief(one), 4096);
}

TEST(sqlite_pace_test, overlooks_a_single_long_run) {
    pace one;
    for (int i = 0; i < 16; ++i) one.ran_within();
    one.ran_beyond();
    EXPECT_TRUE(one.is_brief());
    one.ran_within();
    one.ran_beyond();
    EXPECT_EQ(runs_until_brief(one), 16);
}

TEST(sqlite_pace_test, forgives_one_that_has_been_brief_for_long) {
    pace one;
    one.ran_beyond();
    one.ran_beyond();
    for (int i = 0; i < 32 * 16; ++i) one.ran_within();
    one.ran_beyond();
    one.ran_beyond();
    EXPECT_EQ(runs_until_brief(one), 16);
}

TEST(sqlite_brief_pause_test, suspects_the_disk_of_what_takes_a_millisecond) {
    EXPECT_FALSE(brief_pause::is_suspicious(999us));
    EXPECT_TRUE(brief_pause::is_suspicious(1ms));
}

TEST(sqlite_brief_pause_test, grows_while_the_disk_is_waited_for_again_and_again) {
    brief_pause pause;
    const time_point start = clock::now();
    EXPECT_TRUE(pause.allows(start));
    pause.begin(start);
    EXPECT_FALSE(pause.allows(start + 9ms));
    EXPECT_TRUE(pause.allows(start + 10ms));
    pause.begin(start + 10ms);
    EXPECT_FALSE(pause.allows(start + 29ms));
    EXPECT_TRUE(pause.allows(start + 30ms));
}

TEST(sqlite_brief_pause_test, never_lasts_longer_than_a_second_and_is_forgotten_after_two) {
    brief_pause pause;
    time_point now = clock::now();
    for (int i = 0; i < 20; ++i) pause.begin(now);
    EXPECT_FALSE(pause.allows(now + 999ms));
    EXPECT_TRUE(pause.allows(now + 1s));
    now += 4s;
    pause.begin(now);
    EXPECT_TRUE(pause.allows(now + 10ms));
}

TEST(sqlite_disk_test, is_not_blamed_for_what_a_thread_does_without_it) {
    static_cast<void>(has_read_a_disk());
    volatile std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < 1'000'000; ++i) sum = sum + i;
    EXPECT_FALSE(has_read_a_disk());
}

}  // namespace
}  // namespace lido::sqlite
