// Goal: the demo service understands requests as RFC 9112 has them, refuses what could be understood in two ways, and
// answers by its own description. Method: tables, and every split of a request into two pieces.
#include "demo_server/request_reader.hpp"
#include "demo_server/shop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lido::cli::demo {
namespace {

using kind = read_outcome::kind;
using testing::HasSubstr;
using testing::StartsWith;

const std::string post = "POST /outfits/7/ratings?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n{\"stars\":4}";

TEST(request_reader, reads_a_request) {
    const read_outcome outcome = read_request(post);
    ASSERT_EQ(outcome.what, kind::complete);
    EXPECT_EQ(outcome.request.method, "POST");
    EXPECT_EQ(outcome.request.path, "/outfits/7/ratings");
    EXPECT_EQ(outcome.request.body, "{\"stars\":4}");
    EXPECT_TRUE(outcome.request.keep_alive);
    EXPECT_EQ(outcome.request.size, post.size());
}

TEST(request_reader, wants_more_until_all_is_there) {
    for (std::size_t size = 0; size < post.size(); ++size) {
        EXPECT_EQ(read_request(std::string_view(post).substr(0, size)).what, kind::need_more) << size;
    }
}

TEST(request_reader, leaves_the_next_request_alone) {
    const read_outcome outcome = read_request(post + post);
    ASSERT_EQ(outcome.what, kind::complete);
    EXPECT_EQ(outcome.request.size, post.size());
}

TEST(request_reader, knows_whether_the_connection_stays) {
    struct row {
        const char* head;
        bool stays;
    };
    const std::array rows{row{"GET / HTTP/1.1\r\nHost: a\r\n", true},
                          row{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false},
                          row{"GET / HTTP/1.1\r\nHost: a\r\nconnection: x , CLOSE\r\n", false},
                          row{"GET / HTTP/1.0\r\n", false}, row{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", true}};
    for (const row& each : rows) {
        const read_outcome outcome = read_request(std::string(each.head) + "\r\n");
        ASSERT_EQ(outcome.what, kind::complete) << each.head;
        EXPECT_EQ(outcome.request.keep_alive, each.stays) << each.head;
    }
}

TEST(request_reader, refuses_what_is_malformed_or_ambiguous) {
    struct row {
        std::string head;
        int status;
    };
    const std::string host = "Host: a\r\n";
    const std::array rows{
        row{"GET /\r\n" + host, 400},
        row{"GET  HTTP/1.1\r\n" + host, 400},
        row{"GET / x HTTP/1.1\r\n" + host, 400},
        row{"GET / HTTP/2.0\r\n" + host, 505},
        row{"GET / HTTP/1.1\r\n", 400},
        row{"GET / HTTP/1.1\r\n" + host + host, 400},
        row{"GET / HTTP/1.1\nHost: a\r\n", 400},
        row{"GET / HTTP/1.1\r\n" + host + " folded\r\n", 400},
        row{"GET / HTTP/1.1\r\nHost : a\r\n", 400},
        row{"GET / HTTP/1.1\r\n" + host + "no colon\r\n", 400},
        row{"GET / HTTP/1.1\r\n" + host + "A: b\x01\r\n", 400},
        row{"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n", 400},
        row{"POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n", 400},
        row{"POST / HTTP/1.1\r\n" + host + "Content-Length: 1048577\r\n", 413},
        row{"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n", 501},
        row{"GET / HTTP/1.1\r\n" + host + "A: " + std::string(max_head_bytes, 'a'), 431},
    };
    for (const row& each : rows) {
        const read_outcome outcome = read_request(each.head + "\r\n");
        EXPECT_EQ(outcome.what, kind::refused) << each.head.substr(0, 80);
        EXPECT_EQ(outcome.status, each.status) << each.head.substr(0, 80);
        EXPECT_NE(outcome.reason, "");
    }
}

std::string answer_to(shop& shop_to_ask, std::string_view method, std::string_view path, std::string_view body = {},
                      bool closing = false) {
    incoming_request request;
    request.method = method;
    request.path = path;
    request.body = body;
    std::string out;
    shop_to_ask.answer(request, closing, out);
    return out;
}

TEST(demo_shop, answers_as_described) {
    struct row {
        const char* method;
        const char* path;
        int status;
    };
    shop service;
    const std::array rows{
        row{"GET", "/outfits", 200},
        row{"HEAD", "/outfits", 200},
        row{"DELETE", "/outfits", 405},
        row{"GET", "/outfits/1", 200},
        row{"GET", "/outfits/24", 200},
        row{"GET", "/outfits/25", 404},
        row{"GET", "/outfits/0", 404},
        row{"GET", "/outfits/x", 404},
        row{"GET", "/outfits/1/x", 404},
        row{"GET", "/outfitsx", 404},
        row{"GET", "/", 404},
        row{"POST", "/outfits/1", 405},
        row{"GET", "/outfits/1/ratings", 200},
        row{"PUT", "/outfits/1/ratings", 405},
        row{"GET", "/healthz", 200},
        row{"POST", "/healthz", 405},
        row{"GET", "/outfits/99999999999", 404},
    };
    for (const row& each : rows) {
        EXPECT_THAT(answer_to(service, each.method, each.path), StartsWith("HTTP/1.1 " + std::to_string(each.status)))
            << each.method << " " << each.path;
    }
    EXPECT_EQ(service.requests(), rows.size());
}

TEST(demo_shop, counts_ratings) {
    shop service;
    EXPECT_THAT(answer_to(service, "GET", "/outfits/3"), HasSubstr(R"("ratings":0,"average":0.00})"));
    EXPECT_THAT(answer_to(service, "POST", "/outfits/3/ratings", R"({"stars": 5})"),
                StartsWith("HTTP/1.1 201 Created"));
    EXPECT_THAT(answer_to(service, "POST", "/outfits/3/ratings", R"({"stars": 2})"),
                HasSubstr(R"({"ratings":2,"average":3.50})"));
    EXPECT_THAT(answer_to(service, "GET", "/outfits/3"), HasSubstr(R"("ratings":2,"average":3.50})"));
    EXPECT_THAT(answer_to(service, "GET", "/outfits/4"), HasSubstr(R"("ratings":0)"));
}

TEST(demo_shop, refuses_what_is_no_rating) {
    shop service;
    for (const auto* body :
         {"", "4", "{}", R"({"stars":0})", R"({"stars":6})", R"({"stars":"4"})", R"({"stars":4.5})", "{"}) {
        EXPECT_THAT(answer_to(service, "POST", "/outfits/3/ratings", body), StartsWith("HTTP/1.1 400")) << body;
    }
}

TEST(demo_shop, writes_whole_responses) {
    shop service;
    const std::string get = answer_to(service, "GET", "/healthz");
    EXPECT_THAT(get, HasSubstr("\r\nContent-Length: 17\r\n\r\n{\"status\":\"good\"}"));
    EXPECT_THAT(get,
                testing::ContainsRegex("\r\nDate: [A-Z][a-z][a-z], [0-9]+ [A-Z][a-z][a-z] [0-9]+ [0-9:]+ GMT\r\n"));
    EXPECT_THAT(answer_to(service, "HEAD", "/healthz"), testing::EndsWith("Content-Length: 17\r\n\r\n"));
    EXPECT_THAT(answer_to(service, "GET", "/healthz", {}, true), HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(answer_to(service, "PUT", "/outfits/1/ratings"), HasSubstr("\r\nAllow: GET, HEAD, POST\r\n"));
}

}  // namespace
}  // namespace lido::cli::demo
