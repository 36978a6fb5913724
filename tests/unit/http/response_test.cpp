#include "lido/http/response.hpp"

#include "read_response.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace lido::http {
namespace {

response read(std::string_view text) {
    static const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    EXPECT_EQ(reader.feed(text).state, read_state::complete);
    return reader.take();
}

constexpr std::string_view small = "HTTP/1.1 404 Not Found\r\nA: 1\r\na: 2\r\nContent-Length: 5\r\n\r\nhello";

std::string large() {
    return "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x');
}

TEST(Response, ShowsWhatWasReceived) {
    const response got = read(small);
    EXPECT_EQ(got.status(), 404U);
    EXPECT_FALSE(got.is_success());
    EXPECT_EQ(got.reason(), "Not Found");
    EXPECT_EQ(got.version(), version::http_1_1);
    EXPECT_EQ(got.headers().size(), 3U);
    EXPECT_EQ(got.header("CONTENT-length"), "5");
    EXPECT_EQ(got.header("a"), "1");
    EXPECT_FALSE(got.header("b"));
    EXPECT_TRUE(got.trailers().empty());
    EXPECT_EQ(got.body(), "hello");
}

TEST(Response, KeepsItsViewsRightWhenMovedAndCopied) {
    for (const std::string& text : {std::string(small), large()}) {
        response got = read(text);
        const std::string body(got.body());
        const response copy = got;
        const response moved = std::move(got);
        EXPECT_EQ(moved.body(), body);
        EXPECT_EQ(copy.body(), body);
        EXPECT_EQ(copy.header("content-length"), moved.header("content-length"));
    }
}

TEST(Response, GivesItsBodyAwayOnce) {
    for (const std::string& text : {std::string(small), large()}) {
        response got = read(text);
        const std::string body(got.body());
        EXPECT_EQ(got.take_body(), body);
        EXPECT_EQ(got.body(), "");
        EXPECT_EQ(got.take_body(), "");
        EXPECT_TRUE(got.header("content-length"));
    }
}

TEST(Response, GivesStringsFromATemporary) {
    static_assert(std::is_same_v<decltype(read(small).body()), std::string>);
    EXPECT_EQ(read(small).body(), "hello");
    const std::optional<std::string> length = read(small).header("Content-Length");
    EXPECT_EQ(length, "5");
    EXPECT_FALSE(read(small).header("none"));
}

TEST(Response, IsEmptyByDefault) {
    const response none;
    EXPECT_EQ(none.status(), 0U);
    EXPECT_EQ(none.body(), "");
    EXPECT_EQ(none.reason(), "");
    EXPECT_TRUE(none.headers().empty());
    EXPECT_FALSE(none.header("a"));
}

TEST(Response, IsEmptyWhenMovedFrom) {
    response got = read(small);
    const response moved = std::move(got);
    EXPECT_EQ(got.status(), 0U);               // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(got.headers().empty());        // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(std::as_const(got).body(), "");  // NOLINT(bugprone-use-after-move)
}

}  // namespace
}  // namespace lido::http
