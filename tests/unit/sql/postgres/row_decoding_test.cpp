#include "sql/postgres/row_decoding.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace lido::postgres {
namespace {

sql::rows one(std::uint32_t type, std::string_view text) {
    sql::rows made;
    made.add_column("it");
    add_cell(type, text, made);
    return made;
}

TEST(postgres_rows, numbers_and_booleans_are_kept_as_such) {
    EXPECT_EQ(one(16, "t")[0][0].as<bool>().value(), true);
    EXPECT_EQ(one(20, "-9223372036854775808")[0][0].as<std::int64_t>().value(),
              std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(one(21, "-5")[0][0].as<std::int16_t>().value(), -5);
    EXPECT_EQ(one(26, "4294967295")[0][0].as<std::uint32_t>().value(), 4294967295U);
    EXPECT_EQ(one(701, "1e-320")[0][0].as<double>().value(), 1e-320);
    EXPECT_EQ(one(700, "0.1")[0][0].as<float>().value(), 0.1F);
    EXPECT_TRUE(std::isnan(one(701, "NaN")[0][0].as<double>().value()));
    EXPECT_EQ(one(701, "-Infinity")[0][0].as<double>().value(), -HUGE_VAL);
}

TEST(postgres_rows, what_is_not_what_its_type_says_stays_text) {
    EXPECT_EQ(one(23, "12x")[0][0].as<std::string>().value(), "12x");
    EXPECT_EQ(one(16, "maybe")[0][0].as<std::string>().value(), "maybe");
    EXPECT_EQ(one(701, "")[0][0].as<std::string>().value(), "");
    EXPECT_EQ(one(17, "\\xabc")[0][0].as<std::string>().value(), "\\xabc");
}

TEST(postgres_rows, decimal_numbers_stay_exact_as_text) {
    EXPECT_EQ(one(1700, "0.10000000000000000000000001")[0][0].as<std::string>().value(),
              "0.10000000000000000000000001");
}

TEST(postgres_rows, bytes_are_decoded_from_both_forms) {
    std::string into;
    EXPECT_TRUE(decode_bytea("\\x00ff0A", into));
    EXPECT_EQ(into, std::string("\0\xff\x0a", 3));
    EXPECT_TRUE(decode_bytea("\\x", into));
    EXPECT_EQ(into, "");
    EXPECT_TRUE(decode_bytea("a\\\\b\\000\\377", into));
    EXPECT_EQ(into, std::string("a\\b\0\xff", 5));
}

TEST(postgres_rows, bytes_in_no_known_form_are_refused) {
    std::string into;
    for (const char* each : {"\\x0", "\\xgg", "\\", "\\4", "\\400", "\\08a", "\\9"}) {
        EXPECT_FALSE(decode_bytea(each, into)) << each;
    }
}

row_shape two_columns() {
    row_shape made;
    made.names = std::make_shared<std::vector<std::string>>(std::vector<std::string>{"number", "text"});
    made.types = {23, 25};
    made.returns_rows = true;
    return made;
}

TEST(postgres_rows, a_row_is_added_cell_by_cell) {
    const row_shape shape = two_columns();
    sql::rows to;
    to.set_columns(shape.names);
    EXPECT_TRUE(add_row(std::string_view("\0\2\0\0\0\2-7\0\0\0\0", 12), shape, to));
    EXPECT_TRUE(add_row(std::string_view("\0\2\xff\xff\xff\xff\0\0\0\1x", 11), shape, to));
    ASSERT_EQ(to.size(), 2U);
    EXPECT_EQ(to[0][0].as<int>().value(), -7);
    EXPECT_EQ(to[0][1].text(), "");
    EXPECT_FALSE(to[0][1].is_null());
    EXPECT_TRUE(to[1][0].is_null());
    EXPECT_EQ(to[1][1].text(), "x");
}

TEST(postgres_rows, what_is_no_row_of_its_columns_is_refused) {
    const row_shape shape = two_columns();
    for (const std::string_view wrong :
         {std::string_view(), std::string_view("\0", 1), std::string_view("\0\1\0\0\0\0", 6),
          std::string_view("\0\3\0\0\0\0\0\0\0\0\0\0\0\0", 14), std::string_view("\0\2\0\0\0\5-7\0\0\0\0", 12),
          std::string_view("\0\2\xff\xff\xff\xfe\0\0\0\0", 10), std::string_view("\0\2\x7f\xff\xff\xff\0\0\0\0", 10),
          std::string_view("\0\2\0\0\0\0\0\0\0\0!", 11), std::string_view("\0\2\0\0\0\0\0\0\0", 9)}) {
        sql::rows to;
        to.set_columns(shape.names);
        EXPECT_FALSE(add_row(wrong, shape, to)) << wrong.size();
    }
}

}  // namespace
}  // namespace lido::postgres
