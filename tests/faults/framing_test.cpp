// A response whose end could be seen in two ways is an error, and the end of its connection: whatever stands behind it
// never becomes the answer to another request (RFC 9112 §6.3, §11.2; response smuggling). Each pattern carries a
// response that says "smuggled"; a client that takes it for an answer has failed.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using http::client;
using http::method;
using testing::HasSubstr;
using testing::Not;

struct pattern {
    std::string name;
    std::string answer;
    /// Of the error; empty: it is a complete response of whose connection nothing more can be trusted.
    std::string word;
    method asked_by = method::get;
};

const std::string smuggled = response_text("smuggled");

/// "HTTP/1.1 200 OK", the lines, and what follows the head.
std::string answer(const std::string& lines, const std::string& rest = {}) {
    return "HTTP/1.1 200 OK\r\n" + lines + "\r\n" + rest;
}
std::string chunked(const std::string& body) {
    return answer("Transfer-Encoding: chunked\r\n", body + smuggled);
}

std::vector<pattern> lengths() {
    std::vector<pattern> all;
    const std::pair<const char*, const char*> values[] = {{"negative", "-5"},
                                                          {"with_plus", "+5"},
                                                          {"hexadecimal", "0x5"},
                                                          {"with_space", "5 5"},
                                                          {"with_comma", "5,"},
                                                          {"of_nothing", ""},
                                                          {"with_fraction", "5.0"},
                                                          {"with_exponent", "5e0"},
                                                          {"above_63_bits", "9223372036854775808"},
                                                          {"above_64_bits", "18446744073709551621"},
                                                          {"quoted", "\"5\""},
                                                          {"with_letter", "5x"},
                                                          {"with_semicolon", "5;a"},
                                                          {"beyond_measure", "99999999999999999999999999999999"}};
    for (const auto& [name, value] : values) {
        all.push_back({fmt::format("length_{}", name),
                       answer(fmt::format("Content-Length: {}\r\n", value), "right" + smuggled),
                       "Content-Length is no decimal number"});
    }
    all.push_back({"lengths_that_differ_in_two_fields",
                   answer("Content-Length: 5\r\nContent-Length: 0\r\n", "right" + smuggled), "values differ"});
    all.push_back(
        {"lengths_that_differ_in_one_field", answer("Content-Length: 5, 0\r\n", "right" + smuggled), "values differ"});
    return all;
}

std::vector<pattern> transfer_codings() {
    std::vector<pattern> all;
    const std::string body = "5\r\nright\r\n0\r\n\r\n" + smuggled;
    const std::pair<const char*, const char*> values[] = {{"identity", "identity"},
                                                          {"gzip", "gzip"},
                                                          {"chunked_first", "chunked, gzip"},
                                                          {"chunked_last", "gzip, chunked"},
                                                          {"chunked_twice", "chunked, chunked"},
                                                          {"unknown", "xchunked"},
                                                          {"quoted", "\"chunked\""},
                                                          {"with_parameter", "chunked;q=1"},
                                                          {"with_empty_element", "chunked,"},
                                                          {"of_nothing", ""}};
    for (const auto& [name, value] : values) {
        all.push_back({fmt::format("transfer_coding_{}", name),
                       answer(fmt::format("Transfer-Encoding: {}\r\n", value), body), "not \"chunked\" alone"});
    }
    const std::string once = "Transfer-Encoding: chunked\r\n";
    all.push_back({"transfer_coding_in_two_fields", answer(once + once, body), "given twice"});
    all.push_back({"transfer_coding_behind_vertical_tab",
                   answer("Transfer-Encoding:\x0b"
                          "chunked\r\n",
                          body),
                   "control character"});
    all.push_back({"length_before_chunks", answer("Content-Length: 5\r\n" + once, body), "together with"});
    all.push_back({"length_behind_chunks", answer(once + "Content-Length: 5\r\n", body), "together with"});
    all.push_back(
        {"chunks_in_http_1_0", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + once + "\r\n" + body, "in HTTP/1.0"});
    return all;
}

