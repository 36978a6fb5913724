#include "http/http2_session.hpp"

#include "http/http2_fields.hpp"
#include "lido/base/assert.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace lido::http {
namespace {

/// nghttp2 has a limit of its own, 8; the name of its error came with the repair and is not in every 1.52.
constexpr int too_many_continuations = -905;
/// Frames without content that each request may be answered with: WINDOW_UPDATE, and what comes on a stream that was
/// given up or answered already.
constexpr std::uint64_t spare_frames_per_stream = 8;
constexpr std::uint64_t spare_frames_per_data_frame = 4;
constexpr std::size_t largest_text_hint = 4 * 1024;

[[nodiscard]] std::string_view name_of_code(std::uint32_t code) noexcept {
    return nghttp2_http2_strerror(code);
}

[[nodiscard]] std::string_view as_text(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};  // NOLINT: bytes as characters
}

[[nodiscard]] error no_new_streams() {
    return {errc::connection_closed, "the HTTP/2 connection takes no new requests"};
}

}  // namespace

/// What nghttp2 calls. None of them may call what wakes a stream's owner.
struct http2_session::events {
    [[nodiscard]] static http2_session& self(void* context) noexcept { return *static_cast<http2_session*>(context); }

    static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* context) noexcept {
        http2_session& me = self(context);
        bool too_many = false;
        me.judge_frame(head->type, head->flags, head->length, head->stream_id, too_many);
        return too_many ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
    }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* context) noexcept {
        http2_session& me = self(context);
        http2_stream* const stream = me.stream_of(frame->hd.stream_id);
        if (stream == nullptr) return 0;
        stream->answered_ = true;
        stream->progress_at_ = me.now_;
        if (stream->phase_ == http2_stream::phase::head) {
            stream->begin_head(me.text_hint_);
        } else {
            stream->begin_trailers();
        }
        return 0;
    }

    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* context) noexcept {
        http2_session& me = self(context);
        http2_stream* const stream = me.stream_of(frame->hd.stream_id);
        if (stream == nullptr) return 0;
        auto problem = stream->add_field(as_text(name, name_size), as_text(value, value_size));
        if (!problem) return 0;
        const bool broken = *problem == errc::protocol_error;
        me.refuse(*stream, std::move(*problem), broken ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_CANCEL);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    /// A regular field with characters that none may have: nghttp2 would leave it out.
    static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                              const std::uint8_t*, std::size_t, std::uint8_t, void*) noexcept {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int violation, void* context) noexcept {
        http2_session& me = self(context);
        me.last_violation_ = violation;
        if (http2_stream* const stream = me.stream_of(frame->hd.stream_id)) stream->violation_ = violation;
        return 0;
    }

    static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                    void* context) noexcept {
        http2_session& me = self(context);
        nghttp2_session_consume_connection(me.nghttp2_, size);
        http2_stream* const stream = me.stream_of(id);
        if (stream == nullptr) return 0;  // given up; its own window stays shut
        stream->progress_at_ = me.now_;
        // nghttp2 notices as well, and goes on handing out what comes until its reset is sent.
        if (stream->keeps_body() && stream->pieces_->data().size() + size > me.settings_.stream_window) {
            me.refuse(*stream, error(errc::protocol_error, "the server sends more than the HTTP/2 window allows"),
                      NGHTTP2_FLOW_CONTROL_ERROR);
            return 0;
        }
        if (auto problem = stream->add_data(as_text(bytes, size))) {
            me.refuse(*stream, std::move(*problem), NGHTTP2_CANCEL);
            return 0;
        }
        // What is kept gives its share back when it is taken.
        if (!stream->keeps_body()) {
            nghttp2_session_consume_stream(me.nghttp2_, id, size);
        } else if (size != 0) {
            me.wake_soon(*stream);
        }
        return 0;
    }

    /// A frame of a type that nobody here knows is passed over (RFC 9113 §5.5); it was counted when it began.
    static int unknown_frame(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) noexcept {
        return NGHTTP2_ERR_CANCEL;
    }

    static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* context) noexcept {
        http2_session& me = self(context);
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                me.take_head(frame->hd.stream_id, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
                break;
            case NGHTTP2_DATA:
                if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) me.take_end(frame->hd.stream_id);
                break;
            case NGHTTP2_RST_STREAM:
                if (http2_stream* const stream = me.stream_of(frame->hd.stream_id)) stream->reset_by_peer_ = true;
                break;
            case NGHTTP2_SETTINGS:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) me.note_peer_settings();
                break;
            case NGHTTP2_GOAWAY:
                if (me.state_ == state::open || me.state_ == state::greeting) me.state_ = state::draining;
                break;
            case NGHTTP2_PING:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) me.pong_until_ = never;
                break;
            default:
                break;
        }
        return 0;
    }

    static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* context) noexcept {
        http2_session& me = self(context);
        if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
            if (http2_stream* const stream = me.stream_of(frame->hd.stream_id)) {
                stream->written_ = true;
                stream->offset_ = me.pulled_;
                stream->progress_at_ = me.now_;
            }
            me.spare_frames_ += spare_frames_per_stream;
        } else if (frame->hd.type == NGHTTP2_DATA) {
            if (http2_stream* const stream = me.stream_of(frame->hd.stream_id)) stream->progress_at_ = me.now_;
            me.spare_frames_ += spare_frames_per_data_frame;
        } else if (frame->hd.type == NGHTTP2_GOAWAY && !me.said_goodbye_ && me.is_alive()) {
            // nghttp2 has found the peer to break the protocol of the connection.
            const int violation = me.last_violation_;
            me.fail(error(errc::protocol_error,
                          fmt::format("the server broke HTTP/2: {}, {}", name_of_code(frame->goaway.error_code),
                                      violation == 0 ? "in its frames" : nghttp2_strerror(violation))),
                    frame->goaway.error_code);
        }
        return 0;
    }

    static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* context) noexcept {
        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
        http2_stream* const stream = self(context).stream_of(frame->hd.stream_id);
        if (stream != nullptr) stream->not_written_ = true;
        return 0;
    }

    static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* context) noexcept {
        http2_session& me = self(context);
        if (http2_stream* const stream = me.stream_of(id)) me.close_stream(*stream, code);
        return 0;
    }

    static ssize_t read_content(nghttp2_session*, std::int32_t id, std::uint8_t* space, std::size_t size,
                                std::uint32_t* flags, nghttp2_data_source*, void* context) noexcept {
        http2_stream* const stream = self(context).stream_of(id);
        if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;  // given up: its reset waits for its turn
        const std::size_t moved = std::min(size, stream->content_.size());
        if (moved != 0) std::memcpy(space, stream->content_.data(), moved);
        stream->content_.remove_prefix(moved);
        if (!stream->content_.empty()) return static_cast<ssize_t>(moved);
        if (stream->has_more_content()) {
            stream->pieces_->wants_content = true;
            self(context).wake_soon(*stream);
            if (moved == 0) return NGHTTP2_ERR_DEFERRED;
            return static_cast<ssize_t>(moved);
        }
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (stream->pieces_ != nullptr && !stream->pieces_->trailers.empty()) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            self(context).submit_trailers(*stream);
        }
        return static_cast<ssize_t>(moved);
    }

    /// Made once; nghttp2 copies it into each session.
    [[nodiscard]] static const nghttp2_session_callbacks* table() {
        static nghttp2_session_callbacks* const only = [] {
            nghttp2_session_callbacks* made = nullptr;
            if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
            nghttp2_session_callbacks_set_on_begin_frame_callback(made, begin_frame);
            nghttp2_session_callbacks_set_on_begin_headers_callback(made, begin_headers);
            nghttp2_session_callbacks_set_on_header_callback(made, header);
            nghttp2_session_callbacks_set_on_invalid_header_callback(made, invalid_header);
            nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, invalid_frame);
            nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, data);
            nghttp2_session_callbacks_set_unpack_extension_callback(made, unknown_frame);
            nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame_received);
            nghttp2_session_callbacks_set_on_frame_send_callback(made, frame_sent);
            nghttp2_session_callbacks_set_on_frame_not_send_callback(made, frame_not_sent);
            nghttp2_session_callbacks_set_on_stream_close_callback(made, stream_closed);
            return made;
        }();
        return only;
    }

    [[nodiscard]] static const nghttp2_option* options() {
        static nghttp2_option* const only = [] {
            nghttp2_option* made = nullptr;
            if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
            nghttp2_option_set_no_auto_window_update(made, 1);
            nghttp2_option_set_no_closed_streams(made, 1);
            // Of types that it knows neither itself nor from here, nghttp2 would not even say that they begin.
            for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= 0xFF; ++type) {
                nghttp2_option_set_user_recv_extension_type(made, static_cast<std::uint8_t>(type));
            }
            return made;
        }();
        return only;
    }
};

