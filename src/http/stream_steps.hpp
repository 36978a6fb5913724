// Lido: sending and receiving on a stream while a connection is being made.
#pragma once

#include "lido/base/task.hpp"
#include "lido/net/stream.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace lido::http {

/// Sends all of `text`. Errors, both here and below: `connect_failed` with the reason in plain words, `connect_timeout`
/// at `deadline`; the caller puts before them what it was about.
[[nodiscard]] task<result<void>> send_all(net::stream& to, std::string text, time_point deadline);

/// Receives what has come, at least a byte; how many.
[[nodiscard]] task<result<std::size_t>> receive_some(net::stream& from, std::span<char> space, time_point deadline);

/// Receives as many bytes as `space` has, and none beyond.
[[nodiscard]] task<result<void>> receive_exactly(net::stream& from, std::span<char> space, time_point deadline);

}  // namespace lido::http
