// What a server may do to a request, and what the client makes of it: which requests are sent again, which end with
// which error, and that a connection on which anything was wrong serves nobody again.
#include "support/http_client_world.hpp"
#include "support/scripted_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using testing::HasSubstr;

/// A misbehaviour, and what has to come of it. Each is met by the second request of a connection, so that the first one
/// has shown that the connection worked.
struct misbehaviour {
    std::string name;
    reaction second;
    /// How a GET ends: nothing means with the right response, by being sent again.
    std::optional<errc> get;
    std::optional<errc> post;
    /// How often the server sees the request.
    std::size_t get_times = 1;
    std::size_t post_times = 1;
};

std::string long_head() {
    return "X-Filler: " + std::string(70'000, 'x') + "\r\n";
}

std::string many_interim() {
    std::string text;
    for (int i = 0; i < 50; ++i) text += "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    return text + response_text("late");
}

std::vector<misbehaviour> misbehaviours() {
    using enum errc;
    const std::string good = response_text("right");
    return {
        // Before any byte of an answer: a reused connection may just have been closed, so what may be done twice is.
        {"closes_without_an_answer", {.bytes = "", .then = afterwards::fin}, {}, maybe_executed, 2, 1},
        {"resets_without_an_answer", {.bytes = "", .then = afterwards::rst}, {}, maybe_executed, 2, 1},
        // After the first byte of one the server has acted.
        {"closes_after_one_byte",
         {.bytes = good, .then = afterwards::fin, .cut_at = 1},
         connection_closed,
         maybe_executed},
        {"resets_within_the_head",
         {.bytes = good, .then = afterwards::rst, .cut_at = 20},
         connection_closed,
         maybe_executed},
        {"closes_within_the_body",
         {.bytes = good, .then = afterwards::fin, .cut_at = good.size() - 2},
         connection_closed,
         maybe_executed},
        {"resets_within_the_body",
         {.bytes = good, .then = afterwards::rst, .cut_at = good.size() - 1},
         connection_closed,
         maybe_executed},
        {"stalls_without_an_answer", {.bytes = "", .then = afterwards::stall}, read_timeout, maybe_executed},
        {"stalls_within_the_head",
         {.bytes = good, .then = afterwards::stall, .cut_at = 10},
         read_timeout,
         maybe_executed},
        {"stalls_within_the_body",
         {.bytes = good, .then = afterwards::stall, .cut_at = good.size() - 1},
         read_timeout,
         maybe_executed},
        {"sends_garbage", {.bytes = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"}, protocol_error, maybe_executed},
        {"sends_zero_bytes", {.bytes = std::string(64, '\0')}, protocol_error, maybe_executed},
        {"sends_too_long_a_head", {.bytes = response_text("right", 200, long_head())}, limit_exceeded, limit_exceeded},
        {"sends_interim_responses_without_end", {.bytes = many_interim()}, limit_exceeded, limit_exceeded},
        {"announces_two_lengths",
         {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nright"},
         protocol_error,
         maybe_executed},
        {"announces_length_and_chunks",
         {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
         protocol_error,
         maybe_executed},
        {"announces_more_than_it_sends",
         {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nright", .then = afterwards::fin},
         connection_closed,
         maybe_executed},
        {"breaks_its_chunks",
         {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nrightXX"},
         protocol_error,
         maybe_executed},
        {"cuts_its_chunks",
         {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n", .then = afterwards::fin},
         connection_closed,
         maybe_executed},
        {"switches_protocols_unasked",
         {.bytes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"},
         protocol_error,
         maybe_executed},
        // Nothing wrong with these answers but what comes with them: the response counts, the connection does not.
        {"sends_less_length_than_body",
         {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright and more"},
         {},
         {}},
        {"sends_two_responses_at_once", {.bytes = good + response_text("wrong")}, {}, {}},
        {"sends_a_second_response_later",
         {.bytes = good, .unasked = response_text("wrong"), .unasked_after = 5ms},
         {},
         {}},
        {"sends_a_stray_byte_later", {.bytes = good, .unasked = "\n", .unasked_after = 5ms}, {}, {}},
        {"announces_its_close", {.bytes = response_text("right", 200, "Connection: close\r\n")}, {}, {}},
        {"speaks_http_1_0", {.bytes = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nright"}, {}, {}},
        {"ends_its_body_by_closing", {.bytes = "HTTP/1.1 200 OK\r\n\r\nright", .then = afterwards::fin}, {}, {}},
        {"allows_no_more_requests", {.bytes = response_text("right", 200, "Keep-Alive: timeout=5, max=0\r\n")}, {}, {}},
        {"sends_slowly", {.bytes = good, .per_byte = 2ms}, {}, {}},
    };
}

/// Behaves on the second request of a connection, and only once; all other requests are answered well.
server_script once(const reaction& what) {
    auto done = std::make_shared<bool>(false);
    return {.on_request = [what, done](const arrival& request) {
        if (request.on_connection != 2 || *done) return reaction{.bytes = response_text("right")};
        *done = true;
        return what;
    }};
}

http::client_settings settings_for(const scripted_server& server) {
    http::client_settings settings = plain_settings(server.url());
    settings.max_connections_per_origin = 1;
    return settings;
}

class misbehaving_server : public testing::TestWithParam<misbehaviour> {
protected:
    void expect(const method& by, const std::optional<errc>& ending, std::size_t times) {
        const reaction& what = GetParam().second;
        scripted_server server(once(what));
        runtime io;
        client user(io, settings_for(server));
        ASSERT_EQ(user.send(nonce_request(by, "first")).wait().value().body(), "right");

        http::request second = nonce_request(by, "second");
        if (what.then == afterwards::stall) second.read_timeout(200ms);
        const result<http::response> met = user.send(std::move(second)).wait();
        if (ending) {
            ASSERT_FALSE(met.has_value());
            EXPECT_EQ(met.error(), *ending) << met.error().message();
            EXPECT_THAT(met.error().message(), HasSubstr("/nonce"));
        } else {
            ASSERT_TRUE(met.has_value()) << met.error().message();
            EXPECT_EQ(met->body(), "right");
        }
        EXPECT_EQ(server.nonces().at("second"), times);

        if (!what.unasked.empty()) {
            // The idle connection listens: what nobody asked for is its end.
            ASSERT_TRUE(server.wait_until([&] { return user.statistics().connections_closed == 1; }));
        }
        const result<http::response> after = user.send(nonce_request(by, "third")).wait();
        ASSERT_TRUE(after.has_value()) << after.error().message();
        EXPECT_EQ(after->body(), "right");
        EXPECT_EQ(server.nonces().at("third"), 1U);
        const bool harmless = what.per_byte > 0ms;
        EXPECT_EQ(server.accepted(), harmless ? 1U : 2U) << "a connection that was not clean served again";
        EXPECT_EQ(user.statistics().retries, 0U);
        EXPECT_EQ(user.statistics().resends, times - 1);
    }
};

TEST_P(misbehaving_server, does_no_harm_to_a_get) {
    expect(method::get, GetParam().get, GetParam().get_times);
}

TEST_P(misbehaving_server, does_no_harm_to_a_post) {
    expect(method::post, GetParam().post, GetParam().post_times);
}

INSTANTIATE_TEST_SUITE_P(that, misbehaving_server, testing::ValuesIn(misbehaviours()),
                         [](const auto& one) { return one.param.name; });

TEST(misbehaving_server_on_a_new_connection, that_hangs_up_is_not_asked_again_without_a_policy) {
    scripted_server server({.on_request = [](const arrival&) { return reaction{.then = afterwards::fin}; }});
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto got = user.send(nonce_request(method::get, "get")).wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::connection_closed) << got.error().message();
    const auto posted = user.send(nonce_request(method::post, "post")).wait();
    ASSERT_FALSE(posted.has_value());
    EXPECT_EQ(posted.error(), errc::maybe_executed) << posted.error().message();
    EXPECT_EQ(server.requests(), 2U);
}

/// Rule C1 of HTTP/1.1 (RFC 9110 §9.2.2): what was sent again by itself and fails again is not sent a third time.
TEST(misbehaving_server_on_kept_connections, that_hangs_up_gets_a_request_twice_and_then_as_the_retry_policy_says) {
    for (const unsigned retries : {0U, 1U}) {
        scripted_server server({.on_request = [](const arrival& what) {
            if (what.nonce.empty()) return reaction{.bytes = response_text("right")};
            return reaction{.then = afterwards::fin};
        }});
        runtime io;
        client user(io, eager_settings(server.url(), retries));
        // Each holds its connection until all have one.
        std::vector<http::response_stream> held;
        for (int i = 0; i < 3; ++i) held.push_back(user.open(http::request(method::get, "/")).wait().value());
        for (http::response_stream& each : held) EXPECT_EQ(each.read_all(100).wait().value(), "right");
        ASSERT_EQ(server.accepted(), 3U);
        held.clear();
        const auto got = user.send(nonce_request(method::get, "get")).wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_EQ(got.error(), errc::connection_closed) << got.error().message();
        EXPECT_EQ(user.statistics().resends, 1U);
        EXPECT_EQ(server.nonces().at("get"), 2U + retries);
    }
}

TEST(misbehaving_server_on_kept_connections, that_serves_one_request_on_each_gets_a_lost_one_again_on_a_new_one) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.on_connection == 1) return reaction{.bytes = response_text("right")};
        return reaction{.then = afterwards::fin};
    }});
    runtime io;
    client user(io, eager_settings(server.url(), 0));
    std::vector<http::response_stream> held;
    for (int i = 0; i < 3; ++i) held.push_back(user.open(http::request(method::get, "/")).wait().value());
    for (http::response_stream& each : held) EXPECT_EQ(each.read_all(100).wait().value(), "right");
    held.clear();
    const auto got = user.send(nonce_request(method::get, "get")).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body(), "right");
    EXPECT_EQ(server.nonces().at("get"), 2U);
    EXPECT_EQ(server.accepted(), 4U) << "the other two would have lost it as well";
}

TEST(misbehaving_server_on_kept_connections, that_loses_one_request_costs_a_busy_pool_one_connection) {
    std::atomic<bool> has_lost{false};
    scripted_server server({.on_request = [&](const arrival& what) {
        if (what.number >= 100 && what.on_connection > 1 && !has_lost.exchange(true)) {
            return reaction{.then = afterwards::fin};
        }
        return reaction{.bytes = response_text(what.nonce)};
    }});
    runtime io;
    http::client_settings settings = eager_settings(server.url(), 0);
    settings.max_connections_per_origin = 2;
    client user(io, settings);
    std::atomic<std::size_t> right{0};
    on_tasks(io, 20, [&](std::size_t i) { return ask_all(user, i, 20, right, method::get); });
    EXPECT_EQ(right, 400U);
    EXPECT_EQ(user.statistics().resends, 1U);
    EXPECT_EQ(server.accepted(), 3U) << "connections that were well have been closed";
}

TEST(misbehaving_server_on_kept_connections, that_loses_one_request_of_a_pool_that_refuses_when_full_gets_it_again) {
    scripted_server server({.on_request = [](const arrival& what) {
        if (what.number == 3) return reaction{.then = afterwards::fin};
        return reaction{.bytes = response_text(what.nonce)};
    }});
    runtime io;
    http::client_settings settings = eager_settings(server.url(), 0);
    settings.max_connections_per_origin = 2;
    settings.when_full = pool::when_full::fail;
    client user(io, settings);
    std::vector<http::response_stream> held;
    for (int i = 0; i < 2; ++i) held.push_back(user.open(nonce_request(method::get, "held")).wait().value());
    for (http::response_stream& each : held) EXPECT_EQ(each.read_all(100).wait().value(), "held");
    held.clear();
    const auto got = user.send(nonce_request(method::get, "lost")).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body(), "lost");
    EXPECT_EQ(user.statistics().resends, 1U);
}

TEST(misbehaving_server_on_a_new_connection, that_speaks_first_is_not_believed) {
    scripted_server server(
        {.on_request = [](const arrival&) { return reaction{.bytes = response_text("right")}; },
         .on_connection =
             [](std::size_t number) { return number == 1 ? reaction{.bytes = response_text("wrong")} : reaction{}; }});
    runtime io;
    client user(io, plain_settings(server.url()));
    ASSERT_EQ(user.warm_up(1).wait().value(), 1U);
    // Once the bytes have come. A request that goes out before them cannot tell them from its answer; nobody could.
    ASSERT_TRUE(comes_true([&] { return user.statistics().connections_closed == 1; }));
    EXPECT_EQ(user.get("/").wait().value().body(), "right");
    EXPECT_EQ(server.accepted(), 2U);
}

TEST(misbehaving_server_on_a_new_connection, that_accepts_and_says_nothing_costs_the_read_timeout) {
    scripted_server server(
        {.on_request = {}, .on_connection = [](std::size_t) { return reaction{.then = afterwards::stall}; }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.read_timeout = 100ms;
    client user(io, settings);
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::read_timeout) << got.error().message();
    EXPECT_THAT(got.error().message(), HasSubstr("100 ms"));
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; }));
}

TEST(misbehaving_server_on_a_new_connection, that_never_accepts_costs_the_read_timeout) {
    scripted_server server({.on_request = {}, .accepts = false});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.read_timeout = 100ms;
    client user(io, settings);
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::read_timeout) << got.error().message();
}

TEST(misbehaving_server_with_a_body, that_answers_before_it_has_read_is_understood_at_once) {
    server_script script{
        .on_request = [](const arrival&) { return reaction{.bytes = response_text("too much", 413)}; }};
    script.answer_before_body = true;
    scripted_server server(script);
    runtime io;
    client user(io, plain_settings(server.url()));
    // More than the kernel takes: the request can never be sent as a whole.
    const auto got = user.post("/upload", std::string(std::size_t{32} << 20, 'x')).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->status(), 413U);
    EXPECT_EQ(got->body(), "too much");
    EXPECT_TRUE(server.wait_until([&] { return server.connections() == 0; })) << "half a request was left on it";
}

