// Lido: what the ways to run an exchange over HTTP/1.1 share: one step of reading, waiting, and the end.
#pragma once

#include "http/connection.hpp"
#include "http/exchange.hpp"
#include "lido/base/error.hpp"
#include "lido/net/socket.hpp"

#include <coroutine>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lido::http {

/// Memory to receive into, one per thread: bytes are handed to the reader before anything else runs. Larger than what
/// servers send at once.
[[nodiscard]] std::span<char> scratch_space() noexcept;

/// What one step of reading came to.
enum class reading : std::uint8_t {
    wait,      ///< nothing more for now: wait for the stream
    again,     ///< there may be more at once
    complete,  ///< the response is there to its end
    failed,    ///< it never will be
};

/// What steps of reading leave behind, beside what the reader has.
struct reading_state {
    net::io_status wanted = net::io_status::want_read;  ///< what to wait for
    bool leftover = false;                              ///< bytes came behind the end of the response
    std::optional<error> failure;
};

/// What became of bytes that were to be received: `moved` says how it went, `finished` whether the reader is through.
[[nodiscard]] reading after_receiving(connection& on, const exchange_settings& settings, net::io_result moved,
                                      bool finished, reading_state& state);
/// Gives the reader what has come in one piece. True: the response, or a failure, is complete.
[[nodiscard]] bool take_in(connection& on, std::span<const char> data, reading_state& state);

/// Waits until the stream can be written to or read from: a server may answer before it has taken the whole request.
class either_way {
public:
    either_way(net::stream& of, time_point deadline) noexcept
        : writing_(of.readiness(net::io_status::want_write, deadline)),
          reading_(of.readiness(net::io_status::want_read, deadline)) {}
    [[nodiscard]] bool await_ready() const noexcept { return writing_.await_ready() || reading_.await_ready(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        writing_.await_suspend(waiter);
        reading_.await_suspend(waiter);
    }
    /// False: the deadline came first.
    [[nodiscard]] bool await_resume() const noexcept { return writing_.await_resume() && reading_.await_resume(); }

private:
    net::socket::readiness_awaiter writing_;
    net::socket::readiness_awaiter reading_;
};

/// The response is complete: notes what the peer has said about the future of the connection.
void note_reuse(connection& on, bool leftover, bool closes);

}  // namespace lido::http
