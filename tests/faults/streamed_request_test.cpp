// Requests whose bodies are not held in memory, and what servers do about them.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"
#include "support/streamed_bodies.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <mutex>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using testing::HasSubstr;

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

TEST(StreamedRequest, WhoseSourceAnswersWhenItIsNotAskedAnyMoreWaitsForTheServer) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{}; },
                            .on_head =
                                [](const arrival&) {
                                    const std::string answer = response_text("no", 413);
                                    return reaction{
                                        .bytes = answer, .then = afterwards::stall, .cut_at = answer.size() - 1};
                                }});
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    // Long enough for the answer to come before the first piece, also on a machine that is busy.
    const auto source = source_of("text", {.sized = false, .piece = 1, .pause = 1s}, watch);
    const auto answer = user.send(request(method::post, "/").body(source).read_timeout(2s)).wait();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error(), errc::maybe_executed) << answer.error().message();
    ASSERT_NE(answer.error().cause(), nullptr);
    EXPECT_EQ(*answer.error().cause(), errc::read_timeout);
    EXPECT_LE(watch.reads, 1U);
}

TEST(StreamedRequest, WhoseSourceGivesNothingEndsWithTheDeadline) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    const auto source = source_of("text", {.pause = 1h}, watch);
    const auto answer = user.send(request(method::put, "/").body(source).timeout(50ms)).wait();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error(), errc::timeout) << answer.error().message();
}

TEST(StreamedRequest, HasItsTrailersBehindTheBody) {
    scripted_server server({.on_request = [](const arrival& what) {
        return reaction{.bytes = response_text(fmt::format("{}|{}", what.body.size(), what.trailers))};
    }});
    runtime io;
    client user(io, plain_settings(server.url()));
    source_watch watch;
    const auto count = [&watch]() -> result<http::headers> {
        http::headers made;
        made.add("X-Reads", fmt::format("{}", watch.reads.load())).value();
        return made;
    };
    for (const std::size_t size : {0U, 3'000U, 100'000U}) {
        const std::string expected = fmt::format("{}|Checksum: 77\r\n", size);
        const auto in_memory =
            user.send(request(method::put, "/").body(numbered_text(size)).trailer("Checksum", "77")).wait();
        ASSERT_TRUE(in_memory.has_value()) << in_memory.error().message();
        EXPECT_EQ(in_memory->body(), expected);
        for (const bool sized : {true, false}) {
            watch.reads = 0;
            const auto source = source_of(numbered_text(size), {.sized = sized, .piece = 100'000}, watch);
            request what = request(method::put, "/").body(source).trailer("Checksum", "77").trailers_from(count);
            const auto answer = user.send(std::move(what)).wait();
            ASSERT_TRUE(answer.has_value()) << answer.error().message();
            EXPECT_EQ(answer->body(), expected + fmt::format("X-Reads: {}\r\n", watch.reads.load()));
        }
    }
    EXPECT_EQ(server.accepted(), 1U);
}

TEST(StreamedRequest, WhoseTrailersCannotBeMadeIsBrokenOff) {
    scripted_server server(measuring_script());
    runtime io;
    client user(io, eager_settings(server.url()));
    const auto fail = []() -> result<http::headers> { return error(errc::check_failed, "no checksum"); };
    const auto answer = user.send(request(method::put, "/").body("content").trailers_from(fail)).wait();
    ASSERT_FALSE(answer.has_value());
    EXPECT_TRUE(answer.error() == errc::check_failed) << answer.error().message();
    EXPECT_EQ(server.requests(), 0U);
    EXPECT_TRUE(comes_true([&] { return open_connections(user) == 0; }));
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

}  // namespace
}  // namespace lido::test
