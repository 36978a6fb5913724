#include "http/cache_admission.hpp"

#include "made_response.hpp"

#include <gtest/gtest.h>

#include <set>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using test::arrived;
using test::http_date;
using test::made_response;

bool concerns(const request& what) {
    return concerns_cache(what, request_cache_control(what.headers().fields()));
}

TEST(a_request, concerns_the_cache_when_it_reads_all_of_something) {
    EXPECT_TRUE(concerns(request(method::get, "/")));
    EXPECT_TRUE(concerns(request(method::head, "/").header("Cache-Control", "no-cache")));
    for (const method& other : {method::post, method::put, method::delete_, method::options, method::patch}) {
        EXPECT_FALSE(concerns(request(other, "/"))) << other.text();
    }
    EXPECT_FALSE(concerns(request(method::get, "/").body("x")));
    EXPECT_FALSE(concerns(request(method::get, "/").header("Cache-Control", "no-store")));
    for (const char* name :
         {"range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}) {
        EXPECT_FALSE(concerns(request(method::get, "/").header(name, "x"))) << name;
    }
}

bool storable(const response& from, bool has_credentials = false) {
    return may_store(from, response_cache_control(from.headers()), has_credentials);
}

TEST(a_response, may_be_stored_when_its_status_is_known) {
    const std::set<unsigned> known{200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414};
    for (unsigned status = 200; status < 600; ++status) {
        EXPECT_EQ(storable(made_response(status, "Cache-Control: max-age=60\r\n")), known.contains(status)) << status;
    }
}

TEST(a_response, must_not_be_stored_when_it_says_so_or_is_for_one_caller) {
    EXPECT_FALSE(storable(made_response(200, "Cache-Control: max-age=60, no-store\r\n")));
    EXPECT_FALSE(storable(made_response(200, "Set-Cookie: a=b\r\nCache-Control: public, max-age=60\r\n"), true));
    const response personal = made_response(200, "Cache-Control: private, max-age=60\r\n");
    EXPECT_FALSE(storable(personal, false));
    EXPECT_TRUE(storable(personal, true));
}

bool worth(std::string_view lines, duration window = 0s) {
    const response from = made_response(200, lines);
    const cache_directives said = response_cache_control(from.headers());
    const cache_arrival when = arrived();
    const freshness time = freshness_of(from.headers(), said, when.sent, when.received, when.wall);
    return worth_storing(from, said, time, window);
}

TEST(a_response, is_worth_storing_when_it_can_be_used_in_some_way) {
    EXPECT_FALSE(worth(""));
    EXPECT_FALSE(worth("Cache-Control: max-age=0\r\n"));
    EXPECT_FALSE(worth("Cache-Control: max-age=10\r\nAge: 10\r\n"));
    EXPECT_FALSE(worth("Cache-Control: max-age=10, no-cache\r\n"));
    EXPECT_TRUE(worth("Cache-Control: max-age=1\r\n"));
    EXPECT_TRUE(worth("Expires: " + http_date(1s) + "\r\n"));
    EXPECT_TRUE(worth("ETag: \"x\"\r\nCache-Control: no-cache\r\n"));
    EXPECT_TRUE(worth("Last-Modified: " + http_date(-1s) + "\r\n"));
    EXPECT_TRUE(worth("Cache-Control: stale-while-revalidate=5\r\n"));
    EXPECT_FALSE(worth("Cache-Control: stale-while-revalidate=5, must-revalidate\r\n"));
    EXPECT_TRUE(worth("Cache-Control: stale-if-error=5\r\n"));
    EXPECT_TRUE(worth("", 1s)) << "it may replace a failure";
    EXPECT_FALSE(worth("Cache-Control: must-revalidate\r\n", 1s));
    EXPECT_FALSE(worth("Cache-Control: no-cache\r\n", 1s));
    EXPECT_FALSE(worth("Cache-Control: stale-if-error=0\r\n", 1s));
}

TEST(a_failure, may_be_replaced_when_the_server_is_to_blame_or_was_not_asked) {
    for (const errc code :
         {errc::connect_failed, errc::connect_timeout, errc::resolve_failed, errc::read_timeout, errc::write_timeout,
          errc::timeout, errc::connection_closed, errc::protocol_error, errc::acquire_timeout, errc::queue_full,
          errc::pool_exhausted, errc::pool_paused, errc::would_deadlock, errc::circuit_open, errc::rate_limited}) {
        EXPECT_TRUE(is_replaceable_failure(error(code, "x"))) << name_of(code);
    }
    for (const errc code : {errc::tls_failed, errc::cancelled, errc::invalid_argument, errc::limit_exceeded,
                            errc::pool_closed, errc::maybe_executed}) {
        EXPECT_FALSE(is_replaceable_failure(error(code, "x"))) << name_of(code);
    }
    for (unsigned status = 100; status < 600; ++status) {
        const bool expected = status == 500 || status == 502 || status == 503 || status == 504;
        EXPECT_EQ(is_failure_status(status), expected) << status;
    }
}

TEST(an_unsafe_request, invalidates_when_it_was_not_refused) {
    EXPECT_TRUE(invalidates(method::post, 200));
    EXPECT_TRUE(invalidates(method::put, 204));
    EXPECT_TRUE(invalidates(method::delete_, 303));
    EXPECT_TRUE(invalidates(method::parse("PURGE").value(), 200));
    EXPECT_FALSE(invalidates(method::post, 404));
    EXPECT_FALSE(invalidates(method::post, 503));
    EXPECT_FALSE(invalidates(method::get, 200));
    EXPECT_FALSE(invalidates(method::options, 200));
}

}  // namespace
}  // namespace lido::http
