// Lido: what a pool has done and how it stands.
#pragma once

#include "lido/base/histogram.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace lido::pool {

/// A consistent snapshot of one pool. Counters count from the pool's making and never go down.
struct statistics {
    std::string name;

    // Connections now.
    std::size_t max_size = 0;
    std::size_t min_size = 0;
    std::size_t wanted_size = 0;  ///< what may be open now: max_size, or what the adaptive sizing wants and gets
    std::size_t idle = 0;         ///< open and lent to nobody
    std::size_t in_use = 0;       ///< connections with at least one lease
    std::size_t leases = 0;       ///< leases out; more than `in_use` where a connection is shared
    std::size_t connecting = 0;   ///< being opened
    std::size_t checking = 0;     ///< being checked or reset
    std::size_t closing = 0;      ///< being closed
    std::size_t overflow = 0;     ///< of all these, the ones beyond max_size
    std::size_t waiting = 0;      ///< callers in the queue

    /// Has it all the connections that it may have, other than such as are only being made or checked? Then whoever
    /// waits, waits for other callers, and not for the server.
    [[nodiscard]] bool is_full() const noexcept {
        const std::size_t of_callers = idle + in_use + closing;
        return of_callers > 0 && of_callers + connecting + checking >= wanted_size;
    }

    // Peaks.
    std::size_t peak_in_use = 0;
    std::size_t peak_size = 0;
    std::size_t peak_waiting = 0;

    // Connections over time.
    std::uint64_t created = 0;         ///< opened successfully
    std::uint64_t connect_failed = 0;  ///< attempts that failed or timed out
    std::uint64_t closed = 0;          ///< gone, for whatever reason
    std::uint64_t checks = 0;
    std::uint64_t checks_failed = 0;
    std::uint64_t resets = 0;
    std::uint64_t resets_failed = 0;

    std::uint64_t grown = 0;   ///< decisions of an adaptive sizing to have more
    std::uint64_t shrunk = 0;  ///< and to have fewer

    // Why they were closed: the sum is `closed`.
    std::uint64_t closed_idle = 0;      ///< idle_timeout, or more than max_size after a resize
    std::uint64_t closed_lifetime = 0;  ///< max_lifetime or max_uses
    std::uint64_t closed_broken = 0;    ///< returned broken, check or reset failed, lost while idle
    std::uint64_t closed_retired = 0;   ///< retire_all, drain, overflow returned

    // Acquires over time: started = served + refused + still waiting.
    std::uint64_t acquires = 0;
    std::uint64_t served = 0;         ///< leases handed out
    std::uint64_t served_reused = 0;  ///< of these, on a connection that had served before
    std::uint64_t refused = 0;
    std::uint64_t refused_timeout = 0;
    std::uint64_t refused_down = 0;       ///< with the last connect error
    std::uint64_t refused_full = 0;       ///< queue_full, pool_exhausted, and those who would not wait
    std::uint64_t refused_cancelled = 0;  ///< the caller cancelled
    std::uint64_t refused_other = 0;      ///< closed, would_deadlock
    std::uint64_t released = 0;
    std::uint64_t leaks_reported = 0;
    std::uint64_t stale_events = 0;  ///< completions and releases that came too late and were ignored

    /// From `acquire` to lease, of those that were served; zero where a connection was there at once.
    histogram wait;
    /// From the beginning of a connect to its success.
    histogram connect;

    /// served_reused / served; 0 before the first lease.
    [[nodiscard]] double reuse_ratio() const noexcept {
        return served == 0 ? 0.0 : static_cast<double>(served_reused) / static_cast<double>(served);
    }
};

}  // namespace lido::pool