http2_session::http2_session(const http2_settings& settings, const http_limits& limits, time_point now)
    : settings_(settings),
      limits_(limits),
      now_(now),
      heard_at_(now),
      busy_since_(now),
      resets_(settings.max_resets_at_once, settings.max_resets_per_second),
      control_frames_(settings.max_control_frames_at_once, settings.max_control_frames_per_second) {
    if (nghttp2_session_client_new2(&nghttp2_, events::table(), this, events::options()) != 0) throw std::bad_alloc();
    const auto head_bytes = static_cast<std::uint32_t>(limits.max_head_bytes);
    const std::array<nghttp2_settings_entry, 3> ours{{{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                                      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window},
                                                      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head_bytes}}};
    const int said = nghttp2_submit_settings(nghttp2_, NGHTTP2_FLAG_NONE, ours.data(), ours.size());
    const int widened = nghttp2_session_set_local_window_size(nghttp2_, NGHTTP2_FLAG_NONE, 0,
                                                              static_cast<std::int32_t>(settings.connection_window));
    LIDO_ASSERT(said == 0 && widened == 0);  // both were validated
    settings_acks_expected_ = 1;
}

http2_session::~http2_session() {
    while (first_ != nullptr) {
        http2_stream& each = *first_;
        first_ = each.behind_;
        each.session_ = nullptr;
    }
    for (http2_stream* const each : ready_) {
        if (each == nullptr) continue;
        each->session_ = nullptr;
        each->ready_ = 0;
    }
    nghttp2_session_del(nghttp2_);
}

