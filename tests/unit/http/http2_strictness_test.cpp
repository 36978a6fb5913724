// What a peer of HTTP/2 may not do, and what it does to the request and to the connection.
#include "http2_session_fixture.hpp"
#include "support/repeated.hpp"

#include <fmt/format.h>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::SizeIs;

struct misdeed {
    const char* name;
    std::string said;
    errc request_ends_with;
    bool connection_stays;
};

const std::vector<misdeed>& misdeeds() {
    const h2::fields ok{{":status", "200"}};
    const auto with = [](const char* name, const char* value) {
        return h2::head(1, {{":status", "200"}, {name, value}}, h2::end_stream);
    };
    static const std::vector<misdeed> all{
        // Heads (RFC 9113 §8.2, §8.3).
        {"no_status", h2::head(1, {{"server", "x"}}, h2::end_stream), errc::protocol_error, true},
        {"two_statuses", with(":status", "200"), errc::protocol_error, true},
        {"status_of_two_digits", h2::head(1, {{":status", "20"}}, h2::end_stream), errc::protocol_error, true},
        {"status_of_letters", h2::head(1, {{":status", "2xx"}}, h2::end_stream), errc::protocol_error, true},
        {"status_below_100", h2::head(1, {{":status", "099"}}, h2::end_stream), errc::protocol_error, true},
        {"status_above_599", h2::head(1, {{":status", "600"}}, h2::end_stream), errc::protocol_error, true},
        {"switching_protocols", h2::head(1, {{":status", "101"}}), errc::protocol_error, true},
        {"pseudo_field_of_requests", with(":path", "/"), errc::protocol_error, true},
        {"pseudo_field_behind_others", h2::head(1, {{"a", "b"}, {":status", "200"}}, h2::end_stream),
         errc::protocol_error, true},
        {"upper_case_name", with("Server", "x"), errc::protocol_error, true},
        {"name_with_a_space", with("a b", "x"), errc::protocol_error, true},
        {"empty_name", with("", "x"), errc::protocol_error, true},
        {"value_with_a_line_break", with("a", "b\r\nc: d"), errc::protocol_error, true},
        {"value_with_a_zero",
         h2::frame(h2::headers, h2::end_headers | h2::end_stream, 1,
                   h2::block({{":status", "200"}, {"a", std::string("b\0c", 3)}})),
         errc::protocol_error, true},
        {"value_with_a_space_in_front", with("a", " b"), errc::protocol_error, true},
        {"connection_field", with("connection", "close"), errc::protocol_error, true},
        {"keep_alive_field", with("keep-alive", "timeout=5"), errc::protocol_error, true},
        {"transfer_encoding", with("transfer-encoding", "chunked"), errc::protocol_error, true},
        {"upgrade_field", with("upgrade", "h2c"), errc::protocol_error, true},
        {"te_field", with("te", "gzip"), errc::protocol_error, true},
        {"length_that_is_no_number", with("content-length", "5x"), errc::protocol_error, true},
        {"two_lengths", h2::head(1, {{":status", "200"}, {"content-length", "1"}, {"content-length", "1"}}),
         errc::protocol_error, true},
        {"interim_response_that_ends", h2::head(1, {{":status", "103"}}, h2::end_stream), errc::protocol_error, true},
        // Bodies.
        {"body_shorter_than_its_length",
         h2::head(1, {{":status", "200"}, {"content-length", "5"}}) + h2::frame(h2::data, h2::end_stream, 1, "abc"),
         errc::protocol_error, true},
        {"body_longer_than_its_length",
         h2::head(1, {{":status", "200"}, {"content-length", "2"}}) + h2::frame(h2::data, 0, 1, "abc"),
         errc::protocol_error, true},
        {"length_without_a_body", with("content-length", "5"), errc::protocol_error, true},
        {"body_of_204", h2::head(1, {{":status", "204"}}) + h2::frame(h2::data, h2::end_stream, 1, "abc"),
         errc::protocol_error, true},
        {"body_before_the_head", h2::frame(h2::data, h2::end_stream, 1, "abc"), errc::protocol_error, false},
        {"trailers_that_do_not_end", h2::head(1, ok) + h2::frame(h2::data, 0, 1, "a") + h2::head(1, {{"a", "b"}}),
         errc::protocol_error, true},
        {"status_among_trailers", h2::head(1, ok) + h2::frame(h2::data, 0, 1, "a") + h2::head(1, ok, h2::end_stream),
         errc::protocol_error, true},
        {"length_among_trailers",
         h2::head(1, ok) + h2::frame(h2::data, 0, 1, "a") + h2::head(1, {{"content-length", "1"}}, h2::end_stream),
         errc::protocol_error, true},
        // Frames (RFC 9113 §4 to §6).
        {"frame_that_is_too_large", h2::frame(h2::data, 0, 1, std::string(16'385, 'x')), errc::protocol_error, false},
        {"data_on_stream_0", h2::frame(h2::data, 0, 0, "x"), errc::protocol_error, false},
        {"head_on_stream_0", h2::head(0, ok), errc::protocol_error, false},
        {"data_on_an_idle_stream", h2::frame(h2::data, 0, 9, "x"), errc::protocol_error, false},
        {"head_on_an_idle_stream", h2::head(9, ok), errc::protocol_error, false},
        {"head_on_a_stream_of_the_server", h2::head(2, ok), errc::protocol_error, false},
        {"reset_of_an_idle_stream", h2::frame(h2::rst_stream, 0, 9, h2::number(8)), errc::protocol_error, false},
        {"reset_of_the_wrong_size", h2::frame(h2::rst_stream, 0, 1, "abc"), errc::protocol_error, false},
        {"settings_on_a_stream", h2::frame(h2::settings, 0, 1), errc::protocol_error, false},
        {"settings_of_the_wrong_size", h2::frame(h2::settings, 0, 0, "abcde"), errc::protocol_error, false},
        {"acknowledgement_with_settings", h2::frame(h2::settings, h2::ack, 0, "abcdef"), errc::protocol_error, false},
        {"initial_window_that_is_too_large", h2::setting(4, 0x80000000U), errc::protocol_error, false},
        {"frame_size_that_is_too_small", h2::setting(5, 100), errc::protocol_error, false},
        {"ping_of_the_wrong_size", h2::frame(h2::ping, 0, 0, "abc"), errc::protocol_error, false},
        {"ping_on_a_stream", h2::frame(h2::ping, 0, 1, "12345678"), errc::protocol_error, false},
        {"window_update_of_nothing", h2::frame(h2::window_update, 0, 0, h2::number(0)), errc::protocol_error, false},
        {"window_that_overflows", h2::frame(h2::window_update, 0, 0, h2::number(0x7FFFFFFFU)), errc::protocol_error,
         false},
        {"window_of_a_stream_that_overflows", h2::frame(h2::window_update, 0, 1, h2::number(0x7FFFFFFFU)),
         errc::protocol_error, true},
        {"more_than_the_window", h2::head(1, ok) + repeated(h2::frame(h2::data, 0, 1, std::string(16'000, 'x')), 60),
         errc::protocol_error, true},
        {"push_promise", h2::frame(h2::push_promise, h2::end_headers, 1, h2::number(2) + h2::block(ok)),
         errc::protocol_error, false},
        {"continuation_of_nothing", h2::frame(h2::continuation, h2::end_headers, 1, h2::block(ok)),
         errc::protocol_error, false},
        {"head_that_is_interrupted", h2::frame(h2::headers, 0, 1, h2::block(ok)) + h2::frame(h2::data, 0, 1, "x"),
         errc::protocol_error, false},
        {"hpack_of_nowhere", h2::frame(h2::headers, h2::end_headers, 1, "\xFF\xFF\xFF\xFF\xFF"), errc::protocol_error,
         false},
        {"padding_longer_than_the_frame", h2::frame(h2::data, 8, 1, "\x20xyz"), errc::protocol_error, false},
        {"another_protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", errc::protocol_error, false},
        // Floods and bombs (CVE-2019-9511 to 9518, CVE-2024-27983).
        {"pings", repeated(h2::frame(h2::ping, 0, 0, "12345678"), 2000), errc::connection_closed, false},
        {"settings", repeated(h2::frame(h2::settings, 0, 0), 2000), errc::connection_closed, false},
        {"empty_data", h2::head(1, ok) + repeated(h2::frame(h2::data, 0, 1), 2000), errc::limit_exceeded, false},
        {"priorities", repeated(h2::frame(h2::priority, 0, 1, h2::number(0) + "x"), 2000), errc::connection_closed,
         false},
        {"window_updates", repeated(h2::frame(h2::window_update, 0, 0, h2::number(1)), 2000), errc::connection_closed,
         false},
        {"unknown_frames", repeated(h2::frame(0x77, 0, 0, "whatever it is"), 2000), errc::connection_closed, false},
        {"alternative_services", repeated(h2::frame(0x0a, 0, 1, "whatever it is"), 2000), errc::connection_closed,
         false},
        {"continuations",
         h2::frame(h2::headers, 0, 1, h2::block(ok)) +
             repeated(h2::frame(h2::continuation, 0, 1, h2::block({{"a", "b"}})), 100),
         errc::limit_exceeded, false},
        {"empty_continuations", h2::frame(h2::headers, 0, 1) + repeated(h2::frame(h2::continuation, 0, 1), 100),
         errc::limit_exceeded, false},
        {"interim_responses", repeated(h2::head(1, {{":status", "103"}}), 10), errc::limit_exceeded, true},
        {"too_many_fields",
         h2::frame(h2::headers, h2::end_headers, 1, h2::block(ok) + repeated(h2::block({{"a", "b"}}), 101)),
         errc::limit_exceeded, true},
        // Resets.
        {"reset", h2::frame(h2::rst_stream, 0, 1, h2::number(h2::internal_error)), errc::connection_closed, true},
        {"reset_after_the_head", h2::head(1, ok) + h2::frame(h2::rst_stream, 0, 1, h2::number(h2::cancel)),
         errc::connection_closed, true},
        {"reset_without_a_reason", h2::frame(h2::rst_stream, 0, 1, h2::number(h2::no_error)), errc::connection_closed,
         true},
        {"refused", h2::frame(h2::rst_stream, 0, 1, h2::number(h2::refused_stream)), errc::connection_closed, true},
    };
    return all;
}

class peer_that_sends : public http2_session_test, public testing::WithParamInterface<std::size_t> {};

TEST_P(peer_that_sends, is_answered_as_it_must_be) {
    const misdeed& what = misdeeds()[GetParam()];
    greet();
    auto running = start();
    static_cast<void>(sent());
    say(what.said);
    const auto frames = sent();
    EXPECT_EQ(woken(), 1U);
    ASSERT_EQ(running->stream.current(), stream_state::failed);
    EXPECT_EQ(running->stream.failure(), what.request_ends_with) << failure_of(*running);
    if (what.connection_stays) {
        EXPECT_EQ(session->current(), state::open);
        EXPECT_THAT(of_type(frames, h2::goaway), SizeIs(0));
        auto next = start();
        static_cast<void>(sent());
        say(h2::head(3, {{":status", "200"}}, h2::end_stream));
        EXPECT_EQ(next->stream.current(), stream_state::complete);
    } else {
        EXPECT_EQ(session->current(), state::failed);
        ASSERT_THAT(of_type(frames, h2::goaway), SizeIs(1));
        EXPECT_NE(of_type(frames, h2::goaway)[0].number_at(4), h2::no_error);
        EXPECT_EQ(session->capacity(), 0U);
    }
}

std::string name_of_misdeed(const testing::TestParamInfo<std::size_t>& info) {
    return misdeeds()[info.param].name;
}

INSTANTIATE_TEST_SUITE_P(that, peer_that_sends, testing::Range<std::size_t>(0, misdeeds().size()), name_of_misdeed);

TEST_F(http2_session_test, a_refused_stream_was_not_processed_and_others_go_on) {  // RFC 9113 §8.7
    greet();
    auto refused = start();
    auto other = start();
    static_cast<void>(sent());
    say(h2::frame(h2::rst_stream, 0, 1, h2::number(h2::refused_stream)));
    EXPECT_TRUE(refused->stream.is_unprocessed());
    EXPECT_FALSE(refused->stream.is_answered());
    EXPECT_EQ(other->stream.current(), stream_state::running);
}

TEST_F(http2_session_test, what_was_answered_and_then_refused_may_have_been_processed) {
    greet();
    auto refused = start();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "103"}}) + h2::frame(h2::rst_stream, 0, 1, h2::number(h2::refused_stream)));
    EXPECT_EQ(refused->stream.current(), stream_state::failed);
    EXPECT_FALSE(refused->stream.is_unprocessed());
}

TEST_F(http2_session_test, goaway_says_which_streams_were_not_processed) {  // RFC 9113 §6.8
    greet();
    auto first = start();
    auto second = start();
    auto third = start();
    static_cast<void>(sent());
    say(h2::frame(h2::goaway, 0, 0, h2::number(3) + h2::number(h2::no_error)));
    EXPECT_EQ(session->current(), state::draining);
    EXPECT_EQ(woken(), 1U);
    EXPECT_TRUE(third->stream.is_unprocessed());
    say(h2::head(1, {{":status", "200"}}, h2::end_stream) + h2::head(3, {{":status", "200"}}, h2::end_stream));
    EXPECT_EQ(first->stream.current(), stream_state::complete);
    EXPECT_EQ(second->stream.current(), stream_state::complete);
}

TEST_F(http2_session_test, a_goaway_in_two_steps_loses_nothing) {
    greet();
    auto first = start();
    static_cast<void>(sent());
    say(h2::frame(h2::goaway, 0, 0, h2::number(0x7FFFFFFF) + h2::number(h2::no_error)));
    call late(limits);
    const auto started = session->start(late.stream, late.what, {.host = "shop.example"}, true);
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error(), errc::connection_closed);
    say(h2::frame(h2::goaway, 0, 0, h2::number(1) + h2::number(h2::no_error)));
    say(h2::head(1, {{":status", "200"}}, h2::end_stream));
    EXPECT_EQ(first->stream.current(), stream_state::complete);
}

TEST_F(http2_session_test, a_request_that_waits_to_be_sent_was_not_processed_when_goaway_comes) {  // connect-rust#285
    greet();
    auto waiting = start();
    say(h2::frame(h2::goaway, 0, 0, h2::number(0) + h2::number(h2::no_error)));
    static_cast<void>(sent());
    EXPECT_EQ(woken(), 1U);
    ASSERT_EQ(waiting->stream.current(), stream_state::failed);
    EXPECT_TRUE(waiting->stream.is_unprocessed());
}

TEST_F(http2_session_test, more_requests_than_the_peer_allows_wait_their_turn) {
    greet();
    say(h2::setting(h2::max_concurrent_streams, 1));
    auto first = start();
    auto second = start();
    EXPECT_THAT(of_type(sent(), h2::headers), SizeIs(1));
    say(h2::head(1, {{":status", "200"}}, h2::end_stream));
    EXPECT_THAT(of_type(sent(), h2::headers), SizeIs(1));
    say(h2::head(3, {{":status", "200"}}, h2::end_stream));
    EXPECT_EQ(second->stream.current(), stream_state::complete);
}

TEST_F(http2_session_test, a_head_above_its_limit_ends_its_stream_only) {
    limits.max_head_bytes = 1000;
    begin();
    greet();
    auto running = start();
    static_cast<void>(sent());
    h2::fields large{{":status", "200"}};
    for (int i = 0; i < 20; ++i) large.emplace_back("name", std::string(100, 'x'));
    say(h2::head(1, large, h2::end_stream));
    ASSERT_EQ(running->stream.current(), stream_state::failed);
    EXPECT_EQ(running->stream.failure(), errc::limit_exceeded);
    EXPECT_THAT(failure_of(*running), HasSubstr("max_head_bytes"));
    EXPECT_THAT(of_type(sent(), h2::rst_stream), SizeIs(1));
    EXPECT_EQ(session->current(), state::open);
}

TEST_F(http2_session_test, a_body_above_its_limit_ends_its_stream_only) {
    limits.max_body_bytes = 100;
    begin();
    greet();
    auto announced = start();
    auto sudden = start();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}, {"content-length", "101"}}));
    say(h2::head(3, {{":status", "200"}}) + h2::frame(h2::data, 0, 3, std::string(101, 'x')));
    for (const call* each : {announced.get(), sudden.get()}) {
        ASSERT_EQ(each->stream.current(), stream_state::failed);
        EXPECT_THAT(failure_of(*each), HasSubstr("max_body_bytes"));
    }
    EXPECT_EQ(session->current(), state::open);
}

