#include "lido/http/credentials.hpp"

#include "lido/http/request.hpp"

#include <gtest/gtest.h>

namespace lido::http {
namespace {

TEST(Credentials, AreWrittenAsRfc7617And6750Say) {
    EXPECT_EQ(credentials::basic("Aladdin", "open sesame").value().field_value().reveal(),
              "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(credentials::basic("test", "123\xC2\xA3").value().field_value().reveal(), "Basic dGVzdDoxMjPCow==");
    EXPECT_EQ(credentials::basic("", "").value().field_value().reveal(), "Basic Og==");
    EXPECT_EQ(credentials::basic("a", "b:c").value().field_value().reveal(), "Basic YTpiOmM=");
    EXPECT_EQ(credentials::bearer("mF_9.B5f-4.1JqM").value().field_value().reveal(), "Bearer mF_9.B5f-4.1JqM");
    EXPECT_TRUE(credentials::bearer("abc==").has_value());
}

TEST(Credentials, RefuseWhatCannotBeSent) {
    EXPECT_FALSE(credentials::basic("a:b", "c").has_value());
    EXPECT_FALSE(credentials::basic("a\n", "c").has_value());
    EXPECT_FALSE(credentials::basic("a", "c\r").has_value());
    EXPECT_FALSE(credentials::bearer("").has_value());
    EXPECT_FALSE(credentials::bearer("==").has_value());
    EXPECT_FALSE(credentials::bearer("a b").has_value());
    EXPECT_FALSE(credentials::bearer("a\r\nHost: b").has_value());
    EXPECT_FALSE(credentials::bearer("a=b").has_value());
    const auto refused = credentials::bearer("hidden token");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message().find("hidden"), std::string::npos);
}

TEST(Credentials, TakeThePlaceOfAnAuthorizationField) {
    request what(method::get, "/");
    what.header("authorization", "old").authorize(credentials::bearer("new").value());
    EXPECT_EQ(what.header("Authorization"), "Bearer new");
    EXPECT_EQ(what.headers().size(), 1U);
    EXPECT_TRUE(what.validate().has_value());
    EXPECT_FALSE(request(method::get, "/").secret_header("X-Key", "a\nb").validate().has_value());
}

}  // namespace
}  // namespace lido::http
