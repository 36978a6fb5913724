// The session of HTTP/2 without sockets: one request after the other, what comes back, what is given up.
#include "http/http2_fields.hpp"
#include "http2_session_fixture.hpp"

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(http2_session_test, says_its_settings_first_and_widens_the_window) {
    std::string out;
    session->pull(out, 1 << 20, now);
    EXPECT_TRUE(out.starts_with(h2::preface));
    const auto frames = h2::read_frames(out);
    ASSERT_THAT(frames, SizeIs(2));
    EXPECT_EQ(frames[0].type, h2::settings);
    EXPECT_EQ(frames[1].type, h2::window_update);
    EXPECT_EQ(frames[1].number_at(0), settings.connection_window - 65'535);
    EXPECT_EQ(session->current(), state::greeting);
    EXPECT_EQ(session->capacity(), 0U) << "nothing is known of the peer yet";
}

TEST_F(http2_session_test, takes_the_smaller_of_the_peers_limit_and_its_own) {
    greet();
    EXPECT_EQ(session->capacity(), 100U) << "the peer has named none";
    say(h2::setting(h2::max_concurrent_streams, 7));
    EXPECT_EQ(session->capacity(), 7U);
    say(h2::setting(h2::max_concurrent_streams, 1000));
    EXPECT_EQ(session->capacity(), 100U);
}

TEST_F(http2_session_test, a_limit_of_nothing_means_that_the_connection_drains) {
    greet();
    auto running = start();
    static_cast<void>(sent());
    say(h2::setting(h2::max_concurrent_streams, 0));
    EXPECT_EQ(session->current(), state::draining);
    EXPECT_EQ(session->capacity(), 0U);
    say(h2::head(1, {{":status", "204"}}, h2::end_stream));
    EXPECT_EQ(running->stream.current(), stream_state::complete) << "what runs goes on";
}

TEST_F(http2_session_test, reads_a_response_with_body_and_trailers) {
    greet();
    auto running = start();
    ASSERT_THAT(of_type(sent(), h2::headers), SizeIs(1));
    say(h2::head(1, {{":status", "200"}, {"content-type", "text/plain"}, {"content-length", "5"}}));
    EXPECT_EQ(woken(), 0U);
    say(h2::frame(h2::data, 0, 1, "hel"));
    say(h2::frame(h2::data, 0, 1, "lo"));
    say(h2::head(1, {{"checksum", "abc"}}, h2::end_stream));
    EXPECT_EQ(woken(), 1U);
    ASSERT_EQ(running->stream.current(), stream_state::complete);
    const http::response got = running->stream.take();
    EXPECT_EQ(got.status(), 200U);
    EXPECT_EQ(got.version(), http::version::http_2);
    EXPECT_EQ(got.header("Content-Type"), "text/plain");
    EXPECT_EQ(got.body(), "hello");
    EXPECT_EQ(got.trailers().find("Checksum"), "abc");
    EXPECT_FALSE(got.header("checksum").has_value());
}

TEST_F(http2_session_test, a_body_that_outgrows_the_head_moves_to_its_own_place) {
    greet();
    auto running = start();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}, {"a", "b"}}));
    std::string whole;
    for (int i = 0; i < 10; ++i) {
        const std::string piece(1000, static_cast<char>('a' + i));
        whole += piece;
        say(h2::frame(h2::data, 0, 1, piece));
    }
    say(h2::head(1, {{"end", "yes"}}, h2::end_stream));
    const http::response got = running->stream.take();
    EXPECT_EQ(got.body(), whole);
    EXPECT_EQ(got.header("a"), "b");
    EXPECT_EQ(got.trailers().find("end"), "yes");
}

TEST_F(http2_session_test, skips_interim_responses) {
    greet();
    auto running = start();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "103"}, {"link", "</style.css>"}}));
    say(h2::head(1, {{":status", "200"}, {"x", "y"}}, h2::end_stream));
    const http::response got = running->stream.take();
    EXPECT_EQ(got.status(), 200U);
    EXPECT_FALSE(got.header("link").has_value());
}

TEST_F(http2_session_test, streams_end_in_the_order_in_which_the_peer_ends_them) {
    greet();
    auto first = start();
    auto second = start();
    static_cast<void>(sent());
    say(h2::head(3, {{":status", "202"}}, h2::end_stream) + h2::head(1, {{":status", "201"}}, h2::end_stream));
    EXPECT_EQ(session->next_ready(), &second->stream);
    EXPECT_EQ(session->next_ready(), &first->stream);
    EXPECT_EQ(first->stream.take().status(), 201U);
    EXPECT_EQ(second->stream.take().status(), 202U);
    EXPECT_EQ(session->running(), 0U);
}