http2_stream* http2_session::stream_of(std::int32_t id) const noexcept {
    return id == 0 ? nullptr : static_cast<http2_stream*>(nghttp2_session_get_stream_user_data(nghttp2_, id));
}

// ---------------------------------------------------------------------------------------------- bytes

void http2_session::feed(std::string_view data, time_point now) {
    now_ = now;
    heard_at_ = now;
    if (!is_alive()) return;
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(data.data());  // NOLINT: characters as bytes
    const ssize_t taken = nghttp2_session_mem_recv(nghttp2_, bytes, data.size());
    if (taken >= 0 || !is_alive()) return;
    const auto code = static_cast<int>(taken);
    if (code == NGHTTP2_ERR_FLOODED) {
        return stop_flood(error(errc::limit_exceeded, "the server asks for more answers than it takes"), 0);
    }
    if (code == too_many_continuations) return stop_pieces();
    fail(error(errc::protocol_error, fmt::format("the server does not speak HTTP/2: {}", nghttp2_strerror(code))),
         NGHTTP2_PROTOCOL_ERROR);
}

void http2_session::pull(std::string& out, std::size_t enough, time_point now) {
    now_ = now;
    release_resets();
    while (out.size() < enough) {
        const std::uint8_t* data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(nghttp2_, &data);
        if (size == 0) return;
        if (size < 0) {
            if (is_alive()) end(error(errc::protocol_error, nghttp2_strerror(static_cast<int>(size))));
            return;
        }
        out.append(as_text(data, static_cast<std::size_t>(size)));
        pulled_ += static_cast<std::size_t>(size);
    }
}

void http2_session::end(const error& why) {
    if (!is_alive()) return;
    state_ = state::failed;
    failure_ = why;
    pong_until_ = never;
    abandoned_.clear();
    while (first_ != nullptr) {
        http2_stream& each = *first_;
        each.unprocessed_ = each.unprocessed_ || !each.written_ || each.offset_ >= sent_;
        fail_stream(each, why);
    }
}

/// The peer does what it must not: it is told why, and nothing of the connection is used any more.
void http2_session::fail(const error& why, std::uint32_t code) {
    if (!is_alive()) return;
    said_goodbye_ = true;
    nghttp2_session_terminate_session(nghttp2_, code);
    end(why);
}

// ---------------------------------------------------------------------------------------------- streams

result<void> http2_session::start(http2_stream& stream, const request& what, const request_target_context& context,
                                  bool secure) {
    LIDO_ASSERT(stream.state_ == http2_stream::state::idle);
    if (capacity() == 0) return no_new_streams();
    static thread_local http2_fields fields;
    if (result<void> made = fields.make(what, context, secure); !made) return made;
    nghttp2_data_provider content{};
    content.read_callback = events::read_content;
    const bool in_pieces = stream.has_more_content();
    if (!in_pieces) stream.content_ = what.body();
    stream.is_to_head_ = what.method() == method::head;
    const std::int32_t id = nghttp2_submit_request(nghttp2_, nullptr, fields.all().data(), fields.all().size(),
                                                   stream.content_.empty() && !in_pieces ? nullptr : &content, &stream);
    if (id < 0) return error(errc::connection_closed, fmt::format("new HTTP/2 stream: {}", nghttp2_strerror(id)));
    stream.id_ = id;
    stream.state_ = http2_stream::state::running;
    stream.progress_at_ = now_;
    enlist(stream);
    return {};
}

