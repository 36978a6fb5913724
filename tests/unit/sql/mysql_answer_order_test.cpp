#include "sql/mysql/answer_order.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lido::mysql {
namespace {

using namespace std::literals;
using meaning = answer_order::meaning;

constexpr std::string_view ok = "\0\0\0\2\0\0\0"sv;
constexpr std::string_view ok_and_more = "\0\0\0\x0a\0\0\0"sv;
constexpr std::string_view end = "\xfe\0\0\2\0"sv;
constexpr std::string_view end_and_more = "\xfe\0\0\x0a\0"sv;
constexpr std::string_view refused = "\xff\x28\x04#42000no"sv;
constexpr std::string_view progress = "\xff\xff\xff\1\1\2\0\0\0\0"sv;
constexpr std::string_view two_columns = "\2"sv;
constexpr std::string_view definition = "\3def"sv;  // not looked into
constexpr std::string_view row = "\0\0\1"sv;

/// A letter for each packet; what is out of order is the last.
std::string said(answer_kind kind, const std::vector<std::string_view>& packets, bool ends_definitions = true) {
    answer_order order(kind, ends_definitions);
    std::string made;
    for (const std::string_view each : packets) {
        const meaning means = order.take(each);
        made.push_back("?-opRd.er!"[static_cast<std::size_t>(means)]);
        if (means == meaning::out_of_order) break;
    }
    if (order.has_ended()) made.push_back('|');
    return made;
}

// The letters of said: '.' is a row, 'e' the end of rows, 'r' a refusal, '!' a request for a file.

TEST(mysql_answer_order, a_ping_is_acknowledged) {
    EXPECT_EQ(said(answer_kind::acknowledged, {ok}), "o|");
    EXPECT_EQ(said(answer_kind::acknowledged, {ok_and_more}), "o|") << "there is nothing that could follow";
    EXPECT_EQ(said(answer_kind::acknowledged, {refused}), "r|");
    EXPECT_EQ(said(answer_kind::acknowledged, {two_columns}), "?");
    EXPECT_EQ(said(answer_kind::acknowledged, {end}), "?");
    EXPECT_EQ(said(answer_kind::acknowledged, {ok, ok}), "o?|");
    EXPECT_EQ(said(answer_kind::acknowledged, {""sv}), "?");
}

TEST(mysql_answer_order, a_prepared_statement_brings_definitions_of_parameters_and_columns) {
    const std::string_view nothing = "\0\1\0\0\0\0\0\0\0\0\0\0"sv;
    const std::string_view both = "\0\1\0\0\0\2\0\1\0\0\0\0"sv;
    const std::string_view columns = "\0\1\0\0\0\2\0\0\0\0\0\0"sv;
    const std::string_view parameters = "\0\1\0\0\0\0\0\2\0\0\0\0"sv;
    EXPECT_EQ(said(answer_kind::prepared, {nothing}), "p|");
    EXPECT_EQ(said(answer_kind::prepared, {both, definition, end, definition, definition, end}), "p--dd-|");
    EXPECT_EQ(said(answer_kind::prepared, {both, definition, definition, definition}, false), "p-dd|");
    EXPECT_EQ(said(answer_kind::prepared, {columns, definition, definition, end}), "pdd-|");
    EXPECT_EQ(said(answer_kind::prepared, {parameters, definition, definition, end}), "p---|");
    EXPECT_EQ(said(answer_kind::prepared, {columns, definition, definition, definition}), "pdd?");
    EXPECT_EQ(said(answer_kind::prepared, {columns, definition, refused}), "pdr|");
    EXPECT_EQ(said(answer_kind::prepared, {two_columns}), "?");
}

TEST(mysql_answer_order, a_result_has_definitions_and_rows) {
    EXPECT_EQ(said(answer_kind::binary, {two_columns, definition, definition, end, row, row, end}), "Rdd-..e|");
    EXPECT_EQ(said(answer_kind::text, {two_columns, definition, definition, end, end}), "Rdd-e|");
    EXPECT_EQ(said(answer_kind::binary, {two_columns, definition, definition, end, row, refused}), "Rdd-.r|");
    EXPECT_EQ(said(answer_kind::binary, {two_columns, definition, row}), "Rdd") << "it is taken for a definition";
    EXPECT_EQ(said(answer_kind::binary, {two_columns, definition, definition, row}), "Rdd?");
    EXPECT_EQ(said(answer_kind::binary, {two_columns, definition, definition, end, "\xfe\0\0\2"sv}), "Rdd-?");
    EXPECT_EQ(said(answer_kind::binary, {ok}), "o|");
    EXPECT_EQ(said(answer_kind::binary, {end}), "?");
}

TEST(mysql_answer_order, without_packets_behind_definitions_the_end_of_rows_is_an_ok) {
    const std::string_view long_end = "\xfe\0\0\2\0\0\0"sv;
    EXPECT_EQ(said(answer_kind::binary, {two_columns, definition, definition, row, long_end}, false), "Rdd.e|");
    EXPECT_EQ(said(answer_kind::binary, {two_columns, definition, definition, "\xfe\0\0"sv}, false), "Rdd?");
}

TEST(mysql_answer_order, definitions_that_are_known_may_be_left_out) {
    EXPECT_EQ(said(answer_kind::binary, {"\2\0"sv, end, row, end}), "R-.e|");
    EXPECT_EQ(said(answer_kind::binary, {"\2\0"sv, row, "\xfe\0\0\2\0\0\0"sv}, false), "R.e|");
    EXPECT_EQ(said(answer_kind::binary, {"\2\0"sv, row}), "R?");
}

TEST(mysql_answer_order, several_results_follow_each_other) {
    EXPECT_EQ(said(answer_kind::binary,
                   {"\1"sv, definition, end, row, end_and_more, "\1"sv, definition, end, end_and_more, ok}),
              "Rd-.eRd-eo|");
    EXPECT_EQ(said(answer_kind::text, {ok_and_more, ok_and_more, ok}), "ooo|");
    EXPECT_EQ(said(answer_kind::text, {ok_and_more, refused}), "or|");
    EXPECT_EQ(said(answer_kind::text, {ok, ok}), "o?|");
}

TEST(mysql_answer_order, a_row_of_texts_may_begin_like_an_end) {
    std::string large("\xfe\0\0\0\1\0\0\0\0"sv);
    EXPECT_EQ(said(answer_kind::text, {"\1"sv, definition, end, large}), "Rd-.") << "a text of 16 MiB";
    large.resize(0xff'ffff);
    EXPECT_EQ(said(answer_kind::text, {"\1"sv, definition, large}, false), "Rd.");
}

TEST(mysql_answer_order, progress_may_come_at_any_time) {
    EXPECT_EQ(said(answer_kind::text, {progress, progress, ok}), "--o|");
    EXPECT_EQ(said(answer_kind::binary, {"\1"sv, definition, end, progress, end}), "Rd--e|");
}

TEST(mysql_answer_order, a_request_for_a_file_is_told_apart) {
    EXPECT_EQ(said(answer_kind::text, {"\xfb/etc/passwd"sv}), "!");
    EXPECT_EQ(said(answer_kind::binary, {"\xfb/etc/passwd"sv}), "!");
    EXPECT_EQ(said(answer_kind::acknowledged, {"\xfb/etc/passwd"sv}), "?");
    EXPECT_EQ(said(answer_kind::prepared, {"\xfb/etc/passwd"sv}), "?");
}

TEST(mysql_answer_order, the_last_flags_count) {
    answer_order order(answer_kind::text, true);
    static_cast<void>(order.take("\0\0\0\x09\0\0\0"sv));
    EXPECT_EQ(order.status(), 9);
    static_cast<void>(order.take(ok));
    EXPECT_EQ(order.status(), 2);
    EXPECT_TRUE(order.has_ended());
}

}  // namespace
}  // namespace lido::mysql
