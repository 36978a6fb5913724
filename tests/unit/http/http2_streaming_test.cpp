// Bodies in pieces on a session of HTTP/2, without sockets: what is kept, what is given back, what is asked for.
#include "http2_session_fixture.hpp"

#include <array>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::method;
using http::request;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class http2_streaming_test : public http2_session_test {
protected:
    http2_streaming_test() {
        settings.stream_window = 65'535;
        settings.connection_window = 65'535;
        begin();
        greet();
    }

    std::unique_ptr<call> open(request what, bool response, bool content) {
        auto made = std::make_unique<call>(limits);
        made->what = std::move(what);
        made->stream.go_in_pieces(response, content);
        const auto started = session->start(made->stream, made->what, {.host = "shop.example"}, true);
        EXPECT_TRUE(started.has_value()) << started.error().message();
        return made;
    }
    std::unique_ptr<call> download() { return open(request(method::get, "/"), true, false); }
    std::unique_ptr<call> upload(request what = request(method::put, "/").body("source")) {
        return open(std::move(what), false, true);
    }
    static std::string taken(call& from, std::size_t most = 1'000'000) {
        std::string space(most, '\0');
        space.resize(from.stream.take_data(space));
        return space;
    }
    static std::string content_of(const std::vector<h2::seen_frame>& frames) {
        std::string all;
        for (const auto& each : frames) all += each.type == h2::data ? each.payload : "";
        return all;
    }
    /// Bytes that frames give back of the window of a stream, 0: the connection.
    static std::uint32_t given_back(const std::vector<h2::seen_frame>& frames, std::uint32_t stream) {
        std::uint32_t sum = 0;
        for (const auto& each : frames) {
            if (each.type == h2::window_update && each.stream == stream) sum += each.number_at(0);
        }
        return sum;
    }
};

TEST_F(http2_streaming_test, wakes_its_owner_at_the_head_at_data_and_at_the_end) {
    auto running = download();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "103"}}));
    static_cast<void>(woken());
    EXPECT_FALSE(running->stream.has_head());
    say(h2::head(1, {{":status", "200"}, {"a", "b"}}));
    EXPECT_EQ(woken(), 1U);
    EXPECT_TRUE(running->stream.has_head());
    EXPECT_EQ(running->stream.head().header("a"), "b");
    say(h2::frame(h2::data, 0, 1, "some"));
    say(h2::frame(h2::data, 0, 1, " more"));
    EXPECT_EQ(woken(), 1U) << "once for all that has come";
    EXPECT_EQ(taken(*running, 6), "some m");
    EXPECT_EQ(taken(*running), "ore");
    EXPECT_EQ(taken(*running), "");
    say(h2::head(1, {{"end", "yes"}}, h2::end_stream));
    EXPECT_EQ(woken(), 1U);
    ASSERT_EQ(running->stream.current(), stream_state::complete);
    const http::response whole = running->stream.take();
    EXPECT_EQ(whole.body(), "");
    EXPECT_EQ(whole.trailers().find("end"), "yes");
    EXPECT_EQ(whole.header("a"), "b");
}

