// What a hostile or broken server sends, and what each of it has to be taken for: patterns of response smuggling and
// splitting (RFC 9112 §11), of ambiguous framing, and plain garbage.
#include "http/response_reader.hpp"
#include "read_response.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lido::http {
namespace {

using namespace std::string_view_literals;
using test::outcome;
using test::read_pieces;
using test::read_whole;

constexpr std::string_view status_line = "HTTP/1.1 200 OK\r\n"sv;

/// Is it refused with an error that has `problem` in it, and in every way to split it alike?
void expect_refused(std::string_view text, std::string_view problem) {
    response_reader reader;
    const outcome whole = read_whole(reader, text);
    ASSERT_EQ(whole.state, read_state::failed) << text;
    EXPECT_EQ(reader.error(), errc::protocol_error) << text;
    EXPECT_NE(whole.error.find(problem), std::string::npos) << text << "\n" << whole.error;
    EXPECT_FALSE(reader.keep_alive());
    EXPECT_EQ(reader.feed("more").state, read_state::failed);
    EXPECT_EQ(read_pieces(reader, text, test::every_byte(text)), whole) << text;
    for (std::size_t cut = 1; cut < text.size(); ++cut) EXPECT_EQ(read_pieces(reader, text, {cut}), whole) << text;
}

TEST(ResponseReaderGarbage, RefusesStatusLinesThatAreNone) {
    constexpr std::string_view wrong_start = "does not begin with an HTTP/1.x status line";
    for (const std::string_view line : {
             "\r\n"sv,
             "\n"sv,
             " HTTP/1.1 200 OK\r\n"sv,
             "\r\nHTTP/1.1 200 OK\r\n"sv,
             "http/1.1 200 OK\r\n"sv,
             "Http/1.1 200 OK\r\n"sv,
             "HTTP/2 200\r\n"sv,
             "HTTP/2.0 200 OK\r\n"sv,
             "HTTP/0.9 200 OK\r\n"sv,
             "HTTP/3 200\r\n"sv,
             "HTTP 200 OK\r\n"sv,
             "HTTPS/1.1 200 OK\r\n"sv,
             "HTTP/ 1.1 200 OK\r\n"sv,
             "HTTP/01.1 200 OK\r\n"sv,
             "HTTP/11 200 OK\r\n"sv,
             "ICY 200 OK\r\n"sv,
             "<html>\r\n"sv,
             "SSH-2.0-x\r\n"sv,
             "220 smtp ready\r\n"sv,
             "\0"sv,
             "\x16\x03\x01"sv,
             "GET / HTTP/1.1\r\n"sv,
             "\xEF\xBB\xBFHTTP/1.1 200 OK\r\n"sv,
         }) {
        expect_refused(line, wrong_start);
    }
    for (const std::string_view line : {
             "HTTP/1.2 200 OK\r\n"sv,
             "HTTP/1.9 200 OK\r\n"sv,
             "HTTP/1.x 200 OK\r\n"sv,
             "HTTP/1. 1 200 OK\r\n"sv,
         }) {
        expect_refused(line, "neither 1.0 nor 1.1");
    }
    for (const std::string_view line : {
             "HTTP/1.1\t200 OK\r\n"sv,
             "HTTP/1.1  200 OK\r\n"sv,
             "HTTP/1.1200 OK\r\n\r\n"sv,
             "HTTP/1.10 200 OK\r\n"sv,
             "HTTP/1.1.1 200 OK\r\n"sv,
             "HTTP/1.1 20 OK\r\n"sv,
             "HTTP/1.1 2x0 OK\r\n"sv,
             "HTTP/1.1 -20 OK\r\n"sv,
             "HTTP/1.1 +20 OK\r\n"sv,
             "HTTP/1.1 OK 200\r\n"sv,
             "HTTP/1.1 0x1 OK\r\n"sv,
             "HTTP/1.1\r200 OK\r\n"sv,
         }) {
        expect_refused(line, "no status of three digits");
    }
    for (const std::string_view line :
         {"HTTP/1.1 099 OK\r\n"sv, "HTTP/1.1 000 OK\r\n"sv, "HTTP/1.1 600 OK\r\n"sv, "HTTP/1.1 999 OK\r\n"sv}) {
        expect_refused(line, "not 100 to 599");
    }
    expect_refused("HTTP/1.1 2000 OK\r\n", "more than three digits");
    expect_refused("HTTP/1.1 200\tOK\r\n", "more than three digits");
    expect_refused("HTTP/1.1\n", "too short");
    expect_refused("HTTP/1.1\r\nA: 1\r\n\r\n", "too short");
    expect_refused("HTTP/1.1 200\n", "too short");
}

TEST(ResponseReaderGarbage, RefusesLineEndsButCrLf) {
    constexpr std::string_view bare_line_feed = "line feed without carriage return";
    constexpr std::string_view bare_return = "carriage return without line feed";
    expect_refused("HTTP/1.1 200 OK\nContent-Length: 0\n\n", bare_line_feed);
    expect_refused("HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", bare_line_feed);
    expect_refused("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n", bare_line_feed);
    expect_refused("HTTP/1.1 200 OK\r\n\nhello", bare_line_feed);
    expect_refused("HTTP/1.1 200 OK\rSet-Cookie: a\r\n\r\n", bare_return);
    expect_refused("HTTP/1.1 200 OK\r\nA: 1\rContent-Length: 5\r\n\r\n", bare_return);
    expect_refused("HTTP/1.1 200 OK\r\nA: 1\r\r\n\r\n", bare_return);
    expect_refused("HTTP/1.1 200 OK\r\n\rA: 1\r\n\r\n", bare_return);
    expect_refused("HTTP/1.1 200 OK\r\nA\r: 1\r\n\r\n", bare_return);
    expect_refused("HTTP/1.1 200 O\0K\r\n\r\n"sv, "control character");
}

TEST(ResponseReaderGarbage, RefusesMalformedFields) {
    struct pattern {
        std::string_view field;
        std::string_view problem;
    };
    const pattern patterns[] = {
        {" Content-Length: 5\r\n", "folded header field"},
        {"\tA: 1\r\n", "folded header field"},
        {"A: 1\r\n Content-Length: 5\r\n", "folded header field"},
        {"A: 1\r\n\tmore\r\n", "folded header field"},
        {"Content-Length : 5\r\n", "white space in or behind a header name"},
        {"Transfer-Encoding\t: chunked\r\n", "white space in or behind a header name"},
        {"Content Length: 5\r\n", "white space in or behind a header name"},
        {": 1\r\n", "header name is no token"},
        {"A\"B: 1\r\n", "header name is no token"},
        {"A(B): 1\r\n", "header name is no token"},
        {"A@B: 1\r\n", "header name is no token"},
        {"A[0]: 1\r\n", "header name is no token"},
        {"A\x80: 1\r\n", "header name is no token"},
        {"\xE2\x80\x8B"
         "Content-Length: 5\r\n",
         "header name is no token"},
        {"A/B: 1\r\n", "header name is no token"},
        {"A,B: 1\r\n", "header name is no token"},
        {"A;B: 1\r\n", "header name is no token"},
        {"A=B\r\n", "header name is no token"},
        {"A{B}: 1\r\n", "header name is no token"},
        {"Set-Cookie\r\n", "header field without a colon"},
        {"A\0B: 1\r\n"sv, "control character"},
        {"A: 1\0\r\n"sv, "control character"},
        {"A: \x01\r\n", "control character"},
        {"A: \x0B\r\n", "control character"},
        {"A: \x0C\r\n", "control character"},
        {"A: \x1B[2J\r\n", "control character"},
        {"A: \x7F\r\n", "control character"},
        {"A: 1\x08\r\n", "control character"},
    };
    for (const pattern& each : patterns) {
        expect_refused(std::string(status_line) + std::string(each.field) + "\r\n", each.problem);
        expect_refused(std::string(status_line) + "Before: 1\r\n" + std::string(each.field) + "After: 1\r\n\r\n",
                       each.problem);
    }
}

TEST(ResponseReaderGarbage, RefusesAmbiguousLengths) {
    constexpr std::string_view no_number = "no decimal number";
    constexpr std::string_view differ = "values differ";
    struct pattern {
        std::string_view value;
        std::string_view problem;
    };
    const pattern patterns[] = {
        {"", no_number},
        {"-1", no_number},
        {"+5", no_number},
        {"5 5", no_number},
        {"5,", no_number},
        {",5", no_number},
        {"5,,5", no_number},
        {"0x5", no_number},
        {"5h", no_number},
        {"5.0", no_number},
        {"5e0", no_number},
        {"\"5\"", no_number},
        {"5;", no_number},
        {"\xD9\xA5", no_number},
        {"1_000", no_number},
        {"9223372036854775808", no_number},
        {"18446744073709551616", no_number},
        {"18446744073709551621", no_number},
        {"99999999999999999999999999999999999999", no_number},
        {"5, 6", differ},
        {"5\r\nContent-Length: 6", differ},
        {"5\r\ncontent-length: 0", differ},
        {"5\r\nA: 1\r\nCONTENT-LENGTH: 4", differ},
        {"5\r\nContent-Length:", no_number},
    };
    for (const pattern& each : patterns) {
        expect_refused(std::string(status_line) + "Content-Length: " + std::string(each.value) + "\r\n\r\nhello",
                       each.problem);
    }
}

TEST(ResponseReaderGarbage, TakesIdenticalLengthsForOne) {
    for (const std::string_view value : {"5, 5", "5,5", "5\r\nContent-Length: 5", "05\r\nContent-Length: 5, 005"}) {
        const outcome got =
            read_whole(std::string(status_line) + "Content-Length: " + std::string(value) + "\r\n\r\nhello");
        EXPECT_EQ(got.state, read_state::complete) << value;
        EXPECT_EQ(got.body, "hello");
    }
}

TEST(ResponseReaderGarbage, RefusesAmbiguousTransferCodings) {
    constexpr std::string_view not_alone = "not \"chunked\" alone";
    constexpr std::string_view both = "Content-Length together with Transfer-Encoding";
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    const std::string body = "\r\n5\r\nhello\r\n0\r\n\r\n";
    for (const std::string_view value : {"", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked",
                                         "chunked,", ",chunked", "xchunked", "chunked;q=1", "\"chunked\"", "chunkedx",
                                         "chunke", "chunked chunked", "x chunked", "chunked\xA0"}) {
        expect_refused(std::string(status_line) + "Transfer-Encoding: " + std::string(value) + "\r\n" + body,
                       not_alone);
    }
    expect_refused(std::string(status_line) +
                       "Transfer-Encoding:\x0B"
                       "chunked\r\n" +
                       body,
                   "control character");
    expect_refused(std::string(status_line) + chunked + chunked + body, "given twice");
    expect_refused(std::string(status_line) + chunked + "Transfer-Encoding: identity\r\n" + body, not_alone);
    expect_refused(std::string(status_line) + chunked + "Content-Length: 5\r\n" + body, both);
    expect_refused(std::string(status_line) + "Content-Length: 5\r\n" + chunked + body, both);
    expect_refused(std::string(status_line) + "CONTENT-LENGTH: 0\r\ntransfer-ENCODING:CHUNKED\r\n" + body, both);
    expect_refused("HTTP/1.0 200 OK\r\n" + chunked + body, "Transfer-Encoding in HTTP/1.0");
}

TEST(ResponseReaderGarbage, RefusesMalformedChunks) {
    constexpr std::string_view no_size = "chunk size is missing";
    constexpr std::string_view behind = "followed by something malformed";
    constexpr std::string_view too_long = "longer than its size";
    struct pattern {
        std::string_view body;
        std::string_view problem;
    };
    const pattern patterns[] = {
        {"\r\n", no_size},
        {"x\r\n", no_size},
        {"-1\r\n", no_size},
        {"+5\r\nhello\r\n", no_size},
        {" 5\r\nhello\r\n", no_size},
        {"\t5\r\nhello\r\n", no_size},
        {";a\r\n", no_size},
        {"\0"
         "5\r\n"sv,
         no_size},
        {"5 \r\nhello\r\n", behind},
        {"0x5\r\nhello\r\n", behind},
        {"5h\r\nhello\r\n", behind},
        {"5_\r\nhello\r\n", behind},
        {"5,5\r\nhello\r\n", behind},
        {"5;\r\nhello\r\n", behind},
        {"5;a b\r\nhello\r\n", behind},
        {"5;a=\"b\r\nhello\r\n", behind},
        {"5;a\rb\r\nhello\r\n", behind},
        {"5;a=\"\x01\"\r\nhello\r\n", behind},
        {"5\r\r\nhello\r\n", behind},
        {"5\nhello\r\n0\r\n\r\n", "chunk line ends without carriage return"},
        {"5;a\nhello\r\n0\r\n\r\n", "chunk line ends without carriage return"},
        {"\n", "chunk line ends without carriage return"},
        {"5\r\nhello0\r\n\r\n", too_long},
        {"5\r\nhello\n0\r\n\r\n", too_long},
        {"5\r\nhello\r0\r\n\r\n", too_long},
        {"5\r\nhelloworld\r\n0\r\n\r\n", too_long},
        {"3\r\nhello\r\n0\r\n\r\n", too_long},
        {"5\r\nhello\r\n\r\n0\r\n\r\n", no_size},
        {"00000000000000005\r\nhello\r\n", "too many digits"},
        {"10000000000000005\r\nhello\r\n", "too many digits"},
        {"0\r\nContent-Length: 5\r\n\r\n", "trailer field Content-Length is not allowed"},
        {"0\r\nTransfer-Encoding: chunked\r\n\r\n", "trailer field Transfer-Encoding is not allowed"},
        {"0\r\ntrailer: x\r\n\r\n", "trailer field trailer is not allowed"},
        {"0\r\nA : 1\r\n\r\n", "white space in or behind"},
        {"0\r\nA: 1\r\n B\r\n\r\n", "folded header field"},
        {"0\r\nA: 1\n\r\n", "line feed without carriage return"},
        {"0\r\n\n", "line feed without carriage return"},
        {"0\r\n\rX\n", "carriage return without line feed"},
        {"0\r\nHTTP/1.1 200 OK\r\n\r\n", "header name is no token"},
    };
    for (const pattern& each : patterns) {
        expect_refused(std::string(status_line) + "Transfer-Encoding: chunked\r\n\r\n" + std::string(each.body),
                       each.problem);
    }
}

TEST(ResponseReaderGarbage, RefusesInterimResponsesThatHideSomething) {
    expect_refused("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + std::string(status_line), "status line");
    expect_refused("HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\n", "no decimal number");
    expect_refused("HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "status line");
    expect_refused("HTTP/1.1 100 Continue\n\n", "line feed");
    expect_refused("HTTP/1.1 101 Switching Protocols\r\n\r\n", "unasked");
}

}  // namespace
}  // namespace lido::http
