#include "sql/postgres/statement_cache.hpp"

#include <gtest/gtest.h>

namespace lido::postgres {
namespace {

TEST(postgres_statement_cache, finds_what_was_added_and_nothing_else) {
    statement_cache cache(2);
    EXPECT_EQ(cache.find("select 1"), nullptr);
    const prepared_statement& added = cache.add("select 1");
    EXPECT_EQ(added.name, "lido_1");
    EXPECT_EQ(cache.find("select 1"), &added);
    EXPECT_EQ(cache.find("select 2"), nullptr);
}

TEST(postgres_statement_cache, the_statement_used_longest_ago_makes_room_and_is_to_be_deallocated) {
    statement_cache cache(2);
    static_cast<void>(cache.add("a"));
    static_cast<void>(cache.add("b"));
    static_cast<void>(cache.find("a"));
    static_cast<void>(cache.add("c"));
    EXPECT_EQ(cache.size(), 2U);
    EXPECT_EQ(cache.find("b"), nullptr);
    EXPECT_NE(cache.find("a"), nullptr);
    EXPECT_EQ(cache.take_dropped(), std::vector<std::string>{"lido_2"});
    EXPECT_FALSE(cache.has_dropped());
}

TEST(postgres_statement_cache, a_forgotten_statement_gets_another_name_when_it_comes_again) {
    statement_cache cache(2);
    static_cast<void>(cache.add("a"));
    cache.forget("lido_1");
    cache.forget("lido_1");
    EXPECT_EQ(cache.find("a"), nullptr);
    EXPECT_EQ(cache.add("a").name, "lido_2");
    EXPECT_FALSE(cache.has_dropped());
}

TEST(postgres_statement_cache, when_the_server_has_dropped_all_there_is_nothing_to_deallocate) {
    statement_cache cache(1);
    static_cast<void>(cache.add("a"));
    static_cast<void>(cache.add("b"));
    cache.clear();
    EXPECT_EQ(cache.size(), 0U);
    EXPECT_EQ(cache.find("b"), nullptr);
    EXPECT_FALSE(cache.has_dropped());
}

TEST(postgres_statement_cache, remembers_the_columns_of_queries_alone) {
    statement_cache made(4);
    const std::string query = made.add("select 1").name;
    const std::string cursor = made.add("fetch 1 from c").name;
    for (const std::string& each : {query, cursor, std::string("lido_77")}) made.describe(each, no_rows());
    EXPECT_EQ(made.find("select 1")->shape, no_rows());
    EXPECT_EQ(made.find("fetch 1 from c")->shape, nullptr) << "another cursor may have that name the next time";
    made.forget(query);
    EXPECT_EQ(made.add("select 1").shape, nullptr);
}

}  // namespace
}  // namespace lido::postgres
