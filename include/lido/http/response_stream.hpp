// Lido: an HTTP response whose body is read while it comes.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/time.hpp"
#include "lido/http/headers.hpp"
#include "lido/http/response.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace lido::http {

/// What `client::open` gives: the head of a response, and its body piece by piece. It holds the connection until the
/// end was read; nothing is taken from the server beyond a bounded buffer while nobody reads.
///
/// Dropping it before its end cuts the exchange: an HTTP/1.1 connection is closed, of HTTP/2 only the stream. Movable;
/// one read at a time, from any thread. The runtime must outlive it; the client may go first, which cuts it.
class response_stream {
public:
    response_stream() noexcept;
    response_stream(response_stream&&) noexcept;
    response_stream& operator=(response_stream&&) noexcept;
    ~response_stream();

    /// The response without its body. Its trailers are there once the end was read. Valid while this object lives and
    /// is not moved; not to be asked for while a read is running.
    [[nodiscard]] const response& head() const noexcept;
    [[nodiscard]] unsigned status() const noexcept { return head().status(); }
    /// Was the end read?
    [[nodiscard]] bool has_ended() const noexcept;

    /// Puts what has come of the body at the front of `space`, which is not empty; waits while there is nothing. 0: the
    /// end. `space` must live until the operation has ended. A read that is cancelled loses no byte. Errors, which end
    /// the stream: `read_timeout` when the server sends nothing for as long as the request allows, `timeout` after
    /// `within` or at the deadline of a request that has a time-out of its own, `connection_closed`, `protocol_error`,
    /// `limit_exceeded`; `invalid_argument` while another read is running.
    [[nodiscard]] operation<std::size_t> read_some(std::span<char> space, duration within = std::chrono::hours(24));
    /// The same, until `space` is full or the body has ended.
    [[nodiscard]] operation<std::size_t> read(std::span<char> space, duration within = std::chrono::hours(24));
    /// What is left of the body; `limit_exceeded` when that is more than `max_bytes`.
    [[nodiscard]] operation<std::string> read_all(std::size_t max_bytes);

    class implementation;
    /// For the client.
    explicit response_stream(std::shared_ptr<implementation> self) noexcept;

private:
    std::shared_ptr<implementation> self_;
};

}  // namespace lido::http
