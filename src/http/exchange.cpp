#include "http/exchange.hpp"

#include "http/http1_reading.hpp"
#include "http/streamed_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::http {
namespace {

/// A body from this size on is received in its final place.
constexpr std::size_t direct_body_size = 16 * 1024;

std::string& scratch_text() {
    static thread_local std::string text;
    text.clear();
    return text;
}

struct received {
    net::io_result io;
    bool finished = false;
};

/// One attempt to receive, into the body's own memory where that is known to be needed.
received receive_some(connection& on, reading_state& state) {
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
    return {io, take_in(on, space.first(io.bytes), state)};
}

/// One step of reading: what to do next.
reading read_once(connection& on, const exchange_settings& settings, reading_state& state) {
    const received got = receive_some(on, state);
    return after_receiving(on, settings, got.io, got.finished, state);
}

/// Writes all of `data`, which `sent` counts, unless the response is there before, or the exchange fails: `next` says
/// so. A connection that breaks leaves `next` as it was, because an answer may have come before.
task<void> write_all(connection& on, std::string_view data, const exchange_settings& settings, std::size_t& sent,
                     reading& next, reading_state& state, std::optional<error>& failure) {
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
            if (to.is_tls()) next = reading::failed;
            co_return;
        }
        if (!ready) {
            failure = too_late(settings, loop.now(), errc::write_timeout, "the server took nothing of the request");
            next = reading::failed;
            co_return;
        }
        if (written.status == net::io_status::want_read) continue;
        do {
            next = read_once(on, settings, state);
        } while (next == reading::again);
        if (next == reading::failed) failure = std::move(state.failure);
        if (next != reading::wait) co_return;
    }
}

}  // namespace

error too_late(const exchange_settings& settings, time_point now, errc stage, std::string_view what) {
    if (now >= settings.deadline) return {errc::timeout, fmt::format("{}: the deadline of the request came", what)};
    return {stage, fmt::format("{} for {}", what, to_text(settings.read_timeout))};
}

task<void> exchange_http1(connection& on, const request& what, exchange_settings settings, exchange_outcome& outcome) {
    net::event_loop& loop = on.stream->loop();
    std::optional<error>& failure = outcome.failure;
    // What may not be sent again is worth a system call: the peer may have closed since the loop has last asked.
    if (!is_idempotent(what.method()) || what.source() != nullptr) on.stream->distrust_last_poll();
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
    on.begin_exchange();
    on.reader.reset(what.method(), *settings.limits);
    if (settings.streamed || written->streams) {
        std::string own_head(head);
        const written_request parts = *written;
        co_await exchange_streamed(on, what, settings, std::move(own_head), parts, outcome);
        co_return;
    }

    const std::size_t whole = head.size() + written->body.size();
    std::size_t sent = 0;
    // The usual case, without a coroutine of its own: one send takes everything.
    const net::io_result first = on.stream->write_some(head);
    if (first.status == net::io_status::done) sent = first.bytes;
    // A server may answer and close before it has taken the whole body: its answer is worth reading even then.
    reading_state state;
    reading next = reading::wait;
    if (sent < head.size()) {
        const std::string rest(std::string_view(head).substr(sent));
        co_await write_all(on, rest, settings, sent, next, state, failure);
    }
    if (!failure && next == reading::wait && !written->body.empty()) {
        co_await write_all(on, written->body, settings, sent, next, state, failure);
    }
    outcome.unsent = sent == 0;

    state.wanted = net::io_status::want_read;
    // Nothing can have come yet, so waiting first saves a receive that finds nothing.
    while (next == reading::wait || next == reading::again) {
        if (next == reading::wait) {
            const time_point until = std::min(settings.deadline, loop.now() + settings.read_timeout);
            const bool ready = co_await on.stream->readiness(state.wanted, until);
            if (!ready) {
                state.failure = too_late(settings, loop.now(), errc::read_timeout, "the server sent nothing");
                break;
            }
        }
        next = read_once(on, settings, state);
    }
    outcome.answered = on.reader.started();
    on.end_exchange();
    if (next != reading::complete) {
        if (!failure) failure = std::move(state.failure);
        co_return;
    }
    failure.reset();
    note_reuse(on, state.leftover, written->closes || sent < whole);
    outcome.response = on.reader.take();
}

}  // namespace lido::http
