// Bodies in pieces over HTTP/2, up and down, and what servers may do to them half-way: each of it is bounded, has a
// clear error, and spares the connection where that is still good. The server is another library's.
#include "support/http_client_world.hpp"
#include "support/python_server.hpp"
#include "support/streamed_bodies.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <optional>
#include <stop_token>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using http::client;
using http::method;
using http::request;
using http::response_stream;
using testing::HasSubstr;

// Silences are short where one is what is tested, and else long enough for a machine that is busy.

/// Far more than fits between here and there.
constexpr std::size_t huge = 20'000'000;

class http2_bodies : public testing::Test {
protected:
    static python_server& server() {
        static python_server only("streaming_http2_server.py");
        return only;
    }
    static http::client_settings over_http2() {
        http::client_settings settings = plain_settings(server().url());
        settings.http_version = http::http_versions::http2;
        settings.read_timeout = 20s;
        return settings;
    }
    /// A request whose fate the server tells of under its own name.
    request asked(method how, std::string_view path) {
        static int number = 0;
        nonce_ = fmt::format("{}-{}", path, ++number);
        return request(how, fmt::format("/{}", path)).header("X-Nonce", nonce_);
    }
    /// What the server tells of the last one: bytes of a body sent, bytes that came, the code of a reset.
    std::string told(client& user) const {
        return user.send(request(method::get, "/told").header("X-Nonce", nonce_)).wait().value().body();
    }
    static std::uint64_t connections(const client& user) { return user.statistics().http2.connections; }
    static std::string read_to_end(response_stream& from, std::optional<error>& failure) {
        std::string all;
        std::string space(10'000, '\0');
        while (true) {
            const auto got = from.read_some(space).wait();
            if (!got) failure = got.error();
            if (!got || *got == 0) return all;
            all.append(space, 0, *got);
        }
    }

    std::string nonce_;
    source_watch watch_;
};

// ---- up -------------------------------------------------------------------------------------------------------------

TEST_F(http2_bodies, come_up_from_sources_of_known_and_unknown_size) {
    runtime io;
    client user(io, over_http2());
    for (const std::size_t size : {0U, 1U, 999U, 65'536U, 1'000'000U}) {
        for (const bool sized : {true, false}) {
            const auto source = source_of(numbered_text(size), {.sized = sized, .piece = 100'000}, watch_);
            const auto answer = user.send(asked(method::put, "measure").body(source)).wait();
            ASSERT_TRUE(answer.has_value()) << answer.error().message();
            EXPECT_EQ(answer->body(), fmt::format("{}", size));
        }
    }
    EXPECT_EQ(connections(user), 1U);
}

TEST_F(http2_bodies, wait_for_a_slow_source) {
    runtime io;
    client user(io, over_http2());
    const auto source = source_of(numbered_text(5'000), {.pause = 5ms}, watch_);
    const auto answer = user.send(asked(method::put, "measure").body(source)).wait();
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
    EXPECT_EQ(answer->body(), "5000");
}

TEST_F(http2_bodies, of_a_source_that_breaks_its_word_never_look_complete) {
    runtime io;
    client user(io, over_http2());
    for (const source_shape& shape :
         {source_shape{.rewinds = true, .lies_by = 1}, source_shape{.rewinds = true, .short_by = 1},
          source_shape{.rewinds = true, .short_by = 2'999}, source_shape{.rewinds = true, .fails_at = 2'000},
          source_shape{.sized = false, .rewinds = true, .fails_at = 2'000}}) {
        const bool fails = shape.fails_at == 2'000;
        const auto answer =
            user.send(asked(method::put, "measure").body(source_of(numbered_text(3'000), shape, watch_))).wait();
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error(), fails ? errc::check_failed : errc::invalid_argument) << answer.error().message();
        EXPECT_THAT(answer.error().message(), HasSubstr(fails ? "the disk is gone" : "size"));
        EXPECT_TRUE(comes_true([&] { return told(user).ends_with(" 8"); })) << told(user);
    }
    EXPECT_EQ(watch_.rewinds, 0U);
    EXPECT_EQ(connections(user), 1U);
}

TEST_F(http2_bodies, whose_source_gives_nothing_end_with_the_deadline) {
    runtime io;
    client user(io, over_http2());
    ASSERT_TRUE(user.get("/told").wait().has_value()) << "so that the time is not used up by connecting";
    const auto source = source_of("text", {.pause = 1h}, watch_);
    const auto answer = user.send(asked(method::put, "measure").body(source).timeout(300ms)).wait();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error(), errc::timeout) << answer.error().message();
    EXPECT_TRUE(comes_true([&] { return told(user).ends_with(" 8"); }));
}

TEST_F(http2_bodies, whose_source_answers_when_it_is_not_asked_any_more_wait_for_the_server) {
    runtime io;
    client user(io, over_http2());
    // Long enough for the answer to come before the first piece, also on a machine that is busy.
    const auto source = source_of("text", {.sized = false, .piece = 1, .pause = 1s}, watch_);
    request what = asked(method::put, "refuses_at_once_and_falls_silent").body(source).read_timeout(2s);
    const auto answer = user.send(std::move(what)).wait();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error(), errc::read_timeout) << answer.error().message();
    EXPECT_LE(watch_.reads, 1U);
    EXPECT_TRUE(user.get("/told").wait().has_value());
    EXPECT_EQ(connections(user), 1U);
}

TEST_F(http2_bodies, are_sent_again_only_from_sources_that_rewind) {
    runtime io;
    client user(io, over_http2());
    for (const bool rewinds : {true, false}) {
        const auto source = source_of(numbered_text(3'000), {.rewinds = rewinds}, watch_);
        const request what = asked(method::put, "measure").body(source);
        ASSERT_TRUE(user.send(what).wait().has_value());
        const auto again = user.send(what).wait();
        EXPECT_EQ(again.has_value(), rewinds);
        if (!again) {
            EXPECT_EQ(again.error(), errc::invalid_argument) << again.error().message();
        }
    }
    EXPECT_EQ(watch_.rewinds, 1U);
}

struct upload {
    const char* name;
    std::optional<errc> ending;  ///< nothing: the answer
    std::string answer;
    bool stays;  ///< does the connection serve on?
};

void PrintTo(const upload& one, std::ostream* out) {
    *out << one.name;
}

class http2_uploads : public http2_bodies, public testing::WithParamInterface<upload> {};

TEST_P(http2_uploads, end_well_or_with_a_clear_error) {
    runtime io;
    client user(io, over_http2());
    ASSERT_TRUE(user.get("/told").wait().has_value());
    // A POST, whose source cannot rewind: nothing is sent twice.
    const auto source = source_of(numbered_text(300'000), {.piece = 60'000}, watch_);
    request what = asked(method::post, GetParam().name).body(source);
    if (GetParam().ending == errc::write_timeout) what.read_timeout(300ms);
    const auto answer = user.send(std::move(what)).wait();
    if (GetParam().ending) {
        ASSERT_FALSE(answer.has_value()) << answer->status() << answer->body();
        EXPECT_EQ(answer.error(), errc::maybe_executed) << answer.error().message();
        ASSERT_NE(answer.error().cause(), nullptr);
        EXPECT_EQ(*answer.error().cause(), *GetParam().ending) << answer.error().message();
    } else {
        ASSERT_TRUE(answer.has_value()) << answer.error().message();
        EXPECT_EQ(fmt::format("{} {}", answer->status(), answer->body()), GetParam().answer);
    }
    EXPECT_TRUE(user.get("/told").wait().has_value());
    EXPECT_EQ(connections(user), GetParam().stays ? 1U : 2U);
}

INSTANTIATE_TEST_SUITE_P(with_a_server_that, http2_uploads,
                         testing::Values(upload{"never_opens_the_window", errc::write_timeout, "", true},
                                         upload{"opens_the_window_slowly", {}, "200 300000", true},
                                         upload{"resets_the_upload", errc::connection_closed, "", true},
                                         upload{"resets_the_upload_without_an_error", errc::connection_closed, "",
                                                true},
                                         upload{"answers_and_resets", {}, "413 ", true},
                                         upload{"answers_early_and_takes_no_more", {}, "403 no", true},
                                         upload{"begins_to_answer_at_once", {}, "200 some more", true},
                                         upload{"goes_away_during_the_upload", {}, "200 300000", false},
                                         upload{"closes_during_the_upload", errc::connection_closed, "", false}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_F(http2_bodies, that_were_provably_not_processed_are_sent_again_where_the_source_allows_it) {
    for (const std::string path : {"refuses_the_upload", "goes_away_below_the_upload"}) {
        for (const bool rewinds : {true, false}) {
            runtime io;
            client user(io, over_http2());
            watch_.rewinds = 0;
            const auto source = source_of(numbered_text(300'000), {.rewinds = rewinds}, watch_);
            const auto answer = user.send(asked(method::post, path).body(source)).wait();
            // The server says the same each time, and the number of sendings is bounded.
            ASSERT_FALSE(answer.has_value());
            EXPECT_EQ(answer.error(), errc::connection_closed) << answer.error().message();
            EXPECT_LE(watch_.rewinds, 13U);
            if (!rewinds) {
                EXPECT_EQ(watch_.rewinds, 0U);
            }
        }
    }
}

TEST_F(http2_bodies, are_broken_off_when_the_request_is_cancelled) {
    runtime io;
    client user(io, over_http2());
    const std::string content = numbered_text(huge);
    for (const auto pause : {0ms, 1ms, 5ms, 20ms}) {
        std::stop_source stop;
        std::latch ended(1);
        const auto source = source_of(content, {.sized = false, .piece = 60'000}, watch_);
        user.send(asked(method::put, "measure").body(source))
            .start([&](const result<http::response>&) { ended.count_down(); }, stop.get_token());
        // At different moments of its life: that is what is tested.
        std::this_thread::sleep_for(pause);
        stop.request_stop();
        ended.wait();
    }
    EXPECT_TRUE(comes_true([&] { return user.statistics().origins.at(0).pool.in_use == 0; }));
    EXPECT_TRUE(user.get("/told").wait().has_value());
    EXPECT_EQ(connections(user), 1U);
}

// ---- expectations and trailers --------------------------------------------------------------------------------------

TEST_F(http2_bodies, wait_for_the_servers_word_where_it_is_asked_for) {
    struct expectation {
        const char* path;
        duration wait;
        unsigned status;
        bool sent;
    };
    for (const expectation& each :
         {expectation{"continues", 1h, 200, true}, expectation{"knows_no_expectations", 20ms, 200, true},
          expectation{"lets_nobody_in", 1h, 401, false}}) {
        runtime io;
        auto settings = over_http2();
        settings.continue_timeout = each.wait;
        client user(io, settings);
        for (const bool in_memory : {true, false}) {
            watch_.reads = 0;
            request what = asked(method::put, each.path).expect_continue();
            if (in_memory) {
                what.body("content");
            } else {
                what.body(source_of("content", {}, watch_));
            }
            const auto answer = user.send(std::move(what)).wait();
            ASSERT_TRUE(answer.has_value()) << answer.error().message();
            EXPECT_EQ(answer->status(), each.status) << each.path;
            EXPECT_EQ(answer->body(), each.sent ? "7" : "");
            EXPECT_EQ(watch_.reads, each.sent && !in_memory ? 2U : 0U);
        }
        EXPECT_EQ(connections(user), 1U);
    }
}

TEST_F(http2_bodies, have_trailers_behind_them) {
    runtime io;
    client user(io, over_http2());
    const auto in_memory = user.send(asked(method::put, "measure").body("content").trailer("Checksum", "77")).wait();
    ASSERT_TRUE(in_memory.has_value()) << in_memory.error().message();
    EXPECT_EQ(in_memory->body(), "7 checksum=77");
    const auto make = [this]() -> result<http::headers> {
        http::headers made;
        made.add("X-Reads", fmt::format("{}", watch_.reads.load())).value();
        return made;
    };
    const auto source = source_of(numbered_text(3'000), {.sized = false}, watch_);
    const auto counted = user.send(asked(method::put, "measure").body(source).trailers_from(make)).wait();
    ASSERT_TRUE(counted.has_value()) << counted.error().message();
    EXPECT_EQ(counted->body(), "3000 x-reads=4");
}

// ---- down -----------------------------------------------------------------------------------------------------------

TEST_F(http2_bodies, that_nobody_reads_are_not_taken_beyond_the_window_and_stop_no_other) {
    runtime io;
    auto settings = over_http2();
    settings.http2.stream_window = 100'000;
    settings.http2.connection_window = 100'000;
    client user(io, settings);
    auto unread = user.open(asked(method::get, "never_ends")).wait();
    ASSERT_TRUE(unread.has_value()) << unread.error().message();
    EXPECT_TRUE(comes_true([&] { return told(user).starts_with("100000 "); })) << told(user);
    const std::string nonce = nonce_;
    auto read = user.open(asked(method::get, "never_ends")).wait();
    ASSERT_TRUE(read.has_value()) << read.error().message();
    std::string space(3'000'000, '\0');
    const auto got = read->read(space).wait();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(space, std::string(3'000'000, 'x'));
    nonce_ = nonce;
    EXPECT_THAT(told(user), testing::StartsWith("100000 "));
    space.resize(150'000);
    EXPECT_TRUE(unread->read(space).wait().has_value()) << "it goes on when somebody reads";
    EXPECT_EQ(connections(user), 1U);
}

TEST_F(http2_bodies, that_are_dropped_half_way_are_reset_and_the_connection_serves_on) {
    runtime io;
    client user(io, over_http2());
    for (int i = 0; i < 5; ++i) {
        {
            auto opened = user.open(asked(method::get, "never_ends")).wait();
            ASSERT_TRUE(opened.has_value()) << opened.error().message();
            std::string space(70'000, '\0');
            EXPECT_TRUE(opened->read(space).wait().has_value());
        }
        EXPECT_TRUE(comes_true([&] { return told(user).ends_with(" 8"); })) << told(user);
    }
    EXPECT_EQ(connections(user), 1U);
    EXPECT_EQ(user.statistics().origins.at(0).pool.in_use, 0U);
}

TEST_F(http2_bodies, whose_reads_are_cancelled_lose_no_byte) {
    runtime io({.threads = 3});
    client user(io, over_http2());
    auto opened = user.open(asked(method::get, "drips").read_timeout(10s)).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    std::string space(10, '\0');
    for (int i = 0; i < 5; ++i) {
        std::stop_source stop;
        std::latch ended(1);
        opened->read(space).start([&](const result<std::size_t>&) { ended.count_down(); }, stop.get_token());
        stop.request_stop();
        ended.wait();
    }
    EXPECT_EQ(opened->read(space).wait().value(), 10U);
    EXPECT_EQ(space, std::string(10, 'x'));
}

struct download {
    const char* name;
    std::string content;
    std::optional<errc> ending;  ///< nothing: the end
    bool stays;
};

void PrintTo(const download& one, std::ostream* out) {
    *out << one.name;
}

class http2_downloads : public http2_bodies, public testing::WithParamInterface<download> {};

TEST_P(http2_downloads, end_well_or_with_a_clear_error_after_what_came) {
    runtime io;
    client user(io, over_http2());
    ASSERT_TRUE(user.get("/told").wait().has_value());
    request what = asked(method::get, GetParam().name);
    if (GetParam().ending == errc::read_timeout) what.read_timeout(1s);  // within which the head has to come, too
    auto opened = user.open(std::move(what)).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->status(), 200U);
    std::optional<error> failure;
    EXPECT_EQ(read_to_end(*opened, failure), GetParam().content);
    EXPECT_EQ(failure.has_value(), GetParam().ending.has_value());
    if (failure && GetParam().ending) {
        EXPECT_EQ(*failure, *GetParam().ending) << failure->message();
    }
    std::string space(10, '\0');
    EXPECT_EQ(opened->read_some(space).wait().has_value(), !failure.has_value()) << "and so it stays";
    EXPECT_TRUE(user.get("/told").wait().has_value());
    EXPECT_EQ(connections(user), GetParam().stays ? 1U : 2U);
}

INSTANTIATE_TEST_SUITE_P(from_a_server_that, http2_downloads,
                         testing::Values(download{"falls_silent", "some", errc::read_timeout, true},
                                         download{"sends_a_head_only", "", errc::read_timeout, true},
                                         download{"resets_the_body", "some", errc::connection_closed, true},
                                         download{"closes_within_the_body", "some", errc::connection_closed, false},
                                         download{"ends_too_early", "some", errc::protocol_error, true},
                                         download{"sends_data_behind_the_end", "some", {}, true},
                                         download{"goes_away_within_the_body", "some more", {}, false},
                                         download{"sends_trailers", "some", {}, true},
                                         download{"sends_empty_frames", "", errc::limit_exceeded, false}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_F(http2_bodies, have_their_trailers_at_the_end) {
    runtime io;
    client user(io, over_http2());
    auto opened = user.open(asked(method::get, "sends_trailers")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_TRUE(opened->head().trailers().empty());
    EXPECT_EQ(opened->read_all(100).wait().value(), "some");
    EXPECT_EQ(opened->head().trailers().find("Checksum"), "77");
}

TEST_F(http2_bodies, that_go_beyond_the_window_are_an_error) {
    runtime io;
    auto settings = over_http2();
    settings.http2.stream_window = 100'000;
    client user(io, settings);
    auto opened = user.open(asked(method::get, "ignores_the_window")).wait();
    if (opened) {
        std::optional<error> failure;
        EXPECT_LE(read_to_end(*opened, failure).size(), 100'000U);
        ASSERT_TRUE(failure.has_value());
        EXPECT_EQ(*failure, errc::protocol_error) << failure->message();
    } else {
        EXPECT_EQ(opened.error(), errc::protocol_error) << opened.error().message();
    }
    EXPECT_TRUE(user.get("/told").wait().has_value());
}

TEST_F(http2_bodies, that_drip_are_bounded_by_the_deadline_of_the_read_or_of_the_request) {
    runtime io;
    client user(io, over_http2());
    for (const bool of_the_read : {true, false}) {
        request what = asked(method::get, "drips");
        if (!of_the_read) what.timeout(1s);  // within which the head has to come, too
        auto opened = user.open(std::move(what)).wait();
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        std::string space(1'000, '\0');
        const auto got = opened->read(space, of_the_read ? duration(100ms) : duration(1h)).wait();
        ASSERT_FALSE(got.has_value());
        EXPECT_EQ(got.error(), errc::timeout) << got.error().message();
    }
    EXPECT_EQ(connections(user), 1U);
}

TEST_F(http2_bodies, end_when_their_client_is_closed_and_may_outlive_it) {
    runtime io;
    std::optional<client> user(std::in_place, io, over_http2());
    auto opened = user->open(asked(method::get, "never_ends")).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    user.reset();
    std::string all(huge, '\0');
    EXPECT_FALSE(opened->read(all).wait().has_value());
}

TEST_F(http2_bodies, are_read_while_the_request_is_still_being_sent) {
    runtime io;
    client user(io, over_http2());
    const auto source = source_of(numbered_text(300'000), {.sized = false, .piece = 60'000}, watch_);
    auto opened = user.open(asked(method::post, "begins_to_answer_at_once").body(source)).wait();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(opened->read_all(1'000).wait().value(), "some more");
    EXPECT_THAT(told(user), HasSubstr(" 300000 "));
}

}  // namespace
}  // namespace lido::test
