#include "lido/sql/pool.hpp"

#include "lido/net/runtime.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lido::sql {
namespace {

using testing::HasSubstr;
using testing::Not;

class sql_pool : public testing::Test {
protected:
    [[nodiscard]] result<pool> open(std::string_view url) { return pool::open(group_, url, settings_); }
    [[nodiscard]] std::string refusal(std::string_view url) {
        const auto made = open(url);
        return made ? std::string("it was taken") : made.error().message();
    }

    runtime group_;
    pool_settings settings_;
};

TEST_F(sql_pool, knows_each_database_by_its_scheme) {
    EXPECT_EQ(open("postgresql://anna:x@db.example/shop")->kind(), database_kind::postgres);
    EXPECT_EQ(open("postgres://one,two:5433/shop?sslmode=verify-full")->kind(), database_kind::postgres);
    EXPECT_EQ(open("mysql://anna:x@db.example/shop")->kind(), database_kind::mysql);
    EXPECT_EQ(open("mariadb://db.example/shop?ssl-mode=verify-full")->kind(), database_kind::mysql);
    EXPECT_EQ(open("sqlite::memory:")->kind(), database_kind::sqlite);
}

TEST_F(sql_pool, opens_no_connection_before_one_is_needed) {
    auto db = open("postgresql://db.example/shop");
    ASSERT_TRUE(db);
    for (const auto& each : db->statistics()) EXPECT_EQ(each.created, 0U);
}

TEST_F(sql_pool, an_option_that_is_not_known_is_named_with_those_that_are) {
    EXPECT_THAT(refusal("postgresql://db/shop?ssl-mode=disabled"),
                testing::AllOf(HasSubstr("ssl-mode"), HasSubstr("sslmode"), HasSubstr("transaction_pooling")));
    EXPECT_THAT(refusal("mysql://db/shop?sslmode=disable"),
                testing::AllOf(HasSubstr("sslmode"), HasSubstr("ssl-mode"), HasSubstr("socket")));
    EXPECT_THAT(refusal("sqlite:shop.db?cache=shared"), testing::AllOf(HasSubstr("cache"), HasSubstr("busy_timeout")));
}

TEST_F(sql_pool, a_value_that_does_not_fit_is_named_with_what_does) {
    EXPECT_THAT(refusal("postgresql://db/shop?sslmode=prefer"), HasSubstr("verify-full"));
    EXPECT_THAT(refusal("postgresql://db/shop?pipeline_depth=1000"), HasSubstr("1 … 256"));
    EXPECT_THAT(refusal("postgresql://db/shop?pipeline_depth=many"), HasSubstr("no number"));
    EXPECT_THAT(refusal("postgresql://db/shop?shared_patience=0"), HasSubstr("shared_patience"));
    EXPECT_THAT(refusal("postgresql://db/shop?transaction_pooling=maybe"), HasSubstr("on, off"));
    EXPECT_THAT(refusal("mysql://db/shop?ssl-mode=maybe"), HasSubstr("without-verification"));
    EXPECT_THAT(refusal("mysql://one,two/shop"), HasSubstr("several hosts"));
}

TEST_F(sql_pool, no_refusal_tells_a_password) {
    for (const char* url : {"postgresql://anna:topsecret@db/shop?x=1", "mysql://anna:topsecret@db/shop?x=1",
                            "postgresql://anna:topsecret@db:0/shop", "mysql://anna:topsecret@/shop?socket=/a&host=b",
                            "postgresql://anna:topsecret@db/shop?sslmode=none", "oracle://anna:topsecret@db/shop"}) {
        EXPECT_FALSE(open(url)) << url;
        EXPECT_THAT(refusal(url), Not(HasSubstr("topsecret"))) << url;
    }
}

TEST_F(sql_pool, options_of_postgresql_say_how_connections_are_used) {
    const auto db = open("postgresql://db/shop?shared_connections=2&pipeline_depth=8&shared_patience=50");
    ASSERT_TRUE(db) << db.error().message();
    EXPECT_EQ(db->statistics().size(), 2U) << "one pool of leases, one of shared connections";
    settings_.reset = reset_policy::full;
    EXPECT_THAT(refusal("postgresql://db/shop?transaction_pooling=on"), HasSubstr("reset_policy::full"));
}

TEST_F(sql_pool, settings_out_of_range_are_refused_for_every_database) {
    settings_.statement_timeout = duration::zero();
    for (const char* url : {"postgresql://db/shop", "mysql://db/shop", "sqlite::memory:"}) {
        EXPECT_THAT(refusal(url), HasSubstr("statement_timeout")) << url;
    }
}

}  // namespace
}  // namespace lido::sql
