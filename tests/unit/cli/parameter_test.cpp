#include "sql/parameter.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace lido::cli::sql {
namespace {

using lido::sql::value;

TEST(parameter, is_a_number_where_it_is_written_as_one_would_be) {
    EXPECT_EQ(parameter_of("7"), value(std::int64_t{7}));
    EXPECT_EQ(parameter_of("-7"), value(std::int64_t{-7}));
    EXPECT_EQ(parameter_of("9223372036854775807"), value(std::int64_t{9223372036854775807}));
    EXPECT_EQ(parameter_of("0.5"), value(0.5));
    EXPECT_EQ(parameter_of("-1.25"), value(-1.25));
}

/// Otherwise a post code would lose its zeros, and money its digits.
TEST(parameter, is_text_where_a_number_would_be_written_in_another_way) {
    for (const char* each : {"0123", "1.10", "+5", "1e3", "9223372036854775808", "12345678901234567890.5",
                             "0.1000000000000000000001", "nan", "inf", "1e400", "", " 7", "7 ", "0x10", "NULL"}) {
        EXPECT_EQ(parameter_of(each), value(each)) << each;
    }
}

TEST(parameter, says_by_its_beginning_that_it_is_text_or_null) {
    EXPECT_EQ(parameter_of("text:5"), value("5"));
    EXPECT_EQ(parameter_of("text:"), value(""));
    EXPECT_EQ(parameter_of("null:"), value(lido::sql::null));
}

}  // namespace
}  // namespace lido::cli::sql
