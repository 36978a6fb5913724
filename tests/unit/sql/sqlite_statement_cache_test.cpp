#include "sql/sqlite/statement_cache.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace lido::sqlite {
namespace {

struct closer {
    void operator()(sqlite3* which) const noexcept { sqlite3_close(which); }
};

class sqlite_statement_cache_test : public testing::Test {
protected:
    sqlite_statement_cache_test() {
        sqlite3* opened = nullptr;
        sqlite3_open(":memory:", &opened);
        db_.reset(opened);
    }
    sqlite3_stmt* add(statement_cache& to, const std::string& text) {
        sqlite3_stmt* made = nullptr;
        sqlite3_prepare_v2(db_.get(), text.c_str(), -1, &made, nullptr);
        return to.keep(text, prepared_statement(made));
    }

private:
    std::unique_ptr<sqlite3, closer> db_;
};

TEST_F(sqlite_statement_cache_test, keeps_the_statements_used_last) {
    statement_cache cache(2);
    sqlite3_stmt* const one = add(cache, "SELECT 1");
    add(cache, "SELECT 2");
    EXPECT_EQ(cache.find("SELECT 1"), one);
    add(cache, "SELECT 3");
    EXPECT_EQ(cache.find("SELECT 1"), one);
    EXPECT_EQ(cache.find("SELECT 2"), nullptr);
    EXPECT_NE(cache.find("SELECT 3"), nullptr);
    EXPECT_EQ(cache.size(), 2U);
}

TEST_F(sqlite_statement_cache_test, keeps_one_for_its_use_only_when_it_may_keep_none) {
    statement_cache cache(0);
    EXPECT_NE(add(cache, "SELECT 1"), nullptr);
    EXPECT_EQ(cache.find("SELECT 1"), nullptr);
    add(cache, "SELECT 1");
    EXPECT_EQ(cache.size(), 1U);
}

TEST_F(sqlite_statement_cache_test, forgets_everything_when_cleared) {
    statement_cache cache(5);
    add(cache, "SELECT 1");
    cache.clear();
    EXPECT_EQ(cache.find("SELECT 1"), nullptr);
}

}  // namespace
}  // namespace lido::sqlite
