// One request over HTTP/2; see exchange.hpp.
#include "http/exchange.hpp"
#include "http/http2_streaming.hpp"

namespace lido::http {
namespace {

error silence(const exchange_settings& settings, time_point now, const http2_stream& stream) {
    if (!stream.has_unsent_content() || stream.is_answered()) {
        return too_late(settings, now, errc::read_timeout, "the server sent nothing");
    }
    return too_late(settings, now, errc::write_timeout, "the server took nothing of the request");
}

bool goes_in_pieces(const request& what, const exchange_settings& settings) noexcept {
    if (settings.streamed || what.source() != nullptr || what.has_trailers()) return true;
    return what.has_body() && what.headers().contains("Expect");
}

}  // namespace

task<void> exchange_http2(connection& on, const request& what, exchange_settings settings, exchange_outcome& outcome) {
    if (goes_in_pieces(what, settings)) {
        co_await exchange_http2_streamed(on, what, settings, outcome);
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
    outcome.unsent = !stream.is_written();
    outcome.answered = stream.is_answered();
    if (!over) {
        outcome.failure = silence(settings, on.stream->loop().now(), stream);
    } else if (stream.current() == http2_stream::state::complete) {
        outcome.response = stream.take();
    } else {
        outcome.failure = stream.failure();
        outcome.unsent = outcome.not_processed = stream.is_unprocessed();
        outcome.turned_away = stream.is_turned_away();
    }
}

}  // namespace lido::http
