// Lido: what can be set about HTTP/2.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

#include <chrono>
#include <cstdint>

namespace lido::http {

/// What one connection of HTTP/2 may do and take. Trivially copyable; `validate` names what is out of range.
struct http2_settings {
    /// Requests at once on one connection; fewer when the server allows fewer. 1 … 10,000.
    std::uint32_t max_concurrent_streams = 100;
    /// Bytes of a response that the server may send before its reader has taken them. 64 KiB - 1 … 1 GiB.
    std::uint32_t stream_window = 512 * 1024;
    /// The same over all streams of a connection; it comes back as soon as the bytes are there, read or not, so it
    /// bounds only what is on its way. 64 KiB - 1 … 1 GiB.
    std::uint32_t connection_window = 8 * 1024 * 1024;
    /// A PING is sent when requests run and nothing has come for this long. 100 ms … 1 h.
    duration ping_after = std::chrono::seconds(15);
    /// The connection is given up when a PING was not answered within this. 10 ms … 10 min.
    duration ping_timeout = std::chrono::seconds(5);
    /// Requests given up half-way that are told to the server per second, and at once after a rest; more are told
    /// later. Servers end connections that reset too many streams (CVE-2023-44487). 1 … 1,000,000 each.
    std::uint32_t max_resets_per_second = 30;
    std::uint32_t max_resets_at_once = 100;
    /// Frames that ask for nothing but work which a server may send at once, and per second after that; one more ends
    /// the connection. 10 … 1,000,000 each.
    std::uint32_t max_control_frames_at_once = 1000;
    std::uint32_t max_control_frames_per_second = 100;

    [[nodiscard]] friend bool operator==(const http2_settings&, const http2_settings&) = default;
    /// Success, or `invalid_argument` naming the first field that is out of range, its value and the range.
    [[nodiscard]] result<void> validate() const;
};

}  // namespace lido::http
