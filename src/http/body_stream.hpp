// Lido: a response whose body is read while it comes, whatever the protocol.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/task.hpp"
#include "lido/base/time.hpp"
#include "lido/http/response.hpp"

#include <cstddef>
#include <span>

namespace lido::http {

/// An exchange of which the head of the response is there, and not yet the end. HTTP/1.1 and HTTP/2 have one each;
/// `exchange` makes it. It belongs to its connection's loop, on which it is used and destroyed. Connection and request
/// must outlive it.
///
/// Destroying it before its end cuts the exchange: HTTP/1.1 leaves the connection unusable, HTTP/2 resets the stream.
/// What is left of the request's body is sent while the response is read.
class body_stream {
public:
    body_stream() noexcept = default;
    body_stream(const body_stream&) = delete;
    body_stream& operator=(const body_stream&) = delete;
    virtual ~body_stream() = default;

    /// Puts what has come of the body, without transfer coding, at the front of `space`, which is not empty; waits
    /// while there is nothing. 0: the end, and the connection is as good as it will ever be. Nothing is taken from the
    /// peer beyond a bounded buffer until this is called. After an error every call gives it again. Destroying the
    /// task while it waits loses no byte. Errors: `connection_closed`, `protocol_error`, `limit_exceeded`,
    /// `read_timeout` after `exchange_settings::read_timeout` without progress, `timeout` at `deadline`, which is
    /// also bounded by `exchange_settings::deadline`; what the request's body source says.
    [[nodiscard]] virtual task<result<std::size_t>> read_some(std::span<char> space, time_point deadline) = 0;

    /// The response without its body, once the end has come: its trailers are there now.
    [[nodiscard]] virtual const response& whole_head() const noexcept = 0;
};

}  // namespace lido::http
