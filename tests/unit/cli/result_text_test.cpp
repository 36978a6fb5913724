// Goal: a result is the same text however it comes in pieces, and huge ones are not held. Method: made-up results.
#include "sql/result_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace lido::cli::sql {
namespace {

using lido::sql::rows;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

rows two_columns() {
    rows made;
    made.add_column("id");
    made.add_column("na\"me");
    return made;
}

std::string whole(result_form form, const std::vector<rows>& pieces) {
    result_text text(form);
    std::string all;
    for (const rows& each : pieces) all += text.add(each);
    return all + text.finish();
}

std::vector<rows> in_pieces() {
    rows first = two_columns();
    first.add(std::int64_t{7});
    first.add_text("a,\"b\"\nc");
    rows second = two_columns();
    second.add_null();
    second.add_text("");
    second.add(std::nan(""));
    second.add_bytes(std::string_view("\x00\xFF", 2));
    return {first, second, rows()};
}

TEST(result_text, csv_quotes_what_needs_it_and_keeps_nothing_apart_from_empty) {
    EXPECT_EQ(whole(result_form::csv, in_pieces()),
              "id,\"na\"\"me\"\r\n7,\"a,\"\"b\"\"\nc\"\r\n,\"\"\r\nnan,\\x00ff\r\n");
}

TEST(result_text, json_has_types_and_what_it_has_not_as_text) {
    EXPECT_EQ(
        whole(result_form::json, in_pieces()),
        "{\"columns\":[\"id\",\"na\\\"me\"],\"rows\":[[7,\"a,\\\"b\\\"\\nc\"],[null,\"\"],[\"nan\",\"\\\\x00ff\"]],"
        "\"affected\":0}\n");
}

TEST(result_text, json_has_nothing_that_a_terminal_would_obey) {
    rows one;
    one.add_column("a");
    one.add_text(
        "\x1b[31m\xC2\x9B"
        "31m\x7F caf\xC3\xA9");
    EXPECT_THAT(whole(result_form::json, {one}), HasSubstr("[[\"\\u001b[31m\\u009b31m\\u007f caf\xC3\xA9\"]]"));
}

TEST(result_text, json_of_text_that_is_no_utf8_is_json_all_the_same) {
    rows one;
    one.add_column("a");
    one.add_text("caf\xE9");
    EXPECT_THAT(whole(result_form::json, {one}), HasSubstr("[[\"caf\xEF\xBF\xBD\"]]"));
}

TEST(result_text, table_is_as_wide_as_its_cells) {
    EXPECT_EQ(whole(result_form::table, in_pieces()),
              "id    na\"me\n----  ----------\n7     a,\"b\"\\x0ac\nNULL\nnan   \\x00ff\n(3 rows)\n");
}

TEST(result_text, without_columns_it_says_what_changed) {
    rows done;
    done.set_affected(3);
    EXPECT_EQ(whole(result_form::table, {done}), "3 rows changed\n");
    EXPECT_EQ(whole(result_form::json, {done}), "{\"columns\":[],\"rows\":[],\"affected\":3}\n");
    EXPECT_EQ(whole(result_form::csv, {done}), "");
    EXPECT_EQ(whole(result_form::table, {two_columns()}), "id  na\"me\n--  -----\n(0 rows)\n");
}

TEST(result_text, a_table_holds_back_its_first_rows_only) {
    result_text text(result_form::table);
    rows one;
    one.add_column("n");
    one.add(std::int64_t{1});
    std::string shown;
    for (std::size_t i = 0; i + 1 < result_text::rows_looked_at; ++i) shown += text.add(one);
    EXPECT_EQ(shown, "");
    EXPECT_THAT(text.add(one), StartsWith("n\n-\n1\n1\n"));
    rows wide;
    wide.add_column("n");
    wide.add_text("wider than the others");
    EXPECT_EQ(text.add(wide), "wider than the others\n");
    EXPECT_THAT(text.finish(), EndsWith("(1001 rows)\n"));
}

}  // namespace
}  // namespace lido::cli::sql
