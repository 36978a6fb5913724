#include "http/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coroutine>

namespace lido::http {
namespace {

/// Larger than what servers send at once, and one per thread: bytes are handed to the reader before anything else runs.
constexpr std::size_t scratch_size = 64 * 1024;
/// A body from this size on is received in its final place.
constexpr std::size_t direct_body_size = 16 * 1024;

std::span<char> scratch_space() noexcept {
    static thread_local std::array<char, scratch_size> space;
    return space;
}

std::string& scratch_text() {
    static thread_local std::string text;
    text.clear();
    return text;
}

error too_late(const exchange_settings& settings, time_point now, errc stage, std::string_view what) {
    if (now >= settings.deadline) return {errc::timeout, fmt::format("{}: the deadline of the request came", what)};
    return {stage, fmt::format("{} for {}", what, to_text(settings.read_timeout))};
}

/// Gives the reader what has come in one piece. True: the response, or a failure, is complete.
bool take_in(connection& on, std::span<const char> data, bool& leftover) {
    const auto fed = on.reader.feed({data.data(), data.size()});
    leftover = fed.state == read_state::complete && fed.consumed < data.size();
    return fed.state != read_state::need_more;
}

struct received {
    net::io_result io;
    bool finished = false;
};

/// One attempt to receive, into the body's own memory where that is known to be needed.
received receive_some(connection& on, bool& leftover) {
    net::stream& from = *on.stream;
    const auto remaining = on.reader.remaining_body();
    if (remaining && *remaining >= direct_body_size) {
        const std::span<char> space = on.reader.body_space(std::min<std::uint64_t>(*remaining, 1U << 20));
        if (!space.empty()) {
            const net::io_result io = from.read_some(space);
            const std::size_t got = io.status == net::io_status::done ? io.bytes : 0;
            return {io, on.reader.commit_body(got) != read_state::need_more};
        }
    }
    const std::span<char> space = scratch_space();
    const net::io_result io = from.read_some(space);
    if (io.status != net::io_status::done) return {io, false};
    return {io, take_in(on, space.first(io.bytes), leftover)};
}

enum class progress : std::uint8_t { wait, again, complete, failed };

/// One step of reading: what to do next. `wanted` is what to wait for.
progress read_once(connection& on, const exchange_settings& settings, net::io_status& wanted, bool& leftover,
                   std::optional<error>& failure) {
    net::stream& from = *on.stream;
    const received got = receive_some(on, leftover);
    if (got.finished) {
        if (on.reader.state() != read_state::failed) return progress::complete;
        failure = on.reader.error();
        return progress::failed;
    }
    if (got.io.status == net::io_status::done) {
        const time_point now = from.loop().now();
        if (now >= settings.deadline) {
            failure = too_late(settings, now, errc::timeout, "reading the response");
            return progress::failed;
        }
        // A plain short read has emptied the socket; TLS may hold more that is decrypted already.
        wanted = net::io_status::want_read;
        return from.is_tls() ? progress::again : progress::wait;
    }
    if (got.io.status == net::io_status::want_read || got.io.status == net::io_status::want_write) {
        wanted = got.io.status;
        return progress::wait;
    }
    const bool orderly = got.io.status == net::io_status::end;
    const auto state = on.reader.finish_at_eof(orderly ? stream_end::orderly : stream_end::truncated);
    if (state == read_state::complete) return progress::complete;
    failure = !orderly && !on.reader.started() ? from.failure(got.io) : on.reader.error();
    return progress::failed;
}

/// Waits until the stream can be written to or read from: a server may answer before it has taken the whole request.
class either_way {
public:
    either_way(net::stream& of, time_point deadline) noexcept
        : writing_(of.readiness(net::io_status::want_write, deadline)),
          reading_(of.readiness(net::io_status::want_read, deadline)) {}
    [[nodiscard]] bool await_ready() const noexcept { return writing_.await_ready() || reading_.await_ready(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        writing_.await_suspend(waiter);
        reading_.await_suspend(waiter);
    }
    /// False: the deadline came first.
    [[nodiscard]] bool await_resume() const noexcept { return writing_.await_resume() && reading_.await_resume(); }

private:
    net::socket::readiness_awaiter writing_;
    net::socket::readiness_awaiter reading_;
};

/// Writes all of `data`, which `sent` counts, unless the response is there before, or the exchange fails: `next` says
/// so. A connection that breaks leaves `next` as it was, because an answer may have come before.
task<void> write_all(connection& on, std::string_view data, const exchange_settings& settings, std::size_t& sent,
                     progress& next, bool& leftover, std::optional<error>& failure) {
    net::stream& to = *on.stream;
    net::event_loop& loop = to.loop();
    while (!data.empty()) {
        const net::io_result written = to.write_some(data);
        if (written.status == net::io_status::done) {
            sent += written.bytes;
            data.remove_prefix(written.bytes);
            continue;
        }
        const time_point until = std::min(settings.deadline, loop.now() + settings.read_timeout);
        bool ready = true;
        if (written.status == net::io_status::want_write) {
            ready = co_await either_way(to, until);
        } else if (written.status == net::io_status::want_read) {
            ready = co_await to.readiness(net::io_status::want_read, until);
        } else {
            failure = to.failure(written);
            if (to.is_tls()) next = progress::failed;
            co_return;
        }
        if (!ready) {
            failure = too_late(settings, loop.now(), errc::write_timeout, "the server took nothing of the request");
            next = progress::failed;
            co_return;
        }
        if (written.status == net::io_status::want_read) continue;
        do {
            net::io_status wanted = net::io_status::want_read;
            next = read_once(on, settings, wanted, leftover, failure);
        } while (next == progress::again);
        if (next != progress::wait) co_return;
    }
}

/// What the peer has said about the future of the connection.
void note_reuse(connection& on, bool leftover, bool closes) {
    const response_reader& reader = on.reader;
    const auto left = reader.keep_alive_max();
    on.reusable = reader.keep_alive() && !leftover && !closes && !(left && *left == 0);
    on.usable_until = never;
    if (const auto idle = reader.keep_alive_timeout()) {
        // One second less than announced, for the way there (the race of RFC 9112 §9.5).
        if (*idle <= std::chrono::seconds(1)) on.reusable = false;
        on.usable_until = on.stream->loop().now() + (*idle - std::chrono::seconds(1));
    }
    on.stream->mark_idle();
}

}  // namespace

task<void> exchange_http1(connection& on, const request& what, exchange_settings settings, exchange_outcome& outcome) {
    net::event_loop& loop = on.stream->loop();
    std::optional<error>& failure = outcome.failure;
    // A new connection too: a server that speaks before it was asked must not be taken at its word.
    if (!on.is_fit(loop.now())) {
        on.reusable = false;
        failure.emplace(errc::connection_closed, "the server had closed the idle connection, or spoke unasked");
        co_return;
    }
    std::string& head = scratch_text();
    const auto written = append_request(head, what, settings.target);
    if (!written) {  // nothing was sent: the connection is as good as before
        failure = written.error();
        co_return;
    }
    on.reusable = false;
    on.busy = true;
    on.reader.reset(what.method(), *settings.limits);

    const std::size_t whole = head.size() + written->body.size();
    std::size_t sent = 0;
    // The usual case, without a coroutine of its own: one send takes everything.
    const net::io_result first = on.stream->write_some(head);
    if (first.status == net::io_status::done) sent = first.bytes;
    // A server may answer and close before it has taken the whole body: its answer is worth reading even then.
    bool leftover = false;
    progress next = progress::wait;
    if (sent < head.size()) {
        const std::string rest(std::string_view(head).substr(sent));
        co_await write_all(on, rest, settings, sent, next, leftover, failure);
    }
    if (!failure && next == progress::wait && !written->body.empty()) {
        co_await write_all(on, written->body, settings, sent, next, leftover, failure);
    }
    outcome.unsent = sent == 0;

    std::optional<error> broken;
    // Nothing can have come yet, so waiting first saves a receive that finds nothing.
    net::io_status wanted = net::io_status::want_read;
    while (next == progress::wait || next == progress::again) {
        if (next == progress::wait) {
            const time_point until = std::min(settings.deadline, loop.now() + settings.read_timeout);
            const bool ready = co_await on.stream->readiness(wanted, until);
            if (!ready) {
                broken = too_late(settings, loop.now(), errc::read_timeout, "the server sent nothing");
                break;
            }
        }
        next = read_once(on, settings, wanted, leftover, broken);
    }
    outcome.answered = on.reader.started();
    on.busy = false;
    if (next != progress::complete) {
        if (!failure) failure = std::move(broken);
        co_return;
    }
    failure.reset();
    note_reuse(on, leftover, written->closes || sent < whole);
    outcome.response = on.reader.take();
}

}  // namespace lido::http
