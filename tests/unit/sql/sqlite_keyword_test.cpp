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

TEST(sqlite_keyword_test, knows_what_ends_a_transaction) {
    EXPECT_EQ(ends_transaction("commit"), transaction_end::commit);
    EXPECT_EQ(ends_transaction("END TRANSACTION"), transaction_end::commit);
    EXPECT_EQ(ends_transaction(" rollback "), transaction_end::rollback);
    EXPECT_EQ(ends_transaction("ROLLBACK TRANSACTION"), transaction_end::rollback);
    EXPECT_EQ(ends_transaction("ROLLBACK TO SAVEPOINT a"), transaction_end::none);
    EXPECT_EQ(ends_transaction("ROLLBACK TRANSACTION TO a"), transaction_end::none);
    EXPECT_EQ(ends_transaction("RELEASE a"), transaction_end::none);
    EXPECT_EQ(ends_transaction(" \v\f commit"), transaction_end::commit);
    EXPECT_EQ(ends_transaction("rollback transaction to_"), transaction_end::rollback);
    // SQLite passes over byte order marks, wherever they are; found by fuzzing.
    EXPECT_EQ(ends_transaction("\xEF\xBB\xBF commit"), transaction_end::commit);
    EXPECT_EQ(ends_transaction("rollback \xEF\xBB\xBF to a"), transaction_end::none);
}

}  // namespace
}  // namespace lido::sqlite
