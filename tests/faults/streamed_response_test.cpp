// Responses that are read while they come, and what servers do about that.
#include "lido/base/random.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"
#include "support/streamed_bodies.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <latch>
#include <optional>
#include <stop_token>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using http::response_stream;

/// How much of a body that never ends was sent is not to be known; so it is one that is far larger than what fits in
/// between.
constexpr std::size_t huge = 48'000'000;

std::string chunked_text(std::string_view body, std::size_t chunk, std::string_view trailers = {}) {
    std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kind: chunked\r\n\r\n";
    while (!body.empty()) {
        const std::string_view piece = body.substr(0, chunk);
        text += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
        body.remove_prefix(piece.size());
    }
    return text.append("0\r\n").append(trailers).append("\r\n");
}

std::string until_close_text(std::string_view body) {
    return std::string("HTTP/1.1 200 OK\r\nX-Kind: until close\r\n\r\n").append(body);
}

std::string read_to_end(response_stream& from, std::size_t piece, std::optional<error>& failure) {
    std::string all;
    std::string space(piece, '\0');
    while (true) {
        const auto got = from.read_some(space).wait();
        if (!got) failure = got.error();
        if (!got || *got == 0) return all;
        all.append(space, 0, *got);
    }
}

struct framing {
    const char* name;
    std::function<std::string(std::string_view)> text;
    afterwards then;
};

class streamed_response : public testing::TestWithParam<framing> {};

