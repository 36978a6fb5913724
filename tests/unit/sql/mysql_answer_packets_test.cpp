#include "sql/mysql/answer_packets.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lido::mysql {
namespace {

using namespace std::literals;

/// Its own memory of exactly that size, so that a sanitizer sees what is read behind it.
template <class Read>
auto of(std::string_view packet, Read read) {
    const std::vector<char> copy(packet.begin(), packet.end());
    return read(std::string_view(copy.data(), copy.size())).has_value();
}

TEST(mysql_answer_packets, an_ok_has_two_integers_of_any_length_and_flags) {
    const auto short_one = read_ok("\0\3\7\x03\x20\0\0"sv);
    ASSERT_TRUE(short_one);
    EXPECT_EQ(short_one->affected, 3U);
    EXPECT_EQ(short_one->last_insert_id, 7U);
    EXPECT_EQ(short_one->status, 0x2003);
    const auto long_one = read_ok("\0\xfd\1\2\3\xfe\1\2\3\4\5\6\7\x08\1\x80"sv);
    ASSERT_TRUE(long_one);
    EXPECT_EQ(long_one->affected, 0x030201U);
    EXPECT_EQ(long_one->last_insert_id, 0x0807060504030201U);
    EXPECT_EQ(long_one->status, 0x8001);
    EXPECT_EQ(read_ok("\0\xfa\xfc\1\2\2\0"sv)->last_insert_id, 0x201U);
    EXPECT_TRUE(read_ok("\xfe\0\0\2\0\0\0"sv, 0xfe)) << "at the end of rows";
}

TEST(mysql_answer_packets, what_is_no_ok_is_none) {
    for (const std::string_view packet : {
             ""sv,
             "\xff\0\0\2\0\0\0"sv,
             "\xfe\0\0\2\0"sv,
             "\0\xfb\0\2\0"sv,
             "\0\0\xff\2\0"sv,
             "\0\0\0\2"sv,
             "\0\xfe\1\2\3\4\5\6\7"sv,
         }) {
        EXPECT_FALSE(of(packet, [](std::string_view it) { return read_ok(it); }));
    }
}

TEST(mysql_answer_packets, an_end_has_its_size) {
    EXPECT_EQ(read_end("\xfe\0\0\x0a\0"sv), 0x0a);
    for (const std::string_view packet : {""sv, "\xfe"sv, "\xfe\0\0\x0a"sv, "\xfe\0\0\x0a\0\0"sv, "\0\0\0\x0a\0"sv}) {
        EXPECT_FALSE(of(packet, [](std::string_view it) { return read_end(it); }));
    }
}

TEST(mysql_answer_packets, a_refusal_has_a_number_a_state_and_words) {
    const auto refused = read_refusal("\xff\x28\x04#42000You have an error"sv);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->number, 1064U);
    EXPECT_EQ(refused->state, "42000");
    EXPECT_EQ(refused->message, "You have an error");
    const auto stateless = read_refusal("\xff\x10\x04Too many connections"sv);
    ASSERT_TRUE(stateless);
    EXPECT_EQ(stateless->state, "HY000");
    EXPECT_EQ(stateless->message, "Too many connections");
    EXPECT_TRUE(read_refusal("\xff\x28\x04#42000"sv)) << "without words";
}

TEST(mysql_answer_packets, what_is_no_refusal_is_none) {
    for (const std::string_view packet : {
             ""sv,
             "\xff"sv,
             "\xff\x28"sv,
             "\xff\x28\x04#4200"sv,
             "\0\x28\x04#42000x"sv,
             "\xff\0\0#42000no number"sv,
         }) {
        EXPECT_FALSE(of(packet, [](std::string_view it) { return read_refusal(it); }));
    }
}

TEST(mysql_answer_packets, a_procedure_may_signal_any_number) {
    EXPECT_EQ(read_refusal("\xff\xd6\x07#45000as if the server was gone"sv)->number, 2006U);
    EXPECT_EQ(read_refusal("\xff\x89\x13#45000no stock"sv)->number, 5001U);
    EXPECT_EQ(read_refusal("\xff\xff\xff#45000no stock"sv)->number, 65'535U);
}

TEST(mysql_answer_packets, a_prepared_statement_has_a_number_and_two_counts) {
    const auto prepared = read_prepared("\0\4\3\2\1\2\0\3\1\0\0\0"sv);
    ASSERT_TRUE(prepared);
    EXPECT_EQ(prepared->id, 0x01020304U);
    EXPECT_EQ(prepared->columns, 2);
    EXPECT_EQ(prepared->parameters, 0x103);
    for (const std::string_view packet : {""sv, "\0"sv, "\0\4\3\2\1\2\0\3"sv, "\1\4\3\2\1\2\0\3\1"sv}) {
        EXPECT_FALSE(of(packet, [](std::string_view it) { return read_prepared(it); }));
    }
}

TEST(mysql_answer_packets, a_result_has_a_count_and_may_have_no_definitions) {
    EXPECT_EQ(read_result("\3"sv)->columns, 3U);
    EXPECT_TRUE(read_result("\3"sv)->has_definitions);
    EXPECT_TRUE(read_result("\3\1"sv)->has_definitions);
    EXPECT_FALSE(read_result("\3\0"sv)->has_definitions);
    EXPECT_EQ(read_result("\xfc\xff\xff"sv)->columns, 65'535U);
    for (const std::string_view packet : {
             ""sv,
             "\0"sv,
             "\3\2"sv,
             "\3\1\0"sv,
             "\xfb"sv,
             "\xfc\1"sv,
             "\xfd\0\0\1"sv,  // 65,536
             "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"sv,
         }) {
        EXPECT_FALSE(of(packet, [](std::string_view it) { return read_result(it); }));
    }
}

TEST(mysql_answer_packets, progress_looks_like_an_error) {
    EXPECT_TRUE(is_progress("\xff\xff\xff\1\1\2\0\0\0\5table"sv));
    EXPECT_FALSE(is_progress("\xff\xff"sv));
    EXPECT_FALSE(is_progress("\xff\xff\xff#45000no stock"sv));
    EXPECT_FALSE(is_progress("\xff\x28\x04#42000"sv));
}

TEST(mysql_answer_packets, the_flags_say_whether_a_transaction_is_open) {
    EXPECT_EQ(state_of(0x0002), sql::session_state::idle);
    EXPECT_EQ(state_of(0x0003), sql::session_state::open);
    EXPECT_EQ(state_of(0x2001), sql::session_state::open);
}

}  // namespace
}  // namespace lido::mysql