void http2_session::give(http2_stream& stream, std::string_view piece, bool last, headers trailers) {
    if (!is_alive() || stream.is_over()) return;
    stream.content_ = piece;
    stream.pieces_->content_ends = last;
    stream.pieces_->trailers = std::move(trailers);
    stream.pieces_->wants_content = false;
    // Refused where nothing was deferred, because the peer's window is shut: then it is asked for when that opens.
    nghttp2_session_resume_data(nghttp2_, stream.id_);
}

void http2_session::submit_trailers(const http2_stream& stream) {
    static thread_local http2_fields fields;
    fields.make(stream.pieces_->trailers);
    nghttp2_submit_trailer(nghttp2_, stream.id_, fields.all().data(), fields.all().size());
}

void http2_session::note_taken(http2_stream& stream, std::size_t bytes) noexcept {
    nghttp2_session_consume_stream(nghttp2_, stream.id_, bytes);
}

void http2_session::enlist(http2_stream& stream) noexcept {
    if (running_++ == 0) busy_since_ = now_;
    stream.session_ = this;
    stream.behind_ = first_;
    if (first_ != nullptr) first_->before_ = &stream;
    first_ = &stream;
}

void http2_session::unlist(http2_stream& stream) noexcept {
    --running_;
    (stream.before_ != nullptr ? stream.before_->behind_ : first_) = stream.behind_;
    if (stream.behind_ != nullptr) stream.behind_->before_ = stream.before_;
    stream.before_ = stream.behind_ = nullptr;
    nghttp2_session_set_stream_user_data(nghttp2_, stream.id_, nullptr);
}

/// The stream is over; its owner hears of it when it is woken.
void http2_session::finish(http2_stream& stream, http2_stream::state how) {
    unlist(stream);
    stream.state_ = how;
    wake_soon(stream);
}

/// Its owner hears that something has changed; of a stream that is whole, only that it is over.
void http2_session::wake_soon(http2_stream& stream) {
    if (stream.ready_ != 0) return;
    ready_.push_back(&stream);
    stream.ready_ = ready_.size();
}

void http2_session::fail_stream(http2_stream& stream, error why) {
    stream.failure_ = std::move(why);
    finish(stream, http2_stream::state::failed);
}

/// The stream fails by what the peer has sent on it, and the peer is told.
void http2_session::refuse(http2_stream& stream, error why, std::uint32_t code) {
    nghttp2_submit_rst_stream(nghttp2_, NGHTTP2_FLAG_NONE, stream.id_, code);
    fail_stream(stream, std::move(why));
}

http2_stream* http2_session::next_ready() noexcept {
    while (next_ready_ < ready_.size()) {
        http2_stream* const next = std::exchange(ready_[next_ready_++], nullptr);
        if (next == nullptr) continue;
        next->ready_ = 0;
        if (next->is_over()) next->session_ = nullptr;
        return next;
    }
    ready_.clear();
    next_ready_ = 0;
    return nullptr;
}

