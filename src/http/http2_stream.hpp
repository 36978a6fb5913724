// Lido: one request and its response on an HTTP/2 session.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/time.hpp"
#include "lido/http/headers.hpp"
#include "lido/http/limits.hpp"
#include "lido/http/response.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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
    /// Of these: the peer said so.
    [[nodiscard]] bool is_turned_away() const noexcept { return turned_away_; }
    /// Its HEADERS were handed out to be sent. What was not will not be, once it is given up.
    [[nodiscard]] bool is_written() const noexcept { return written_; }
    /// Something of an answer had come, be it a reset.
    [[nodiscard]] bool is_answered() const noexcept { return answered_; }
    /// There is more of the request's body than the peer has let be sent.
    [[nodiscard]] bool has_unsent_content() const noexcept { return !content_.empty(); }
    /// When something of it was last sent or received.
    [[nodiscard]] time_point progress_at() const noexcept { return progress_at_; }

    // In pieces, for those who asked for it.

    /// Before it is started. `response`: the body of the response does not become part of it, but is kept until it is
    /// taken, and the peer may send more only then. `request`: the content comes by `http2_session::give`. Either way
    /// its owner is woken whenever there is news: a final head, data, room for content, word to continue.
    void go_in_pieces(bool response, bool request);
    [[nodiscard]] bool was_told_to_continue() const noexcept { return told_to_continue_; }
    [[nodiscard]] unsigned status() const noexcept { return parts_.status; }
    /// Is the final head there?
    [[nodiscard]] bool has_head() const noexcept { return phase_ != phase::head; }
    /// The final head, without body and trailers.
    [[nodiscard]] response head() const;
    [[nodiscard]] bool has_data() const noexcept { return pieces_ != nullptr && !pieces_->data().empty(); }
    /// Moves what has come to the front of `space`, also after the end; how much. The peer may send that much more.
    [[nodiscard]] std::size_t take_data(std::span<char> space) noexcept;
    /// The peer takes content, and there is none.
    [[nodiscard]] bool wants_content() const noexcept { return pieces_ != nullptr && pieces_->wants_content; }

    /// Called when the stream is over, or has news, by whoever drives the session, outside of it.
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
    [[nodiscard]] bool keeps_body() const noexcept { return pieces_ != nullptr && pieces_->keeps_body; }
    [[nodiscard]] bool has_more_content() const noexcept {
        return pieces_ != nullptr && pieces_->takes_content && !pieces_->content_ends;
    }
    [[nodiscard]] std::optional<error> add_data(std::string_view data);
    void keep_data(std::string_view data);

    /// What has come of a body and was not taken, and what is to follow the content. Bounded by the stream's window.
    struct pieces {
        [[nodiscard]] std::string_view data() const noexcept { return std::string_view(incoming).substr(taken); }
        std::string incoming;
        std::size_t taken = 0;  // of it
        bool keeps_body = false;
        bool takes_content = false;
        bool wants_content = false;
        bool content_ends = false;  // with what was given last
        headers trailers;
    };

    const http_limits& limits_;
    state state_ = state::idle;
    phase phase_ = phase::head;
    bool is_to_head_ = false;  // the response to HEAD has no body, whatever it says
    bool answered_ = false;
    bool unprocessed_ = false;
    bool turned_away_ = false;
    bool written_ = false;      // its HEADERS are in the output, at `offset_`
    bool not_written_ = false;  // they will never be
    bool reset_by_peer_ = false;
    bool told_to_continue_ = false;
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
    std::unique_ptr<pieces> pieces_;  // null: whole
    listener listener_ = nullptr;
    void* context_ = nullptr;
    http2_session* session_ = nullptr;  // while running or to be woken
    http2_stream* before_ = nullptr;    // in the session's list of running ones
    http2_stream* behind_ = nullptr;
    std::size_t ready_ = 0;  // its place in the session's list of those to wake, from 1; 0: not there
};

}  // namespace lido::http
