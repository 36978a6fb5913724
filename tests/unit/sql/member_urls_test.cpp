#include "sql/member_urls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lido::sql {
namespace {

using testing::HasSubstr;
using testing::Not;

result<std::vector<member_url>> members_of(const std::vector<std::string>& urls) {
    return member_urls(urls);
}

TEST(member_urls, each_host_of_a_url_is_a_member) {
    const auto all = members_of({"postgresql://anna:a%40b@one,[::1]:5433/shop%2F?sslmode=require"}).value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "one");
    EXPECT_EQ(all[0].url, "postgresql://anna:a%40b@one/shop%2F?sslmode=require&role=any");
    EXPECT_EQ(all[1].name, "[::1]:5433");
    EXPECT_EQ(all[1].url, "postgresql://anna:a%40b@[::1]:5433/shop%2F?sslmode=require&role=any");
    for (const member_url& each : all) EXPECT_TRUE(database_url::parse(each.url)) << each.url;
}

TEST(member_urls, several_urls_may_differ_in_all_but_their_kind) {
    const auto all = members_of({"mysql://a:x@one:3307/shop", "mariadb:///shop?socket=/run/two"}).value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].url, "mysql://a:x@one:3307/shop");
    EXPECT_EQ(all[1].name, "/run/two");
    EXPECT_FALSE(members_of({"mysql://one/shop", "postgresql://two/shop"}));
}

TEST(member_urls, sockets_in_one_folder_are_told_apart_by_their_ports) {
    const auto all = members_of({"postgresql://lido@:5432,:5433/shop?host=/run"}).value();
    EXPECT_EQ(all[0].name, "/run:5432");
    EXPECT_EQ(all[1].name, "/run:5433");
}

TEST(member_urls, what_is_wrong_is_named_and_the_password_never) {
    for (const auto& [urls, word] : std::vector<std::pair<std::vector<std::string>, const char*>>{
             {{}, "no server"},
             {{"sqlite:shop.db"}, "SQLite"},
             {{"postgresql://a:topsecret@one,one/shop"}, "named twice"},
             {{"postgresql://a:topsecret@one/shop?role=primary"}, "role"},
             {{"postgresql://a:topsecret@one:0/shop"}, "port"},
             {std::vector<std::string>(33, "mysql://a:topsecret@one/shop"), "twice"}}) {
        const auto refused = members_of(urls);
        ASSERT_FALSE(refused) << word;
        EXPECT_EQ(refused.error(), lido::errc::invalid_argument);
        EXPECT_THAT(refused.error().message(), HasSubstr(word));
        EXPECT_THAT(refused.error().message(), Not(HasSubstr("topsecret")));
    }
}

}  // namespace
}  // namespace lido::sql