/// CVE-2024-27983 and others: whose response is too much learns that, and his neighbours that their connection broke.
TEST_F(http2_session_test, a_flood_is_no_fault_of_the_other_requests) {
    const std::vector<std::pair<std::string, bool>> floods{
        {repeated(h2::frame(h2::ping, 0, 0, "12345678"), 2000), false},
        {repeated(h2::frame(h2::window_update, 0, 1, h2::number(1)), 2000), false},
        {h2::head(1, {{":status", "200"}}) + repeated(h2::frame(h2::data, 0, 1), 2000), true},
        {h2::frame(h2::headers, 0, 1, h2::block({{":status", "200"}})) +
             repeated(h2::frame(h2::continuation, 0, 1, h2::block({{"a", "b"}})), 2000),
         true}};
    for (const auto& [bytes, of_response] : floods) {
        begin();
        greet();
        auto flooded = start();
        auto neighbour = start();
        static_cast<void>(sent());
        say(bytes);
        ASSERT_EQ(flooded->stream.current(), stream_state::failed);
        ASSERT_EQ(neighbour->stream.current(), stream_state::failed);
        EXPECT_EQ(flooded->stream.failure(), of_response ? errc::limit_exceeded : errc::connection_closed);
        EXPECT_EQ(neighbour->stream.failure(), errc::connection_closed) << failure_of(*neighbour);
        ASSERT_NE(neighbour->stream.failure().cause(), nullptr);
        EXPECT_EQ(*neighbour->stream.failure().cause(), errc::limit_exceeded);
        EXPECT_FALSE(neighbour->stream.is_unprocessed());
        EXPECT_EQ(woken(), 2U);
    }
}

