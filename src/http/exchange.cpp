#include "http/exchange.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

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

/// Writes all of `data`; the error when that failed. `sent` counts what went out.
task<std::optional<error>> write_all(net::stream& to, std::string_view data, const exchange_settings& settings,
                                     std::size_t& sent) {
    net::event_loop& loop = to.loop();
    while (!data.empty()) {
        const net::io_result written = to.write_some(data);
        if (written.status == net::io_status::done) {
            sent += written.bytes;
            data.remove_prefix(written.bytes);
            continue;
        }
        if (written.status != net::io_status::want_read && written.status != net::io_status::want_write) {
            co_return to.failure(written);
        }
        const time_point until = std::min(settings.deadline, loop.now() + settings.read_timeout);
        const bool ready = co_await to.readiness(written.status, until);
        if (!ready) {
            co_return too_late(settings, loop.now(), errc::write_timeout, "the server took nothing of the request");
        }
    }
    co_return std::nullopt;
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

/// Reads until the response is complete; the error when it never will be.
task<std::optional<error>> read_response(connection& on, const exchange_settings& settings, bool& leftover) {
    net::stream& from = *on.stream;
    net::event_loop& loop = from.loop();
    // Nothing can have come yet: waiting first saves a receive that finds nothing.
    net::io_status wanted = net::io_status::want_read;
    while (true) {
        const time_point until = std::min(settings.deadline, loop.now() + settings.read_timeout);
        const bool ready = co_await from.readiness(wanted, until);
        if (!ready) co_return too_late(settings, loop.now(), errc::read_timeout, "the server sent nothing");
        while (true) {
            const received got = receive_some(on, leftover);
            if (got.finished) {
                if (on.reader.state() == read_state::failed) co_return on.reader.error();
                co_return std::nullopt;
            }
            if (got.io.status == net::io_status::done) {
                if (loop.now() >= settings.deadline) {
                    co_return too_late(settings, loop.now(), errc::timeout, "reading the response");
                }
                // A plain short read has emptied the socket; TLS may hold more that is decrypted already.
                if (from.is_tls()) continue;
                wanted = net::io_status::want_read;
                break;
            }
            if (got.io.status == net::io_status::want_read || got.io.status == net::io_status::want_write) {
                wanted = got.io.status;
                break;
            }
            const bool orderly = got.io.status == net::io_status::end;
            const auto state = on.reader.finish_at_eof(orderly ? stream_end::orderly : stream_end::truncated);
            if (state == read_state::complete) co_return std::nullopt;
            if (!orderly && !on.reader.started()) co_return from.failure(got.io);
            co_return on.reader.error();
        }
    }
}

/// What the peer has said about the future of the connection.
void note_reuse(connection& on, bool leftover, bool closes) {
    const response_reader& reader = on.reader;
    const auto left = reader.keep_alive_max();
    on.reusable = reader.keep_alive() && !leftover && !closes && !(left && *left == 0);
    if (const auto idle = reader.keep_alive_timeout()) {
        // One second less than announced, for the way there (the race of RFC 9112 §9.5).
        const auto limit = std::max<std::chrono::seconds>(*idle - std::chrono::seconds(1), std::chrono::seconds(0));
        on.usable_until = on.stream->loop().now() + limit;
    }
    on.stream->mark_idle();
}

}  // namespace

task<exchange_outcome> exchange(connection& on, const request& what, exchange_settings settings) {
    exchange_outcome outcome;
    net::event_loop& loop = on.stream->loop();
    if (settings.reused && !on.is_fit(loop.now())) {
        on.reusable = false;
        outcome.failure.emplace(errc::connection_closed, "the server had closed the idle connection");
        co_return outcome;
    }
    on.reusable = false;
    on.busy = true;
    on.reader.reset(what.method(), *settings.limits);

    std::string& head = scratch_text();
    const auto written = append_request(head, what, settings.target);
    if (!written) {
        // Nothing was sent: the connection is as good as before.
        on.reusable = true;
        on.busy = false;
        outcome.failure = written.error();
        co_return outcome;
    }

    const std::size_t whole = head.size() + written->body.size();
    // The usual case, without a coroutine of its own: one send takes everything.
    std::size_t sent = 0;
    const net::io_result first = on.stream->write_some(head);
    std::optional<error> failure;
    if (first.status == net::io_status::done && first.bytes == head.size()) {
        sent = first.bytes;
    } else {
        const std::string rest(std::string_view(head).substr(first.status == net::io_status::done ? first.bytes : 0));
        sent = head.size() - rest.size();
        failure = co_await write_all(*on.stream, rest, settings, sent);
    }
    if (!failure && !written->body.empty()) {
        failure = co_await write_all(*on.stream, written->body, settings, sent);
    }
    outcome.unsent = sent == 0;

    bool leftover = false;
    if (!failure || failure->code() != make_error_code(errc::write_timeout)) {
        // A server may answer and close before it has taken the whole body; its answer is worth reading.
        std::optional<error> broken = co_await read_response(on, settings, leftover);
        if (!broken) {
            failure.reset();
        } else if (!failure) {
            failure = std::move(broken);
        }
    }
    outcome.answered = on.reader.started();
    on.busy = false;
    if (failure) {
        outcome.failure = std::move(failure);
        co_return outcome;
    }
    note_reuse(on, leftover, written->closes || sent < whole);
    outcome.response = on.reader.take();
    co_return outcome;
}

}  // namespace lido::http
