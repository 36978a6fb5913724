// What others have learned about HTTP/2: what a server may refuse, limit, leave open or leave to silence, and the
// windows that bodies use up. Each test begins with where it was learned; docs/design/lessons.md lists them all.
#include "support/http_client_world.hpp"
#include "support/python_server.hpp"
#include "support/streamed_bodies.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;

http::client_settings over_http2(const python_server& server) {
    http::client_settings settings = plain_settings(server.url());
    settings.http_version = http::http_versions::http2;
    settings.max_connections_per_origin = 1;
    return settings;
}

/// A request that must come back with its nonce.
task<void> ask(client& by, method how, std::string target, std::string nonce, std::atomic<std::size_t>& right) {
    const result<http::response> got = co_await by.send(nonce_request(how, nonce, target));
    EXPECT_TRUE(got.has_value()) << nonce << ": " << got.error().message();
    if (got && got->body() == nonce) ++right;
}

class lessons_http2 : public testing::Test {
protected:
    static std::string connection_of(const http::response& from) {
        return std::string(from.header("x-connection").value());
    }
    static void begin(client& user) { ASSERT_TRUE(user.get("/good").wait().has_value()); }
    static std::size_t times_seen(client& user, const std::string& nonce) {
        return std::stoul(std::string(user.send(nonce_request(method::get, nonce, "/seen")).wait().value().body()));
    }
    /// As many at once as the nonces say; all of them have to come back.
    static void ask_at_once(runtime& io, client& user, method how, const std::string& target,
                            const std::vector<std::string>& nonces) {
        std::atomic<std::size_t> right{0};
        on_tasks(io, nonces.size(), [&](std::size_t i) { return ask(user, how, target, nonces[i], right); });
        EXPECT_EQ(right, nonces.size());
    }
    static std::uint64_t connections(const client& user) { return user.statistics().http2.connections; }

    const std::vector<std::string> three_{"a", "b", "c"};
};

/// What misbehaves with one request only; the other server has those that need several.
class lessons_http2_refused : public lessons_http2 {
protected:
    python_server server_{"misbehaving_http2_server.py"};
};

class lessons_http2_learned : public lessons_http2 {
protected:
    python_server server_{"lessons_http2_server.py"};
};

// ---- refused, or never looked at ------------------------------------------------------------------------------------

/// corefx#39013, and NGHTTP2_REFUSED_STREAM, by which nghttp2 tells of such streams.
TEST_F(lessons_http2_learned, corefx_39013_of_streams_under_way_a_goaway_lets_one_end_and_the_others_are_sent_again) {
    runtime io;
    client user(io, over_http2(server_));
    begin(user);
    ask_at_once(io, user, method::post, "/goes_away_above_the_first", three_);
    std::vector<std::size_t> times;
    for (const std::string& each : three_) times.push_back(times_seen(user, each));
    EXPECT_THAT(times, testing::UnorderedElementsAre(1U, 2U, 2U));
    EXPECT_EQ(connections(user), 2U);
    EXPECT_EQ(user.statistics().resends, 2U);
    EXPECT_EQ(user.statistics().retries, 0U) << "the policy was not asked";
}

/// golang#20985, corefx#39005, HTTP.jl#1294; curl sends it on a new connection, which is not needed.
TEST_F(lessons_http2_refused, golang_20985_http_jl_1294_a_post_that_was_refused_is_sent_again_and_served_once) {
    runtime io;
    client user(io, over_http2(server_));
    begin(user);
    for (const char* how : {"refuses_once", "goes_away_below_it_once"}) {
        const std::string nonce = how;
        const auto got = user.send(nonce_request(method::post, nonce, "/" + nonce)).wait();
        ASSERT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(got->body(), nonce);
        EXPECT_EQ(times_seen(user, nonce), 2U) << "once refused, once served";
    }
    EXPECT_EQ(connections(user), 2U) << "only the goaway costs a connection";
}

