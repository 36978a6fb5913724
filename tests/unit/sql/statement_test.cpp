#include "lido/sql/statement.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <type_traits>

namespace lido::sql {
namespace {

TEST(sql_statement, is_made_of_nothing_that_could_have_come_from_outside) {
    static_assert(!std::is_constructible_v<statement, std::string>);
    static_assert(!std::is_constructible_v<statement, std::string_view>);
    static_assert(!std::is_constructible_v<statement, const char*>);
    static_assert(!std::is_convertible_v<std::string, trusted_sql>, "the word must be written");
    static_assert(std::is_constructible_v<statement, trusted_sql>);
    constexpr statement literal = "select 1";
    EXPECT_EQ(literal.text(), "select 1");
}

TEST(sql_statement, owns_the_text_that_was_put_together) {
    statement first = trusted_sql(std::string("select ") + std::to_string(7));
    statement second = first;
    statement third = std::move(first);
    EXPECT_EQ(second.text(), "select 7");
    EXPECT_EQ(third.text(), "select 7");
    second = third;
    third = "select 8";
    EXPECT_EQ(second.text(), "select 7");
    EXPECT_EQ(third.text(), "select 8");
}

}  // namespace
}  // namespace lido::sql
