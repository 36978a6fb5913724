// Property: a session and nghttp2's own server, over a pipe that cuts the bytes anywhere, agree on every request.
#include "http/http2_session.hpp"
#include "lido/base/random.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

/// Answers every request with what it was: its path, its method and its body.
class echo_server {
public:
    echo_server() {
        nghttp2_session_callbacks* table = nullptr;
        nghttp2_session_callbacks_new(&table);
        nghttp2_session_callbacks_set_on_header_callback(
            table, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
                auto& answer = static_cast<echo_server*>(self)->answers_[frame->hd.stream_id];
                const std::string what(reinterpret_cast<const char*>(name), name_size);
                if (what == ":path" || what == ":method") {
                    answer.append(reinterpret_cast<const char*>(value), value_size);
                    answer += ' ';
                }
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            table, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                      void* self) {
                static_cast<echo_server*>(self)->answers_[id].append(reinterpret_cast<const char*>(data), size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            table, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
                const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
                const bool asks = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
                if (asks && ends) static_cast<echo_server*>(self)->answer(frame->hd.stream_id);
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            table, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
                static_cast<echo_server*>(self)->answers_.erase(id);
                return 0;
            });
        nghttp2_session_server_new(&session_, table, this);
        nghttp2_session_callbacks_del(table);
        const nghttp2_settings_entry most{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 10};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &most, 1);
    }
    echo_server(const echo_server&) = delete;
    echo_server& operator=(const echo_server&) = delete;
    ~echo_server() { nghttp2_session_del(session_); }

    void feed(std::string_view data) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(data.data());
        ASSERT_EQ(nghttp2_session_mem_recv(session_, bytes, data.size()), static_cast<ssize_t>(data.size()));
    }
    void pull(std::string& out) {
        const std::uint8_t* data = nullptr;
        while (true) {
            const ssize_t size = nghttp2_session_mem_send(session_, &data);
            if (size <= 0) return;
            out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        }
    }

private:
    void answer(std::int32_t id) {
        const std::string status = "200";
        const auto text = [](const std::string& of) {
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(of.data()));
        };
        const std::string name = ":status";
        const nghttp2_nv head{text(name), text(status), name.size(), status.size(), NGHTTP2_NV_FLAG_NONE};
        nghttp2_data_provider body{};
        body.read_callback = [](nghttp2_session*, std::int32_t stream, std::uint8_t* space, std::size_t size,
                                std::uint32_t* flags, nghttp2_data_source*, void* self) -> ssize_t {
            std::string& rest = static_cast<echo_server*>(self)->answers_[stream];
            const std::size_t moved = std::min(size, rest.size());
            std::memcpy(space, rest.data(), moved);
            rest.erase(0, moved);
            if (rest.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(moved);
        };
        nghttp2_submit_response(session_, id, &head, 1, &body);
    }

    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, std::string> answers_;
};

struct call {
    explicit call(const http::http_limits& limits) : stream(limits) {}
    http::request what{http::method::get, "/"};
    http::http2_stream stream;
    std::string expected;
    // Of one that goes in pieces.
    std::size_t given = 0;
    std::string taken;

    /// Its owner does something about it, or not.
    void move(http::http2_session& session, random_source& random) {
        if (stream.wants_content() && random.below(2) == 0) {
            const std::string_view rest = what.body().substr(given);
            const std::string_view piece = rest.substr(0, 1 + random.below(70'000));
            // The end is known with the last piece, or only after it.
            const bool last = piece.size() == rest.size() && (rest.empty() || random.below(2) == 0);
            given += piece.size();
            session.give(stream, piece, last);
        }
        if (stream.has_data() && random.below(3) == 0) take(1 + random.below(50'000));
    }
    void take(std::size_t most) {
        std::string space(most, '\0');
        taken.append(space, 0, stream.take_data(space));
    }
};

/// Moves a piece of random size from one end of the pipe.
template <class Feed>
void deliver(std::string& pipe, random_source& random, Feed&& feed) {
    if (pipe.empty()) return;
    const std::size_t size = std::min<std::size_t>(pipe.size(), 1 + random.below(random.below(2) == 0 ? 20 : 5000));
    const std::string piece = pipe.substr(0, size);
    pipe.erase(0, size);
    feed(piece);
}

TEST(http2_pipe, every_response_belongs_to_its_request_however_the_bytes_are_cut) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        random_source random(seed);
        http::http_limits limits;
        time_point now{1h};
        http::http2_settings settings;
        settings.connection_window = 65'535;
        settings.stream_window = 65'535;
        http::http2_session session(settings, limits, now);
        echo_server server;
        std::vector<std::unique_ptr<call>> running;
        std::string there;
        std::string back;
        std::size_t begun = 0;
        std::size_t complete = 0;
        std::size_t given_up = 0;
        for (int step = 0; begun < 30 || !running.empty() || !there.empty() || !back.empty(); ++step) {
            ASSERT_LT(step, 100'000) << "seed " << seed << " does not come to an end";
            now += 1ms;
            const bool may_start = begun < 30 && session.capacity() > 0 && running.size() < session.capacity();
            if (may_start && random.below(2) == 0) {
                auto made = std::make_unique<call>(limits);
                const std::string path = fmt::format("/{}", ++begun);
                const std::string body(random.below(3) == 0 ? random.below(200'000) : random.below(100), 'b');
                made->what = http::request(http::method::post, path).body(body);
                made->expected = fmt::format("POST {} {}", path, body);
                if (random.below(2) == 0) made->stream.go_in_pieces(random.below(2) == 0, random.below(2) == 0);
                ASSERT_TRUE(session.start(made->stream, made->what, {.host = "a"}, true).has_value());
                running.push_back(std::move(made));
            }
            if (!running.empty() && random.below(200) == 0) {
                running.erase(running.begin() + static_cast<std::ptrdiff_t>(random.below(running.size())));
                ++given_up;
            }
            for (const auto& each : running) each->move(session, random);
            session.pull(there, 1000, now);
            server.pull(back);
            if (random.below(2) == 0) deliver(there, random, [&](std::string_view piece) { server.feed(piece); });
            if (random.below(2) == 0) deliver(back, random, [&](std::string_view piece) { session.feed(piece, now); });
            while (http::http2_stream* const over = session.next_ready()) {
                const auto whose = std::find_if(running.begin(), running.end(),
                                                [&](const auto& each) { return &each->stream == over; });
                ASSERT_NE(whose, running.end());
                if (!over->is_over()) continue;
                ASSERT_EQ(over->current(), http::http2_stream::state::complete)
                    << "seed " << seed << ": " << over->failure().message();
                (**whose).take(1'000'000);
                const std::string got = (**whose).taken + over->take().take_body();
                ASSERT_TRUE(got == (**whose).expected) << "seed " << seed;
                ++complete;
                running.erase(whose);
            }
        }
        ASSERT_EQ(complete + given_up, begun);
        ASSERT_EQ(session.current(), http::http2_session::state::open);
    }
}

}  // namespace
}  // namespace lido::test