TEST_F(http2_session_test, a_few_control_frames_in_a_minute_are_no_flood) {
    greet();
    auto running = start();
    static_cast<void>(sent());
    for (int i = 0; i < 5000; ++i) {
        now += 100ms;
        say(h2::frame(h2::ping, 0, 0, "12345678") + h2::frame(h2::window_update, 0, 0, h2::number(1)));
        static_cast<void>(sent());
    }
    EXPECT_EQ(session->current(), state::open);
    EXPECT_EQ(running->stream.current(), stream_state::running);
}

TEST_F(http2_session_test, answers_to_what_was_given_up_are_no_flood) {
    settings.max_resets_at_once = 1;
    settings.max_resets_per_second = 1;
    settings.max_control_frames_at_once = 10;
    begin();
    greet();
    for (std::uint32_t i = 0; i < 5000; ++i) {
        auto given_up = start();
        static_cast<void>(sent());
        given_up.reset();
        say(h2::head(2 * i + 1, {{":status", "200"}}, h2::end_stream));
    }
    EXPECT_EQ(session->current(), state::open);
}

TEST_F(http2_session_test, frames_of_unknown_types_are_passed_over) {  // RFC 9113 §5.5
    greet();
    auto running = start();
    static_cast<void>(sent());
    say(h2::frame(0x42, 0xFF, 1, "x") + h2::frame(0x43, 0, 0) + h2::head(1, {{":status", "200"}}, h2::end_stream));
    EXPECT_EQ(running->stream.current(), stream_state::complete);
}

TEST_F(http2_session_test, the_answer_to_head_has_no_body_whatever_it_announces) {
    greet();
    auto running = start(request(method::head, "/"));
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}, {"content-length", "100000000000"}}, h2::end_stream));
    ASSERT_EQ(running->stream.current(), stream_state::complete) << failure_of(*running);
    EXPECT_EQ(running->stream.take().body(), "");
}

}  // namespace
}  // namespace lido::test
