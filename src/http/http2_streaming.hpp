// Lido: an exchange over HTTP/2 of which request or response go in pieces.
#pragma once

#include "http/exchange.hpp"

namespace lido::http {

/// `exchange_http2` for requests whose body comes from a source, waits for 100 (Continue) or has trailers, and for
/// responses that are read while they come.
[[nodiscard]] task<void> exchange_http2_streamed(connection& on, const request& what, exchange_settings settings,
                                                 exchange_outcome& outcome);

}  // namespace lido::http
