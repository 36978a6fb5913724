#include "lido/http/method.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lido::http {
namespace {

TEST(Method, NamedOnesHaveTheirRegisteredText) {
    EXPECT_EQ(method::get.text(), "GET");
    EXPECT_EQ(method::head.text(), "HEAD");
    EXPECT_EQ(method::post.text(), "POST");
    EXPECT_EQ(method::put.text(), "PUT");
    EXPECT_EQ(method::delete_.text(), "DELETE");
    EXPECT_EQ(method::options.text(), "OPTIONS");
    EXPECT_EQ(method::trace.text(), "TRACE");
    EXPECT_EQ(method::patch.text(), "PATCH");
    EXPECT_EQ(method::connect.text(), "CONNECT");
}

TEST(Method, ParsesNamedOnesAndAnyOtherToken) {
    EXPECT_EQ(method::parse("GET").value(), method::get);
    EXPECT_EQ(method::parse("DELETE").value(), method::delete_);
    EXPECT_EQ(method::parse("PROPFIND").value().text(), "PROPFIND");
    EXPECT_EQ(method::parse("M-SEARCH").value().text(), "M-SEARCH");
}

TEST(Method, IsCaseSensitive) {
    EXPECT_NE(method::parse("get").value(), method::get);
}

TEST(Method, RefusesWhatIsNoToken) {
    for (const std::string text : {"", " ", "GET ", "G ET", "GET\r\nHost: x", "G\tT", "GET/", "G\x80T", "(GET)"}) {
        EXPECT_EQ(method::parse(text).error(), errc::invalid_argument) << text;
    }
    EXPECT_EQ(method::parse(std::string_view("GE\0T", 4)).error(), errc::invalid_argument);
}

TEST(Method, RefusesMoreBytesThanItHolds) {
    EXPECT_EQ(method::parse(std::string(method::max_size, 'A')).value().text().size(), method::max_size);
    EXPECT_EQ(method::parse(std::string(method::max_size + 1, 'A')).error(), errc::invalid_argument);
}

TEST(Method, KnowsWhichAreSafe) {
    for (const method& each : {method::get, method::head, method::options, method::trace}) EXPECT_TRUE(is_safe(each));
    for (const method& each : {method::post, method::put, method::delete_, method::patch, method::connect}) {
        EXPECT_FALSE(is_safe(each)) << each.text();
    }
    EXPECT_FALSE(is_safe(method::parse("PROPFIND").value()));
}

TEST(Method, KnowsWhichAreIdempotent) {
    for (const method& each :
         {method::get, method::head, method::options, method::trace, method::put, method::delete_}) {
        EXPECT_TRUE(is_idempotent(each)) << each.text();
    }
    for (const method& each : {method::post, method::patch, method::connect}) EXPECT_FALSE(is_idempotent(each));
    EXPECT_FALSE(is_idempotent(method::parse("get").value()));
}

}  // namespace
}  // namespace lido::http
