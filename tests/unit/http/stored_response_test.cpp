#include "http/stored_response.hpp"

#include "made_response.hpp"
#include "read_response.hpp"

#include <gmock/gmock.h>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using test::arrived;
using test::first_moment;
using test::http_date;
using test::lines;
using test::made_response;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

TEST(stored_response, keeps_status_reason_fields_and_body) {
    const stored_response stored =
        to_stored(made_response(404, "Content-Type: text/plain\r\nX: 1\r\nx: 2\r\nEmpty:\r\n", "not here"), arrived());
    const response given = to_response(stored, response_source::cache, first_moment, true);
    EXPECT_EQ(given.status(), 404U);
    EXPECT_EQ(given.reason(), "Some Reason");
    EXPECT_EQ(given.body(), "not here");
    EXPECT_THAT(lines(given.headers()),
                ElementsAre("Content-Type: text/plain", "X: 1", "x: 2", "Empty: ", "Content-Length: 8", "Age: 0"));
    EXPECT_TRUE(given.trailers().empty());
}

TEST(stored_response, leaves_out_what_belongs_to_the_connection) {
    const response from = made_response(200,
                                        "Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
                                        "TE: x\r\nUpgrade: x\r\nProxy-Authenticate: x\r\nSet-Cookie: a=b\r\n"
                                        "Age: 7\r\nETag: \"x\"\r\n");
    EXPECT_THAT(lines(to_stored(from, arrived()).fields()), ElementsAre("ETag: \"x\"", "Content-Length: 0"));
}

TEST(stored_response, is_given_with_its_age_and_where_it_comes_from) {
    const stored_response stored = to_stored(made_response(200, "Cache-Control: max-age=60\r\nAge: 7\r\n"), arrived());
    const response given = to_response(stored, response_source::stale, first_moment + 60'900ms, true);
    EXPECT_EQ(given.age(), 67s);
    EXPECT_EQ(given.header("Age"), "67");
    EXPECT_EQ(given.source(), response_source::stale);
    EXPECT_TRUE(given.is_stale());
    EXPECT_FALSE(response().is_stale());
    EXPECT_EQ(made_response(200, "").source(), response_source::network);
}

TEST(stored_response, has_small_and_large_bodies) {
    for (const std::size_t size : {0UL, 1UL, 4096UL, 4097UL, 100'000UL}) {
        const std::string body(size, 'x');
        const stored_response stored = to_stored(made_response(200, "", body), arrived());
        EXPECT_EQ(to_response(stored, response_source::cache, first_moment, true).body(), body);
        const response head = to_response(stored, response_source::cache, first_moment, false);
        EXPECT_EQ(head.body(), "");
        EXPECT_EQ(head.header("Content-Length"), std::to_string(size));
        EXPECT_GE(stored.bytes(30), size + 30);
    }
}

TEST(a_confirmed_response, has_the_new_fields_the_old_body_and_begins_its_time_anew) {
    const stored_response old =
        to_stored(made_response(200,
                                "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nContent-Type: text/plain\r\n"
                                "X-Old: 1\r\nX-Both: a\r\nX-Both: b\r\nDate: " +
                                    http_date() + "\r\n",
                                "body"),
                  arrived());
    const response news =
        made_response(304, "Cache-Control: max-age=90\r\nX-Both: c\r\nX-New: 1\r\nDate: " + http_date(100s) +
                               "\r\nConnection: keep-alive\r\nSet-Cookie: s=1\r\n" + "Content-Encoding: gzip\r\n");
    const stored_response made = freshened(old, news, arrived(100s));
    EXPECT_THAT(lines(made.fields()),
                ElementsAre("ETag: \"v1\"", "Content-Type: text/plain", "X-Old: 1", "Content-Length: 4",
                            "Cache-Control: max-age=90", "X-Both: c", "X-New: 1", "Date: " + http_date(100s)));
    EXPECT_EQ(made.body, old.body) << "shared, not copied";
    EXPECT_EQ(made.time.lifetime, 90s);
    EXPECT_EQ(made.time.age(first_moment + 100s), 0s);
    EXPECT_EQ(made.sent, first_moment + 100s);
}

TEST(a_confirmed_response, without_a_new_date_counts_the_age_of_the_confirmation_only) {
    const stored_response old = to_stored(made_response(200, "Cache-Control: max-age=60\r\n"), arrived());
    EXPECT_EQ(freshened(old, made_response(304, ""), arrived(500s)).time.age(first_moment + 503s), 3s);
    EXPECT_EQ(freshened(old, made_response(304, "Age: 20\r\n"), arrived(500s)).time.age(first_moment + 503s), 23s);
}

TEST(a_confirmation, must_name_the_version_that_is_stored_if_it_names_one) {
    const stored_response tagged = to_stored(made_response(200, "ETag: \"v1\"\r\n"), arrived());
    EXPECT_TRUE(confirms(tagged, made_response(304, "").headers()));
    EXPECT_TRUE(confirms(tagged, made_response(304, "ETag: \"v1\"\r\n").headers()));
    EXPECT_TRUE(confirms(tagged, made_response(304, "ETag: W/\"v1\"\r\n").headers())) << "weak comparison";
    EXPECT_FALSE(confirms(tagged, made_response(304, "ETag: \"v2\"\r\n").headers()));
    const stored_response dated = to_stored(made_response(200, "Last-Modified: " + http_date() + "\r\n"), arrived());
    EXPECT_TRUE(confirms(dated, made_response(304, "Last-Modified: " + http_date() + "\r\n").headers()));
    EXPECT_FALSE(confirms(dated, made_response(304, "Last-Modified: " + http_date(1s) + "\r\n").headers()));
    EXPECT_FALSE(confirms(dated, made_response(304, "ETag: \"v1\"\r\n").headers()));
}

TEST(a_confirmed_response, gives_the_cookie_of_the_confirmation_to_its_caller_only) {
    const stored_response old = to_stored(made_response(200, "ETag: \"x\"\r\n", "body"), arrived());
    const response news = made_response(304, "Set-Cookie: s=1\r\nX: 1\r\n");
    const stored_response made = freshened(old, news, arrived());
    const response given = to_response(made, response_source::validated, first_moment, true, news.headers());
    EXPECT_EQ(given.header("Set-Cookie"), "s=1");
    EXPECT_EQ(given.body(), "body");
    const response later = to_response(made, response_source::cache, first_moment, true);
    EXPECT_THAT(lines(later.headers()), Not(Contains("Set-Cookie: s=1")));
}

}  // namespace
}  // namespace lido::http
