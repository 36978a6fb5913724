#include "console.hpp"

#include <gtest/gtest.h>

namespace lido::cli {
namespace {

TEST(columns_of, counts_characters_and_not_bytes) {
    EXPECT_EQ(columns_of(""), 0U);
    EXPECT_EQ(columns_of("abc"), 3U);
    EXPECT_EQ(columns_of("\xC3\xA9t\xC3\xA9"), 3U);
}

TEST(columns_of, knows_that_characters_of_east_asia_take_two_and_accents_none) {
    EXPECT_EQ(columns_of("\xE6\x97\xA5\xE6\x9C\xAC"), 4U);
    EXPECT_EQ(columns_of("e\xCC\x81"), 1U);
}

TEST(columns_of, gives_what_is_no_utf8_a_column_for_each_byte) {
    EXPECT_EQ(columns_of("a\xFF"
                         "b"),
              3U);
    EXPECT_EQ(columns_of("\xE6\x97"), 2U);
}

}  // namespace
}  // namespace lido::cli
