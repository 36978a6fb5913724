// Bodies that are not held in memory, both ways, and what servers do about them.
#include "lido/base/random.hpp"
#include "lido/base/sleep.hpp"
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::body_from;
using http::client;
using http::method;
using http::request;
using http::response_stream;
using testing::HasSubstr;

/// Text in which each place can be told from all others.
std::string numbered_text(std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; text.size() < bytes; ++i) text += fmt::format("{:010}\n", i);
    text.resize(bytes);
    return text;
}

/// What a source did.
struct source_watch {
    std::atomic<std::size_t> reads{0};
    std::atomic<std::size_t> rewinds{0};
};

struct source_shape {
    bool sized = true;
    bool rewinds = false;
    std::size_t piece = 1000;
    std::size_t lies_by = 0;   ///< added to the size that is announced
    std::size_t short_by = 0;  ///< taken from it
    std::size_t fails_at = static_cast<std::size_t>(-1);
    duration pause{0};  ///< before each piece
};

task<result<std::size_t>> give(std::shared_ptr<const std::string> text, std::shared_ptr<std::size_t> at,
                               source_shape shape, source_watch* watch, std::span<char> space) {
    watch->reads.fetch_add(1);
    if (shape.pause > 0ms) co_await sleep_until(scheduler::current()->now() + shape.pause);
    if (*at >= shape.fails_at) co_return error(errc::check_failed, "the disk is gone");
    const std::size_t size = std::min({space.size(), shape.piece, text->size() - *at});
    std::copy_n(text->data() + *at, size, space.data());
    *at += size;
    co_return size;
}

std::shared_ptr<http::body_source> source_of(std::string text, source_shape shape, source_watch& watch) {
    std::optional<std::uint64_t> size;
    if (shape.sized) size = text.size() + shape.lies_by - shape.short_by;
    auto content = std::make_shared<const std::string>(std::move(text));
    auto at = std::make_shared<std::size_t>(0);
    const auto read = [content, at, shape, &watch](std::span<char> space) {
        return give(content, at, shape, &watch, space);
    };
    if (!shape.rewinds) return body_from(read, size);
    return body_from(read, size, [at, &watch]() -> result<void> {
        *at = 0;
        watch.rewinds.fetch_add(1);
        return {};
    });
}

/// Answers with how long the body was and what its framing was.
server_script measuring_script() {
    return {.on_request = [](const arrival& what) {
        const bool chunked = what.head.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos;
        return reaction{.bytes = response_text(fmt::format("{} {}", what.body.size(), chunked ? "chunked" : "sized"))};
    }};
}

