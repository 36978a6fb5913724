#include "lido/http/request.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace lido::http {
namespace {

using namespace std::chrono_literals;

std::string refusal(const request& message) {
    const result<void> checked = message.validate();
    return checked ? std::string() : checked.error().message();
}

TEST(Request, IsBuiltInOneExpression) {
    const request made = request(method::post, "/outfits/7/rating")
                             .header("Accept", "application/json")
                             .body("5", "text/plain")
                             .timeout(3s)
                             .read_timeout(1s);
    EXPECT_EQ(made.method(), method::post);
    EXPECT_EQ(made.target(), "/outfits/7/rating");
    EXPECT_EQ(made.header("accept"), "application/json");
    EXPECT_EQ(made.header("content-type"), "text/plain");
    EXPECT_EQ(made.body(), "5");
    EXPECT_EQ(made.timeout(), 3s);
    EXPECT_EQ(made.read_timeout(), 1s);
    EXPECT_EQ(refusal(made), "");
}

TEST(Request, IsBuiltStepByStep) {
    request made(method::get, "/");
    made.header("A", "1").header("B", "2");
    made.timeout(1s);
    EXPECT_EQ(made.headers().size(), 2U);
    EXPECT_FALSE(made.has_body());
    EXPECT_EQ(made.body(), "");
    EXPECT_FALSE(made.read_timeout());
}

TEST(Request, TellsAnEmptyBodyFromNone) {
    EXPECT_TRUE(request(method::post, "/").body("").has_body());
    EXPECT_FALSE(request(method::post, "/").has_body());
}

TEST(Request, RemembersTheFirstMistake) {
    const request made = request(method::get, "/").header("A B", "1").header("C", "\r\n").timeout(0s);
    EXPECT_NE(refusal(made).find("header name"), std::string::npos);
    EXPECT_TRUE(made.headers().empty());
}

TEST(Request, RefusesTimeoutsThatAreNotPositive) {
    EXPECT_NE(refusal(request(method::get, "/").timeout(0s)).find("timeout"), std::string::npos);
    EXPECT_NE(refusal(request(method::get, "/").read_timeout(-1s)).find("read_timeout"), std::string::npos);
}

TEST(Request, RefusesTargetsThatBreakTheRequestLine) {
    for (const std::string target : {"", "outfits", "http://shop.example/", "/a b", "/a\r\nX: 1", "/a\n", "/a\tb",
                                     "/\x7F", "/\xC3\xA4", "/a#b", "//a b"}) {
        EXPECT_EQ(request(method::get, target).validate().error(), errc::invalid_argument) << target;
    }
    EXPECT_EQ(request(method::get, std::string("/a\0b", 4)).validate().error(), errc::invalid_argument);
}

TEST(Request, AcceptsTargetsOfEachFormForItsMethod) {
    for (const std::string target : {"/", "/outfits?size=38&x=%20", "//double", "/a;b=c/@:!$'()*,+[]|"}) {
        EXPECT_EQ(refusal(request(method::get, target)), "") << target;
    }
    EXPECT_EQ(refusal(request(method::options, "*")), "");
    EXPECT_NE(refusal(request(method::get, "*")), "");
    EXPECT_EQ(refusal(request(method::connect, "shop.example:443")), "");
    EXPECT_EQ(refusal(request(method::connect, "[::1]:443")), "");
    for (const std::string target :
         {"/", "shop.example", "shop.example:", "shop.example:70000", "a@b:1", "a b:1", ":443"}) {
        EXPECT_NE(refusal(request(method::connect, target)), "") << target;
    }
}

TEST(Request, RefusesFramingOfItsOwn) {
    EXPECT_NE(refusal(request(method::post, "/").header("Transfer-Encoding", "chunked").body("x")), "");
    EXPECT_NE(refusal(request(method::post, "/").header("transfer-encoding", "identity")), "");
    EXPECT_NE(refusal(request(method::post, "/").header("Content-Length", "2").body("x")), "");
    EXPECT_NE(refusal(request(method::get, "/").header("Content-Length", "1")), "");
    EXPECT_NE(refusal(request(method::post, "/").header("Content-Length", "+1").body("x")), "");
    EXPECT_EQ(refusal(request(method::post, "/").header("Content-Length", "1").body("x")), "");
    EXPECT_NE(refusal(request(method::post, "/").header("Content-Length", "1").header("Content-Length", "2").body("x")),
              "");
    EXPECT_NE(refusal(request(method::post, "/").header("Content-Length", "1").header("Content-Length", "1").body("x")),
              "");
}

TEST(Request, RefusesAHostThatIsNoneOrGivenTwice) {
    EXPECT_EQ(refusal(request(method::get, "/").header("Host", "other.example:81")), "");
    EXPECT_NE(refusal(request(method::get, "/").header("Host", "a").header("host", "a")), "");
    for (const std::string host :
         {"", "a b", "a/b", "user@a", "a:b", "a:1:2", "[::1", "::1", "a\\b", "\xC3\xA4", "a:65536"}) {
        EXPECT_NE(refusal(request(method::get, "/").header("Host", host)), "") << host;
    }
}

TEST(Request, RefusesABodyWhereItHasNoMeaning) {
    EXPECT_NE(refusal(request(method::trace, "/").body("x")), "");
    EXPECT_NE(refusal(request(method::connect, "a:1").body("x")), "");
    EXPECT_EQ(refusal(request(method::get, "/").body("x")), "");
}

TEST(Request, IsChangedByRedirects) {
    request made = request(method::post, "/old").header("Authorization", "secret").body("x", "text/plain");
    made.set_method(method::get);
    made.set_target("/new");
    made.remove_body();
    made.mutable_headers().remove("Authorization");
    made.mutable_headers().remove("Content-Type");
    EXPECT_EQ(made.method(), method::get);
    EXPECT_EQ(made.target(), "/new");
    EXPECT_FALSE(made.has_body());
    EXPECT_TRUE(made.headers().empty());
}

}  // namespace
}  // namespace lido::http
