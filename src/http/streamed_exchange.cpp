#include "http/streamed_exchange.hpp"

#include "http/http1_reading.hpp"
#include "http/source_pieces.hpp"
#include "lido/base/sleep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lido::http {
namespace {

/// The largest piece that a source is asked for.
constexpr std::size_t piece_size = 64 * 1024;
/// Room before a piece for the line that says how long it is as a chunk, and behind it for the end of that chunk.
constexpr std::size_t chunk_line_room = 16;
constexpr std::size_t chunk_end_room = 2;
/// Bytes of the body are received where the caller wants them when there are at least so many in one piece.
constexpr std::size_t direct_body_size = 4 * 1024;

/// After so many bytes without a pause others get a turn: a peer that is as fast as this end must not have the loop,
/// and its clock, for itself.
constexpr std::size_t fair_share = std::size_t{4} * 1024 * 1024;

/// Where the sending of a request stands.
enum class sending : std::uint8_t {
    head,     ///< the head is being written
    held,     ///< the body waits for 100 (Continue)
    memory,   ///< the body is being written, from memory
    asking,   ///< the source was asked for a piece, or whether there is one more
    piece,    ///< a piece is being written
    last,     ///< the last piece is being written, and its end is not
    ending,   ///< the end is being written
    done,     ///< all was sent
    stopped,  ///< it will never be: the server has answered without it, or takes nothing any more
};

/// Waits until there is something to read or the source has answered.
class peer_or_source {
public:
    peer_or_source(net::stream& of, net::io_status wanted, source_reading& source, time_point deadline) noexcept
        : source_(source), reading_(of.readiness(wanted, deadline)) {}
    peer_or_source(const peer_or_source&) = delete;
    peer_or_source& operator=(const peer_or_source&) = delete;
    ~peer_or_source() { source_.set_waiter(nullptr); }
    [[nodiscard]] bool await_ready() const noexcept { return source_.has_ended() || reading_.await_ready(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        source_.set_waiter(waiter);
        reading_.await_suspend(waiter);
    }
    /// False: the deadline came first.
    [[nodiscard]] bool await_resume() const noexcept { return reading_.await_resume(); }

private:
    source_reading& source_;
    net::socket::readiness_awaiter reading_;
};

/// Sends a request and reads its response, both as far as somebody waits for them.
class http1_stream final : public body_stream {
public:
    http1_stream(connection& on, const request& what, const exchange_settings& settings, std::string head,
                 written_request parts)
        : on_(on),
          settings_(settings),
          what_(what),
          head_text_(std::move(head)),
          parts_(parts),
          source_(what.has_trailers() ? source_of_body(what) : what.source()),
          chunked_(source_ != nullptr && (what.has_trailers() || !source_->size())),
          out_(head_text_),
          pieces_(source_) {}

    /// What has to be there for `advance` to come back.
    enum class goal : std::uint8_t { head, bytes, end };

    /// Goes on with sending and reading until the goal is reached or the exchange has failed; see `failure`.
    [[nodiscard]] task<void> advance(goal until, std::span<char> space, std::size_t& direct, time_point deadline);

    [[nodiscard]] task<result<std::size_t>> read_some(std::span<char> space, time_point deadline) override;
    [[nodiscard]] const response& whole_head() const noexcept override { return whole_head_; }

    void describe(exchange_outcome& outcome) const {
        outcome.unsent = sent_ == 0;
        outcome.answered = on_.reader.started();
        outcome.source_failed = source_failed_;
        outcome.body_withheld = body_withheld_;
        outcome.failure = failure_;
    }
    /// The head of a streamed response is there: from now on other deadlines count.
    void enter_body() noexcept { settings_.deadline = settings_.body_deadline; }
    /// The whole response is there: takes it, and says what becomes of the connection.
    [[nodiscard]] response finish();

private:
    [[nodiscard]] bool reached(goal until) const noexcept;
    void send_more();
    [[nodiscard]] bool write_some();
    void begin_next();
    void begin_body();
    void ask();
    void take_piece();
    void write_chunk(std::size_t size);
    void write_end();
    void read_more(std::span<char> space, std::size_t& direct);
    void look_at_answer();
    void end_of_waiting(time_point now, time_point deadline);
    void fail(error why);
    void fail_source(error why, std::string_view which = "the request's body source");

    connection& on_;
    exchange_settings settings_;
    const request& what_;
    const std::string head_text_;
    const written_request parts_;
    const std::shared_ptr<body_source> source_;
    const bool chunked_;

    sending sending_ = sending::head;
    std::string_view out_;  // what is to be written next
    std::size_t sent_ = 0;
    std::size_t moved_ = 0;             // bytes sent and received since there was a pause
    bool wants_read_to_write_ = false;  // TLS must receive something before it can send
    time_point held_until_ = never;
    std::unique_ptr<std::array<char, chunk_line_room + piece_size + chunk_end_room>> piece_;
    source_pieces pieces_;  // destroyed before what it reads into
    source_reading nothing_;
    std::string end_;              // the last chunk and the trailers
    std::optional<error> broken_;  // why sending stopped; an answer may have come before
    bool source_failed_ = false;
    bool body_withheld_ = false;

