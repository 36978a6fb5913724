#include "sql/sqlite/keyword.hpp"

#include <gtest/gtest.h>

namespace lido::sqlite {
namespace {

TEST(sqlite_keyword_test, guesses_what_reads) {
    EXPECT_TRUE(looks_like_reading("select 1"));
    EXPECT_TRUE(looks_like_reading("WITH a AS (SELECT 1) SELECT * FROM a"));
    EXPECT_TRUE(looks_like_reading("values (1)"));
    EXPECT_TRUE(looks_like_reading("EXPLAIN QUERY PLAN DELETE FROM t"));
    EXPECT_FALSE(looks_like_reading("PRAGMA user_version"));
    EXPECT_FALSE(looks_like_reading("selected"));
    EXPECT_FALSE(looks_like_reading("insert into t values (1)"));
}

}  // namespace
}  // namespace lido::sqlite
