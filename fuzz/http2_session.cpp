// Any bytes as what a server of HTTP/2 sends, while requests run. The first four choose the limits, how the rest is
// split, and which requests are given up on the way. Nothing may be read behind what was given, everything stays within
// limits, what is sent is in proportion to what came, and in the end every request has had one outcome or none.
#include "http/http2_session.hpp"

#include "lido/base/assert.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lido::http;

constexpr std::size_t choices = 4;
constexpr std::size_t requests = 4;
/// What is sent unasked: the preface, heads and bodies; in each turn the content of requests in pieces; and for each
/// byte that came: the answers to PING and SETTINGS are as long as these, and a reset is longer than the shortest
/// frame.
constexpr std::size_t most_sent_at_first = 4096;
constexpr std::size_t most_sent_per_turn = 512;
constexpr std::size_t most_sent_per_byte = 4;

struct call {
    call(const http_limits& limits, const method& how) : what(how, "/"), stream(limits) {
        if (how == method::post) what.body(std::string(100, 'b'), "text/plain");
    }
    request what;
    http2_stream stream;
    bool woken = false;
    std::size_t taken = 0;
};

/// What the owner of a request in pieces does between two arrivals.
void go_on(http2_session& session, call& with, const http_limits& limits) {
    static constexpr std::array<char, 70> content{};
    if (with.stream.wants_content()) session.give(with.stream, {content.data(), content.size()}, with.taken % 3 == 2);
    std::array<char, 50> space{};
    with.taken += with.stream.take_data(space);
    LIDO_ASSERT(with.taken <= limits.max_body_bytes);
}

void check_outcome(call& of, const http_limits& limits) {
    LIDO_ASSERT(of.stream.is_over() && !of.woken);
    of.woken = true;
    if (of.stream.current() == http2_stream::state::failed) {
        LIDO_ASSERT(!of.stream.failure().what().empty());
        return;
    }
    const response got = of.stream.take();
    LIDO_ASSERT(got.status() >= 200 && got.status() <= 599);
    LIDO_ASSERT(got.body().size() <= limits.max_body_bytes);
    std::size_t fields = 0;
    for (const field& each : got.headers()) fields += each.name.empty() ? limits.max_header_count + 1 : 1;
    for (const field& each : got.trailers()) fields += each.name.empty() ? limits.max_header_count + 1 : 1;
    LIDO_ASSERT(fields <= limits.max_header_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < choices) return 0;
    http_limits limits;
    if ((data[0] & 1U) != 0) limits.max_head_bytes = 128;
    if ((data[0] & 2U) != 0) limits.max_body_bytes = data[1];
    if ((data[0] & 4U) != 0) limits.max_header_count = 1 + data[1] % 8U;
    http2_settings settings;
    if ((data[0] & 8U) != 0) settings.max_control_frames_at_once = 10;
    if ((data[0] & 16U) != 0) settings.max_resets_at_once = 1;
    const std::size_t step = (data[2] & 127U) == 0 ? size : data[2] & 127U;
    lido::time_point now{std::chrono::hours(1)};

    // Declared before the session: it leaves alone what still runs when it goes.
    std::array<std::unique_ptr<call>, requests> calls;
    http2_session session(settings, limits, now);
    std::string out;
    std::vector<char> piece;
    std::size_t at = choices;
    bool begun = false;
    std::size_t sent = 0;
    for (std::size_t turn = 1;; ++turn) {
        out.clear();
        session.pull(out, 1U << 16U, now);
        sent += out.size();
        LIDO_ASSERT(sent <= most_sent_at_first + turn * most_sent_per_turn + at * most_sent_per_byte);
        LIDO_ASSERT(session.running() <= requests && session.capacity() <= settings.max_concurrent_streams);
        if ((data[0] & 32U) != 0) session.note_sent(out.size());
        while (http2_stream* const over = session.next_ready()) {
            const auto whose = std::find_if(calls.begin(), calls.end(),
                                            [&](const auto& each) { return each && &each->stream == over; });
            LIDO_ASSERT(whose != calls.end());
            if (!over->is_over()) continue;  // news of one in pieces
            check_outcome(**whose, limits);
        }
        if (!begun && session.capacity() > 0) {
            begun = true;
            static const method methods[] = {method::get, method::post, method::head, method::get};
            for (std::size_t i = 0; i < requests; ++i) {
                calls[i] = std::make_unique<call>(limits, methods[i]);
                const bool in_pieces = (data[3] & 4U) != 0;
                if (in_pieces) calls[i]->stream.go_in_pieces((data[3] & 8U) != 0, methods[i] == method::post);
                if (!session.start(calls[i]->stream, calls[i]->what, {.host = "a"}, true)) calls[i].reset();
            }
            continue;
        }
        for (const auto& each : calls) {
            if (each) go_on(session, *each, limits);
        }
        if (at >= size) break;
        if (begun && (data[3] & 1U) != 0 && at % 7 == data[3] % 7U) calls[data[3] % requests].reset();
        const std::size_t length = std::min(step, size - at);
        // In memory of its own, so that nothing behind it can be read unnoticed.
        piece.assign(data + at, data + at + length);
        session.feed({piece.data(), piece.size()}, now);
        at += length;
        now += std::chrono::milliseconds(10);
        session.on_time(now);
    }
    if ((data[3] & 2U) != 0) {
        session.end(lido::error(lido::errc::connection_closed, "the end of the input"));
        LIDO_ASSERT(session.running() == 0 && session.capacity() == 0);
    }
    return 0;
}
