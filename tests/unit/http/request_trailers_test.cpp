// Fields that follow the body of a request: which may, and how HTTP/1.1 announces them.
#include "http/request_writer.hpp"
#include "http/trailer_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lido::http {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string written(const request& what) {
    std::string out;
    const auto made = append_request(out, what, {.host = "shop.example"});
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return out;
}

void expect_refused(const request& what, std::string_view why) {
    const result<void> checked = what.validate();
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error(), errc::invalid_argument);
    EXPECT_THAT(checked.error().message(), HasSubstr(std::string(why)));
}

TEST(request_trailers, are_announced_and_make_the_body_one_of_chunks) {
    const request what = request(method::put, "/").body("content").trailer("Checksum", "77");
    EXPECT_TRUE(what.validate().has_value());
    const std::string head = written(what);
    EXPECT_THAT(head, HasSubstr("\r\nTrailer: Checksum\r\n"));
    EXPECT_THAT(head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
    EXPECT_TRUE(head.ends_with("\r\n\r\n")) << "the body follows in chunks";
}

TEST(request_trailers, need_a_body_and_no_length_of_ones_own) {
    expect_refused(request(method::get, "/").trailer("Checksum", "77"), "without a body");
    expect_refused(request(method::put, "/").body("b").header("Content-Length", "1").trailer("Checksum", "77"),
                   "Content-Length");
}

TEST(request_trailers, are_fields_and_nothing_else) {
    expect_refused(request(method::put, "/").body("b").trailer("Check sum", "77"), "");
    expect_refused(request(method::put, "/").body("b").trailer("Checksum", "77\r\nHost: other"), "");
    expect_refused(request(method::put, "/").body("b").trailer("", "77"), "");
}

TEST(request_trailers, have_no_name_that_must_be_known_before_the_body) {  // RFC 9110 §6.5.1
    for (const char* name : {"Content-Length",
                             "transfer-encoding",
                             "HOST",
                             "Trailer",
                             "TE",
                             "Connection",
                             "Upgrade",
                             "Expect",
                             "Range",
                             "If-Match",
                             "Max-Forwards",
                             "Cache-Control",
                             "Authorization",
                             "Proxy-Authorization",
                             "Cookie",
                             "Set-Cookie",
                             "Content-Type",
                             "Content-Encoding",
                             "Content-Range",
                             "Date",
                             "Location",
                             "Vary"}) {
        expect_refused(request(method::put, "/").body("b").trailer(name, "x"), "must not follow the body");
    }
    for (const char* name : {"Checksum", "Digest", "X-Signature", "Server-Timing", "ETag"}) {
        EXPECT_FALSE(is_forbidden_as_trailer(name)) << name;
    }
}

TEST(request_trailers, that_are_made_later_are_checked_then) {
    const auto made_of = [](const char* name, const char* value) {
        return request(method::put, "/").body("b").trailer("First", "1").trailers_from([=]() -> result<headers> {
            headers made;
            if (auto added = made.add(name, value); !added) return added.error();
            return made;
        });
    };
    const auto good = made_of("Second", "2").make_trailers();
    ASSERT_TRUE(good.has_value()) << good.error().message();
    EXPECT_EQ(good->wire_text(), "First: 1\r\nSecond: 2\r\n");
    EXPECT_EQ(made_of("Content-Length", "7").make_trailers().error(), errc::invalid_argument);
    EXPECT_EQ(made_of("A", "b\nc").make_trailers().error(), errc::invalid_argument);
    const auto failing = request(method::put, "/").body("b").trailers_from([]() -> result<headers> {
        return error(errc::check_failed, "no checksum");
    });
    EXPECT_TRUE(failing.validate().has_value());
    EXPECT_EQ(failing.make_trailers().error(), errc::check_failed);
}

TEST(request_trailers, go_with_the_body) {
    request what = request(method::put, "/").body("content").trailer("Checksum", "77");
    what.remove_body();
    EXPECT_FALSE(what.has_trailers());
    EXPECT_TRUE(what.validate().has_value());
}

}  // namespace
}  // namespace lido::http
