#include "http/http1_reading.hpp"

#include <array>

namespace lido::http {
namespace {

constexpr std::size_t scratch_size = 64 * 1024;

}  // namespace

std::span<char> scratch_space() noexcept {
    static thread_local std::array<char, scratch_size> space;
    return space;
}

bool take_in(connection& on, std::span<const char> data, reading_state& state) {
    const auto fed = on.reader.feed({data.data(), data.size()});
    state.leftover = fed.state == read_state::complete && fed.consumed < data.size();
    return fed.state != read_state::need_more;
}

reading after_receiving(connection& on, const exchange_settings& settings, net::io_result moved, bool finished,
                        reading_state& state) {
    const net::stream& from = *on.stream;
    if (finished) {
        if (on.reader.state() != read_state::failed) return reading::complete;
        state.failure = on.reader.error();
        return reading::failed;
    }
    if (moved.status == net::io_status::done) {
        const time_point now = from.loop().now();
        if (now >= settings.deadline) {
            state.failure = too_late(settings, now, errc::timeout, "reading the response");
            return reading::failed;
        }
        // A plain short read has emptied the socket; TLS may hold more that is decrypted already.
        state.wanted = net::io_status::want_read;
        return from.is_tls() ? reading::again : reading::wait;
    }
    if (moved.status == net::io_status::want_read || moved.status == net::io_status::want_write) {
        state.wanted = moved.status;
        return reading::wait;
    }
    const bool orderly = moved.status == net::io_status::end;
    const auto ended = on.reader.finish_at_eof(orderly ? stream_end::orderly : stream_end::truncated);
    if (ended == read_state::complete) return reading::complete;
    state.failure = !orderly && !on.reader.started() ? from.failure(moved) : on.reader.error();
    return reading::failed;
}

void note_reuse(connection& on, bool leftover, bool closes) {
    const response_reader& reader = on.reader;
    const auto left = reader.keep_alive_max();
    // A server may close together with its response and without a word of it, and nothing more would be heard of that.
    const bool ended = on.stream->hung_up();
    on.reusable = reader.keep_alive() && !leftover && !closes && !ended && !(left && *left == 0);
    on.usable_until = never;
    if (const auto idle = reader.keep_alive_timeout()) {
        // One second less than announced, for the way there (the race of RFC 9112 §9.5).
        if (*idle <= std::chrono::seconds(1)) on.reusable = false;
        on.usable_until = on.stream->loop().now() + (*idle - std::chrono::seconds(1));
    }
    on.stream->mark_idle();
}

}  // namespace lido::http
