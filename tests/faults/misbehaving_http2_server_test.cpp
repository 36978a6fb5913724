// What a server may do to a request over HTTP/2, and what the client makes of it: which requests are sent again, which
// end with which error, and whether the connection serves others afterwards. The server is another library's.
#include "support/http_client_world.hpp"
#include "support/python_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;

enum class connection_then : std::uint8_t { stays, goes };

struct misbehaviour {
    const char* name;
    /// How a GET ends, and a POST: nothing means with the right response.
    std::optional<errc> get;
    std::optional<errc> post;
    connection_then then;
    /// How often the server sees the request.
    std::size_t get_times = 1;
    std::size_t post_times = 1;
};

/// A first time, and twice more: whoever refuses that often is overloaded.
constexpr std::size_t most_times = 1 + 2;

std::vector<misbehaviour> misbehaviours() {
    using enum errc;
    using enum connection_then;
    return {
        // Not processed, and said so: sent again, POST too.
        {"refuses_once", {}, {}, stays, 2, 2},
        {"refuses_always", connection_closed, connection_closed, stays, most_times, most_times},
        {"goes_away_below_it_once", {}, {}, goes, 2, 2},
        {"goes_away_below_it_and_stays_once", {}, {}, goes, 2, 2},
        // Going away otherwise.
        {"goes_away_and_answers", {}, {}, goes},
        {"goes_away_in_two_steps", {}, {}, goes},
        {"announces_going_away", {}, {}, goes},
        {"goes_away_with_an_error_once", {}, maybe_executed, goes, 2, 1},
        {"closes_once", {}, maybe_executed, goes, 2, 1},
        {"resets_the_connection_once", {}, maybe_executed, goes, 2, 1},
        {"closes_after_the_head", connection_closed, maybe_executed, goes},
        {"closes_within_the_body", connection_closed, maybe_executed, goes},
        {"closes_within_a_frame", connection_closed, maybe_executed, goes},
        // Resets.
        {"resets_internal_error", connection_closed, maybe_executed, stays},
        {"resets_cancel", connection_closed, maybe_executed, stays},
        {"resets_no_error", connection_closed, maybe_executed, stays},
        {"resets_http_1_1_required", connection_closed, maybe_executed, stays},
        {"resets_after_the_head", connection_closed, maybe_executed, stays},
        {"resets_within_the_body", connection_closed, maybe_executed, stays},
        {"refuses_after_the_head", connection_closed, maybe_executed, stays},
        // Settings.
        {"lowers_the_limit", {}, {}, stays},
        {"raises_the_limit", {}, {}, stays},
        {"allows_nothing_any_more", {}, {}, goes},
        {"shrinks_the_window", {}, {}, stays},
        {"shrinks_the_table", {}, {}, stays},
        {"sets_too_large_a_window", protocol_error, maybe_executed, goes},
        {"sets_too_small_a_frame", protocol_error, maybe_executed, goes},
        // Floods and bombs. What is wrong with the connection, and not with the response, is no fault of the request.
        {"floods_pings", connection_closed, maybe_executed, goes, 2, 1},
        {"floods_settings", connection_closed, maybe_executed, goes, 2, 1},
        {"floods_empty_data", limit_exceeded, limit_exceeded, goes},
        {"floods_priorities", connection_closed, maybe_executed, goes, 2, 1},
        {"floods_window_updates", connection_closed, maybe_executed, goes, 2, 1},
        {"floods_resets", connection_closed, maybe_executed, goes},
        {"floods_continuations", limit_exceeded, limit_exceeded, goes},
        {"floods_empty_continuations", limit_exceeded, limit_exceeded, goes},
        {"never_ends_a_head", protocol_error, maybe_executed, goes},  // its answer to a PING comes within the head
        {"sends_too_large_a_head", limit_exceeded, limit_exceeded, stays},
        {"sends_an_hpack_bomb", limit_exceeded, limit_exceeded, stays},
        {"sends_too_many_fields", limit_exceeded, limit_exceeded, stays},
        {"announces_a_huge_body", limit_exceeded, limit_exceeded, stays},
        {"sends_an_endless_body", limit_exceeded, limit_exceeded, stays},
        {"sends_interim_responses_without_end", limit_exceeded, limit_exceeded, stays},
        // Malformed responses.
        {"sends_too_short_a_body", protocol_error, maybe_executed, stays},
        {"sends_too_long_a_body", protocol_error, maybe_executed, stays},
        {"sends_no_status", protocol_error, maybe_executed, stays},
        {"sends_an_upper_case_name", protocol_error, maybe_executed, stays},
        {"sends_a_pseudo_field_of_requests", protocol_error, maybe_executed, stays},
        {"sends_a_pseudo_field_too_late", protocol_error, maybe_executed, stays},
        {"sends_a_connection_field", protocol_error, maybe_executed, stays},
        {"sends_a_transfer_encoding", protocol_error, maybe_executed, stays},
        {"sends_a_line_break", protocol_error, maybe_executed, stays},
        {"sends_101", protocol_error, maybe_executed, stays},
        {"sends_trailers_that_do_not_end", protocol_error, maybe_executed, stays},
        // Frames in the wrong place.
        {"sends_data_before_the_head", protocol_error, maybe_executed, goes},
        {"sends_data_on_an_idle_stream", protocol_error, maybe_executed, goes},
        {"sends_data_on_stream_0", protocol_error, maybe_executed, goes},
        {"sends_a_head_on_its_own_stream", protocol_error, maybe_executed, goes},
        {"sends_too_large_a_frame", protocol_error, maybe_executed, goes},
        {"sends_a_push_promise", protocol_error, maybe_executed, goes},
        {"interrupts_a_head", protocol_error, maybe_executed, goes},
        {"overflows_the_window", protocol_error, maybe_executed, goes},
        {"opens_the_window_by_nothing", protocol_error, maybe_executed, goes},
        {"breaks_the_compression", protocol_error, maybe_executed, goes},
        {"speaks_http_1_1", protocol_error, maybe_executed, goes},
        {"sends_zeros", protocol_error, maybe_executed, goes},
        // Silence.
        {"never_answers", read_timeout, maybe_executed, stays},
        {"never_ends_the_body", read_timeout, maybe_executed, stays},
        {"falls_silent_once", {}, maybe_executed, goes, 2, 1},
        {"answers_late", {}, {}, stays},
        // Unusual, and right.
        {"sends_trailers", {}, {}, stays},
        {"pads_the_data", {}, {}, stays},
        {"sends_an_unknown_frame", {}, {}, stays},
        {"sends_an_interim_response", {}, {}, stays},
        {"answers_and_resets", {}, {}, stays},
        {"splits_the_head", {}, {}, stays},
    };
}

