#include "lido/sql/database_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using lido::sql::database_kind;
using lido::sql::database_url;
using testing::HasSubstr;
using testing::Not;

TEST(database_url, a_server_is_taken_apart) {
    const auto url =
        database_url::parse("postgresql://anna:s%40fe@db.example:5433/shop?sslmode=verify-full&application_name=x");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->kind, database_kind::postgres);
    EXPECT_EQ(url->user, "anna");
    EXPECT_EQ(url->password.reveal(), "s@fe");
    ASSERT_EQ(url->places.size(), 1U);
    EXPECT_EQ(url->places[0].host, "db.example");
    EXPECT_EQ(url->places[0].port, 5433);
    EXPECT_EQ(url->database, "shop");
    EXPECT_EQ(url->option("sslmode"), "verify-full");
    EXPECT_FALSE(url->option("nothing"));
}

TEST(database_url, several_hosts_addresses_and_sockets) {
    const auto url = database_url::parse("postgres://one,two:6000,[::1]:7000,%2Frun%2Fpostgresql/shop");
    ASSERT_TRUE(url);
    ASSERT_EQ(url->places.size(), 4U);
    EXPECT_EQ(url->places[0].port, 0);
    EXPECT_EQ(url->places[1].port, 6000);
    EXPECT_EQ(url->places[2].host, "::1");
    EXPECT_EQ(url->places[3].host, "/run/postgresql");
    EXPECT_EQ(database_url::parse("postgresql:///shop")->places[0].host, "");
}

TEST(database_url, files_of_sqlite) {
    EXPECT_EQ(database_url::parse("sqlite:shop.db")->database, "shop.db");
    EXPECT_EQ(database_url::parse("sqlite:/var/shop.db")->database, "/var/shop.db");
    EXPECT_EQ(database_url::parse("sqlite:///var/shop.db")->database, "/var/shop.db");
    EXPECT_EQ(database_url::parse("sqlite::memory:")->database, ":memory:");
    EXPECT_EQ(database_url::parse("sqlite:a%20b.db?mode=ro")->option("mode"), "ro");
}

TEST(database_url, its_text_has_no_password) {
    for (const char* text :
         {"mysql://anna:topsecret@db/shop", "postgresql://db/shop?password=topsecret&sslmode=disable",
          "postgresql://db/shop?sslkey=topsecret"}) {
        const auto url = database_url::parse(text);
        ASSERT_TRUE(url) << text;
        EXPECT_THAT(url->to_text(), Not(HasSubstr("topsecret")));
    }
    EXPECT_EQ(database_url::parse("postgres://anna:x@[::1]:1,b/shop?sslmode=disable")->to_text(),
              "postgresql://anna@[::1]:1,b/shop?sslmode=disable");
}

TEST(database_url, its_text_can_be_read_again_and_has_no_control_character) {
    const auto url = database_url::parse("postgres://a%40b%0a@%2Frun%2Fx,c%2cd/sh%3fop%23?a%26b=c%26%25d");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->to_text(), "postgresql://a%40b%0a@%2frun%2fx,c%2cd/sh%3fop%23?a%26b=c%26%25d");
    EXPECT_EQ(database_url::parse(url->to_text())->places, url->places);
    EXPECT_EQ(database_url::parse("sqlite:a%0ab%3f?mode=ro")->to_text(), "sqlite:a%0ab%3f?mode=ro");
    EXPECT_EQ(database_url::parse("sqlite:////x")->to_text(), "sqlite:////x");
    EXPECT_EQ(database_url::parse("sqlite::memory:")->to_text(), "sqlite::memory:");
}

TEST(database_url, what_is_wrong_is_said_without_its_secrets) {
    for (const char* wrong : {"",
                              "shop",
                              "oracle://db/shop",
                              "postgresql:shop",
                              "postgresql:/shop",
                              "mysql://db:0/shop",
                              "mysql://db:65536/s",
                              "mysql://db:/shop",
                              "mysql://::1/shop",
                              "mysql://[::1/shop",
                              "mysql://[::1]x/shop",
                              "mysql://a b/shop",
                              "mysql://a%2/shop",
                              "mysql://a%zz/shop",
                              "mysql://a%00/shop",
                              "mysql://db/shop?x",
                              "mysql://db/shop?=1",
                              "mysql://db/shop?a=1&a=2",
                              "mysql://db/shop#x",
                              "sqlite:",
                              "sqlite://host/file",
                              "mysql://anna:topsecret%@db/shop"}) {
        const auto url = database_url::parse(wrong);
        ASSERT_FALSE(url) << wrong;
        EXPECT_EQ(url.error(), lido::errc::invalid_argument);
        EXPECT_THAT(url.error().message(), Not(HasSubstr("topsecret")));
    }
    EXPECT_FALSE(database_url::parse("sqlite:" + std::string(9000, 'a')));
}

}  // namespace
