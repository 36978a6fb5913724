#include "lido/sql/sqlite/pool_settings.hpp"
#include "sql/sqlite/database.hpp"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

namespace lido::sqlite {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

result<pool_settings> of(std::string_view url) {
    return pool_settings::from(sql::database_url::parse(url).value(), sql::pool_settings());
}

TEST(sqlite_settings_test, are_read_from_a_url) {
    const pool_settings made = of("sqlite:/a/b.db?mode=rw&synchronous=full&busy_timeout=250&threads=9").value();
    EXPECT_EQ(made.file, "/a/b.db");
    EXPECT_EQ(made.mode, open_mode::read_write);
    EXPECT_EQ(made.commits, durability::full);
    EXPECT_EQ(made.busy_timeout, 250ms);
    EXPECT_EQ(made.reader_threads, 9U);
}

TEST(sqlite_settings_test, have_defaults) {
    const pool_settings made = of("sqlite::memory:").value();
    EXPECT_EQ(made.file, ":memory:");
    EXPECT_EQ(made.mode, open_mode::create);
    EXPECT_EQ(made.commits, durability::normal);
}

TEST(sqlite_settings_test, name_what_is_wrong) {
    EXPECT_THAT(of("sqlite:a.db?mode=no").error().what(), HasSubstr("mode=no"));
    EXPECT_THAT(of("sqlite:a.db?synchronous=off").error().what(), HasSubstr("synchronous=off"));
    EXPECT_THAT(of("sqlite:a.db?threads=65").error().what(), HasSubstr("threads) = 65"));
    EXPECT_THAT(of("sqlite:a.db?threads=x").error().what(), HasSubstr("threads"));
    EXPECT_THAT(of("sqlite:a.db?busy_timeout=3600001").error().what(), HasSubstr("busy_timeout"));
    EXPECT_THAT(of("sqlite:a.db?cache=shared").error().what(), HasSubstr("cache"));
    EXPECT_THAT(of("sqlite::memory:?mode=ro").error().what(), HasSubstr("stays empty"));
    EXPECT_THAT(of("mysql://host/a").error().what(), HasSubstr("not one of SQLite"));
}

TEST(sqlite_settings_test, bound_the_memory_for_pages) {
    pool_settings made = of("sqlite:a.db").value();
    made.page_cache_bytes = 1000;
    EXPECT_THAT(made.validate().error().what(), HasSubstr("page_cache_bytes = 1000"));
}

TEST(sqlite_settings_test, escape_what_a_uri_would_misread) {
    EXPECT_EQ(uri_of("a b?c#d%.db"), "file:a b%3fc%23d%25.db");
    EXPECT_EQ(uri_of("/a.db"), "file:/a.db");
    EXPECT_EQ(uri_of("//host/a.db"), "file:////host/a.db");
}

}  // namespace
}  // namespace lido::sqlite