/// curl, "REFUSED_STREAM, retrying a fresh connect": without an end, were it not bounded.
TEST_F(lessons_http2_refused, curl_refused_stream_a_server_that_refuses_each_time_is_asked_a_bounded_number_of_times) {
    runtime io;
    client user(io, over_http2(server_));
    begin(user);
    const auto got = user.send(nonce_request(method::post, "never", "/refuses_always")).wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connection_closed) << "it was provably not executed: " << got.error().message();
    EXPECT_LE(times_seen(user, "never"), 6U);
}

/// Go: "cannot retry … after Request.Body was written; define Request.GetBody to avoid this error".
TEST_F(lessons_http2_refused, go_define_get_body_what_was_read_from_a_source_is_sent_again_if_that_can_begin_again) {
    for (const bool rewinds : {true, false}) {
        runtime io;
        client user(io, over_http2(server_));
        source_watch watch;
        const std::string nonce = rewinds ? "rewinds" : "does not";
        auto what = request(method::post, "/refuses_once").header("X-Nonce", nonce);
        what.body(source_of(numbered_text(5'000), {.rewinds = rewinds}, watch));
        const auto got = user.send(what).wait();
        EXPECT_EQ(got.has_value(), rewinds);
        if (!got) {
            EXPECT_EQ(got.error(), errc::connection_closed) << "nothing was executed: " << got.error().message();
        }
        EXPECT_EQ(times_seen(user, nonce), rewinds ? 2U : 1U);
        EXPECT_EQ(watch.rewinds, rewinds ? 1U : 0U);
    }
}

// ---- limits on streams ----------------------------------------------------------------------------------------------

/// Streams that were begun under the old limit are refused; sent again, they keep to the new one.
TEST_F(lessons_http2_learned, corefx_39005_what_was_refused_because_the_limit_was_lowered_waits_for_its_turn) {
    runtime io;
    client user(io, over_http2(server_));
    begin(user);
    ask_at_once(io, user, method::post, "/lowers_the_limit", three_);
    ask_at_once(io, user, method::post, "/lowers_the_limit", {"d", "e", "f"});
    EXPECT_EQ(user.get("/most").wait().value().body(), "1");
    EXPECT_EQ(connections(user), 1U);
    EXPECT_EQ(user.statistics().resends, 2U);
}

/// Envoy opens another connection when the limit of one is reached.
TEST_F(lessons_http2_refused, envoy_max_concurrent_streams_more_than_one_connection_may_carry_opens_others) {
    runtime io;
    http::client_settings settings = over_http2(server_);
    settings.max_connections_per_origin = 3;
    client user(io, settings);
    ASSERT_TRUE(user.send(nonce_request(method::get, "first", "/lowers_the_limit")).wait().has_value());
    // That connection allows one stream from then on; the answers come late, so that they overlap.
    ask_at_once(io, user, method::get, "/answers_late", three_);
    EXPECT_GE(connections(user), 2U);
    EXPECT_LE(connections(user), 3U);
}

// ---- silence --------------------------------------------------------------------------------------------------------

http::client_settings noticing_silence(const python_server& server) {
    http::client_settings settings = over_http2(server);
    settings.http2.ping_after = 200ms;
    settings.http2.ping_timeout = 1s;
    return settings;
}

/// kubernetes#95981: all that is asked on a connection whose peer is gone waits until TCP gives up, after a quarter of
/// an hour.
TEST_F(lessons_http2_learned, kubernetes_95981_a_peer_that_is_gone_costs_a_ping_and_all_its_streams_are_sent_again) {
    runtime io;
    client user(io, noticing_silence(server_));
    begin(user);
    const auto begun = clock::now();
    ask_at_once(io, user, method::get, "/dies", three_);
    EXPECT_LT(clock::now() - begun, user.settings().read_timeout) << "it was no PING that noticed it";
    EXPECT_EQ(connections(user), 2U);
}

/// azure-sdk#21468: a connection that has been idle for long is dead, and nobody has said so.
TEST_F(lessons_http2_learned, azure_sdk_21468_a_connection_that_has_rested_is_asked_before_a_post_is_sent_on_it) {
    runtime io;
    client user(io, noticing_silence(server_));
    const auto first = user.send(nonce_request(method::get, "first", "/answers_and_dies")).wait();
    ASSERT_TRUE(first.has_value()) << first.error().message();
    // That it rests for longer than `ping_after` is what is tested.
    std::this_thread::sleep_for(300ms);
    const auto got = user.send(nonce_request(method::post, "second", "/good")).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_NE(connection_of(*got), connection_of(*first));
    EXPECT_EQ(user.statistics().resends, 0U);
}

// ---- windows --------------------------------------------------------------------------------------------------------

/// A connection has room for one of the server's large bodies at a time, and no byte more.
http::client_settings with_small_windows(const python_server& server) {
    http::client_settings settings = over_http2(server);
    settings.http2.stream_window = 65'535;
    settings.http2.connection_window = 65'535;
    // A body that never comes is what would be seen.
    settings.timeout = 20s;
    return settings;
}

constexpr std::size_t large = 60'000;

TEST_F(lessons_http2_learned, golang_16510_a_body_that_nobody_reads_stops_no_other_stream) {
    runtime io;
    client user(io, with_small_windows(server_));
    auto unread = user.open(request(method::get, "/large")).wait();
    ASSERT_TRUE(unread.has_value()) << unread.error().message();
    for (int i = 0; i < 3; ++i) {
        const auto got = user.get("/large").wait();
        ASSERT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(got->body().size(), large);
    }
    EXPECT_EQ(unread->read_all(100'000).wait().value().size(), large);
    EXPECT_EQ(connections(user), 1U);
}

/// golang#62722, HTTP.jl#1371: each body that is closed unread takes its size from the window of the connection for
/// good.
TEST_F(lessons_http2_learned, golang_62722_http_jl_1371_bodies_that_are_dropped_leave_the_window_as_it_was) {
    runtime io;
    client user(io, with_small_windows(server_));
    for (int i = 0; i < 10; ++i) {
        auto opened = user.open(request(method::get, "/large")).wait();
        ASSERT_TRUE(opened.has_value()) << i << ": " << opened.error().message();
    }
    const auto got = user.get("/large").wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body().size(), large);
    EXPECT_EQ(connections(user), 1U);
}

/// The same by the client itself: it drops the bodies of what it tries again.
TEST_F(lessons_http2_learned, http_jl_1371_bodies_of_attempts_that_failed_leave_the_window_as_it_was) {
    runtime io;
    http::client_settings settings = with_small_windows(server_);
    settings.retry.max_retries = 3;
    settings.retry.backoff_factor = 0;
    client user(io, settings);
    for (const char* nonce : {"a", "b", "c"}) {
        auto opened = user.open(nonce_request(method::get, nonce, "/fails_largely")).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        EXPECT_EQ(opened->status(), 200U);
        EXPECT_EQ(opened->read_all(100).wait().value(), nonce);
    }
    EXPECT_EQ(user.statistics().retries, 9U);
    EXPECT_EQ(user.get("/large").wait().value().body().size(), large);
    EXPECT_EQ(connections(user), 1U);
}

/// And padding, which counts for the window and reaches no reader.
TEST_F(lessons_http2_learned, http_jl_1371_padding_gives_its_part_of_the_window_back) {
    runtime io;
    client user(io, with_small_windows(server_));
    for (int i = 0; i < 3; ++i) {
        const auto got = user.get("/padded").wait();
        ASSERT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(got->body(), std::string(300, 'x'));
    }
    EXPECT_EQ(connections(user), 1U);
}

}  // namespace
}  // namespace lido::test
