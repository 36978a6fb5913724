// Lido: one request and its response on an HTTP/2 session.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/time.hpp"
#include "lido/http/limits.hpp"
#include "lido/http/response.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lido::http {

class http2_session;

/// What a request's owner holds while it runs: `http2_session::start` begins it, the session fills it, and destroying
/// it gives the request up (RST_STREAM). Stays where it is; belongs to the session's loop.
class http2_stream {
public:
    enum class state : std::uint8_t {
        idle,      ///< not started
        running,   ///< the response is not complete
        complete,  ///< `take()` it
        failed,    ///< `failure()` says why
    };

    /// `limits` must outlive it.
    explicit http2_stream(const http_limits& limits) noexcept : limits_(limits) {}
    http2_stream(const http2_stream&) = delete;
    http2_stream& operator=(const http2_stream&) = delete;
    ~http2_stream();

    [[nodiscard]] state current() const noexcept { return state_; }
    [[nodiscard]] bool is_over() const noexcept { return state_ == state::complete || state_ == state::failed; }
    /// The response, once, when complete.
    [[nodiscard]] response take() noexcept { return response(std::move(parts_)); }
    /// Why it failed; only then.
    [[nodiscard]] const error& failure() const noexcept { return *failure_; }
    /// The peer provably did not act on it: it never reached the socket, or the peer said so.
    [[nodiscard]] bool is_unprocessed() const noexcept { return unprocessed_; }
    /// Something of an answer had come, be it a reset.
    [[nodiscard]] bool is_answered() const noexcept { return answered_; }
    /// There is more of the request's body than the peer has let be sent.
    [[nodiscard]] bool has_unsent_content() const noexcept { return !content_.empty(); }
    /// When something of it was last sent or received.
    [[nodiscard]] time_point progress_at() const noexcept { return progress_at_; }

    /// Called when the stream is over, by whoever drives the session, outside of it.
    using listener = void (*)(void* context) noexcept;
    void on_ready(listener call, void* context) noexcept {
        listener_ = call;
        context_ = context;
    }
    void wake() noexcept {
        if (listener_ != nullptr) listener_(context_);
    }

private:
    friend class http2_session;

    /// What the next field is part of.
    enum class phase : std::uint8_t { head, body, trailers };

    void begin_head(std::size_t text_hint);
    void begin_trailers() noexcept;
    [[nodiscard]] std::optional<error> add_field(std::string_view name, std::string_view value);
    [[nodiscard]] std::optional<error> end_head();
    [[nodiscard]] std::optional<error> add_data(std::string_view data);

    const http_limits& limits_;
    state state_ = state::idle;
    phase phase_ = phase::head;
    bool is_to_head_ = false;  // the response to HEAD has no body, whatever it says
    bool answered_ = false;
    bool unprocessed_ = false;
    bool written_ = false;      // its HEADERS are in the output, at `offset_`
    bool not_written_ = false;  // they will never be
    bool reset_by_peer_ = false;
    std::int32_t id_ = 0;
    int violation_ = 0;  // how the peer broke the protocol, in nghttp2's numbers
    std::uint64_t offset_ = 0;
    std::uint64_t body_size_ = 0;
    std::optional<std::uint64_t> expected_size_;
    std::size_t field_bytes_ = 0;
    std::size_t interim_ = 0;
    time_point progress_at_{};
    response::parts parts_;
    std::string_view content_;  // of the request, what is still to be sent
    std::optional<error> failure_;
    listener listener_ = nullptr;
    void* context_ = nullptr;
    http2_session* session_ = nullptr;  // while running or to be woken
    http2_stream* before_ = nullptr;    // in the session's list of running ones
    http2_stream* behind_ = nullptr;
    std::size_t ready_ = 0;  // its place in the session's list of those to wake, from 1; 0: not there
};

}  // namespace lido::http
