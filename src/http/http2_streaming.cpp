#include "http/http2_streaming.hpp"

#include "http/source_pieces.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace lido::http {
namespace {

/// The largest piece that a source is asked for: what a link sends at once.
constexpr std::size_t piece_size = 64 * 1024;

/// Where the sending of a request's body stands.
enum class sending : std::uint8_t {
    none,     ///< there is none, or it is in memory: then the session has it
    held,     ///< it waits for 100 (Continue)
    waiting,  ///< nothing of it was asked for, because the peer takes nothing yet
    asking,   ///< the source was asked for a piece, or whether there is one more
    piece,    ///< the peer has not taken all of a piece
    last,     ///< the last one was given
    stopped,  ///< no more will be: the server has answered without it
};

[[nodiscard]] bool expects(const request& what) noexcept {
    return what.headers().contains("Expect");
}

/// Sends the body of a request and reads a response, both as far as somebody waits for them.
class http2_body final : public body_stream {
public:
    http2_body(connection& on, const request& what, const exchange_settings& settings)
        : on_(on),
          link_(*on.http2),
          what_(what),
          settings_(settings),
          source_(expects(what) || what.has_trailers() ? source_of_body(what) : what.source()),
          pieces_(source_),
          stream_(*settings.limits) {
        stream_.go_in_pieces(settings.streamed, source_ != nullptr);
    }
    http2_body(const http2_body&) = delete;
    http2_body& operator=(const http2_body&) = delete;
    ~http2_body() override { link_.flush_soon(); }  // the stream may be given up

    /// What has to be there for `advance` to come back.
    enum class goal : std::uint8_t { head, bytes, end };

    /// Errors: those of `http2_link::start`.
    [[nodiscard]] result<void> start();
    /// Goes on with sending and reading until the goal is reached or the exchange has failed.
    [[nodiscard]] task<void> advance(goal until, time_point deadline);

    [[nodiscard]] task<result<std::size_t>> read_some(std::span<char> space, time_point deadline) override;
    [[nodiscard]] const response& whole_head() const noexcept override { return whole_head_; }

    void describe(exchange_outcome& outcome) const;
    /// The head of a streamed response is there: from now on other deadlines count.
    void enter_body() noexcept { settings_.deadline = settings_.body_deadline; }
    [[nodiscard]] response head() const { return stream_.head(); }
    [[nodiscard]] response take() noexcept { return stream_.take(); }

private:
    [[nodiscard]] bool reached(goal until) const noexcept;
    void send_more();
    void ask();
    void take_piece();
    void look_at_answer();
    void end_of_waiting(time_point deadline);
    void fail(error why) {
        failure_ = std::move(why);
        sending_ = sending::stopped;
    }
    void fail_source(error why, std::string_view which = "the request's body source") {
        source_failed_ = true;
        fail(std::move(why).with_context(which));
    }

    connection& on_;
    http2_link& link_;
    const request& what_;
    exchange_settings settings_;
    const std::shared_ptr<body_source> source_;

