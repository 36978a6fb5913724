// Lido: an exchange over HTTP/1.1 whose bodies are not held in memory.
#pragma once

#include "http/exchange.hpp"

#include <string>

namespace lido::http {

/// What `exchange` does for a request whose body comes from a source or waits for 100 (Continue), and for a response
/// whose body is streamed. The connection is marked as busy and its reader reset; `head` is the text of the request as
/// `parts` describes it. Connection and request must outlive the task, and the stream that it leaves in `outcome`.
[[nodiscard]] task<void> exchange_streamed(connection& on, const request& what, exchange_settings settings,
                                           std::string head, written_request parts, exchange_outcome& outcome);

}  // namespace lido::http
