// Lido: the client's side of an HTTP/2 connection, without I/O.
#pragma once

#include "http/allowance.hpp"
#include "http/http2_stream.hpp"
#include "http/request_writer.hpp"
#include "lido/base/result.hpp"
#include "lido/http/http2_settings.hpp"
#include "lido/http/limits.hpp"
#include "lido/http/request.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct nghttp2_session;

namespace lido::http {

/// Takes in the peer's bytes and gives those that are to be sent, for all streams of a connection together. Strict
/// (RFC 9113), bounded, without clock and I/O: whoever drives it passes the time in, which must not go back. nghttp2
/// does the framing and HPACK. docs/design/http2.md has the states and the rules.
///
/// Whoever drives it calls, after `feed`, `pull`, `on_time` and `end`, `next_ready()` until there is none, and wakes
/// each; and sends what `pull` gives soon after anything else was called. Not thread-safe.
class http2_session {
public:
    enum class state : std::uint8_t {
        greeting,  ///< the peer has not said its SETTINGS yet
        open,
        draining,  ///< no new streams, for good; those that run go on
        failed,    ///< `failure()` says why; nothing runs any more
    };

    http2_session(const http2_settings& settings, const http_limits& limits, time_point now);
    http2_session(const http2_session&) = delete;
    http2_session& operator=(const http2_session&) = delete;
    /// Streams that run are left alone and never woken.
    ~http2_session();

    // Bytes.

    /// Takes in what the peer has sent. Cost: one pass; allocates for heads and bodies of responses only.
    void feed(std::string_view data, time_point now);
    /// Appends what is to be sent, until there is nothing or `out` has `enough` bytes or a frame more.
    void pull(std::string& out, std::size_t enough, time_point now);
    /// Of all that was pulled, so much more was taken by the socket.
    void note_sent(std::size_t bytes) noexcept { sent_ += bytes; }
    /// The connection has broken, or ended: all streams fail with `why`.
    void end(const error& why);

    // Streams.

    /// Begins the request. `what` is copied but for its body, which must stay until the stream is over. Errors: what
    /// `append_request` says of a request that is not fit to be sent; `connection_closed` when there can be no new
    /// stream; the stream is then as it was.
    [[nodiscard]] result<void> start(http2_stream& stream, const request& what, const request_target_context& context,
                                     bool secure);
    /// The next part of the content of a stream that goes in pieces, when it `wants_content`. `piece` must stay until
    /// it wants more, or is over. `last`: there is no more, and `trailers` follow.
    void give(http2_stream& stream, std::string_view piece, bool last, headers trailers = {});
    /// The next stream that is over, or has news, and whose owner does not know yet; null: none.
    [[nodiscard]] http2_stream* next_ready() noexcept;

    // The connection.

    [[nodiscard]] state current() const noexcept { return state_; }
    [[nodiscard]] const error& failure() const noexcept { return *failure_; }
    /// Streams that may run at once; 0: no new ones.
    [[nodiscard]] std::uint32_t capacity() const noexcept;
    [[nodiscard]] std::size_t running() const noexcept { return running_; }
    /// Asks the peer for a sign of life, unless it was asked already.
    void ping(time_point now);
    /// Is a PING unanswered?
    [[nodiscard]] bool is_waiting_for_pong() const noexcept { return pong_until_ != never; }
    [[nodiscard]] time_point last_heard() const noexcept { return heard_at_; }
    /// When `on_time` has something to do.
    [[nodiscard]] time_point next_wake() const noexcept;
    void on_time(time_point now);
    /// Tells the peer that this is the end (GOAWAY).
    void say_goodbye();

private:
    friend class http2_stream;
    struct events;  // nghttp2's callbacks

    void give_up(http2_stream& stream) noexcept;
    void enlist(http2_stream& stream) noexcept;
    void unlist(http2_stream& stream) noexcept;
    void finish(http2_stream& stream, http2_stream::state how);
    void wake_soon(http2_stream& stream);
    void note_taken(http2_stream& stream, std::size_t bytes) noexcept;
    void submit_trailers(const http2_stream& stream);
    void fail_stream(http2_stream& stream, error why);
    void refuse(http2_stream& stream, error why, std::uint32_t code);
    void fail(const error& why, std::uint32_t code);
    void stop_flood(const error& why, std::int32_t by);
    void stop_pieces();
    void close_stream(http2_stream& stream, std::uint32_t code);
    void release_resets();
    [[nodiscard]] bool take_spare_frame() noexcept;
    void take_head(std::int32_t id, bool is_end);
    void take_end(std::int32_t id);
    void judge_frame(std::uint8_t type, std::uint8_t flags, std::size_t size, std::int32_t stream, bool& too_many);
    [[nodiscard]] http2_stream* stream_of(std::int32_t id) const noexcept;
    [[nodiscard]] bool is_alive() const noexcept { return state_ != state::failed; }
    void note_peer_settings() noexcept;

    const http2_settings settings_;
    const http_limits limits_;
    nghttp2_session* nghttp2_ = nullptr;
    state state_ = state::greeting;
    std::optional<error> failure_;
    time_point now_;
    time_point heard_at_;
    time_point busy_since_;
    time_point pong_until_ = never;
    std::uint32_t peer_limit_ = 0;
    std::uint64_t pulled_ = 0;
    std::uint64_t sent_ = 0;
    std::size_t text_hint_ = 256;
    std::size_t continuations_ = 0;
    std::int32_t head_of_ = 0;  // the stream whose head came last, or is coming
    std::uint64_t spare_frames_ = 0;
    std::uint32_t settings_acks_expected_ = 0;
    int last_violation_ = 0;
    bool said_goodbye_ = false;
    allowance resets_;
    allowance control_frames_;
    std::deque<std::int32_t> abandoned_;  // streams whose reset has to wait
    std::vector<http2_stream*> ready_;    // null where the stream has gone
    std::size_t next_ready_ = 0;
    std::size_t running_ = 0;
    http2_stream* first_ = nullptr;
};

}  // namespace lido::http
