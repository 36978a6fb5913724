#include "http/request_writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace lido::http {
namespace {

const request_target_context shop{.host = "shop.example:8080"};

std::string written(const request& message, const request_target_context& context = shop) {
    std::string out;
    const result<written_request> done = append_request(out, message, context);
    EXPECT_TRUE(done) << (done ? "" : done.error().message());
    return out;
}

errc refused(const request& message, const request_target_context& context = shop) {
    std::string out = "before";
    const result<written_request> done = append_request(out, message, context);
    EXPECT_FALSE(done);
    EXPECT_EQ(out, "before");
    return done ? errc() : static_cast<errc>(done.error().code().value());
}

TEST(RequestWriter, WritesRequestLineHostAndFields) {
    EXPECT_EQ(written(request(method::get, "/outfits?size=38").header("Accept", "text/html")),
              "GET /outfits?size=38 HTTP/1.1\r\nHost: shop.example:8080\r\nAccept: text/html\r\n\r\n");
}

TEST(RequestWriter, AppendsToWhatIsThere) {
    std::string out = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_TRUE(append_request(out, request(method::get, "/2"), {.host = "a"}));
    EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(RequestWriter, SendsTheLengthOfEveryBody) {
    EXPECT_EQ(
        written(request(method::post, "/").body("hello", "text/plain")),
        "POST / HTTP/1.1\r\nHost: shop.example:8080\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(written(request(method::get, "/").body("")),
              "GET / HTTP/1.1\r\nHost: shop.example:8080\r\nContent-Length: 0\r\n\r\n");
}

TEST(RequestWriter, SaysZeroWhereAMethodAnticipatesABody) {
    for (const method& each : {method::post, method::put, method::patch}) {
        EXPECT_NE(written(request(each, "/")).find("Content-Length: 0\r\n"), std::string::npos) << each.text();
    }
    for (const method& each : {method::get, method::head, method::delete_, method::options}) {
        EXPECT_EQ(written(request(each, "/")).find("Content-Length"), std::string::npos) << each.text();
    }
}

TEST(RequestWriter, DoesNotRepeatALengthThatTheUserGave) {
    EXPECT_EQ(written(request(method::post, "/").header("content-length", "1").body("x")),
              "POST / HTTP/1.1\r\nHost: shop.example:8080\r\ncontent-length: 1\r\n\r\nx");
}

TEST(RequestWriter, PutsTheUsersHostInThePlaceOfTheOrigins) {
    EXPECT_EQ(written(request(method::get, "/").header("A", "1").header("host", "other").header("B", "2")),
              "GET / HTTP/1.1\r\nHost: other\r\nA: 1\r\nB: 2\r\n\r\n");
}

TEST(RequestWriter, AddsDefaultsThatTheRequestDoesNotHave) {
    headers defaults;
    for (const char* name : {"User-Agent", "Accept", "Host", "Content-Length", "Connection", "Transfer-Encoding"}) {
        ASSERT_TRUE(defaults.add(name, "default"));
    }
    EXPECT_EQ(written(request(method::get, "/").header("accept", "own"), {.host = "a", .defaults = &defaults}),
              "GET / HTTP/1.1\r\nHost: a\r\naccept: own\r\nUser-Agent: default\r\n\r\n");
}

TEST(RequestWriter, SaysWhetherTheConnectionIsToBeClosed) {
    std::string out;
    EXPECT_FALSE(append_request(out, request(method::get, "/"), shop).value().closes);
    EXPECT_FALSE(append_request(out, request(method::get, "/").header("Connection", "TE"), shop).value().closes);
    EXPECT_TRUE(append_request(out, request(method::get, "/").header("Connection", "TE, Close"), shop).value().closes);
    out.clear();
    EXPECT_TRUE(append_request(out, request(method::get, "/"), {.host = "a", .close = true}).value().closes);
    EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(written(request(method::get, "/").header("Connection", "close"), {.host = "a", .close = true}), out);
}

TEST(RequestWriter, LeavesLargeBodiesWhereTheyAre) {
    const request small = request(method::post, "/").body(std::string(max_copied_body_bytes, 's'));
    const request large = request(method::post, "/").body(std::string(max_copied_body_bytes + 1, 'l'));
    std::string out;
    EXPECT_TRUE(append_request(out, small, shop).value().body.empty());
    EXPECT_TRUE(out.ends_with("ss"));
    out.clear();
    const written_request rest = append_request(out, large, shop).value();
    EXPECT_EQ(rest.body.data(), large.body().data());
    EXPECT_EQ(rest.body.size(), max_copied_body_bytes + 1);
    EXPECT_TRUE(out.ends_with("Content-Length: 16385\r\n\r\n"));
}

TEST(RequestWriter, WritesTargetsForProxiesAndTunnels) {
    const request_target_context proxied{.host = "shop.example", .absolute_prefix = "http://shop.example"};
    EXPECT_EQ(written(request(method::get, "/a?b"), proxied),
              "GET http://shop.example/a?b HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    EXPECT_EQ(written(request(method::options, "*"), proxied),
              "OPTIONS http://shop.example HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    EXPECT_EQ(written(request(method::options, "*")), "OPTIONS * HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n");
    EXPECT_EQ(written(request(method::connect, "shop.example:443"), {.host = "shop.example:443"}),
              "CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n");
}

TEST(RequestWriter, ShowsCredentialsToTheProxyThatIsAskedAndToNobodyElse) {
    const request_target_context proxied{
        .host = "a", .absolute_prefix = "http://a", .proxy_authorization = "Basic bWU6aGlkZGVu"};
    EXPECT_EQ(written(request(method::get, "/"), proxied),
              "GET http://a/ HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic bWU6aGlkZGVu\r\n\r\n");
    EXPECT_EQ(written(request(method::get, "/").header("proxy-authorization", "own"), proxied),
              "GET http://a/ HTTP/1.1\r\nHost: a\r\nproxy-authorization: own\r\n\r\n");
    const request_target_context tunnelled{.host = "a", .proxy_authorization = "Basic bWU6aGlkZGVu"};
    EXPECT_EQ(written(request(method::get, "/"), tunnelled), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(refused(request(method::get, "/").header("Proxy-Authorization", "own")), errc::invalid_argument);
}

TEST(RequestWriter, RefusesWhatTheRequestRefuses) {
    EXPECT_EQ(refused(request(method::get, "/a b")), errc::invalid_argument);
    EXPECT_EQ(refused(request(method::get, "/").header("A", "1\r\nB: 2")), errc::invalid_argument);
    EXPECT_EQ(refused(request(method::post, "/").header("Transfer-Encoding", "chunked")), errc::invalid_argument);
}

TEST(RequestWriter, RefusesAContextThatCouldBreakOut) {
    for (const std::string host : {"", "a\r\nX: 1", "a b", "a/b", "u@a", "a:"}) {
        EXPECT_EQ(refused(request(method::get, "/"), {.host = host}), errc::invalid_argument) << host;
    }
    for (const std::string prefix : {"http://", "ftp://a", "http://a/", "http://u@a", "http://a\r\n", "a"}) {
        EXPECT_EQ(refused(request(method::get, "/"), {.host = "a", .absolute_prefix = prefix}), errc::invalid_argument)
            << prefix;
    }
    EXPECT_EQ(refused(request(method::connect, "a:1"), {.host = "a", .absolute_prefix = "http://a"}),
              errc::invalid_argument);
}

TEST(RequestWriter, NeverSendsAByteThatCouldEndALineWithinAField) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        std::string out;
        const request message = request(method::get, "/t" + one).header("A" + one, "v" + one).body("b");
        if (!append_request(out, message, {.host = "h" + one})) continue;
        EXPECT_EQ(std::count(out.begin(), out.end(), '\r'), 5) << byte;
        EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 5) << byte;
        EXPECT_EQ(std::count(out.begin(), out.end(), '\0'), 0) << byte;
    }
}

}  // namespace
}  // namespace lido::http