    reading reading_ = reading::wait;
    reading_state state_;
    std::optional<error> failure_;
    response whole_head_;
    bool ended_ = false;
};

bool http1_stream::reached(goal until) const noexcept {
    const response_reader& reader = on_.reader;
    if (reader.state() == read_state::complete) return true;
    if (until == goal::head) return reader.head_complete();
    return until == goal::bytes && reader.has_body();
}

void http1_stream::fail(error why) {
    // A connection that broke while something was sent says why it has no answer.
    failure_ = broken_ ? std::move(*broken_) : std::move(why);
    broken_.reset();
    sending_ = sending::stopped;
}

void http1_stream::fail_source(error why, std::string_view which) {
    source_failed_ = true;
    broken_.reset();
    fail(std::move(why).with_context(which));
}

/// Writes what there is to write, until there is nothing to be done about sending but to wait.
void http1_stream::send_more() {
    while (moved_ < fair_share) {
        if (!out_.empty() && !write_some()) return;
        if (!out_.empty()) continue;
        const sending before = sending_;
        begin_next();
        if (failure_ || (out_.empty() && sending_ == before)) return;
    }
}

/// False: it has to wait, or there is no more to be written.
bool http1_stream::write_some() {
    net::stream& to = *on_.stream;
    const net::io_result written = to.write_some(out_);
    wants_read_to_write_ = written.status == net::io_status::want_read;
    if (written.status == net::io_status::done) {
        sent_ += written.bytes;
        moved_ += written.bytes;
        out_.remove_prefix(written.bytes);
        return true;
    }
    if (written.status == net::io_status::want_write || wants_read_to_write_) return false;
    broken_ = to.failure(written);
    out_ = {};
    sending_ = sending::stopped;
    if (to.is_tls()) fail(*broken_);
    return false;
}

/// What was to be written has been; what comes next?
void http1_stream::begin_next() {
    switch (sending_) {
        case sending::head:
            if (!parts_.expects) return begin_body();
            sending_ = sending::held;
            held_until_ = on_.stream->loop().now() + settings_.continue_timeout;
            return;
        case sending::held:
            if (on_.reader.was_told_to_continue() || on_.stream->loop().now() >= held_until_) begin_body();
            return;
        case sending::piece:
            return ask();
        case sending::asking:
            if (pieces_.has_answer()) take_piece();
            return;
        case sending::last:
            return write_end();
        case sending::memory:
        case sending::ending:
            sending_ = sending::done;
            return;
        case sending::done:
        case sending::stopped:
            return;
    }
}

void http1_stream::begin_body() {
    if (source_ == nullptr) {
        out_ = parts_.body;
        sending_ = out_.empty() ? sending::done : sending::memory;
        return;
    }
    if (auto begun = pieces_.begin(); !begun) return fail_source(std::move(begun).error());
    piece_ = std::make_unique_for_overwrite<std::array<char, chunk_line_room + piece_size + chunk_end_room>>();
    ask();
}

void http1_stream::ask() {
    sending_ = sending::asking;
    pieces_.ask(std::span(*piece_).subspan(chunk_line_room, piece_size));
    if (pieces_.has_answer()) take_piece();
}

/// The source has answered.
void http1_stream::take_piece() {
    result<std::optional<source_pieces::piece>> got = pieces_.take();
    if (!got) return fail_source(std::move(got).error());
    if (!*got) return;
    const auto [size, last] = **got;
    sending_ = last ? sending::last : sending::piece;
    if (!chunked_) {
        out_ = {piece_->data() + chunk_line_room, size};
    } else if (size != 0) {
        write_chunk(size);
    }
}

/// Frames a piece as a chunk (RFC 9112 §7.1).
void http1_stream::write_chunk(std::size_t size) {
    std::array<char, chunk_line_room> line{};
    const char* const end = fmt::format_to(line.data(), "{:X}\r\n", size);
    const auto length = static_cast<std::size_t>(end - line.data());
    char* const begin = piece_->data() + chunk_line_room - length;
    std::memcpy(begin, line.data(), length);
    std::memcpy(piece_->data() + chunk_line_room + size, "\r\n", chunk_end_room);
    out_ = {begin, length + size + chunk_end_room};
}

/// What stands behind the last piece: of a chunked body the empty chunk, and the trailers (RFC 9112 §7.1.2).
void http1_stream::write_end() {
    sending_ = sending::ending;
    if (!chunked_) return;
    const result<headers> trailers = what_.make_trailers();
    if (!trailers) return fail_source(trailers.error(), "the request's trailers");
    end_.assign("0\r\n").append(trailers->wire_text()).append("\r\n");
    out_ = end_;
}

/// One step of reading; straight into `space` where that is possible.
void http1_stream::read_more(std::span<char> space, std::size_t& direct) {
    net::stream& from = *on_.stream;
    response_reader& reader = on_.reader;
    const auto ahead = static_cast<std::size_t>(std::min<std::uint64_t>(reader.body_ahead(), space.size()));
    if (ahead >= direct_body_size) {
        const net::io_result io = from.read_some(space.first(ahead));
        direct = io.status == net::io_status::done ? io.bytes : 0;
        moved_ += direct;
        const bool finished = direct != 0 && reader.pass_body(direct) != read_state::need_more;
        reading_ = after_receiving(on_, settings_, io, finished, state_);
    } else {
        const std::span<char> scratch = scratch_space();
        const net::io_result io = from.read_some(scratch);
        moved_ += io.bytes;
        const bool finished = io.status == net::io_status::done && take_in(on_, scratch.first(io.bytes), state_);
        reading_ = after_receiving(on_, settings_, io, finished, state_);
    }
}

/// A final answer before all was sent: nothing more is, unless it is a success whose server may want the rest.
void http1_stream::look_at_answer() {
    if (sending_ == sending::done || sending_ == sending::stopped) return;
    const response_reader& reader = on_.reader;
    if (!reader.head_complete() && reader.state() != read_state::complete) return;
    const bool held = sending_ == sending::held;
    if (held) body_withheld_ = true;
    if (!held && reader.state() != read_state::complete && reader.status() / 100 == 2) return;
    sending_ = sending::stopped;
    out_ = {};
}

/// A wait has ended without anything: is that the end?
void http1_stream::end_of_waiting(time_point now, time_point deadline) {
    if (now >= deadline && now < settings_.deadline) return fail({errc::timeout, "the deadline of a read came"});
    if (sending_ == sending::held && now >= held_until_ && now < settings_.deadline) return;
    if (!out_.empty()) {
        return fail(too_late(settings_, now, errc::write_timeout, "the server took nothing of the request"));
    }
    if (sending_ == sending::asking) {
        source_failed_ = true;
        return fail(too_late(settings_, now, errc::timeout, "the request's body source gave nothing"));
    }
    fail(too_late(settings_, now, errc::read_timeout, "the server sent nothing"));
}

task<void> http1_stream::advance(goal until, std::span<char> space, std::size_t& direct, time_point deadline) {
    net::event_loop& loop = on_.stream->loop();
    // Nothing can have come before anything was sent; afterwards something may wait in TLS, or in the socket.
    bool look = until != goal::head;
    while (!failure_ && !reached(until)) {
        send_more();
        if (failure_) break;
        if (moved_ >= fair_share) {
            moved_ = 0;
            co_await sleep_until(loop.now() + std::chrono::milliseconds(1));
            if (loop.now() >= std::min(deadline, settings_.deadline)) end_of_waiting(loop.now(), deadline);
            continue;
        }
        if (look) {
            read_more(space, direct);
            look_at_answer();
            if (reading_ == reading::failed) {
                fail(std::move(*state_.failure));
                break;
            }
            if (direct != 0 || reached(until)) break;
            if (reading_ != reading::wait) continue;
            // What has come may let the body be sent, or the server take more.
            if (sending_ == sending::held && on_.reader.was_told_to_continue()) continue;
        }
        const time_point silent = std::min({settings_.deadline, deadline, loop.now() + settings_.read_timeout});
        bool ready = true;
        if (!out_.empty() && !wants_read_to_write_) {
            ready = co_await either_way(*on_.stream, silent);
        } else {
            const time_point end = sending_ == sending::held ? std::min(silent, held_until_) : silent;
            // What a source says that is not asked any more is no news.
            source_reading& source = sending_ == sending::asking ? pieces_.reading() : nothing_;
            ready = co_await peer_or_source(*on_.stream, state_.wanted, source, end);
        }
        look = true;
        moved_ = 0;
        if (!ready) end_of_waiting(loop.now(), deadline);
    }
}

task<result<std::size_t>> http1_stream::read_some(std::span<char> space, time_point deadline) {
    response_reader& reader = on_.reader;
    std::size_t direct = 0;
    if (!failure_ && !ended_ && !reader.has_body()) co_await advance(goal::bytes, space, direct, deadline);
    if (direct != 0) co_return direct;
    if (const std::size_t taken = ended_ ? 0 : reader.take_body(space); taken != 0) co_return taken;
    if (failure_) co_return *failure_;
    if (!ended_) whole_head_ = finish();
    co_return std::size_t{0};
}

response http1_stream::finish() {
    ended_ = true;
    on_.end_exchange();
    note_reuse(on_, state_.leftover, parts_.closes || sending_ != sending::done);
    return on_.reader.take();
}

}  // namespace

task<void> exchange_streamed(connection& on, const request& what, exchange_settings settings, std::string head,
                             written_request parts, exchange_outcome& outcome) {
    auto stream = std::make_unique<http1_stream>(on, what, settings, std::move(head), parts);
    std::size_t direct = 0;
    const auto goal = settings.streamed ? http1_stream::goal::head : http1_stream::goal::end;
    co_await stream->advance(goal, {}, direct, never);
    stream->describe(outcome);
    if (outcome.failure) co_return;
    if (settings.streamed) {
        stream->enter_body();
        outcome.response = on.reader.head();
        outcome.body = std::move(stream);
        co_return;
    }
    outcome.response = stream->finish();
}

}  // namespace lido::http
