// Lido: what a client does about compressed responses.
#pragma once

#include "lido/base/result.hpp"

#include <cstddef>
#include <cstdint>

namespace lido::http {

/// How content codings (gzip, br, zstd, deflate) are undone, and what they may expand to. Where there are several, the
/// bounds hold for what comes out of each of them. Whatever passes a bound fails with `limit_exceeded`, which names the
/// bound; what is no valid coded content fails with `protocol_error`.
struct decoding_settings {
    /// Ask for compressed content (Accept-Encoding) and undo it. Not done for a request that has an Accept-Encoding or
    /// a Range of its own: its response comes as the server sent it.
    bool enabled = true;

    /// Codings one upon the other. 1 … 5.
    std::size_t max_codings = 2;

    /// What a whole response may expand to, in bytes; a streamed one is not held in memory and has no such bound.
    /// 1 … 2^63 - 1.
    std::uint64_t max_bytes = std::uint64_t{64} * 1024 * 1024;

    /// How many bytes one byte of the response may expand to, on the average; the first `ratio_free_bytes` of what
    /// comes out do not count. Deflate cannot do more than 1,032. 2 … 1,000,000.
    std::uint64_t max_ratio = 500;

    /// 0 … 2^63 - 1.
    std::uint64_t ratio_free_bytes = std::uint64_t{1024} * 1024;

    /// How many bytes of a coding may come to nothing, in all, beyond 32 for each byte that comes out: empty members
    /// and blocks can go on without end. 1 … 2^63 - 1.
    std::uint64_t max_fruitless_bytes = std::uint64_t{1024} * 1024;

    /// Errors: `invalid_argument` that names the first field out of range, its value and the range.
    [[nodiscard]] result<void> validate() const;
};

}  // namespace lido::http