class misbehaving_http2_server : public testing::TestWithParam<misbehaviour> {
protected:
    static python_server& server() {
        static python_server only("misbehaving_http2_server.py");
        return only;
    }
    static std::string connection_of(client& user) {
        return std::string(user.get("/good").wait().value().header("x-connection").value());
    }

    static void expect(const method& how, const std::optional<errc>& ending, std::size_t times) {
        http::client_settings settings = plain_settings(server().url());
        settings.http_version = http::http_versions::http2;
        settings.limits.max_body_bytes = 100'000;
        const std::string name = GetParam().name;
        // Short only where a silence is what is tested: on a busy machine an answer that comes may take its time.
        const bool falls_silent = name == "falls_silent_once";
        const bool stays_silent = name == "never_answers" || name == "never_ends_the_body";
        settings.read_timeout = stays_silent ? duration(1s) : duration(20s);
        if (falls_silent || name == "answers_late" || name == "never_ends_a_head") {
            settings.http2.ping_after = 200ms;
            settings.http2.ping_timeout = falls_silent ? duration(1s) : duration(10s);
        }
        runtime io;
        client user(io, settings);
        // So that the first request has shown that the connection works.
        const std::string before = connection_of(user);
        const std::string nonce = fmt::format("{}-{}-{}", name, how.text(), before);
        const auto got = user.send(nonce_request(how, nonce, "/" + name)).wait();
        if (ending) {
            ASSERT_FALSE(got.has_value());
            EXPECT_EQ(got.error(), *ending) << got.error().message();
        } else {
            ASSERT_TRUE(got.has_value()) << got.error().message();
            EXPECT_EQ(got->body(), nonce);
            EXPECT_EQ(got->version(), http::version::http_2);
        }
        const std::string after = connection_of(user);
        if (GetParam().then == connection_then::stays) {
            EXPECT_EQ(after, before);
        } else {
            EXPECT_NE(after, before);
        }
        const auto seen = user.send(nonce_request(method::get, nonce, "/seen")).wait();
        EXPECT_EQ(seen.value().body(), fmt::format("{}", times));
    }
};

TEST_P(misbehaving_http2_server, does_no_harm_to_a_get) {
    expect(method::get, GetParam().get, GetParam().get_times);
}

TEST_P(misbehaving_http2_server, does_no_harm_to_a_post) {
    expect(method::post, GetParam().post, GetParam().post_times);
}

/// Rule D1 of HTTP/2 (RFC 9113 §8.7): sent again once or twice; what follows has the pauses of the policy.
TEST(a_server_that_refuses_every_stream, gets_a_request_three_times_and_then_as_the_retry_policy_says) {
    python_server server("misbehaving_http2_server.py");
    runtime io;
    http::client_settings settings = eager_settings(server.url(), 2);
    settings.http_version = http::http_versions::http2;
    client user(io, settings);
    const auto refused = user.send(nonce_request(method::post, "refused", "/refuses_always")).wait();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::connection_closed) << refused.error().message();
    EXPECT_EQ(user.statistics().resends, 2U);
    EXPECT_EQ(user.statistics().retries, 2U);
    EXPECT_EQ(user.send(nonce_request(method::get, "refused", "/seen")).wait().value().body(), "5");
}

TEST(misbehaving_http2_servers, are_all_in_the_table) {
    std::vector<std::string> tried;
    for (const misbehaviour& each : misbehaviours()) tried.emplace_back(each.name);
    EXPECT_THAT(python_server::scripts_of("misbehaving_http2_server.py"), testing::UnorderedElementsAreArray(tried));
}

INSTANTIATE_TEST_SUITE_P(that, misbehaving_http2_server, testing::ValuesIn(misbehaviours()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace lido::test
