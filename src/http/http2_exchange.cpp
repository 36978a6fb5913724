// One request over HTTP/2; see exchange.hpp.
#include "http/exchange.hpp"

#include <fmt/format.h>

namespace lido::http {
namespace {

error too_late(const exchange_settings& settings, time_point now, const http2_stream& stream) {
    const bool sending = stream.has_unsent_content() && !stream.is_answered();
    const std::string_view what =
        sending ? std::string_view("the server took nothing of the request") : "the server sent nothing";
    if (now >= settings.deadline) return {errc::timeout, fmt::format("{}: the deadline of the request came", what)};
    return {sending ? errc::write_timeout : errc::read_timeout,
            fmt::format("{} for {}", what, to_text(settings.read_timeout))};
}

}  // namespace

task<void> exchange_http2(connection& on, const request& what, exchange_settings settings, exchange_outcome& outcome) {
    if (what.source() != nullptr) {
        outcome.failure.emplace(errc::invalid_argument, "a body from a source over HTTP/2",
                                "hold it in memory, or let the client speak HTTP/1.1");
        co_return;
    }
    http2_link& link = *on.http2;
    http2_stream stream(*settings.limits);
    result<void> started = link.start(stream, what, settings.target);
    if (!started) {
        // Nothing was sent, and the connection is as good as before.
        outcome.failure = std::move(started).error();
        outcome.not_processed = *outcome.failure == errc::connection_closed;
        co_return;
    }
    const bool over = co_await http2_link::wait(link, stream, settings.deadline, settings.read_timeout);
    outcome.unsent = false;
    outcome.answered = stream.is_answered();
    if (!over) {
        outcome.failure = too_late(settings, on.stream->loop().now(), stream);
    } else if (stream.current() == http2_stream::state::complete) {
        outcome.response = stream.take();
    } else {
        outcome.failure = stream.failure();
        outcome.unsent = outcome.not_processed = stream.is_unprocessed();
    }
}

}  // namespace lido::http
