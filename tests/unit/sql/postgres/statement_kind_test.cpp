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

}  // namespace
}  // namespace lido::postgres
