#include "sql/url_options.hpp"

#include "support/temporary_directory.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace lido::cli::sql {
namespace {

TEST(url_options, one_is_added_behind_those_that_are_there) {
    EXPECT_EQ(with_option("postgresql://db/shop", "role=any"), "postgresql://db/shop?role=any");
    EXPECT_EQ(with_option("postgresql://db/shop?", "role=any"), "postgresql://db/shop?role=any");
    EXPECT_EQ(with_option("postgresql://db/shop?a=b", "role=any"), "postgresql://db/shop?a=b&role=any");
    EXPECT_EQ(with_option("postgresql://db/shop?a=b&", "role=any"), "postgresql://db/shop?a=b&role=any");
}

TEST(url_options, for_a_look_a_file_of_sqlite_keeps_its_journal_and_is_not_made) {
    EXPECT_EQ(for_a_look("sqlite:shop.db", true), "sqlite:shop.db?journal=keep&mode=rw");
    EXPECT_EQ(for_a_look("sqlite:shop.db", false), "sqlite:shop.db?journal=keep");
}

TEST(url_options, for_a_look_what_the_url_says_itself_counts) {
    EXPECT_EQ(for_a_look("sqlite:shop.db?mode=rwc", true), "sqlite:shop.db?mode=rwc&journal=keep");
    EXPECT_EQ(for_a_look("sqlite:shop.db?journal=wal&mode=ro", true), "sqlite:shop.db?journal=wal&mode=ro");
}

TEST(url_options, for_a_look_other_databases_are_as_they_are) {
    for (const char* each : {"sqlite::memory:", "postgresql://db/shop", "mysql://db/shop", "no url", ""}) {
        EXPECT_EQ(for_a_look(each, true), each);
        EXPECT_EQ(for_a_look(each, false), each);
    }
}

TEST(url_options, for_a_look_a_file_that_may_only_be_read_is_opened_for_that) {
    if (geteuid() == 0) GTEST_SKIP() << "root may write any file";
    const lido::test::temporary_directory folder;
    const std::string file = folder.file("shop.db");
    std::ofstream(file) << "";
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    EXPECT_EQ(for_a_look("sqlite:" + file, true), fmt::format("sqlite:{}?journal=keep&mode=ro", file));
}

}  // namespace
}  // namespace lido::cli::sql