    sending sending_ = sending::none;
    time_point held_until_ = never;
    std::unique_ptr<std::array<char, piece_size>> piece_;
    source_pieces pieces_;  // destroyed before what it reads into
    source_reading nothing_;
    http2_stream stream_;  // and this before what it sends
    bool source_failed_ = false;
    bool body_withheld_ = false;
    std::optional<error> failure_;
    response whole_head_;
    bool ended_ = false;
};

result<void> http2_body::start() {
    result<void> started = link_.start(stream_, what_, settings_.target);
    if (!started || source_ == nullptr) return started;
    sending_ = sending::waiting;
    if (expects(what_)) {
        sending_ = sending::held;
        held_until_ = on_.stream->loop().now() + settings_.continue_timeout;
    }
    return started;
}

bool http2_body::reached(goal until) const noexcept {
    if (stream_.current() == http2_stream::state::complete) return true;
    if (until == goal::head) return stream_.has_head();
    return until == goal::bytes && stream_.has_data();
}

/// Does what can be done about sending now.
void http2_body::send_more() {
    switch (sending_) {
        case sending::held:
            if (!stream_.was_told_to_continue() && on_.stream->loop().now() < held_until_) return;
            sending_ = sending::waiting;
            [[fallthrough]];
        case sending::waiting:
            if (!stream_.wants_content()) return;
            if (auto begun = pieces_.begin(); !begun) return fail_source(std::move(begun).error());
            piece_ = std::make_unique_for_overwrite<std::array<char, piece_size>>();
            return ask();
        case sending::asking:
            if (pieces_.has_answer()) take_piece();
            return;
        case sending::piece:
            if (stream_.wants_content()) ask();
            return;
        case sending::none:
        case sending::last:
        case sending::stopped:
            return;
    }
}

void http2_body::ask() {
    sending_ = sending::asking;
    pieces_.ask(*piece_);
    if (pieces_.has_answer()) take_piece();
}

/// The source has answered.
void http2_body::take_piece() {
    result<std::optional<source_pieces::piece>> got = pieces_.take();
    if (!got) return fail_source(std::move(got).error());
    if (!*got) return;
    const auto [size, last] = **got;
    const std::string_view piece(piece_->data(), size);
    if (!last) {
        sending_ = sending::piece;
        return link_.give(stream_, piece, false);
    }
    result<headers> trailers = what_.make_trailers();
    if (!trailers) return fail_source(std::move(trailers).error(), "the request's trailers");
    sending_ = sending::last;
    link_.give(stream_, piece, true, std::move(*trailers));
}

/// A final answer before all was sent: nothing more is, unless it is a success whose server may want the rest.
void http2_body::look_at_answer() {
    if (!stream_.has_head() || sending_ == sending::last || sending_ == sending::stopped) return;
    if (sending_ == sending::held) {
        body_withheld_ = true;
    } else if (!stream_.is_over() && stream_.status() / 100 == 2) {
        return;
    }
    sending_ = sending::stopped;
}

/// A wait has ended without anything: is that the end?
void http2_body::end_of_waiting(time_point deadline) {
    const time_point now = on_.stream->loop().now();
    if (now >= deadline && now < settings_.deadline) return fail({errc::timeout, "the deadline of a read came"});
    if (sending_ == sending::held && now >= held_until_ && now < settings_.deadline) return;
    if (sending_ == sending::asking) {
        source_failed_ = true;
        return fail(too_late(settings_, now, errc::timeout, "the request's body source gave nothing"));
    }
    if (sending_ == sending::waiting || (sending_ != sending::stopped && stream_.has_unsent_content())) {
        return fail(too_late(settings_, now, errc::write_timeout, "the server took nothing of the request"));
    }
    fail(too_late(settings_, now, errc::read_timeout, "the server sent nothing"));
}

task<void> http2_body::advance(goal until, time_point deadline) {
    while (!failure_ && !reached(until)) {
        if (stream_.current() == http2_stream::state::failed) {
            fail(stream_.failure());
            break;
        }
        look_at_answer();
        send_more();
        if (failure_) break;
        time_point end = std::min(deadline, settings_.deadline);
        if (sending_ == sending::held) end = std::min(end, held_until_);
        // What a source says that is not asked any more is no news.
        source_reading& source = sending_ == sending::asking ? pieces_.reading() : nothing_;
        const bool came = co_await http2_link::news(link_, stream_, source, end, settings_.read_timeout);
        if (!came) end_of_waiting(deadline);
    }
    look_at_answer();
}

task<result<std::size_t>> http2_body::read_some(std::span<char> space, time_point deadline) {
    if (!failure_ && !ended_ && !stream_.has_data()) co_await advance(goal::bytes, deadline);
    const std::size_t taken = stream_.take_data(space);
    if (taken != 0) {
        link_.flush_soon();  // the window that was given back
        co_return taken;
    }
    if (failure_) co_return *failure_;
    if (!std::exchange(ended_, true)) whole_head_ = stream_.take();
    co_return std::size_t{0};
}

void http2_body::describe(exchange_outcome& outcome) const {
    outcome.unsent = !stream_.is_written();
    outcome.answered = stream_.is_answered();
    outcome.source_failed = source_failed_;
    outcome.body_withheld = body_withheld_;
    outcome.failure = failure_;
    if (stream_.current() == http2_stream::state::failed) {
        outcome.unsent = outcome.not_processed = stream_.is_unprocessed();
        outcome.turned_away = stream_.is_turned_away();
    }
}

}  // namespace

task<void> exchange_http2_streamed(connection& on, const request& what, exchange_settings settings,
                                   exchange_outcome& outcome) {
    auto body = std::make_unique<http2_body>(on, what, settings);
    result<void> started = body->start();
    if (!started) {
        // Nothing was sent, and the connection is as good as before.
        outcome.failure = std::move(started).error();
        outcome.not_processed = *outcome.failure == errc::connection_closed;
        co_return;
    }
    const auto goal = settings.streamed ? http2_body::goal::head : http2_body::goal::end;
    co_await body->advance(goal, never);
    body->describe(outcome);
    if (outcome.failure) co_return;
    if (settings.streamed) {
        body->enter_body();
        outcome.response = body->head();
        outcome.body = std::move(body);
        co_return;
    }
    outcome.response = body->take();
}

}  // namespace lido::http
