// Lido: how much a cache of HTTP responses may hold, and what it may do with it.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lido::http {

/// The settings of a `response_cache`. `validate` names what is out of range; a cache is never made from invalid ones.
struct cache_settings {
    /// Everything that is stored, with keys and bookkeeping, in bytes. What was used longest ago makes room.
    /// 4 KiB … 64 GiB.
    std::size_t max_bytes = std::size_t{64} * 1024 * 1024;
    /// Responses. 1 … 10,000,000.
    std::size_t max_entries = 10'000;
    /// The body of one response that is stored, in bytes; `max_bytes` bounds it too. 0 … 64 GiB.
    std::size_t max_body_bytes = std::size_t{4} * 1024 * 1024;
    /// Responses for one URI that differ by what their Vary names, or by caller. 1 … 1,000.
    std::size_t max_variants = 16;

    /// For how long after it has become stale a response that does not say so itself (`stale-if-error`, RFC 5861) may
    /// stand in for a server that fails. Responses with `no-store`, `no-cache` or `must-revalidate` never do. With more
    /// than zero, responses are kept for this alone that could not be reused otherwise. 0 … 30 days; 0: never.
    duration stale_if_error{0};

    /// Requests at once that only bring a stale response up to date that has been served already
    /// (`stale-while-revalidate`); one for each response. 0 … 1,000; 0: that is not done, the caller waits.
    std::size_t max_revalidations = 8;
    /// After such a request has failed there is no other one for the same response for this long. 0 … 1 h.
    duration revalidation_pause = std::chrono::seconds(1);

    /// Request fields beside Authorization, Cookie and Proxy-Authorization that say for whom a request is made
    /// ("X-Api-Key"). A response is given only to requests with the same values of all of these. At most 32 names.
    std::vector<std::string> credential_headers;

    /// Errors: `invalid_argument` naming the field, its value and the range.
    [[nodiscard]] result<void> validate() const;
};

/// A snapshot of a `response_cache`.
struct cache_statistics {
    std::size_t entries = 0;
    std::size_t bytes = 0;
    std::size_t revalidations_running = 0;  ///< in the background

    std::uint64_t hits = 0;       ///< requests answered without asking the server, fresh or stale
    std::uint64_t misses = 0;     ///< requests for which nothing was stored that fits
    std::uint64_t validated = 0;  ///< requests for which the server said that what is stored still holds (304)
    std::uint64_t replaced = 0;   ///< requests for which the server sent something new in its place
    std::uint64_t bypassed = 0;   ///< requests that are no business of the cache
    std::uint64_t stale_while_revalidating = 0;  ///< of the hits: stale, for it was being brought up to date
    std::uint64_t stale_if_error = 0;            ///< stale responses in the place of a failure; these are no hits
    std::uint64_t revalidations = 0;             ///< requests in the background

    std::uint64_t stored = 0;       ///< put into the cache, confirmed ones included
    std::uint64_t evicted = 0;      ///< had to make room
    std::uint64_t invalidated = 0;  ///< by a request that changes things, by a server's word, or by `forget`
    std::uint64_t outdated = 0;     ///< not stored, because something newer had come first
    std::uint64_t too_large = 0;    ///< not stored for its size
};

}  // namespace lido::http
