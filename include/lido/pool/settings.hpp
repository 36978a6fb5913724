// Lido: everything that can be set about a pool.
#pragma once

#include "lido/base/back_off.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/pool/adaptive_sizing.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>

namespace lido::pool {

class size_budget;

/// What `acquire` does when all connections are in use and `max_size` is reached.
enum class when_full : std::uint8_t {
    wait,      ///< wait in the queue until the deadline
    overflow,  ///< open one more connection beyond `max_size` and close it on return
    fail,      ///< refuse at once with `pool_exhausted`
};

/// Which of several idle connections is lent first.
enum class idle_order : std::uint8_t {
    last_in_first_out,   ///< the one used last: few connections stay warm, the rest can expire
    first_in_first_out,  ///< the one idle longest: load and age spread over all, none expires under load
};

/// What happens when a caller that holds leases asks for one more while no lease can ever come back, because every
/// lease is held by a caller that waits. Works for callers that name themselves by `acquire_options::holder`.
enum class nested_acquire : std::uint8_t {
    allow,   ///< wait like everybody, until the deadline
    refuse,  ///< refuse the newest with `would_deadlock`
};

/// The settings of a pool. Each can also be changed while the pool lives, by `pool::reconfigure`.
///
/// A plain value. `validate` says by name which field is out of range; a pool is never made from invalid settings.
struct settings {
    /// For messages and metrics; at most 100 characters.
    std::string name = "pool";

    // How many.

    /// Connections that may exist at once, overflow aside: connecting, idle, leased, resetting, closing. 1 … 100,000.
    /// Keep it below what the server allows, divided by the number of processes.
    std::size_t max_size = 10;
    /// Connections kept open while nobody needs them. 0 … max_size.
    std::size_t min_size = 0;
    /// Up to `max_size` at any time, or as many as the load needs: `sizing = adaptive_sizing::by_load()`.
    pool::sizing sizing = fixed_sizing{};
    /// Connections that this pool shares with others, see `size_budget`; null: none. Needs an adaptive sizing, and
    /// another `on_full` than `overflow`. It stays the same while the pool lives.
    std::shared_ptr<size_budget> budget;
    /// Connections that may be idle at once; one more is closed when it is returned. min_size … 100,000, or
    /// `unlimited`.
    std::size_t max_idle = unlimited;
    /// Callers that may wait at once; one more gets `queue_full`. 1 … 10,000,000. To wait for nothing, see `on_full`.
    std::size_t max_waiters = 1024;
    when_full on_full = when_full::wait;
    /// Connections beyond `max_size` that `when_full::overflow` may have open at once. 1 … 100,000.
    std::size_t max_overflow = 1000;
    idle_order order = idle_order::last_in_first_out;
    nested_acquire nested = nested_acquire::refuse;

    // How long a caller waits.

    /// From the call of `acquire` to the lease, over waiting, connecting and checking. 1 ms … 1 h.
    duration acquire_timeout = std::chrono::seconds(30);
    /// While the server cannot be reached a caller that has waited this long is refused with the last connect error
    /// instead of waiting for its deadline. 0 … 1 h; 0: refused at once.
    duration down_fail_fast = std::chrono::seconds(1);
    /// A caller of priority p is overtaken by one of priority 1 only if that one comes less than (p - 1) times this
    /// later: it bounds the wait of low priorities. 0 … 1 h; 0: strictly first come, first served.
    duration priority_ageing = std::chrono::seconds(5);

    // How long a connection lives.

    /// Closed when idle longer than this, down to `min_size`. 1 ms … 30 days, or `forever`. Keep it below the server's
    /// own idle time-out.
    duration idle_timeout = std::chrono::minutes(10);
    /// Replaced when older than this, less a random share of up to `lifetime_jitter`. 1 ms … 365 days, or `forever`.
    duration max_lifetime = std::chrono::minutes(30);
    /// The share of `max_lifetime` that is taken off at random, so that connections opened together do not end
    /// together. 0 … 0.5.
    double lifetime_jitter = 0.1;
    /// Closed after this many leases. 0 … 10^15; 0: no limit.
    std::uint64_t max_uses = 0;

    // How a connection is known to work.

    /// Checked before it is lent when it was idle longer than this. 0 … 30 days, or `forever`: never; 0: always.
    duration check_after_idle = std::chrono::seconds(1);
    /// An idle connection is checked this often, plus or minus a tenth at random. 1 ms … 30 days, or `forever`: never.
    duration keep_alive = std::chrono::minutes(2);
    /// For one check or reset. 1 ms … 10 min.
    duration check_timeout = std::chrono::seconds(5);

    // How connections are opened and closed.

    /// For one attempt to connect, handshakes included. 1 ms … 10 min.
    duration connect_timeout = std::chrono::seconds(10);
    /// How many leases a connection is expected to carry, until the first one that is opened has said how many it does:
    /// so many callers wait for it before a second one is opened. 1 … 1,000,000. It matters where `connector::capacity`
    /// may be above 1, and does not change what is known once a connection has been opened.
    std::uint32_t expected_capacity = 1;
    /// Attempts to connect at once. 1 … 1000.
    std::size_t max_concurrent_connects = 4;
    /// Between attempts after a failed one, growing with each failure, with full jitter.
    back_off_settings back_off{};
    /// For the polite close of one connection; then it is cut. 1 ms … 10 min.
    duration close_timeout = std::chrono::seconds(2);
    /// What `close` gives leases to come back. 0 … 1 h.
    duration drain_timeout = std::chrono::seconds(10);

    // What is reported.

    /// A lease held longer than this is reported, with the place that took it, once. 1 ms … 30 days, or `forever`.
    duration leak_after = forever;

    /// "Not at all", for each duration that says so.
    static constexpr duration forever = duration::max();
    /// "No limit of its own", for each number that says so.
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

    /// Success, or `invalid_argument` naming the first field that is out of range, its range and the value.
    [[nodiscard]] result<void> validate() const;
};

/// The settings of one `acquire`. Trivially destructible, so that it is safe in a `co_await` expression on GCC 12.
struct acquire_options {
    /// 1 (served first) … 10.
    std::uint8_t priority = 1;
    /// From the call to the lease. Zero: the pool's `acquire_timeout`. Up to 1 h.
    duration timeout = duration::zero();
    /// Who asks, for the detection of nested acquires: any number but 0 that stays the same for one caller.
    std::uint64_t holder = 0;
    /// The place that is named when the lease is not returned; filled in by default.
    std::source_location where = std::source_location::current();
};

}  // namespace lido::pool