/// The stream's owner has gone.
void http2_session::give_up(http2_stream& stream) noexcept {
    if (stream.ready_ != 0) ready_[stream.ready_ - 1] = nullptr;
    if (stream.is_over()) return;
    const bool was_written = stream.written_;
    unlist(stream);
    // What was not sent needs no word to the peer.
    if (!was_written || resets_.take(now_)) {
        nghttp2_submit_rst_stream(nghttp2_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
    } else {
        abandoned_.push_back(stream.id_);
    }
}

/// Tells the peer of streams that were given up, as many as may be told now.
void http2_session::release_resets() {
    while (!abandoned_.empty()) {
        const std::int32_t id = abandoned_.front();
        const bool runs = nghttp2_session_get_stream_remote_close(nghttp2_, id) == 0 ||
                          nghttp2_session_get_stream_local_close(nghttp2_, id) == 0;
        if (runs && !resets_.take(now_)) return;
        if (runs) nghttp2_submit_rst_stream(nghttp2_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        abandoned_.pop_front();
    }
}

/// Why nghttp2 refused a response, as far as it says.
[[nodiscard]] static const char* flaw_of_response(int violation, std::uint32_t code) noexcept {
    if (violation != 0) return nghttp2_strerror(violation);
    return code == NGHTTP2_FLOW_CONTROL_ERROR ? "there is more of it than the window allows"
                                              : "its body is not what its head announced";
}

/// nghttp2 has closed a stream whose response is not complete.
void http2_session::close_stream(http2_stream& stream, std::uint32_t code) {
    if (stream.not_written_ || (code == NGHTTP2_REFUSED_STREAM && !stream.answered_)) {
        stream.unprocessed_ = true;
        stream.turned_away_ = !stream.not_written_;
        return fail_stream(
            stream, error(errc::connection_closed, stream.not_written_ ? "the HTTP/2 connection took no new request"
                                                                       : "the server refused the HTTP/2 stream"));
    }
    if (!stream.reset_by_peer_) {
        return fail_stream(stream, error(errc::protocol_error, fmt::format("the response breaks HTTP/2: {}",
                                                                           flaw_of_response(stream.violation_, code))));
    }
    stream.answered_ = true;
    std::string remedy;
    if (code == NGHTTP2_HTTP_1_1_REQUIRED) remedy = "set http_version to http1 for this server";
    fail_stream(stream,
                error(errc::connection_closed,
                      fmt::format("the server reset the HTTP/2 stream: {}", name_of_code(code)), std::move(remedy)));
}

// ---------------------------------------------------------------------------------------------- what comes

void http2_session::take_head(std::int32_t id, bool is_end) {
    http2_stream* const stream = stream_of(id);
    if (stream == nullptr) return;
    if (stream->phase_ == http2_stream::phase::head) {
        if (auto problem = stream->end_head()) return refuse(*stream, std::move(*problem), NGHTTP2_CANCEL);
        if (stream->pieces_ != nullptr) wake_soon(*stream);
        text_hint_ = std::clamp(stream->parts_.text.size(), text_hint_, largest_text_hint);
    }
    if (is_end) take_end(id);
}

void http2_session::take_end(std::int32_t id) {
    http2_stream* const stream = stream_of(id);
    if (stream == nullptr) return;
    text_hint_ = std::clamp(stream->parts_.text.size(), text_hint_, largest_text_hint);
    // An early answer makes the rest of the request needless (RFC 9113 §8.1).
    if (nghttp2_session_get_stream_local_close(nghttp2_, id) == 0) {
        nghttp2_submit_rst_stream(nghttp2_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    }
    finish(*stream, http2_stream::state::complete);
}

void http2_session::note_peer_settings() noexcept {
    peer_limit_ = nghttp2_session_get_remote_settings(nghttp2_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (state_ == state::greeting) state_ = state::open;
    if (peer_limit_ == 0 && state_ == state::open) state_ = state::draining;
}

std::uint32_t http2_session::capacity() const noexcept {
    if (state_ != state::open || nghttp2_session_check_request_allowed(nghttp2_) == 0) return 0;
    return std::min(peer_limit_, settings_.max_concurrent_streams);
}

// ---------------------------------------------------------------------------------------------- time

void http2_session::ping(time_point now) {
    now_ = now;
    if (!is_alive() || is_waiting_for_pong()) return;
    nghttp2_submit_ping(nghttp2_, NGHTTP2_FLAG_NONE, nullptr);
    pong_until_ = now + settings_.ping_timeout;
}

time_point http2_session::next_wake() const noexcept {
    if (!is_alive()) return never;
    time_point next = never;
    if (is_waiting_for_pong()) {
        next = pong_until_;
    } else if (running_ > 0) {
        next = std::max(heard_at_, busy_since_) + settings_.ping_after;
    }
    if (!abandoned_.empty()) next = std::min(next, resets_.next());
    return next;
}

void http2_session::on_time(time_point now) {
    now_ = now;
    if (!is_alive()) return;
    if (is_waiting_for_pong()) {
        if (now < pong_until_) return;
        return end(
            error(errc::connection_closed,
                  fmt::format("the server did not answer an HTTP/2 PING within {}", to_text(settings_.ping_timeout)),
                  "check the network and the server"));
    }
    if (running_ > 0 && now >= std::max(heard_at_, busy_since_) + settings_.ping_after) ping(now);
}

void http2_session::say_goodbye() {
    if (!is_alive() || std::exchange(said_goodbye_, true)) return;
    nghttp2_session_terminate_session(nghttp2_, NGHTTP2_NO_ERROR);
}

}  // namespace lido::http
