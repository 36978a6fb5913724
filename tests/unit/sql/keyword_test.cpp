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

TEST(sql_keyword, knows_what_ends_a_transaction) {
    EXPECT_EQ(ends_transaction("commit"), transaction_end::commit);
    EXPECT_EQ(ends_transaction("END TRANSACTION"), transaction_end::commit);
    EXPECT_EQ(ends_transaction(" rollback "), transaction_end::rollback);
    EXPECT_EQ(ends_transaction("ROLLBACK TRANSACTION"), transaction_end::rollback);
    EXPECT_EQ(ends_transaction("ROLLBACK TO SAVEPOINT a"), transaction_end::none);
    EXPECT_EQ(ends_transaction("ROLLBACK TRANSACTION TO a"), transaction_end::none);
    EXPECT_EQ(ends_transaction("ROLLBACK WORK AND CHAIN"), transaction_end::rollback);
    EXPECT_EQ(ends_transaction("rollback work to a"), transaction_end::none);
    EXPECT_EQ(ends_transaction("RELEASE a"), transaction_end::none);
    EXPECT_EQ(ends_transaction(" \v\f commit"), transaction_end::commit);
    EXPECT_EQ(ends_transaction("rollback transaction to_"), transaction_end::rollback);
    // SQLite passes over byte order marks, wherever they are; found by fuzzing.
    EXPECT_EQ(ends_transaction("\xEF\xBB\xBF commit"), transaction_end::commit);
    EXPECT_EQ(ends_transaction("rollback \xEF\xBB\xBF to a"), transaction_end::none);
}

}  // namespace
}  // namespace lido::sql