TEST(misbehaving_server_with_a_body, that_answers_and_hangs_up_before_it_has_read_is_understood) {
    server_script script{.on_request = [](const arrival&) {
        return reaction{.bytes = response_text("too much", 413), .then = afterwards::fin};
    }};
    script.answer_before_body = true;
    scripted_server server(script);
    runtime io;
    client user(io, plain_settings(server.url()));
    const auto got = user.post("/upload", std::string(std::size_t{16} << 20, 'x')).wait();
    // The kernel may throw the answer away with the rest of the connection; then it is the connection that broke.
    if (got) {
        EXPECT_EQ(got->status(), 413U);
    } else {
        EXPECT_EQ(got.error(), errc::maybe_executed) << got.error().message();
    }
}

TEST(misbehaving_server_with_a_body, that_takes_nothing_costs_the_read_timeout) {
    server_script script{.on_request = [](const arrival&) { return reaction{.then = afterwards::stall}; }};
    script.answer_before_body = true;
    scripted_server server(script);
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.read_timeout = 200ms;
    client user(io, settings);
    const auto got = user.post("/upload", std::string(std::size_t{32} << 20, 'x')).wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::maybe_executed) << got.error().message();
    ASSERT_NE(got.error().cause(), nullptr);
    const error& why = *got.error().cause();
    EXPECT_TRUE(why == errc::write_timeout || why == errc::read_timeout) << why.message();
}

TEST(misbehaving_server_that_dribbles, ends_at_the_deadline_of_the_whole_request) {
    scripted_server server({.on_request = [](const arrival&) {
        return reaction{.bytes = response_text(std::string(1000, 'x')), .per_byte = 20ms};
    }});
    runtime io;
    http::client_settings settings = plain_settings(server.url());
    settings.timeout = 300ms;
    client user(io, settings);
    const auto got = user.get("/").wait();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::timeout) << got.error().message();
}

}  // namespace
}  // namespace lido::test
