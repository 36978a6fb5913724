// Lido: one request and its response on one connection.
#pragma once

#include "http/body_stream.hpp"
#include "http/connection.hpp"
#include "http/request_writer.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

namespace lido::http {

/// What is needed beside connection and request. Views must outlive the exchange.
struct exchange_settings {
    request_target_context target;
    const http_limits* limits = nullptr;
    duration read_timeout{};
    time_point deadline = never;  ///< over the whole operation
    /// Until the head only; `exchange_outcome::body` gives what follows.
    bool streamed = false;
    /// What takes the place of `deadline` then, once the head is there.
    time_point body_deadline = never;
    /// How long a body is held back that "Expect: 100-continue" announces.
    duration continue_timeout = std::chrono::seconds(1);
};

/// How an exchange ended.
struct exchange_outcome {
    /// Why there is no response.
    std::optional<error> failure;
    http::response response;
    /// The peer provably did not act on the request: no byte of it was sent.
    bool unsent = true;
    /// The peer or its protocol has said so: REFUSED_STREAM, a GOAWAY below the stream, no stream to be had (HTTP/2).
    bool not_processed = false;
    /// Of the latter, the first two: the request had reached the peer, which turned it away.
    bool turned_away = false;
    /// A byte of a response had come.
    bool answered = false;
    /// The request's body source failed: another attempt would not be the same request.
    bool source_failed = false;
    /// The request asked to be let in (Expect), and its body was not sent.
    bool body_withheld = false;
    /// With `exchange_settings::streamed`, unless the exchange failed: the body. `response` has none then.
    std::unique_ptr<body_stream> body;
};

/// Why a wait that ended without anything at `now` fails the exchange: the deadline of the request came, or `stage`.
[[nodiscard]] error too_late(const exchange_settings& settings, time_point now, errc stage, std::string_view what);

/// Sends `what` and reads the response into `outcome`, which is fresh; or the head only, see `streamed`. Runs on the
/// connection's loop; connection, request and outcome must outlive it. When the task is destroyed half-way the
/// connection stays marked as unusable.
[[nodiscard]] task<void> exchange_http1(connection& on, const request& what, exchange_settings settings,
                                        exchange_outcome& outcome);
/// The same on a connection of HTTP/2, where a request that is given up leaves the connection as good as it was.
[[nodiscard]] task<void> exchange_http2(connection& on, const request& what, exchange_settings settings,
                                        exchange_outcome& outcome);

/// Whichever of the two the connection speaks.
[[nodiscard]] inline task<void> exchange(connection& on, const request& what, const exchange_settings& settings,
                                         exchange_outcome& outcome) {
    if (on.is_multiplexed()) return exchange_http2(on, what, settings, outcome);
    return exchange_http1(on, what, settings, outcome);
}

}  // namespace lido::http
