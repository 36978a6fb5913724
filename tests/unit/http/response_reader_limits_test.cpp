// Every size that a server decides is bounded, and the error names the bound.
#include "http/response_reader.hpp"
#include "read_response.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace lido::http {
namespace {

using test::outcome;
using test::read_pieces;
using test::read_whole;
using test::reading;

const std::string chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// `make(n)` is a response in which what the limit bounds has the size n: it must pass at the limit, and fail one above
/// it, however it is split.
void expect_limit(std::string_view name, std::size_t limit, const http_limits& limits,
                  const std::function<std::string(std::size_t)>& make) {
    const reading how{.limits = limits, .then_eof = true};
    response_reader reader;
    const std::string good = make(limit);
    const outcome accepted = read_whole(reader, good, how);
    EXPECT_EQ(accepted.state, read_state::complete) << name << ": " << accepted.error;
    EXPECT_EQ(read_pieces(reader, good, test::every_byte(good), how), accepted);

    const std::string bad = make(limit + 1);
    const outcome refused = read_whole(reader, bad, how);
    ASSERT_EQ(refused.state, read_state::failed) << name;
    EXPECT_EQ(reader.error(), errc::limit_exceeded) << name << ": " << refused.error;
    const std::string named = std::string(name) + " = " + std::to_string(limit);
    EXPECT_NE(refused.error.find(named), std::string::npos) << refused.error;
    EXPECT_EQ(read_pieces(reader, bad, test::every_byte(bad), how), refused);
    for (std::size_t cut = 1; cut < bad.size(); cut += 7)
        EXPECT_EQ(read_pieces(reader, bad, {cut}, how), refused) << cut;
}

std::string filled_to(std::string start, std::size_t size, const std::string& rest) {
    start.append(size - start.size() - rest.size(), 'x');
    return start + rest;
}

TEST(ResponseReaderLimits, BoundTheStatusLine) {
    http_limits limits;
    limits.max_start_line_bytes = 40;
    expect_limit("max_start_line_bytes", 40, limits, [](std::size_t size) {
        return filled_to("HTTP/1.1 200 ", size, "\r\n") + "Content-Length: 0\r\n\r\n";
    });
}

TEST(ResponseReaderLimits, BoundTheHead) {
    http_limits limits;
    limits.max_head_bytes = 200;
    limits.max_start_line_bytes = 100;
    const auto make = [](std::size_t size) {
        return filled_to("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: ", size, "\r\n\r\n") + "ab";
    };
    expect_limit("max_head_bytes", 200, limits, make);
    // A line that is too long and wrong is too long, and one whose end never comes as well.
    for (const std::string& end : {std::string("\0\r\n", 3), std::string()}) {
        response_reader reader;
        const std::string text = "HTTP/1.1 200 OK\r\n" + std::string(300, 'a') + end;
        const outcome whole = read_whole(reader, text, {.limits = limits});
        EXPECT_EQ(reader.error(), errc::limit_exceeded);
        EXPECT_EQ(read_pieces(reader, text, test::every_byte(text), {.limits = limits}), whole);
    }
}

TEST(ResponseReaderLimits, BoundEachInterimHeadAnew) {
    http_limits limits;
    limits.max_head_bytes = 200;
    limits.max_start_line_bytes = 100;
    const std::string interim = filled_to("HTTP/1.1 100 Continue\r\nA: ", 200, "\r\n\r\n");
    EXPECT_EQ(read_whole(interim + interim + "HTTP/1.1 204 \r\n\r\n", {.limits = limits}).state, read_state::complete);
}

TEST(ResponseReaderLimits, BoundTheNumberOfFields) {
    http_limits limits;
    limits.max_header_count = 7;
    const auto fields = [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) text += "A: 1\r\n";
        return text;
    };
    expect_limit("max_header_count", 7, limits,
                 [&](std::size_t count) { return "HTTP/1.1 200 OK\r\n" + fields(count) + "\r\n"; });
    expect_limit("max_header_count", 7, limits,
                 [&](std::size_t count) { return chunked_head + "0\r\n" + fields(count - 1) + "\r\n"; });
}

