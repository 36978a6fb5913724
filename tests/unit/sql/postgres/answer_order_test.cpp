#include "sql/postgres/answer_order.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace lido::postgres {
namespace {

using meaning = answer_order::meaning;

constexpr sent_messages whole{.parse = true, .describe = true, .execute = true, .sync = true};
constexpr std::string_view every_type = "123nTDCIGHEZNASdcRK";

answer_order after(const sent_messages& sent, std::string_view types) {
    answer_order made(sent);
    for (const char each : types) EXPECT_NE(made.take(each), meaning::out_of_order) << each << " of " << types;
    return made;
}

/// The types that have a place now.
std::string may_follow(const answer_order& at) {
    std::string all;
    for (const char each : every_type) {
        answer_order tried = at;
        if (tried.take(each) != meaning::out_of_order) all += each;
    }
    return all;
}

TEST(postgres_answer_order, each_step_comes_once_and_in_its_order) {
    EXPECT_EQ(may_follow(after(whole, "")), "1E");
    EXPECT_EQ(may_follow(after(whole, "1")), "2E");
    EXPECT_EQ(may_follow(after(whole, "12")), "nTE");
    EXPECT_EQ(may_follow(after(whole, "12T")), "DCIGHE");
    EXPECT_EQ(may_follow(after(whole, "12TDD")), "DCIGHE");
    EXPECT_EQ(may_follow(after(whole, "12TDC")), "EZ");
    EXPECT_EQ(may_follow(after(whole, "12TDCZ")), "");
    EXPECT_TRUE(after(whole, "12TDCZ").has_ended());
}

TEST(postgres_answer_order, what_was_not_asked_for_does_not_come) {
    constexpr sent_messages known{.parse = false, .describe = false, .execute = true, .sync = true};
    EXPECT_EQ(may_follow(after(known, "")), "2E");
    EXPECT_EQ(may_follow(after(known, "2")), "DCIGHE");
    constexpr sent_messages sync_alone{.parse = false, .describe = false, .execute = false, .sync = true};
    EXPECT_EQ(may_follow(after(sync_alone, "")), "EZ");
}

TEST(postgres_answer_order, what_is_dropped_is_answered_before_its_sync) {
    constexpr sent_messages closed{.sync = true, .close = true};
    EXPECT_EQ(may_follow(after(closed, "")), "3E");
    EXPECT_EQ(may_follow(after(closed, "3")), "EZ");
    EXPECT_TRUE(after(closed, "3Z").has_ended());
}

TEST(postgres_answer_order, after_a_refusal_only_the_sync_is_answered) {
    for (const std::string_view before : {"", "1", "12", "12T", "12TD", "12TC"}) {
        answer_order made = after(whole, before);
        EXPECT_EQ(made.take('E'), meaning::refused);
        EXPECT_EQ(may_follow(made), "EZ") << before;
    }
}

TEST(postgres_answer_order, a_part_ends_with_its_statement) {
    constexpr sent_messages part{.parse = true, .describe = true, .execute = true, .sync = false};
    EXPECT_TRUE(after(part, "12nC").has_ended());
    EXPECT_TRUE(after(part, "12nI").has_ended());
    EXPECT_TRUE(after(part, "1E").has_ended());
    EXPECT_EQ(may_follow(after(part, "12nC")), "");
}

TEST(postgres_answer_order, says_what_each_message_means) {
    answer_order made(whole);
    EXPECT_TRUE(made.is_parsing());
    EXPECT_EQ(made.take('1'), meaning::nothing);
    EXPECT_FALSE(made.is_parsing());
    EXPECT_EQ(made.take('2'), meaning::nothing);
    EXPECT_EQ(made.take('T'), meaning::columns);
    EXPECT_EQ(made.take('D'), meaning::row);
    EXPECT_EQ(made.take('C'), meaning::completed);
    EXPECT_EQ(made.take('Z'), meaning::synced);
    answer_order other = after(whole, "12");
    EXPECT_EQ(other.take('n'), meaning::no_columns);
    answer_order copying = other;
    EXPECT_EQ(copying.take('G'), meaning::copies);
    EXPECT_EQ(other.take('I'), meaning::empty);
}

}  // namespace
}  // namespace lido::postgres
