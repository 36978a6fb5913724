// Lido: what the connections of an HTTP client have done.
#pragma once

#include "lido/base/time.hpp"
#include "lido/http/response.hpp"

#include <cstdint>

namespace lido::http {

/// A connection that is open now, see `origin_statistics`. A request is a stream over HTTP/2; over HTTP/1.1 one runs
/// at a time.
struct connection_statistics {
    http::version version = http::version::http_1_1;  ///< `http_1_1` or `http_2`
    std::uint32_t running = 0;                        ///< requests that run on it now
    /// As many may run at once, by the server's word and the client's; 0: it takes no new ones.
    std::uint32_t limit = 1;
    std::uint32_t most_at_once = 0;    ///< so many ran at once so far
    std::uint64_t requests = 0;        ///< that began on it
    std::uint64_t bytes_sent = 0;      ///< before TLS; what was said to proxies included
    std::uint64_t bytes_received = 0;  ///< after TLS
    duration age{};                    ///< since it could first be used
};

/// What all connections of one protocol have done, those that are closed included.
struct protocol_statistics {
    std::uint64_t connections = 0;   ///< that could be used
    std::uint64_t requests = 0;      ///< that began on one of them
    std::uint32_t most_at_once = 0;  ///< so many ran at once on one of them
    std::uint64_t bytes_sent = 0;    ///< as in `connection_statistics`
    std::uint64_t bytes_received = 0;

    [[nodiscard]] friend bool operator==(const protocol_statistics&, const protocol_statistics&) = default;
    protocol_statistics& operator+=(const protocol_statistics& other) noexcept;
};

}  // namespace lido::http