TEST(ResponseReaderLimits, BoundTheBodyInEachFraming) {
    http_limits limits;
    limits.max_body_bytes = 20;
    expect_limit("max_body_bytes", 20, limits, [](std::size_t size) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'b');
    });
    expect_limit("max_body_bytes", 20, limits,
                 [](std::size_t size) { return "HTTP/1.1 200 OK\r\n\r\n" + std::string(size, 'b'); });
    expect_limit("max_body_bytes", 20, limits, [](std::size_t size) {
        std::string text = chunked_head;
        for (std::size_t i = 0; i < size; ++i) text += "1\r\nb\r\n";
        return text + "0\r\n\r\n";
    });
}

TEST(ResponseReaderLimits, RefuseAnAnnouncedLengthAtOnce) {
    http_limits limits;
    limits.max_body_bytes = 20;
    for (const std::string& text : {std::string("HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n"),
                                    chunked_head + "15\r\n", chunked_head + "ffffffffffffffff\r\n"}) {
        response_reader reader;
        read_whole(reader, text, {.limits = limits});
        ASSERT_EQ(reader.state(), read_state::failed) << text;
        EXPECT_EQ(reader.error(), errc::limit_exceeded);
    }
}

TEST(ResponseReaderLimits, DoNotBoundALengthWithoutABody) {
    http_limits limits;
    limits.max_body_bytes = 20;
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n";
    EXPECT_EQ(read_whole(text, {.method = method::head, .limits = limits}).state, read_state::complete);
}

TEST(ResponseReaderLimits, BoundChunkExtensionsOfTheWholeBody) {
    http_limits limits;
    limits.max_chunk_extension_bytes = 30;
    expect_limit("max_chunk_extension_bytes", 30, limits, [](std::size_t size) {
        return chunked_head + "1;" + std::string(size - 1, 'e') + "\r\nb\r\n0\r\n\r\n";
    });
    expect_limit("max_chunk_extension_bytes", 30, limits, [](std::size_t size) {
        return chunked_head + "00000001;" + std::string(9, 'e') + "\r\nb\r\n1;" + std::string(9, 'e') + "\r\nb\r\n0;" +
               std::string(size - 21, 'e') + "\r\n\r\n";
    });
    // Without an end of line the same.
    response_reader reader;
    read_whole(reader, chunked_head + "1;" + std::string(1000, 'e'), {.limits = limits});
    ASSERT_EQ(reader.state(), read_state::failed);
    EXPECT_EQ(reader.error(), errc::limit_exceeded);
    // Endless digits are no extension.
    read_whole(reader, chunked_head + std::string(1000, '0'), {.limits = limits});
    ASSERT_EQ(reader.state(), read_state::failed);
    EXPECT_EQ(reader.error(), errc::protocol_error);
}

TEST(ResponseReaderLimits, BoundTheTrailers) {
    http_limits limits;
    limits.max_trailer_bytes = 50;
    expect_limit("max_trailer_bytes", 50, limits,
                 [](std::size_t size) { return chunked_head + "0\r\n" + filled_to("A: ", size, "\r\n\r\n"); });
    limits.max_trailer_bytes = 2;
    EXPECT_EQ(read_whole(chunked_head + "0\r\n\r\n", {.limits = limits}).state, read_state::complete);
    EXPECT_EQ(read_whole(chunked_head + "0\r\nA:\r\n\r\n", {.limits = limits}).state, read_state::failed);
}

TEST(ResponseReaderLimits, BoundInterimResponses) {
    http_limits limits;
    limits.max_interim_responses = 3;
    expect_limit("max_interim_responses", 3, limits, [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
        return text + "HTTP/1.1 204 \r\n\r\n";
    });
}

}  // namespace
}  // namespace lido::http
