#include "sql/keyword.hpp"

#include <gtest/gtest.h>

namespace lido::sql {
namespace {

TEST(sql_keyword, finds_the_first_word_behind_space_and_comments) {
    EXPECT_EQ(first_keyword("select 1"), "SELECT");
    EXPECT_EQ(first_keyword(" \t\n;/* a */ -- b\n Insert into t"), "INSERT");
    EXPECT_EQ(first_keyword("SELECT(1)"), "SELECT");
}

TEST(sql_keyword, finds_none_where_there_is_none) {
    EXPECT_EQ(first_keyword(""), "");
    EXPECT_EQ(first_keyword("-- only a comment"), "");
    EXPECT_EQ(first_keyword("/* never closed SELECT"), "");
    EXPECT_EQ(first_keyword("?"), "");
}

}  // namespace
}  // namespace lido::sql
