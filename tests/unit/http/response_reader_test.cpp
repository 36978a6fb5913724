#include "http/response_reader.hpp"

#include "read_response.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using test::outcome;
using test::read_pieces;
using test::read_whole;
using test::reading;

constexpr std::string_view hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

std::string chunked(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

/// Does the connection survive this response to a GET?
bool survives(std::string_view text, const method& request_method = method::get) {
    const http_limits limits;
    response_reader reader;
    reader.reset(request_method, limits);
    EXPECT_EQ(reader.feed(text).state, read_state::complete) << text;
    return reader.keep_alive();
}

TEST(ResponseReader, ReadsAResponseWithContentLength) {
    const outcome got = read_whole(hello);
    EXPECT_EQ(got.state, read_state::complete);
    EXPECT_EQ(got.status, 200U);
    EXPECT_EQ(got.reason, "OK");
    EXPECT_EQ(got.headers, std::vector<std::string>{"Content-Length: 5"});
    EXPECT_EQ(got.body, "hello");
    EXPECT_EQ(got.consumed, hello.size());
}

TEST(ResponseReader, TrimsValuesAndKeepsWhatIsInside) {
    const outcome got = read_whole("HTTP/1.1 204 \r\nA:1\r\nB: \t two  words\t \r\nC:\r\nD:   \r\nE: a:b\xFF\r\n\r\n");
    EXPECT_EQ(got.headers, (std::vector<std::string>{"A: 1", "B: two  words", "C: ", "D: ", "E: a:b\xFF"}));
    EXPECT_EQ(got.reason, "");
}

TEST(ResponseReader, AcceptsAStatusLineWithoutReasonAndSpace) {
    const outcome got = read_whole("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(got.state, read_state::complete);
    EXPECT_EQ(got.reason, "");
}

TEST(ResponseReader, ReadsChunksTheirExtensionsAndTrailers) {
    const outcome got = read_whole(chunked("5\r\nhello\r\n7;a=\"b\"\r\n, world\r\n0\r\nX-Sum: 1\r\nX-Two:2\r\n\r\n"));
    EXPECT_EQ(got.state, read_state::complete) << got.error;
    EXPECT_EQ(got.body, "hello, world");
    EXPECT_EQ(got.headers, std::vector<std::string>{"Transfer-Encoding: chunked"});
    EXPECT_EQ(got.trailers, (std::vector<std::string>{"X-Sum: 1", "X-Two: 2"}));
}

TEST(ResponseReader, ReadsUntilTheConnectionEnds) {
    const std::string text = "HTTP/1.1 200 OK\r\n\r\nhello";
    EXPECT_EQ(read_whole(text).state, read_state::need_more);
    const outcome got = read_whole(text, {.then_eof = true});
    EXPECT_EQ(got.state, read_state::complete);
    EXPECT_EQ(got.body, "hello");
}

TEST(ResponseReader, HasTheSameOutcomeHoweverTheBytesAreSplit) {
    const std::string texts[] = {
        std::string(hello),
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nuntil the end",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + std::string(hello),
        chunked("5\r\nhello\r\n1;x\r\n!\r\n0\r\n\r\n"),
        chunked("5\r\nhello\r\n0\r\nA: 1\r\nB: 2\r\n\r\n") + "behind",
        std::string(hello) + "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 5\r\n\r\nhello",
        chunked("5\r\nhello!\r\n"),
        chunked("5\r\nhello\r\n0\r\nA : 1\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
    };
    response_reader reader;
    for (const std::string& text : texts) {
        for (const bool eof : {false, true}) {
            const reading how{.then_eof = eof};
            const outcome whole = read_whole(reader, text, how);
            EXPECT_EQ(read_pieces(reader, text, test::every_byte(text), how), whole) << text;
            for (std::size_t cut = 0; cut <= text.size(); ++cut) {
                EXPECT_EQ(read_pieces(reader, text, {cut}, how), whole) << text << " cut at " << cut;
            }
        }
    }
}

TEST(ResponseReader, TakesNothingBehindTheResponse) {
    for (const std::string& text : {std::string(hello), chunked("0\r\n\r\n"), std::string("HTTP/1.1 204 \r\n\r\n")}) {
        EXPECT_EQ(read_whole(text + "HTTP/1.1 200").consumed, text.size());
        EXPECT_TRUE(survives(text));
        EXPECT_FALSE(survives(text + "H")) << "something unasked came";
    }
}

TEST(ResponseReader, TakesNothingAfterCompletion) {
    const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed(hello);
    const response_reader::feed_result after = reader.feed("more");
    EXPECT_EQ(after.state, read_state::complete);
    EXPECT_EQ(after.consumed, 0U);
}

TEST(ResponseReader, ReadsOneResponseAfterAnother) {
    response_reader reader;
    const std::string large(10'000, 'x');
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(read_whole(reader, hello).body, "hello");
        EXPECT_EQ(read_whole(reader, chunked("2\r\nab\r\n0\r\nT: 1\r\n\r\n")).trailers.size(), 1U);
        EXPECT_EQ(read_whole(reader, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + large).body, large);
        EXPECT_EQ(read_whole(reader, "nonsense\r\n").state, read_state::failed);
        EXPECT_EQ(read_pieces(reader, hello, {3, 20, 40}).body, "hello");
    }
}

TEST(ResponseReader, ExpectsNoBodyWhereThereIsNone) {
    const std::string fields = "Content-Length: 5\r\n\r\n";
    EXPECT_EQ(read_whole("HTTP/1.1 200 OK\r\n" + fields, {.method = method::head}).state, read_state::complete);
    EXPECT_EQ(read_whole("HTTP/1.1 304 Not Modified\r\n" + fields).state, read_state::complete);
    EXPECT_EQ(read_whole("HTTP/1.1 204 No Content\r\n\r\n").state, read_state::complete);
    EXPECT_EQ(read_whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {.method = method::head}).state,
              read_state::complete);
    EXPECT_EQ(read_whole("HTTP/1.1 205 Reset\r\n" + fields).state, read_state::need_more);
}

TEST(ResponseReader, GivesConnectATunnelAndIgnoresItsFraming) {
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: y\r\n\r\n";
    const outcome got = read_whole(text + "\x16\x03", {.method = method::connect});
    EXPECT_EQ(got.state, read_state::complete) << got.error;
    EXPECT_EQ(got.consumed, text.size());
    EXPECT_FALSE(survives(text, method::connect));
    EXPECT_EQ(read_whole("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", {.method = method::connect}).body, "no");
}

TEST(ResponseReader, SkipsInterimResponsesAndCountsThem) {
    const std::string interim = "HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n";
    const outcome got = read_whole(interim + interim + std::string(hello));
    EXPECT_EQ(got.state, read_state::complete);
    EXPECT_EQ(got.interim, 2U);
    EXPECT_EQ(got.headers.size(), 1U);
    EXPECT_TRUE(survives(interim + std::string(hello))) << "only the final response speaks for the connection";
}

TEST(ResponseReader, RefusesAnUpgradeThatNobodyAskedFor) {
    const std::string text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    EXPECT_EQ(read_whole(text).state, read_state::failed);
    const outcome got = read_whole(text + "\x81\x05hello", {.expect_upgrade = true});
    EXPECT_EQ(got.status, 101U);
    EXPECT_EQ(got.consumed, text.size());
}

TEST(ResponseReader, TellsWhetherTheConnectionMayBeUsedAgain) {
    const std::string sized = "Content-Length: 0\r\n\r\n";
    EXPECT_TRUE(survives("HTTP/1.1 200 OK\r\n" + sized));
    EXPECT_TRUE(survives("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n" + sized));
    EXPECT_TRUE(survives("HTTP/1.1 200 OK\r\nConnection: closed, x-close\r\n" + sized));
    EXPECT_FALSE(survives("HTTP/1.1 200 OK\r\nConnection: close\r\n" + sized));
    EXPECT_FALSE(survives("HTTP/1.1 200 OK\r\nConnection: CLOSE\r\n" + sized));
    EXPECT_FALSE(survives("HTTP/1.1 200 OK\r\nConnection: Upgrade ,\tclose\r\n" + sized));
    EXPECT_FALSE(survives("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n" + sized));
    EXPECT_FALSE(survives("HTTP/1.0 200 OK\r\n" + sized));
    EXPECT_TRUE(survives("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + sized));
    EXPECT_FALSE(survives("HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n" + sized));
    EXPECT_FALSE(survives("HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n"));
    EXPECT_FALSE(survives("HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n"));
    EXPECT_TRUE(survives("HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n"));
    EXPECT_TRUE(survives("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n"));
}

TEST(ResponseReader, NeverKeepsAConnectionThatAnotherParserWouldClose) {
    const std::string sized = "Content-Length: 0\r\n\r\n";
    for (const std::string name : {"Connection", "Proxy-Connection", "proxy-connection"}) {
        for (const std::string value :
             {"close", "CLOSE", "close,", ", close", "close;a=b", "\"close\"", "close keep-alive", "keep-alive, close",
              "\tclose\t", "keep-alive\r\nConnection: close"}) {
            const std::string line = name + ": " + value + "\r\n";
            EXPECT_FALSE(survives("HTTP/1.1 200 OK\r\n" + line + sized)) << line;
            EXPECT_FALSE(survives(chunked("0\r\n" + line + "\r\n"))) << line << " as a trailer";
        }
        for (const std::string value :
             {"", ",", "closed", "x-close", "clo se", "keep-alive", "Upgrade", "\"", "clos"}) {
            const std::string line = name + ": " + value + "\r\n";
            EXPECT_TRUE(survives("HTTP/1.1 200 OK\r\n" + line + sized)) << line;
            EXPECT_TRUE(survives(chunked("0\r\n" + line + "\r\n"))) << line << " as a trailer";
        }
    }
}

TEST(ResponseReader, DoesNotKeepAConnectionAfterATrailerWhoseNameBeginsLikeTransferEncoding) {
    EXPECT_FALSE(survives(chunked("0\r\nTransfer-Encoding-Sum: 0\r\n\r\n")));
    EXPECT_TRUE(survives(chunked("0\r\nTransfer-Encodin: 0\r\n\r\n")));
    EXPECT_TRUE(survives(chunked("0\r\nX-Transfer-Encoding: 0\r\n\r\n")));
}

TEST(ResponseReader, KeepsAConnectionOfHttp10OnlyWhereEveryParserWould) {
    const auto survives_with = [](const std::string& line) {
        return survives("HTTP/1.0 200 OK\r\n" + line + "\r\nContent-Length: 0\r\n\r\n");
    };
    EXPECT_TRUE(survives_with("Connection:keep-alive"));
    EXPECT_TRUE(survives_with("Connection: Keep-Alive  "));
    EXPECT_FALSE(survives_with("Connection: keep-alive\t"));
    EXPECT_FALSE(survives_with("Connection: keep-alive \t "));
    EXPECT_FALSE(survives_with("Connection: kee, keep-alive"));
    EXPECT_FALSE(survives_with("Connection: , keep-alive"));
    EXPECT_FALSE(survives_with("Connection: keep-alive;"));
    EXPECT_FALSE(survives_with("Proxy-Connection: keep-alive"));
    EXPECT_FALSE(survives_with("Keep-Alive: timeout=5"));
}

TEST(ResponseReader, DoesNotReuseAConnectionThatEnded) {
    const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed(hello);
    EXPECT_TRUE(reader.keep_alive());
    EXPECT_EQ(reader.finish_at_eof(stream_end::orderly), read_state::complete);
    EXPECT_FALSE(reader.keep_alive());
}

TEST(ResponseReader, DoesNotReuseAConnectionBeforeCompletion) {
    const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    EXPECT_FALSE(reader.keep_alive());
    reader.feed(hello.substr(0, hello.size() - 1));
    EXPECT_FALSE(reader.keep_alive());
    reader.feed("o");
    EXPECT_TRUE(reader.keep_alive());
    reader.reset(method::get, limits);
    EXPECT_FALSE(reader.keep_alive());
}

TEST(ResponseReader, PassesOnKeepAliveHints) {
    const http_limits limits;
    response_reader reader;
    const auto read = [&](const std::string& value) {
        reader.reset(method::get, limits);
        reader.feed("HTTP/1.1 200 OK\r\nKeep-Alive: " + value + "\r\nContent-Length: 0\r\n\r\n");
        EXPECT_EQ(reader.state(), read_state::complete);
    };
    read("timeout=5, max=100");
    EXPECT_EQ(reader.keep_alive_timeout(), 5s);
    EXPECT_EQ(reader.keep_alive_max(), 100U);
    (void)reader.take();
    EXPECT_EQ(reader.keep_alive_timeout(), 5s) << "stays after the response was taken";
    read("Timeout = 0");
    EXPECT_EQ(reader.keep_alive_timeout(), 0s);
    EXPECT_FALSE(reader.keep_alive_max());
    read("timeout=4000000000");
    EXPECT_EQ(reader.keep_alive_timeout(), 24h);
    for (const std::string value : {"", "5", "timeout", "timeout=", "timeout=-1", "timeout=5s", "max=99999999999"}) {
        read(value);
        EXPECT_FALSE(reader.keep_alive_timeout()) << value;
        EXPECT_FALSE(reader.keep_alive_max()) << value;
    }
}

TEST(ResponseReader, TellsWhetherAnythingCame) {
    const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    EXPECT_FALSE(reader.started());
    reader.feed("");
    EXPECT_FALSE(reader.started());
    reader.feed("H");
    EXPECT_TRUE(reader.started());
    reader.reset(method::get, limits);
    EXPECT_FALSE(reader.started());
}

TEST(ResponseReader, FailsWhenTheConnectionEndsTooEarly) {
    const std::string full = chunked("5\r\nhello\r\n0\r\nA: 1\r\n\r\n");
    const std::string sized(hello);
    response_reader reader;
    for (const std::string& text : {full, sized}) {
        for (std::size_t size = 0; size < text.size(); ++size) {
            const outcome got = read_whole(reader, std::string_view(text).substr(0, size), {.then_eof = true});
            EXPECT_EQ(got.state, read_state::failed) << size;
            EXPECT_EQ(reader.error(), errc::connection_closed) << size;
        }
    }
    EXPECT_NE(reader.error().message().find("1 of 5 bytes"), std::string::npos) << reader.error().message();
}

TEST(ResponseReader, DoesNotTrustATruncatedStream) {
    const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed("HTTP/1.1 200 OK\r\n\r\nhello");
    EXPECT_EQ(reader.finish_at_eof(stream_end::truncated), read_state::failed);
    EXPECT_EQ(reader.error(), errc::connection_closed);
}

TEST(ResponseReader, LetsBodiesBeReceivedDirectly) {
    const http_limits limits;
    const std::string body(100'000, 'b');
    response_reader reader;
    reader.reset(method::get, limits);
    EXPECT_TRUE(reader.body_space(100).empty()) << "the head comes first";
    reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbbb");
    EXPECT_EQ(reader.remaining_body(), 99'997U);
    std::size_t sent = 3;
    while (reader.state() == read_state::need_more) {
        const std::span<char> space = reader.body_space(4096);
        ASSERT_FALSE(space.empty());
        const std::size_t received = std::min<std::size_t>(space.size(), 1000 + sent % 3000);
        std::memcpy(space.data(), body.data() + sent, received);
        sent += received;
        reader.commit_body(received);
    }
    EXPECT_EQ(sent, body.size());
    EXPECT_EQ(reader.remaining_body(), 0U);
    EXPECT_TRUE(reader.keep_alive());
    EXPECT_EQ(reader.take().body(), body);
}

TEST(ResponseReader, NeverLendsSpaceBehindTheBody) {
    const http_limits limits;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_EQ(reader.body_space(1000).size(), 7U);
    EXPECT_EQ(reader.body_space(5).size(), 5U);
    // Space that is not committed is as if it had not been lent.
    EXPECT_EQ(reader.feed("defghij").state, read_state::complete);
    EXPECT_EQ(reader.take().body(), "abcdefghij");

    reader.reset(method::get, limits);
    reader.feed(chunked("5\r\nhe"));
    const std::span<char> space = reader.body_space(1000);
    ASSERT_EQ(space.size(), 3U);
    std::memcpy(space.data(), "llo", 3);
    EXPECT_EQ(reader.commit_body(3), read_state::need_more);
    EXPECT_TRUE(reader.body_space(1000).empty()) << "the next bytes end the chunk";
    EXPECT_EQ(reader.feed("\r\n0\r\n\r\n").state, read_state::complete);
    EXPECT_EQ(reader.take().body(), "hello");
}

TEST(ResponseReader, LendsSpaceForABodyWithoutALengthUpToItsLimit) {
    http_limits limits;
    limits.max_body_bytes = 8;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed("HTTP/1.1 200 OK\r\n\r\nabc");
    const std::span<char> space = reader.body_space(1000);
    ASSERT_EQ(space.size(), 5U);
    std::memcpy(space.data(), "defgh", 5);
    EXPECT_EQ(reader.commit_body(5), read_state::need_more);
    EXPECT_TRUE(reader.body_space(1).empty());
    EXPECT_EQ(reader.feed("i").state, read_state::failed);
    EXPECT_EQ(reader.error(), errc::limit_exceeded);
}

TEST(ResponseReader, DoesNotSetAsideWhatAServerOnlyAnnounces) {
    http_limits limits;
    limits.max_body_bytes = std::uint64_t{1} << 62U;
    response_reader reader;
    reader.reset(method::get, limits);
    reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 4611686018427387904\r\n\r\nabc");
    EXPECT_EQ(reader.state(), read_state::need_more);
    reader.feed("def");
    EXPECT_EQ(reader.remaining_body(), (std::uint64_t{1} << 62U) - 6);
}

TEST(ResponseReader, KeepsSecretsOutOfErrors) {
    for (const std::string text : {
             "HTTP/1.1 200 OK\r\nSet-Cookie: s3cret\x01\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: s3cret\r\n\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: s3cret\r\n\r\n",
             "HTTP/1.1 200 OK\r\ns3cret\r\n\r\n",
             "HTTP/1.1 200 OK\r\nA: 1\r\n s3cret\r\n\r\n",
             "s3cret",
         }) {
        const outcome got = read_whole(text);
        EXPECT_EQ(got.state, read_state::failed);
        EXPECT_EQ(got.error.find("s3cret"), std::string::npos) << got.error;
    }
}

}  // namespace
}  // namespace lido::http