TEST_F(http2_session_test, sends_a_body_as_far_as_the_window_goes) {
    greet();
    auto running = start(request(method::post, "/").body(std::string(100'000, 'x')));
    auto frames = of_type(sent(), h2::data);
    std::size_t size = 0;
    for (const auto& each : frames) size += each.payload.size();
    EXPECT_EQ(size, 65'535U);
    EXPECT_TRUE(running->stream.has_unsent_content());
    say(h2::frame(h2::window_update, 0, 0, h2::number(100'000)));
    EXPECT_THAT(of_type(sent(), h2::data), IsEmpty());
    say(h2::frame(h2::window_update, 0, 1, h2::number(100'000)));
    frames = of_type(sent(), h2::data);
    for (const auto& each : frames) size += each.payload.size();
    EXPECT_EQ(size, 100'000U);
    EXPECT_EQ(frames.back().flags, h2::end_stream);
}

TEST_F(http2_session_test, an_answer_before_the_end_of_the_request_is_an_answer) {  // RFC 9113 §8.1
    greet();
    auto running = start(request(method::post, "/").body(std::string(100'000, 'x')));
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "413"}}, h2::end_stream) + h2::frame(h2::rst_stream, 0, 1, h2::number(h2::no_error)));
    ASSERT_EQ(running->stream.current(), stream_state::complete);
    EXPECT_EQ(running->stream.take().status(), 413U);
    EXPECT_EQ(session->current(), state::open);
}

TEST_F(http2_session_test, a_request_that_is_given_up_is_reset_and_the_connection_stays) {
    greet();
    auto given_up = start();
    auto kept = start();
    static_cast<void>(sent());
    given_up.reset();
    const auto resets = of_type(sent(), h2::rst_stream);
    ASSERT_THAT(resets, SizeIs(1));
    EXPECT_EQ(resets[0].stream, 1U);
    EXPECT_EQ(resets[0].number_at(0), h2::cancel);
    say(h2::head(1, {{":status", "200"}}) + h2::frame(h2::data, 0, 1, "late"));
    say(h2::head(3, {{":status", "200"}}, h2::end_stream));
    EXPECT_EQ(kept->stream.current(), stream_state::complete);
    EXPECT_EQ(session->current(), state::open);
    EXPECT_EQ(session->running(), 0U);
}

TEST_F(http2_session_test, a_request_that_is_given_up_before_it_is_sent_is_never_sent) {
    greet();
    auto given_up = start();
    given_up.reset();
    const auto frames = sent();
    EXPECT_THAT(of_type(frames, h2::headers), IsEmpty());
    EXPECT_THAT(of_type(frames, h2::rst_stream), IsEmpty());
}

TEST_F(http2_session_test, one_that_is_over_but_not_woken_may_be_given_up_too) {
    greet();
    auto gone = start();
    auto other = start();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}}, h2::end_stream) + h2::head(3, {{":status", "200"}}, h2::end_stream));
    gone.reset();
    EXPECT_EQ(session->next_ready(), &other->stream);
    EXPECT_EQ(session->next_ready(), nullptr);
}

TEST_F(http2_session_test, resets_are_rationed) {  // CVE-2023-44487: a server may end who resets too many
    settings.max_resets_at_once = 3;
    settings.max_resets_per_second = 1;
    begin();
    greet();
    for (int i = 0; i < 5; ++i) {
        auto given_up = start();
        static_cast<void>(sent());
    }
    static_cast<void>(sent());
    auto more = std::vector<std::unique_ptr<call>>();
    EXPECT_NE(session->next_wake(), never) << "two of them wait for their turn";
    now += 1s;
    EXPECT_THAT(of_type(sent(), h2::rst_stream), SizeIs(1));
    now += 1s;
    EXPECT_THAT(of_type(sent(), h2::rst_stream), SizeIs(1));
    now += 1s;
    EXPECT_THAT(of_type(sent(), h2::rst_stream), IsEmpty());
    EXPECT_EQ(session->next_wake(), never);
}

TEST_F(http2_session_test, a_stream_whose_reset_waits_may_end_by_itself) {
    settings.max_resets_at_once = 1;
    settings.max_resets_per_second = 1;
    begin();
    greet();
    for (int i = 0; i < 2; ++i) {
        auto given_up = start();
        static_cast<void>(sent());
    }
    static_cast<void>(sent());
    say(h2::head(3, {{":status", "200"}}) + h2::frame(h2::data, h2::end_stream, 3, "late"));
    now += 10s;
    EXPECT_THAT(of_type(sent(), h2::rst_stream), IsEmpty());
    EXPECT_EQ(session->next_wake(), never);
}

TEST_F(http2_session_test, data_gives_its_window_back_whoever_reads_it) {  // golang#16481, hyper#4003
    settings.connection_window = 65'535;
    settings.stream_window = 65'535;
    begin();
    greet();
    auto given_up = start();
    auto running = start();
    static_cast<void>(sent());
    given_up.reset();
    static_cast<void>(sent());
    std::uint32_t returned = 0;
    for (int i = 0; i < 10; ++i) {
        say(h2::frame(h2::data, 0, 1, std::string(16'000, 'x')));
        for (const auto& each : of_type(sent(), h2::window_update)) {
            EXPECT_EQ(each.stream, 0U) << "what was given up gets no more";
            returned += each.number_at(0);
        }
    }
    EXPECT_GT(returned, 100'000U);
    EXPECT_EQ(session->current(), state::open);
    say(h2::head(3, {{":status", "200"}}, h2::end_stream));
    EXPECT_EQ(running->stream.current(), stream_state::complete);
}

TEST_F(http2_session_test, what_is_given_up_with_the_session_is_left_alone) {
    greet();
    auto running = start();
    session.reset();
    EXPECT_EQ(running->stream.current(), stream_state::running);
}

TEST_F(http2_session_test, a_request_that_is_not_fit_to_be_sent_is_refused_and_nothing_is_sent) {
    greet();
    call made(limits);
    made.what = request(method::get, "/ with spaces");
    const auto started = session->start(made.stream, made.what, {.host = "shop.example"}, true);
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error(), errc::invalid_argument);
    EXPECT_THAT(sent(), IsEmpty());
}

TEST(http2_fields, say_star_for_options_about_the_whole_server) {  // RFC 9113 §8.3.1
    http::http2_fields fields;
    const request what(method::options, "*");
    ASSERT_TRUE(fields.make(what, {.host = "shop.example"}, true).has_value());
    const auto path = std::find_if(fields.all().begin(), fields.all().end(), [](const nghttp2_nv& each) {
        return std::string_view(reinterpret_cast<const char*>(each.name), each.namelen) == ":path";
    });
    ASSERT_NE(path, fields.all().end());
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(path->value), path->valuelen), "*");
}

/// Rule C10 of HTTP clients (curl CVE-2003-1605, CVE-2015-3153): behind a tunnel it is the server that would read them.
TEST_F(http2_session_test, credentials_for_a_proxy_are_not_shown_to_the_server) {
    greet();
    call made(limits);
    made.what = request(method::get, "/").header("proxy-authorization", "Basic bWU6aGlkZGVu");
    const auto started = session->start(made.stream, made.what, {.host = "shop.example"}, true);
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error(), errc::invalid_argument);
    EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(http2_session_test, says_goodbye_once) {
    greet();
    session->say_goodbye();
    session->say_goodbye();
    const auto frames = of_type(sent(), h2::goaway);
    ASSERT_THAT(frames, SizeIs(1));
    EXPECT_EQ(frames[0].number_at(4), h2::no_error);
    EXPECT_EQ(session->capacity(), 0U);
}

TEST_F(http2_session_test, pings_when_requests_run_and_nothing_comes) {  // golang/net#55, envoy#16313
    greet();
    EXPECT_EQ(session->next_wake(), never) << "an idle connection costs no timer";
    auto running = start();
    static_cast<void>(sent());
    EXPECT_EQ(session->next_wake(), now + 15s);
    now += 15s;
    session->on_time(now);
    EXPECT_THAT(of_type(sent(), h2::ping), SizeIs(1));
    EXPECT_EQ(session->next_wake(), now + 5s);
    say(h2::frame(h2::ping, h2::ack, 0, std::string(8, '\0')));
    EXPECT_EQ(session->next_wake(), now + 15s);
    EXPECT_EQ(session->current(), state::open);
}

TEST_F(http2_session_test, a_ping_without_an_answer_is_the_end) {
    greet();
    auto running = start();
    static_cast<void>(sent());
    now += 15s;
    session->on_time(now);
    static_cast<void>(sent());
    now += 5s;
    session->on_time(now);
    EXPECT_EQ(session->current(), state::failed);
    EXPECT_EQ(woken(), 1U);
    EXPECT_THAT(failure_of(*running), HasSubstr("PING"));
    EXPECT_FALSE(running->stream.is_unprocessed());
}

TEST_F(http2_session_test, when_the_connection_breaks_what_was_not_sent_was_not_processed) {
    greet();
    auto first = start();
    static_cast<void>(sent());
    auto second = start();
    std::string out;
    session->pull(out, 1 << 20, now);  // made, but taken by no socket
    auto third = start();
    session->end(error(errc::connection_closed, "gone"));
    EXPECT_EQ(woken(), 3U);
    EXPECT_FALSE(first->stream.is_unprocessed());
    EXPECT_TRUE(second->stream.is_unprocessed());
    EXPECT_TRUE(third->stream.is_unprocessed());
    EXPECT_EQ(session->capacity(), 0U);
}

}  // namespace
}  // namespace lido::test
