// Lido: what the tests of the HTTP/2 session share.
#pragma once

#include "http/http2_session.hpp"
#include "support/http2_frames.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lido::test {

/// A session, and by hand what its peer says. Time stands still unless told.
class http2_session_test : public testing::Test {
protected:
    using state = http::http2_session::state;
    using stream_state = http::http2_stream::state;

    /// A request under way.
    struct call {
        explicit call(const http::http_limits& limits) : stream(limits) {}
        http::request what{http::method::get, "/"};
        http::http2_stream stream;
    };

    http2_session_test() { begin(); }

    void begin() { session = std::make_unique<http::http2_session>(settings, limits, now); }
    /// The greeting of both sides.
    void greet() {
        static_cast<void>(sent());
        say(h2::frame(h2::settings, 0, 0));
        say(h2::frame(h2::settings, h2::ack, 0));
        static_cast<void>(sent());
    }
    void say(std::string_view bytes) { session->feed(bytes, now); }
    /// What is sent now.
    std::vector<h2::seen_frame> sent() {
        std::string out;
        session->pull(out, static_cast<std::size_t>(-1), now);
        session->note_sent(out.size());
        return h2::read_frames(out);
    }
    /// Of these, the ones of a type.
    static std::vector<h2::seen_frame> of_type(std::vector<h2::seen_frame> all, std::uint8_t type) {
        std::erase_if(all, [&](const h2::seen_frame& each) { return each.type != type; });
        return all;
    }
    std::unique_ptr<call> start(http::request what = http::request(http::method::get, "/")) {
        auto made = std::make_unique<call>(limits);
        made->what = std::move(what);
        const auto started = session->start(made->stream, made->what, {.host = "shop.example"}, true);
        EXPECT_TRUE(started.has_value()) << started.error().message();
        return made;
    }
    /// Those whose owners would be woken now.
    std::size_t woken() {
        std::size_t count = 0;
        while (session->next_ready() != nullptr) ++count;
        return count;
    }
    /// The code of why a stream failed, "" when it did not.
    static std::string failure_of(const call& which) {
        if (which.stream.current() != stream_state::failed) return "";
        return which.stream.failure().message();
    }

    time_point now{std::chrono::hours(1)};
    http::http2_settings settings;
    http::http_limits limits;
    std::unique_ptr<http::http2_session> session;
};

}  // namespace lido::test