TEST_P(streamed_response, comes_as_it_was_sent_whatever_the_pieces) {
    for (const std::size_t size : {0U, 1U, 5'000U, 70'000U, 1'000'000U}) {
        const std::string content = numbered_text(size);
        const std::string bytes = GetParam().text(content);
        scripted_server server(
            {.on_request = [&](const arrival&) { return reaction{.bytes = bytes, .then = GetParam().then}; }});
        runtime io;
        client user(io, plain_settings(server.url()));
        for (const std::size_t piece : {7U, 4'096U, 100'000U, 3'000'000U}) {
            if (piece == 7U && size > 70'000U) continue;
            auto opened = user.open(request(method::get, "/")).wait();
            ASSERT_TRUE(opened.has_value()) << opened.error().message();
            EXPECT_EQ(opened->status(), 200U);
            EXPECT_TRUE(opened->head().header("X-Kind").has_value());
            std::optional<error> failure;
            EXPECT_TRUE(read_to_end(*opened, piece, failure) == content);
            EXPECT_FALSE(failure.has_value()) << failure->message();
            EXPECT_TRUE(opened->has_ended());
        }
        if (GetParam().then == afterwards::keep) {
            EXPECT_EQ(server.accepted(), 1U);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    framings, streamed_response,
    testing::Values(
        framing{"sized", [](std::string_view body) { return response_text(body, 200, "X-Kind: sized\r\n"); },
                afterwards::keep},
        framing{"chunked", [](std::string_view body) { return chunked_text(body, 50'000); }, afterwards::keep},
        framing{"in_tiny_chunks", [](std::string_view body) { return chunked_text(body, 3); }, afterwards::keep},
        framing{"until_close", until_close_text, afterwards::fin}),
    [](const auto& which) { return std::string(which.param.name); });

TEST(StreamedResponse, HasItsTrailersAtTheEnd) {
    scripted_server server({.on_request = [](const arrival&) {
        return reaction{.bytes = chunked_text("content", 3, "X-Checksum: 77\r\n")};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_FALSE(opened->has_ended());
    EXPECT_EQ(opened->head().trailers().size(), 0U);
    const auto all = opened->read_all(100).wait();
    ASSERT_TRUE(all.has_value()) << all.error().message();
    EXPECT_EQ(*all, "content");
    EXPECT_EQ(opened->head().trailers().find("X-Checksum"), "77");
    EXPECT_EQ(opened->head().header("X-Kind"), "chunked");
    std::string space(10, '\0');
    EXPECT_EQ(opened->read_some(space).wait().value(), 0U);
}

TEST(StreamedResponse, GivesItsHeadBeforeTheServerHasSentTheBody) {
    scripted_server server({.on_request = [](const arrival&) {
        return reaction{
            .bytes = response_text("late"), .then = afterwards::stall, .cut_at = response_text("late").size() - 2};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    auto opened = user.open(request(method::get, "/").read_timeout(1s)).wait();  // the head comes within it, too
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->status(), 200U);
    std::string space(10, '\0');
    EXPECT_EQ(opened->read_some(space).wait().value(), 2U);
    const auto none = opened->read_some(space).wait();
    ASSERT_FALSE(none.has_value());
    EXPECT_TRUE(none.error() == errc::read_timeout) << none.error().message();
    // And so it stays.
    EXPECT_FALSE(opened->read_some(space).wait().has_value());
}

TEST(StreamedResponse, KeepsTheDeadlineOfAReadAndOfTheRequest) {
    scripted_server server({.on_request = [](const arrival&) {
        return reaction{
            .bytes = response_text("late"), .then = afterwards::stall, .cut_at = response_text("late").size() - 2};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    for (const bool of_the_read : {true, false}) {
        request what(method::get, "/");
        if (!of_the_read) what.timeout(1s);  // within which the head has to come, too
        auto opened = user.open(std::move(what)).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        std::string space(10, '\0');
        const auto got = opened->read(space, of_the_read ? duration(50ms) : duration(1h)).wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_TRUE(got.error() == errc::timeout) << got.error().message();
    }
}

TEST(StreamedResponse, TakesNothingBeyondABoundWhileNobodyReads) {
    scripted_server server(
        {.on_request = [](const arrival&) { return reaction{.bytes = response_text(numbered_text(huge))}; }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.limits.max_body_bytes = 1'000'000;  // of what is held in memory, which this is not
    client user(io, settings);
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    std::string space(1'000, '\0');
    ASSERT_TRUE(opened->read(space).wait().has_value());
    EXPECT_EQ(space, numbered_text(1'000));
    const auto too_much = opened->read_all(1'000'000).wait();
    ASSERT_FALSE(too_much.has_value());
    EXPECT_TRUE(too_much.error() == errc::limit_exceeded) << too_much.error().message();
    std::optional<error> failure;
    std::size_t left = 0;
    std::string large(1'000'000, '\0');
    while (true) {
        const auto got = opened->read_some(large).wait();
        ASSERT_TRUE(got.has_value()) << got.error().message();
        if (*got == 0) break;
        left += *got;
    }
    EXPECT_EQ(left, huge - 1'000 - 1'000'001);
}

TEST(StreamedResponse, DroppedBeforeItsEndClosesItsConnection) {
    scripted_server server(
        {.on_request = [](const arrival&) { return reaction{.bytes = response_text(numbered_text(huge))}; }});
    runtime io;
    client user(io, plain_settings(server.url()));
    {
        auto opened = user.open(request(method::get, "/")).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        EXPECT_EQ(user.statistics().origins.front().pool.in_use, 1U);
    }
    EXPECT_TRUE(comes_true([&] { return open_connections(user) == 0; }));
}

TEST(StreamedResponse, IsCutWhenItsClientIsClosedAndMayOutliveIt) {
    scripted_server server(
        {.on_request = [](const arrival&) { return reaction{.bytes = response_text(numbered_text(huge))}; }});
    runtime io;
    std::optional<client> user(std::in_place, io, plain_settings(server.url()));
    auto opened = user->open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    user.reset();
    std::string all(2 * huge, '\0');
    EXPECT_FALSE(opened->read(all).wait().has_value());
}

TEST(StreamedResponse, CutByTheServerIsAnErrorAfterTheBytesThatCame) {
    for (const bool chunked : {true, false}) {
        const std::string bytes = chunked ? chunked_text("0123456789", 5) : response_text("0123456789");
        scripted_server server({.on_request = [&](const arrival&) {
            return reaction{.bytes = bytes, .then = afterwards::fin, .cut_at = bytes.size() - (chunked ? 7 : 3)};
        }});
        runtime io;
        client user(io, plain_settings(server.url()));
        auto opened = user.open(request(method::get, "/")).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        std::optional<error> failure;
        EXPECT_THAT(read_to_end(*opened, 100, failure), testing::StartsWith(chunked ? "01234" : "0123456"));
        ASSERT_TRUE(failure.has_value());
        EXPECT_TRUE(*failure == errc::connection_closed) << failure->message();
    }
}

TEST(StreamedResponse, IsRetriedUntilItsHeadOnly) {
    scripted_server server({.on_request = [](const arrival& what) {
        return reaction{.bytes = response_text("body", what.number == 1 ? 503 : 200)};
    }});
    runtime io;
    client user(io, eager_settings(server.url()));
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->status(), 200U);
    EXPECT_EQ(opened->read_all(10).wait().value(), "body");
    // The refused one was read to its end, so that its connection could be used again.
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(StreamedResponse, RefusesASecondReadAtOnce) {
    scripted_server server({.on_request = [](const arrival&) {
        return reaction{
            .bytes = response_text("late"), .then = afterwards::stall, .cut_at = response_text("late").size() - 4};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    auto opened = user.open(request(method::get, "/")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    std::string first(4, '\0');
    std::string second(4, '\0');
    std::stop_source stop;
    std::latch ended(1);
    opened->read_some(first).start([&](const result<std::size_t>&) { ended.count_down(); }, stop.get_token());
    EXPECT_TRUE(comes_true([&] {
        const auto refused = opened->read_some(second, 1ms).wait();
        return !refused && refused.error() == errc::invalid_argument;
    }));
    stop.request_stop();
    ended.wait();
}

/// A reader on one loop, a connection on another, and reads that are given up and begun again.
TEST(StreamedResponse, LosesNoByteWhenReadsAreCancelledOnOtherLoops) {
    const std::string content = numbered_text(400'000);
    const std::string bytes = chunked_text(content, 1'000);
    scripted_server server({.on_request = [&](const arrival&) { return reaction{.bytes = bytes}; }});
    runtime io({.threads = 3});
    client user(io, plain_settings(server.url()));
    for (int round = 0; round < 3; ++round) {
        auto opened = user.open(request(method::get, "/")).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        std::string all;
        std::string space(5'000, '\0');
        random_source dice(static_cast<std::uint64_t>(round) + 1);
        while (true) {
            std::stop_source stop;
            std::latch ended(1);
            std::optional<result<std::size_t>> got;
            struct reader {
                static task<void> run(response_stream& from, std::span<char> into, std::stop_token until,
                                      std::optional<result<std::size_t>>& outcome, std::latch& done) {
                    operation<std::size_t> reading = from.read_some(into);
                    std::move(reading).start(
                        [&outcome, &done](result<std::size_t> came) {
                            outcome.emplace(std::move(came));
                            done.count_down();
                        },
                        std::move(until));
                    co_return;
                }
            };
            io.spawn(reader::run(*opened, space, stop.get_token(), got, ended),
                     static_cast<std::uint32_t>(dice.below(3)));
            if (dice.below(2) == 0) stop.request_stop();
            ended.wait();
            if (!*got && got->error() == errc::cancelled) continue;
            ASSERT_TRUE(got->has_value()) << got->error().message();
            if (**got == 0) break;
            all.append(space, 0, **got);
        }
        EXPECT_TRUE(all == content);
    }
}

/// A server that sends back what comes, while it comes.
TEST(StreamedResponse, IsReadWhileItsRequestIsStillBeingSent) {
    scripted_server server(
        {.on_request = [](const arrival&) { return reaction{}; },
         .on_head = [](const arrival&) { return reaction{.bytes = response_text(numbered_text(1'000'000))}; }});
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    const auto source = source_of(numbered_text(100'000'000), {.piece = 60'000}, watch);
    auto opened = user.open(request(method::post, "/").body(source)).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    const auto all = opened->read_all(2'000'000).wait();
    ASSERT_TRUE(all.has_value()) << all.error().message();
    EXPECT_TRUE(*all == numbered_text(1'000'000));
    opened = response_stream();
    EXPECT_TRUE(comes_true([&] { return open_connections(user) == 0; }));
}

}  // namespace
}  // namespace lido::test