std::vector<pattern> chunks() {
    const std::string end = "0\r\n\r\n";
    return {
        {"chunk_without_size", chunked("\r\nright\r\n" + end), "missing or not hexadecimal"},
        {"chunk_with_negative_size", chunked("-5\r\nright\r\n" + end), "missing or not hexadecimal"},
        {"chunk_with_plus", chunked("+5\r\nright\r\n" + end), "missing or not hexadecimal"},
        {"chunk_with_0x", chunked("0x5\r\nright\r\n" + end), "something malformed"},
        {"chunk_with_space_before_size", chunked(" 5\r\nright\r\n" + end), "missing or not hexadecimal"},
        {"chunk_with_space_behind_size", chunked("5 \r\nright\r\n" + end), "something malformed"},
        {"chunk_with_too_many_digits", chunked("00000000000000005\r\nright\r\n" + end), "too many digits"},
        {"chunk_beyond_64_bits", chunked("10000000000000005\r\nright\r\n" + end), "too many digits"},
        {"chunk_with_bare_line_feed", chunked("5\nright\r\n" + end), "without carriage return"},
        {"chunk_with_bare_return_in_extension", chunked("5;a\rb\r\nright\r\n" + end), "something malformed"},
        {"chunk_with_line_feed_in_extension", chunked("5;a=\"\n5\"\r\nright\r\n" + end), "without carriage return"},
        {"chunk_with_open_quote", chunked("5;a=\"b\r\nright\r\n" + end), "something malformed"},
        {"chunk_that_is_longer", chunked("3\r\nright\r\n" + end), "longer than its size"},
        {"chunk_that_ends_in_line_feed", chunked("5\r\nright\n" + end), "longer than its size"},
        {"chunk_with_line_between", chunked("5\r\nright\r\n\r\n" + end), "missing or not hexadecimal"},
        {"trailer_that_frames", chunked("0\r\nContent-Length: 5\r\n\r\n"), "not allowed"},
        {"trailer_that_chunks", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), "not allowed"},
        {"trailer_that_is_folded", chunked("0\r\nA: 1\r\n B: 2\r\n\r\n"), "folded"},
        {"trailers_with_line_feeds", chunked("0\r\nA: 1\n\r\n"), "without carriage return"},
        {"end_of_chunks_with_line_feed", chunked("0\r\n\n"), "without carriage return"},
    };
}