TEST_F(http2_streaming_test, gives_the_window_of_a_stream_back_when_the_data_is_taken_and_the_connections_at_once) {
    auto running = download();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}}));
    for (int i = 0; i < 4; ++i) say(h2::frame(h2::data, 0, 1, std::string(16'000, 'x')));
    auto frames = sent();
    EXPECT_EQ(given_back(frames, 1), 0U) << "nobody has read";
    EXPECT_GE(given_back(frames, 0), 48'000U);
    EXPECT_EQ(taken(*running, 64'000).size(), 64'000U);
    frames = sent();
    EXPECT_EQ(given_back(frames, 1), 64'000U);
}

TEST_F(http2_streaming_test, an_unread_body_does_not_stop_another_one) {
    auto unread = download();
    auto read = download();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}}) + h2::head(3, {{":status", "200"}}));
    for (int i = 0; i < 4; ++i) say(h2::frame(h2::data, 0, 1, std::string(16'000, 'x')));
    std::size_t room = 65'535 - 64'000 + given_back(sent(), 0);
    std::size_t got = 0;
    for (int i = 0; i < 100; ++i) {
        ASSERT_GE(room, 10'000U) << "after " << got;
        room -= 10'000;
        say(h2::frame(h2::data, 0, 3, std::string(10'000, 'y')));
        got += taken(*read).size();
        room += given_back(sent(), 0);
    }
    EXPECT_EQ(got, 1'000'000U);
    EXPECT_EQ(taken(*unread), std::string(64'000, 'x'));
}

TEST_F(http2_streaming_test, more_than_the_window_allows_is_an_error_after_what_was_allowed) {
    auto running = download();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}}));
    for (int i = 0; i < 5; ++i) say(h2::frame(h2::data, 0, 1, std::string(16'000, 'x')));
    static_cast<void>(sent());
    EXPECT_THAT(failure_of(*running), HasSubstr("window"));
    EXPECT_LE(taken(*running).size(), 65'535U);
}

TEST_F(http2_streaming_test, what_came_before_a_failure_can_still_be_taken) {
    auto running = download();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}}) + h2::frame(h2::data, 0, 1, "some") +
        h2::frame(h2::rst_stream, 0, 1, h2::number(h2::internal_error)));
    ASSERT_EQ(running->stream.current(), stream_state::failed);
    EXPECT_EQ(taken(*running), "some");
    EXPECT_EQ(woken(), 1U);
    EXPECT_EQ(taken(*running), "");
}

TEST_F(http2_streaming_test, given_up_half_way_resets_the_stream_and_drops_what_still_comes) {
    auto running = download();
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "200"}}) + h2::frame(h2::data, 0, 1, "some"));
    running.reset();
    EXPECT_EQ(woken(), 0U);
    const auto reset = of_type(sent(), h2::rst_stream);
    ASSERT_THAT(reset, SizeIs(1));
    EXPECT_EQ(reset[0].number_at(0), h2::cancel);
    for (int i = 0; i < 3; ++i) say(h2::frame(h2::data, 0, 1, std::string(16'000, 'x')));
    EXPECT_EQ(session->current(), state::open);
    EXPECT_GT(given_back(sent(), 0), 30'000U);
}

TEST_F(http2_streaming_test, asks_for_content_when_the_head_was_sent_and_for_more_when_that_was_sent) {
    auto running = upload();
    EXPECT_FALSE(running->stream.wants_content());
    const auto first = sent();
    ASSERT_THAT(of_type(first, h2::headers), SizeIs(1));
    EXPECT_EQ(of_type(first, h2::headers)[0].flags & h2::end_stream, 0);
    EXPECT_THAT(of_type(first, h2::data), IsEmpty());
    ASSERT_TRUE(running->stream.wants_content());
    EXPECT_EQ(woken(), 1U);
    const std::string piece(20'000, 'p');
    session->give(running->stream, piece, false);
    EXPECT_FALSE(running->stream.wants_content());
    EXPECT_EQ(content_of(sent()), piece);
    EXPECT_TRUE(running->stream.wants_content());
    EXPECT_EQ(woken(), 1U);
    session->give(running->stream, "end", true);
    const auto last = of_type(sent(), h2::data);
    ASSERT_THAT(last, SizeIs(1));
    EXPECT_EQ(last[0].payload, "end");
    EXPECT_NE(last[0].flags & h2::end_stream, 0);
    EXPECT_FALSE(running->stream.wants_content());
}

TEST_F(http2_streaming_test, content_that_turns_out_to_have_ended_ends_with_an_empty_frame) {
    auto running = upload();
    static_cast<void>(sent());
    session->give(running->stream, "all", false);
    static_cast<void>(sent());
    session->give(running->stream, "", true);
    const auto last = of_type(sent(), h2::data);
    ASSERT_THAT(last, SizeIs(1));
    EXPECT_EQ(last[0].payload, "");
    EXPECT_NE(last[0].flags & h2::end_stream, 0);
}

TEST_F(http2_streaming_test, does_not_ask_for_more_than_the_peer_takes) {
    auto running = upload();
    static_cast<void>(sent());
    const std::string piece(65'535, 'p');
    session->give(running->stream, piece, false);
    EXPECT_EQ(content_of(sent()).size(), 65'535U);
    // One piece ahead, for when the window opens.
    const std::string next(10, 'n');
    session->give(running->stream, next, false);
    EXPECT_THAT(of_type(sent(), h2::data), IsEmpty());
    EXPECT_FALSE(running->stream.wants_content());
    EXPECT_TRUE(running->stream.has_unsent_content());
    say(h2::frame(h2::window_update, 0, 0, h2::number(100)) + h2::frame(h2::window_update, 0, 1, h2::number(100)));
    EXPECT_EQ(content_of(sent()), next);
    EXPECT_TRUE(running->stream.wants_content());
}

TEST_F(http2_streaming_test, sends_trailers_behind_the_content) {
    for (const std::string piece : {"content", ""}) {
        auto running = upload();
        static_cast<void>(sent());
        http::headers trailers;
        ASSERT_TRUE(trailers.add("Checksum", "77").has_value());
        session->give(running->stream, piece, true, trailers);
        const auto frames = sent();
        EXPECT_EQ(content_of(frames), piece);
        for (const auto& each : of_type(frames, h2::data)) EXPECT_EQ(each.flags & h2::end_stream, 0);
        const auto end = of_type(frames, h2::headers);
        ASSERT_THAT(end, SizeIs(1));
        EXPECT_NE(end[0].flags & h2::end_stream, 0);
        EXPECT_NE(end[0].payload.find('\0'), std::string::npos + 1);
    }
}

TEST_F(http2_streaming_test, tells_of_the_word_to_continue) {
    auto running = upload(request(method::put, "/").body("b").header("Expect", "100-continue"));
    static_cast<void>(sent());
    static_cast<void>(woken());
    EXPECT_FALSE(running->stream.was_told_to_continue());
    say(h2::head(1, {{":status", "100"}}));
    EXPECT_EQ(woken(), 1U);
    EXPECT_TRUE(running->stream.was_told_to_continue());
    EXPECT_FALSE(running->stream.has_head());
}

TEST_F(http2_streaming_test, an_answer_that_is_complete_ends_the_upload) {
    auto running = upload();
    static_cast<void>(sent());
    session->give(running->stream, "some", false);
    static_cast<void>(sent());
    say(h2::head(1, {{":status", "413"}}, h2::end_stream));
    ASSERT_EQ(running->stream.current(), stream_state::complete);
    EXPECT_EQ(running->stream.take().status(), 413U);
    session->give(running->stream, "more", true);
    const auto frames = sent();
    EXPECT_THAT(of_type(frames, h2::data), IsEmpty());
    ASSERT_THAT(of_type(frames, h2::rst_stream), SizeIs(1));
    EXPECT_EQ(session->current(), state::open);
}

TEST_F(http2_streaming_test, a_reset_of_an_upload_is_a_failure_and_leaves_the_connection_good) {
    auto running = upload();
    static_cast<void>(sent());
    session->give(running->stream, "some", false);
    static_cast<void>(sent());
    say(h2::frame(h2::rst_stream, 0, 1, h2::number(h2::cancel)));
    EXPECT_EQ(running->stream.current(), stream_state::failed);
    EXPECT_TRUE(running->stream.is_answered());
    EXPECT_FALSE(running->stream.is_unprocessed());
    session->give(running->stream, "more", true);
    EXPECT_THAT(of_type(sent(), h2::data), IsEmpty());
    EXPECT_EQ(session->capacity(), 100U);
}

TEST_F(http2_streaming_test, of_a_source_of_unknown_size_says_no_length) {
    const auto source = [](std::optional<std::uint64_t> size) {
        return http::body_from([](std::span<char>) -> task<result<std::size_t>> { co_return std::size_t{0}; }, size);
    };
    auto unknown = upload(request(method::put, "/").body(source({})));
    const auto without = of_type(sent(), h2::headers);
    unknown.reset();
    begin();
    greet();
    auto known = upload(request(method::put, "/").body(source(1234)));
    const auto with = of_type(sent(), h2::headers);
    ASSERT_THAT(without, SizeIs(1));
    ASSERT_THAT(with, SizeIs(1));
    EXPECT_GT(with[0].payload.size(), without[0].payload.size());
}

}  // namespace
}  // namespace lido::test
