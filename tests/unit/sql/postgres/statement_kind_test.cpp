#include "sql/postgres/statement_kind.hpp"

#include <gtest/gtest.h>

namespace lido::postgres {
namespace {

TEST(postgres_statement_kind, what_leaves_nothing_behind_may_share_a_connection) {
    for (const char* each : {"select 1", "  \n SELECT(1)", "insert into a values (1)", "With a as (select 1) table a",
                             "values (1)", "update a set b = 1", "delete from a", "merge into a using b", "table a"}) {
        EXPECT_TRUE(may_share_connection(each)) << each;
    }
}

TEST(postgres_statement_kind, everything_else_may_not) {
    for (const char* each : {"", " ", "begin", "BEGIN READ ONLY", "set a = 1", "listen a", "selection", "select",
                             "select_1", "declare c cursor for select 1", "-- select\nselect 1", "do $$ $$", "lock a",
                             "copy a to stdout", "prepare a as select 1", "discard all"}) {
        EXPECT_FALSE(may_share_connection(each)) << each;
    }
}

TEST(postgres_statement_kind, a_select_that_makes_a_table_may_not) {
    for (const char* each :
         {"select 1 into temp t", "SELECT a\nINTO t FROM b", "select 1 into\"t\"", "select $1into temp t",
          "select $$x$$into temp t", "select 'it''s' into t", "select e'\\'' into t --'", "select 1/**/into/**/t",
          "with a as (select 1) select * into temporary t from a", "  select 1 Into t"}) {
        EXPECT_FALSE(may_share_connection(each)) << each;
    }
    for (const char* each : {"select into_stock from a", "select pinto from a", "select a_into from b",
                             "select intoxicated from a", "insert into a select 1", "merge into a using b"}) {
        EXPECT_TRUE(may_share_connection(each)) << each;
    }
}

}  // namespace
}  // namespace lido::postgres