std::vector<pattern> heads() {
    const std::string length = "Content-Length: 5\r\n";
    return {
        {"folded_field", answer("A: 1\r\n Content-Length: 0\r\n" + length, "right" + smuggled), "folded"},
        {"folded_first_line", answer(" " + length, "right" + smuggled), "folded"},
        {"space_before_colon", answer("Content-Length : 0\r\n" + length, "right" + smuggled), "white space"},
        {"tab_before_colon", answer("Transfer-Encoding\t: chunked\r\n" + length, "right" + smuggled), "white space"},
        {"zero_byte_in_name", answer("A\0B: 1\r\n"s + length, "right" + smuggled), "control character"},
        {"zero_byte_in_value", answer("A: 1\0\r\n"s + length, "right" + smuggled), "control character"},
        {"bare_line_feeds", "HTTP/1.1 200 OK\nContent-Length: 5\n\nright" + smuggled, "line feed"},
        {"bare_line_feed_in_value", answer("A: 1\nContent-Length: 0\r\n" + length, "right" + smuggled), "line feed"},
        {"bare_return_in_value", answer("A: 1\rContent-Length: 0\r\n" + length, "right" + smuggled), "carriage return"},
        {"empty_name", answer(": 1\r\n" + length, "right" + smuggled), "no token"},
        {"line_without_colon", answer("Content-Length 0\r\n" + length, "right" + smuggled), "white space"},
        {"empty_line_first", "\r\n" + smuggled, "status line"},
        {"http_0_9", "smuggled", "status line"},
        {"other_version", "HTTP/2.0 200 OK\r\n" + length + "\r\nright" + smuggled, "status line"},
        {"status_of_four_digits", "HTTP/1.1 2000 OK\r\n" + length + "\r\nright" + smuggled, "three digits"},
        {"status_with_sign", "HTTP/1.1 +20 OK\r\n" + length + "\r\nright" + smuggled, "three digits"},
        {"interim_with_a_body", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nright" + smuggled, "status line"},
        {"upgrade_unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n" + smuggled, "unasked"},
    };
}

/// Complete, and followed by what nobody asked for.
std::vector<pattern> what_follows() {
    const std::string right = response_text("right");
    return {
        {"second_response", right + smuggled, ""},
        {"stray_byte", right + "x", ""},
        {"empty_line", right + "\r\n", ""},
        {"body_of_204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nright" + smuggled, ""},
        {"chunks_of_204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n", ""},
        {"body_of_304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nright" + smuggled, ""},
        {"body_of_head", right + smuggled, "", method::head},
        {"chunks_of_head", answer("Transfer-Encoding: chunked\r\n", "5\r\nright\r\n0\r\n\r\n" + smuggled), "",
         method::head},
        {"second_response_behind_chunks", chunked("5\r\nright\r\n0\r\n\r\n"), ""},
    };
}

std::vector<pattern> all_patterns() {
    std::vector<pattern> all;
    for (const auto& some : {lengths(), transfer_codings(), chunks(), heads(), what_follows()}) {
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

class ambiguous_framing : public testing::TestWithParam<pattern> {};

/// Of a client with one connection, which has served before.
void expect_harmless(const pattern& what, bool streamed) {
    auto once = std::make_shared<bool>(false);
    scripted_server server({.on_request = [&, once](const arrival& came) {
        if (came.target != "/pattern" || std::exchange(*once, true)) return reaction{.bytes = response_text("right")};
        return reaction{.bytes = what.answer};
    }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    client user(io, settings);
    ASSERT_EQ(user.get("/first").wait().value().body(), "right");

    std::string body;
    std::optional<error> refused;
    if (streamed) {
        auto opened = user.open(http::request(what.asked_by, "/pattern")).wait();
        if (opened) {
            auto read = opened->read_all(100'000).wait();
            if (read) body = *read;
            if (!read) refused = std::move(read).error();
        } else {
            refused = std::move(opened).error();
        }
    } else {
        auto got = user.send(http::request(what.asked_by, "/pattern")).wait();
        if (got) body = got->body();
        if (!got) refused = std::move(got).error();
    }
    EXPECT_EQ(refused.has_value(), !what.word.empty()) << (refused ? refused->message() : body);
    if (refused) {
        EXPECT_EQ(*refused, errc::protocol_error) << refused->message();
        EXPECT_THAT(refused->message(), HasSubstr(what.word));
    }
    EXPECT_THAT(body, testing::AnyOf("", "right"));
    const result<http::response> next = user.get("/next").wait();
    ASSERT_TRUE(next.has_value()) << next.error().message();
    EXPECT_EQ(next->body(), "right");
    EXPECT_EQ(server.accepted(), 2U) << "the connection served again";
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 1; })) << "it was not closed";
}

TEST_P(ambiguous_framing, ends_its_connection_and_reaches_nobody_else) {
    expect_harmless(GetParam(), false);
}

TEST_P(ambiguous_framing, of_a_streamed_response_does_too) {
    expect_harmless(GetParam(), true);
}

INSTANTIATE_TEST_SUITE_P(of, ambiguous_framing, testing::ValuesIn(all_patterns()),
                         [](const auto& one) { return one.param.name; });

TEST(equal_lengths, are_one) {
    scripted_server server({.on_request = [](const arrival&) {
        return reaction{.bytes = answer("Content-Length: 5\r\nContent-Length: 5, 5\r\n", "right")};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(user.get("/").wait().value().body(), "right");
    EXPECT_EQ(server.accepted(), 1U);
}

}  // namespace
}  // namespace lido::test
