#include "sql/statement_text.hpp"

#include <gtest/gtest.h>

namespace lido::cli::sql {
namespace {

TEST(statement_text, of_a_query_brings_rows_whatever_stands_before_it) {
    for (const char* each :
         {"select 1", "  SELECT 1", "(select 1) union (select 2)", "with a as (select 1) select 1", "values (1)",
          "table outfit", "-- report\nselect 1", "/* a -- b */ select 1", ";select 1"}) {
        EXPECT_TRUE(brings_rows(each)) << each;
    }
    for (const char* each : {"", "-- select", "/* select", "insert into a values (1)", "selection",
                             "create table a (b)", "update a set b = 1", "explain select 1", "call report()"}) {
        EXPECT_FALSE(brings_rows(each)) << each;
    }
}

TEST(statement_text, of_a_change_brings_rows_where_it_returns_them) {
    EXPECT_TRUE(brings_rows("delete from a returning *"));
    EXPECT_TRUE(brings_rows("insert into a values ('x') RETURNING b"));
    EXPECT_TRUE(brings_rows("insert into a values ('it''s') returning b"));
    EXPECT_TRUE(brings_rows("insert into a values ($1) returning b"));
    for (const char* each :
         {"insert into a values ('returning')", "insert into \"returning\" values (1)", "update a set returning_at = 1",
          "delete from a -- returning\n", "delete from a /* returning */", "insert into `returning` values (1)",
          "insert into a values ($$returning$$)", "insert into a values ($x$ returning $$ $x$)",
          "insert into a values ('returning"}) {
        EXPECT_FALSE(brings_rows(each)) << each;
    }
}

TEST(statement_text, of_a_query_only_reads_unless_anything_may_stand_behind_it) {
    EXPECT_TRUE(only_reads("select 1"));
    EXPECT_TRUE(only_reads("/* a */ VALUES (1)"));
    for (const char* each :
         {"with a as (select 1) delete from b", "insert into a values (1)", "pragma user_version = 2", ""}) {
        EXPECT_FALSE(only_reads(each)) << each;
    }
}

}  // namespace
}  // namespace lido::cli::sql
