// Lido: what a server may make an HTTP client hold.
#pragma once

#include "lido/base/result.hpp"

#include <cstddef>
#include <cstdint>

namespace lido::http {

/// The bounds on one response. Whatever passes one is refused with `limit_exceeded`, which names the limit and its
/// value, and the connection is closed.
struct http_limits {
    /// The status line with its line end, in bytes. Range 32 to 65,536, and at most `max_head_bytes`.
    std::size_t max_start_line_bytes = 8 * 1024;

    /// Status line, header fields and the empty line together, in bytes; for each interim response anew.
    /// Range 128 to 16 MiB.
    std::size_t max_head_bytes = 64 * 1024;

    /// Header fields of one head, and header and trailer fields of a response together. Range 1 to 10,000.
    std::size_t max_header_count = 100;

    /// The body without its transfer coding, in bytes. Range 0 (only empty bodies) to 2^63 - 1.
    std::uint64_t max_body_bytes = std::uint64_t{64} * 1024 * 1024;

    /// All chunk extensions of one response together, in bytes; they are never used. Range 0 to 1 MiB.
    std::size_t max_chunk_extension_bytes = 16 * 1024;

    /// The trailer fields of a chunked body with their line ends and the empty line, in bytes. Range 2 (none allowed)
    /// to 16 MiB.
    std::size_t max_trailer_bytes = 8 * 1024;

    /// Interim responses (1xx) before the final one. Range 0 to 1,000.
    std::size_t max_interim_responses = 8;

    /// What an HTTP proxy may say until it has opened a tunnel (CONNECT), interim responses included, in bytes. For its
    /// heads the limits above hold too. Nothing was asked for by then, so whatever passes one of them is
    /// `connect_failed`. Range 128 to 16 MiB.
    std::size_t max_proxy_answer_bytes = 16 * 1024;

    /// Errors: `invalid_argument` that names the first field out of range, its value and the range.
    [[nodiscard]] result<void> validate() const;
};

}  // namespace lido::http