TEST(StreamedRequest, OfKnownSizeIsSentWithItsLength) {
    std::mutex mutex;
    std::string came;
    scripted_server server({.on_request = [&](const arrival& what) {
        const std::lock_guard held(mutex);
        came = what.body;
        return reaction{.bytes = response_text(
                            what.head.find("Content-Length: 300000\r\n") != std::string::npos ? "length" : "none")};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    const std::string content = numbered_text(300'000);
    source_watch watch;
    const auto answer = user.send(request(method::put, "/").body(source_of(content, {.piece = 70'000}, watch))).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "length");
    const std::lock_guard held(mutex);
    EXPECT_TRUE(came == content);
}

TEST(StreamedRequest, OfUnknownSizeIsSentInChunksAndTheConnectionServesAgain) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    for (const std::size_t size : {0U, 1U, 999U, 65'536U, 1'000'000U}) {
        const auto source = source_of(numbered_text(size), {.sized = false, .piece = 100'000}, watch);
        const auto answer = user.send(request(method::post, "/").body(source)).wait();
        ASSERT_TRUE(answer.has_value()) << answer.error().message();
        EXPECT_EQ(answer->body(), fmt::format("{} chunked", size));
    }
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(StreamedRequest, WithAnEmptySourceOfKnownSizeIsComplete) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    const auto answer = user.send(request(method::post, "/").body(source_of("", {}, watch))).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "0 sized");
}

TEST(StreamedRequest, WaitsForASlowSource) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    const auto source = source_of(numbered_text(5'000), {.pause = 5ms}, watch);
    const auto answer = user.send(request(method::post, "/").body(source)).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "5000 sized");
}

TEST(StreamedRequest, WhoseSourceDoesNotKeepItsSizeIsBrokenOffAndNeverComplete) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, eager_settings(server.url()));
    for (const source_shape& shape :
         {source_shape{.rewinds = true, .lies_by = 1}, source_shape{.rewinds = true, .short_by = 1},
          source_shape{.rewinds = true, .short_by = 2'999}}) {
        source_watch watch;
        const auto answer =
            user.send(request(method::put, "/").body(source_of(numbered_text(3'000), shape, watch))).wait();
        ASSERT_FALSE(answer.has_value());
        EXPECT_TRUE(answer.error() == errc::invalid_argument) << answer.error().message();
        EXPECT_THAT(answer.error().message(), HasSubstr("size"));
        EXPECT_EQ(watch.rewinds, 0U);
    }
    EXPECT_EQ(server.requests(), 0U);
    EXPECT_TRUE(comes_true([&] { return open_connections(user) == 0; }));
}

TEST(StreamedRequest, EndsWithTheErrorOfItsSource) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, eager_settings(server.url()));
    for (const bool sized : {true, false}) {
        source_watch watch;
        const auto source =
            source_of(numbered_text(3'000), {.sized = sized, .rewinds = true, .fails_at = 2'000}, watch);
        const auto answer = user.send(request(method::put, "/").body(source)).wait();
        ASSERT_FALSE(answer.has_value());
        EXPECT_TRUE(answer.error() == errc::check_failed) << answer.error().message();
        EXPECT_THAT(answer.error().message(), HasSubstr("the disk is gone"));
        EXPECT_EQ(watch.rewinds, 0U);
    }
    EXPECT_EQ(server.requests(), 0U);
}

TEST(StreamedRequest, IsRetriedOnlyWhenItsSourceCanBeRewound) {
    const auto script = server_script{.on_request = [](const arrival& what) {
        return reaction{.bytes = response_text(fmt::format("{}", what.body.size()), what.number % 2 == 1 ? 503 : 200)};
    }};
    for (const bool rewinds : {true, false}) {
        scripted_server server(script);
        runtime io;
        client user(io, eager_settings(server.url()));
        source_watch watch;
        const auto source = source_of(numbered_text(3'000), {.rewinds = rewinds}, watch);
        const auto answer = user.send(request(method::put, "/").body(source)).wait();
        ASSERT_TRUE(answer.has_value()) << answer.error().message();
        EXPECT_EQ(answer->status(), rewinds ? 200U : 503U);
        EXPECT_EQ(answer->body(), "3000");
        EXPECT_EQ(server.requests(), rewinds ? 2U : 1U);
        EXPECT_EQ(watch.rewinds, rewinds ? 1U : 0U);
    }
}

TEST(StreamedRequest, WithASourceThatWasReadBeforeIsRefusedInsteadOfSendingNothing) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    const request what = request(method::post, "/").body(source_of("text", {.sized = false}, watch));
    ASSERT_TRUE(user.send(what).wait().has_value());
    const auto again = user.send(what).wait();
    ASSERT_FALSE(again.has_value());
    EXPECT_TRUE(again.error() == errc::invalid_argument) << again.error().message();
    EXPECT_EQ(server.requests(), 1U);
}

TEST(StreamedRequest, AnsweredBeforeItsEndIsNotSentToItsEnd) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{}; },
                            .on_head = [](const arrival&) { return reaction{.bytes = response_text("no", 413)}; }});
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    // Far more than fits between here and there.
    const auto source = source_of(numbered_text(64'000'000), {.piece = 60'000}, watch);
    const auto answer = user.send(request(method::post, "/").body(source)).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->status(), 413U);
    EXPECT_EQ(answer->body(), "no");
    EXPECT_LT(watch.reads, 1000U);
    EXPECT_TRUE(comes_true([&] { return open_connections(user) == 0; }));
}

TEST(StreamedRequest, WhoseSourceGivesNothingEndsWithTheDeadline) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    const auto source = source_of("text", {.pause = 1h}, watch);
    const auto answer = user.send(request(method::post, "/").body(source).timeout(50ms)).wait();
    ASSERT_FALSE(answer.has_value());
    EXPECT_TRUE(answer.error() == errc::timeout) << answer.error().message();
}

// ---- Expect: 100-continue -------------------------------------------------------------------------------------------

http::client_settings expecting(std::string url, duration wait) {
    http::client_settings settings = plain_settings(std::move(url));
    settings.continue_timeout = wait;
    return settings;
}

TEST(ExpectContinue, SendsTheBodyWhenTheServerAsksForIt) {
    scripted_server server(
        {.on_request = [](const arrival& what) { return reaction{.bytes = response_text(what.body)}; },
         .on_head = [](const arrival&) { return reaction{.bytes = "HTTP/1.1 100 Continue\r\n\r\n"}; }});
    runtime io;
    client user(io, expecting(server.url(), 1h));
    const auto answer = user.send(request(method::put, "/").body("content").expect_continue()).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "content");
    source_watch watch;
    const auto source = source_of("streamed", {.sized = false}, watch);
    const auto streamed = user.send(request(method::put, "/").body(source).expect_continue()).wait();
    ASSERT_TRUE(streamed.has_value()) << streamed.error().message();
    EXPECT_EQ(streamed->body(), "streamed");
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(ExpectContinue, SendsTheBodyAfterAWhileToAServerThatKnowsNothingOfIt) {
    scripted_server server(
        {.on_request = [](const arrival& what) { return reaction{.bytes = response_text(what.body)}; }});
    runtime io;
    client user(io, expecting(server.url(), 20ms));
    const auto answer = user.send(request(method::put, "/").body("content").expect_continue()).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "content");
}

TEST(ExpectContinue, DoesNotSendTheBodyWhenTheServerHasAnsweredBefore) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{}; },
                            .on_head = [](const arrival&) { return reaction{.bytes = response_text("who?", 401)}; }});
    runtime io;
    client user(io, expecting(server.url(), 1h));
    source_watch watch;
    const auto source = source_of("content", {}, watch);
    const auto answer = user.send(request(method::put, "/").body(source).expect_continue()).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->status(), 401U);
    EXPECT_EQ(answer->body(), "who?");
    EXPECT_EQ(watch.reads, 0U);
    // The server may still wait for what was announced.
    EXPECT_TRUE(comes_true([&] { return open_connections(user) == 0; }));
}

TEST(ExpectContinue, IsLeftOutTheSecondTimeWhenTheServerCannotMeetIt) {
    scripted_server server({.on_request =
                                [](const arrival& what) {
                                    const bool expects = what.head.find("Expect") != std::string::npos;
                                    return reaction{.bytes = response_text(expects ? "expects" : what.body)};
                                },
                            .on_head =
                                [](const arrival& what) {
                                    if (what.head.find("Expect") == std::string::npos) return reaction{};
                                    return reaction{.bytes = response_text("cannot", 417)};
                                }});
    runtime io;
    client user(io, expecting(server.url(), 1h));
    source_watch watch;
    const auto source = source_of("content", {}, watch);
    const auto answer = user.send(request(method::post, "/").body(source).expect_continue()).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "content");
    EXPECT_EQ(server.requests(), 2U);
}

// ---- streamed responses ---------------------------------------------------------------------------------------------

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
    auto opened = user.open(request(method::get, "/").read_timeout(50ms)).wait();
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
        if (!of_the_read) what.timeout(100ms);
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
