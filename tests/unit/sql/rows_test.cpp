#include "lido/sql/rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using lido::sql::rows;
using testing::ElementsAre;
using testing::HasSubstr;

/// A result of one text cell.
rows text(std::string_view of) {
    rows one;
    one.add_column("size");
    one.add_text(of);
    return one;
}

rows integer(std::int64_t of) {
    rows one;
    one.add_column("size");
    one.add(of);
    return one;
}

rows null_cell() {
    rows one;
    one.add_column("size");
    one.add_null();
    return one;
}

TEST(sql_rows, rows_and_columns_are_found_by_number_and_name) {
    rows all;
    all.add_column("id");
    all.add_column("name");
    for (std::int64_t i = 0; i < 3; ++i) {
        all.add(i);
        all.add_text("outfit " + std::to_string(i));
    }
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[2][1].text(), "outfit 2");
    EXPECT_EQ(all[1].at("id")->as<int>().value(), 1);
    std::int64_t sum = 0;
    for (const auto each : all) sum += each[0].as<std::int64_t>().value();
    EXPECT_EQ(sum, 3);
    const auto missing = all[0].at("price");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("id, name"));
}

TEST(sql_rows, a_name_that_two_columns_have_is_no_name) {
    rows all;
    all.add_column("id");
    all.add_column("id");
    EXPECT_FALSE(all.find_column("id"));
}

TEST(sql_rows, a_result_without_columns_has_no_rows) {
    rows none;
    none.set_affected(7);
    EXPECT_EQ(none.size(), 0U);
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(none.affected(), 7U);
}

TEST(sql_rows, numbers_are_converted_exactly_or_not_at_all) {
    EXPECT_EQ(text("38")[0][0].as<int>().value(), 38);
    EXPECT_EQ(text("-9223372036854775808")[0][0].as<std::int64_t>().value(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(text("18446744073709551615")[0][0].as<std::uint64_t>().value(),
              std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(integer(255)[0][0].as<std::uint8_t>().value(), 255);
    EXPECT_EQ(text("2.5")[0][0].as<double>().value(), 2.5);
    EXPECT_TRUE(std::isnan(text("NaN")[0][0].as<double>().value()));
    EXPECT_TRUE(std::isinf(text("-Infinity")[0][0].as<double>().value()));
    for (const char* wrong : {"", " 38", "38 ", "+38", "3.8", "0x26", "9223372036854775808"}) {
        EXPECT_FALSE(text(wrong)[0][0].as<std::int64_t>()) << wrong;
    }
    EXPECT_FALSE(integer(256)[0][0].as<std::uint8_t>());
    EXPECT_FALSE(integer(-1)[0][0].as<std::uint32_t>());
    EXPECT_FALSE(text("1e5x")[0][0].as<double>());
}

TEST(sql_rows, booleans_come_as_words_or_as_zero_and_one) {
    EXPECT_TRUE(text("t")[0][0].as<bool>().value());
    EXPECT_FALSE(text("false")[0][0].as<bool>().value());
    EXPECT_TRUE(integer(1)[0][0].as<bool>().value());
    EXPECT_FALSE(integer(2)[0][0].as<bool>());
    EXPECT_FALSE(text("yes")[0][0].as<bool>());
}

TEST(sql_rows, null_is_nothing_and_never_zero) {
    EXPECT_TRUE(null_cell()[0][0].is_null());
    EXPECT_EQ(null_cell()[0][0].as<std::optional<int>>().value(), std::nullopt);
    EXPECT_EQ(integer(3)[0][0].as<std::optional<int>>().value(), 3);
    EXPECT_FALSE(null_cell()[0][0].as<int>());
    EXPECT_FALSE(null_cell()[0][0].as<std::string>());
    EXPECT_FALSE(null_cell()[0][0].as<bool>());
    EXPECT_THAT(null_cell()[0][0].as<int>().error().message(), HasSubstr("std::optional"));
}

TEST(sql_rows, an_error_names_the_column_and_never_the_value) {
    const auto wrong = text("topsecret")[0][0].as<int>();
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().message(), HasSubstr("column size"));
    EXPECT_THAT(wrong.error().message(), testing::Not(HasSubstr("topsecret")));
}

TEST(sql_rows, arrays_become_vectors) {
    EXPECT_THAT(text("{1,2,3}")[0][0].as<std::vector<int>>().value(), ElementsAre(1, 2, 3));
    EXPECT_THAT(text(R"({"a b",c,"d\"e\\",NULL,"NULL"})")[0][0].as<std::vector<std::optional<std::string>>>().value(),
                ElementsAre("a b", "c", "d\"e\\", std::nullopt, "NULL"));
    EXPECT_TRUE(text("{}")[0][0].as<std::vector<int>>().value().empty());
    for (const char* wrong :
         {"", "{", "}", "1,2", "{1,}", "{,1}", "{1 2}}", "{{1},{2}}", "{\"a}", "{\"a\"b}", "{a\\", "[1]"}) {
        EXPECT_FALSE(text(wrong)[0][0].as<std::vector<std::string>>()) << wrong;
    }
    EXPECT_FALSE(text("{1,x}")[0][0].as<std::vector<int>>());
    EXPECT_FALSE(text("{1,NULL}")[0][0].as<std::vector<int>>());
}

TEST(sql_rows, text_for_people_shows_every_kind) {
    rows all;
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) all.add_column(name);
    all.add(true);
    all.add(std::int64_t{-3});
    all.add(0.5);
    all.add_text("text");
    all.add_bytes(std::string_view("\x01\xff", 2));
    all.add_null();
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < all.column_count(); ++i) shown.push_back(all[0][i].to_text());
    EXPECT_THAT(shown, ElementsAre("true", "-3", "0.5", "text", "\\x01ff", "NULL"));
}

TEST(sql_rows, it_outlives_what_it_was_copied_and_moved_from) {
    rows from = text("a text that is longer than any small buffer of a string");
    rows copy = from;
    const rows moved = std::move(from);
    copy.clear_rows();
    EXPECT_EQ(copy.size(), 0U);
    EXPECT_EQ(moved[0][0].as<std::string>().value(), "a text that is longer than any small buffer of a string");
}

}  // namespace
