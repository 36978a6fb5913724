#include "sql/mysql/statement_cache.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace lido::mysql {
namespace {

prepared_statement statement(const char* text, std::uint32_t id) {
    prepared_statement made;
    made.text = text;
    made.id = id;
    return made;
}

using numbers = std::vector<std::uint32_t>;

TEST(mysql_statement_cache, finds_what_was_added_and_nothing_else) {
    statement_cache cache(2);
    EXPECT_EQ(cache.find("a"), nullptr);
    const prepared_statement& added = cache.add(statement("a", 1));
    EXPECT_EQ(cache.find("a"), &added);
    EXPECT_EQ(added.id, 1U);
    EXPECT_EQ(cache.find("b"), nullptr);
}

TEST(mysql_statement_cache, the_statement_used_longest_ago_makes_room_and_is_to_be_closed) {
    statement_cache cache(2);
    static_cast<void>(cache.add(statement("a", 1)));
    static_cast<void>(cache.add(statement("b", 2)));
    static_cast<void>(cache.find("a"));
    static_cast<void>(cache.add(statement("c", 3)));
    EXPECT_EQ(cache.size(), 2U);
    EXPECT_EQ(cache.find("b"), nullptr);
    EXPECT_NE(cache.find("a"), nullptr);
    EXPECT_EQ(cache.dropped(), numbers{2});
    cache.forget_dropped();
    EXPECT_EQ(cache.dropped(), numbers{});
}

TEST(mysql_statement_cache, without_a_limit_above_0_the_last_one_is_kept_and_not_found) {
    statement_cache cache(0);
    static_cast<void>(cache.add(statement("a", 1)));
    EXPECT_EQ(cache.find("a"), nullptr);
    EXPECT_EQ(cache.dropped(), numbers{});
    static_cast<void>(cache.add(statement("a", 2)));
    EXPECT_EQ(cache.dropped(), numbers{1});
    EXPECT_EQ(cache.size(), 1U);
}

TEST(mysql_statement_cache, one_that_is_dropped_is_not_found_and_to_be_closed) {
    statement_cache cache(2);
    static_cast<void>(cache.add(statement("a", 1)));
    const prepared_statement& dropped = cache.add(statement("b", 2));
    cache.drop(dropped);
    EXPECT_EQ(cache.find("b"), nullptr);
    EXPECT_NE(cache.find("a"), nullptr);
    EXPECT_EQ(cache.dropped(), numbers{2});
    EXPECT_EQ(cache.size(), 1U);
    EXPECT_EQ(cache.add(statement("b", 3)).id, 3U);
}

TEST(mysql_statement_cache, when_the_server_has_dropped_all_there_is_nothing_to_close) {
    statement_cache cache(1);
    static_cast<void>(cache.add(statement("a", 1)));
    static_cast<void>(cache.add(statement("b", 2)));
    cache.clear();
    EXPECT_EQ(cache.dropped(), numbers{});
    EXPECT_EQ(cache.find("b"), nullptr);
    EXPECT_EQ(cache.size(), 0U);
}

}  // namespace
}  // namespace lido::mysql
