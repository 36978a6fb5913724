#include "sql/mysql/packet_body.hpp"
#include "sql/mysql/row_decoding.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::mysql {
namespace {

using namespace std::literals;

result_shape shape_of(std::vector<result_column> columns) {
    result_shape made;
    made.names = std::make_shared<const std::vector<std::string>>(columns.size(), "it");
    made.columns = std::move(columns);
    return made;
}

/// Its own memory of exactly that size, so that a sanitizer sees what is read behind it.
template <class Add>
std::optional<sql::rows> decoded(std::string_view packet, const result_shape& shape, Add add) {
    const std::vector<char> copy(packet.begin(), packet.end());
    sql::rows made;
    made.set_columns(shape.names);
    if (!add(std::string_view(copy.data(), copy.size()), shape, made)) return std::nullopt;
    return made;
}

std::optional<sql::rows> one(const result_column& column, std::string_view value) {
    return decoded("\0\0"s.append(value), shape_of({column}), add_binary_row);
}

/// As text; "?" for what is no value.
std::string text(column_type type, std::string_view value, std::uint8_t decimals = 0, bool is_unsigned = false) {
    const auto made = one({type, is_unsigned, false, decimals}, value);
    return made ? (*made)[0][0].to_text() : "?";
}

std::string number(std::uint64_t of, std::size_t size) {
    std::string made;
    append_number(made, of, size);
    return made;
}

TEST(mysql_rows, integers_have_their_size_and_sign) {
    for (const auto& [type, size] :
         {std::pair{column_type::int8, 1U}, std::pair{column_type::int16, 2U}, std::pair{column_type::year, 2U},
          std::pair{column_type::int24, 4U}, std::pair{column_type::int32, 4U}, std::pair{column_type::int64, 8U}}) {
        EXPECT_EQ(text(type, number(5, size)), "5");
        EXPECT_EQ(text(type, number(~std::uint64_t{0}, size)), "-1");
        EXPECT_EQ(text(type, number(5, size - 1)), "?");
        EXPECT_EQ(text(type, number(5, size + 1)), "?");
    }
    EXPECT_EQ(text(column_type::int8, "\xff", 0, true), "255");
    EXPECT_EQ(text(column_type::int64, number(std::uint64_t{1} << 63U, 8)), "-9223372036854775808");
}

TEST(mysql_rows, unsigned_integers_beyond_the_signed_range_are_texts) {
    const auto within = one({column_type::int64, true}, number(~std::uint64_t{0} >> 1U, 8));
    EXPECT_EQ((*within)[0][0].as<std::int64_t>().value(), std::numeric_limits<std::int64_t>::max());
    EXPECT_TRUE((*within)[0][0].text().empty());
    const auto beyond = one({column_type::int64, true}, number(~std::uint64_t{0}, 8));
    EXPECT_EQ((*beyond)[0][0].text(), "18446744073709551615");
    EXPECT_EQ(text(column_type::int64, number(std::uint64_t{1} << 63U, 8), 0, true), "9223372036854775808");
}

TEST(mysql_rows, reals_are_exact) {
    const auto narrow = one({column_type::real32}, number(std::bit_cast<std::uint32_t>(0.1F), 4));
    EXPECT_EQ((*narrow)[0][0].as<double>().value(), double{0.1F});
    const auto wide = one({column_type::real64}, number(std::bit_cast<std::uint64_t>(1e-320), 8));
    EXPECT_EQ((*wide)[0][0].as<double>().value(), 1e-320);
    EXPECT_EQ(text(column_type::real64, number(0, 7)), "?");
}

TEST(mysql_rows, dates_leave_out_what_is_zero_at_their_end) {
    EXPECT_EQ(text(column_type::date, "\0"sv), "0000-00-00");
    EXPECT_EQ(text(column_type::date, "\4\xea\x07\x0b\x15"sv), "2026-11-21");
    EXPECT_EQ(text(column_type::datetime, "\0"sv), "0000-00-00 00:00:00");
    EXPECT_EQ(text(column_type::datetime, "\0"sv, 3), "0000-00-00 00:00:00.000");
    EXPECT_EQ(text(column_type::datetime, "\4\xea\x07\x0b\x15"sv), "2026-11-21 00:00:00");
    EXPECT_EQ(text(column_type::timestamp, "\7\xea\x07\x0b\x15\x12\4\5"sv), "2026-11-21 18:04:05");
    EXPECT_EQ(text(column_type::datetime, "\x0b\xea\x07\x0b\x15\x12\4\5\7\0\0\0"sv, 6), "2026-11-21 18:04:05.000007");
    EXPECT_EQ(text(column_type::datetime, "\x0b\xea\x07\x0b\x15\x12\4\5\x20\xa1\x07\0"sv, 1), "2026-11-21 18:04:05.5");
    EXPECT_EQ(text(column_type::datetime, "\x0b\xea\x07\x0b\x15\x12\4\5\x20\xa1\x07\0"sv, 31), "2026-11-21 18:04:05")
        << "no such number of digits";
}

TEST(mysql_rows, times_have_days_as_hours) {
    EXPECT_EQ(text(column_type::time, "\0"sv), "00:00:00");
    EXPECT_EQ(text(column_type::time, "\0"sv, 2), "00:00:00.00");
    EXPECT_EQ(text(column_type::time, "\x08\0\0\0\0\0\1\2\3"sv), "01:02:03");
    EXPECT_EQ(text(column_type::time, "\x08\1\x22\0\0\0\x16\x3b\x3a"sv), "-838:59:58");
    EXPECT_EQ(text(column_type::time, "\x0c\1\x22\0\0\0\x16\x3b\x3a\1\0\0\0"sv, 6), "-838:59:58.000001");
    EXPECT_EQ(text(column_type::time, "\x0c\xff\xff\xff\xff\xff\xff\xff\xff\x3f\x42\x0f\0"sv, 6),
              "-103079215335:255:255.999999")
        << "whatever comes";
}

TEST(mysql_rows, what_is_no_date_or_time_is_none) {
    for (const column_type type : {column_type::date, column_type::datetime, column_type::timestamp}) {
        for (const std::string_view value :
             {""sv, "\1x"sv, "\3\0\0\0"sv, "\4\0\0\0"sv, "\7\0\0\0\0\0\0"sv, "\4\0\0\0\0\0"sv, "\x08\0\0\0\0\0\0\0\0"sv,
              "\x0b\0\0\0\0\0\0\0\x40\x42\x0f\0"sv}) {
            EXPECT_EQ(text(type, value), "?");
        }
    }
    for (const std::string_view value : {""sv, "\4\0\0\0\0"sv, "\x08\0\0\0\0\0\0\0"sv, "\x0b\0\0\0\0\0\0\0\0\0\0\0"sv,
                                         "\x0c\0\0\0\0\0\0\0\0\x40\x42\x0f\0"sv}) {
        EXPECT_EQ(text(column_type::time, value), "?");
    }
}

TEST(mysql_rows, all_else_is_text_or_bytes_with_a_length) {
    EXPECT_EQ(text(column_type::decimal, "\4-1.5"sv), "-1.5");
    EXPECT_EQ(text(column_type::json, "\2[]"sv), "[]");
    EXPECT_EQ(text(column_type::var_string, "\0"sv), "");
    EXPECT_EQ(text(column_type::var_string, "\3ab"sv), "?");
    EXPECT_EQ(text(column_type::var_string, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"sv), "?");
    EXPECT_EQ(text(column_type::var_string, "\xfb"sv), "?");
    const auto raw = one({column_type::blob, false, true}, "\2\0\xff"sv);
    EXPECT_EQ((*raw)[0][0].as<sql::bytes>().value(), (sql::bytes{std::byte{0}, std::byte{255}}));
    EXPECT_EQ((*raw)[0][0].to_text(), "\\x00ff");
}

TEST(mysql_rows, nothing_is_a_bit) {
    std::vector<result_column> columns(15, result_column{column_type::int8});
    const result_shape shape = shape_of(columns);
    // The first two bits are none of a column.
    const auto made = decoded("\0\xfc\xff\1\7"sv, shape, add_binary_row);
    ASSERT_FALSE(made) << "one value more than there are columns with one";
    const auto right = decoded("\0\xf8\xff\1\7"sv, shape, add_binary_row);
    ASSERT_TRUE(right);
    EXPECT_EQ((*right)[0][0].as<int>().value(), 7);
    for (std::size_t i = 1; i < 15; ++i) EXPECT_TRUE((*right)[0][i].is_null()) << i;
    EXPECT_FALSE(decoded("\0\xf8\xff"sv, shape, add_binary_row));
    EXPECT_FALSE(decoded("\1\xf8\xff\1\7"sv, shape, add_binary_row));
    EXPECT_FALSE(decoded(""sv, shape, add_binary_row));
    EXPECT_EQ(text(column_type::null, ""), "?") << "its values are NULL";
}

TEST(mysql_rows, of_a_statement_sent_as_text_all_is_text) {
    const result_shape shape =
        shape_of({{column_type::int8}, {column_type::datetime}, {column_type::blob, false, true}});
    const auto made = decoded(
        "\1"
        "7\xfb\2ab"sv,
        shape, add_text_row);
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)[0][0].text(), "7");
    EXPECT_TRUE((*made)[0][1].is_null());
    EXPECT_EQ((*made)[0][2].to_text(), "ab");
    EXPECT_FALSE(
        decoded("\1"
                "7\xfb"sv,
                shape, add_text_row));
    EXPECT_FALSE(
        decoded("\1"
                "7\xfb\2abc"sv,
                shape, add_text_row));
    EXPECT_FALSE(
        decoded("\1"
                "7\xfb\3ab"sv,
                shape, add_text_row));
}

}  // namespace
}  // namespace lido::mysql
