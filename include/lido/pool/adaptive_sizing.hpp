// Lido: rules by which a pool chooses its size itself.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <variant>

namespace lido::pool {

/// The pool may have up to `max_size` connections at any time.
struct fixed_sizing {
    bool operator==(const fixed_sizing&) const = default;
};

/// The pool may have up to a *wanted size*, which begins at `min_size` (at least 1) and is looked at again after every
/// interval: it grows when callers lack connections and shrinks when connections lack callers, between `min_size` and
/// `max_size`, and within the budget if there is one.
///
/// Three things keep it from swinging, whatever the figures: it grows only while somebody lacks a connection (waits for
/// one that is neither there nor on its way, or was turned away), so a server that is merely slow is not given more; it
/// shrinks only after `shrink_after` calm intervals in a row; and never below what was in use at once during these.
/// docs/design/sizing.md says why.
///
/// A plain value, trivially destructible. The rules of a pool can be changed while it lives, by `pool::reconfigure`.
struct adaptive_sizing {
    /// How often the size is looked at while the pool is used. 10 ms … 1 h.
    duration interval = std::chrono::milliseconds(500);

    // It grows when one of these holds, or when callers were turned away for want of a connection.

    /// The mean wait for want of a connection is longer. 0 … 1 h, or `not_looked_at`.
    duration grow_above_wait = std::chrono::milliseconds(5);
    /// The mean response time (wait and lease) is longer, and somebody waited. 0 … 1 h, or `not_looked_at`.
    duration grow_above_response = not_looked_at;
    /// The response time counts when this many leases were given in the interval. 0 … 1,000,000.
    std::uint64_t least_leases = 0;
    /// A larger share of the connections' time was lent, and somebody waited. 0 … 1; 1: not looked at.
    double grow_above_utilisation = 0.9;
    /// By at least this many connections. 1 … 1000.
    std::size_t grow_by = 1;
    /// By as many as callers waited on average, but at most this share of the size. 0 … 10; 0: by `grow_by`.
    double grow_share = 1.0;

    // It shrinks when all of these hold that are looked at, in `shrink_after` intervals in a row.

    /// A smaller share of the connections' time was lent. 0 … 1; 0: not looked at.
    double shrink_below_utilisation = 0.35;
    /// The mean response time is shorter, or nobody asked. 0 … 1 h; 0: not looked at.
    duration shrink_below_response = duration::zero();
    /// By at least this many connections. 1 … 1000.
    std::size_t shrink_by = 1;
    /// By this share of the connections that were not needed in these intervals. 0 … 1; 0: by `shrink_by`.
    double shrink_share = 0.5;
    /// 1 … 16.
    std::size_t shrink_after = 10;

    static constexpr duration not_looked_at = duration::max();

    /// For connections that open in milliseconds: these are the defaults. Looks twice a second, doubles at most, and
    /// lets go of half of what was not needed for five seconds.
    [[nodiscard]] static adaptive_sizing by_load() noexcept;
    /// For connections that are expensive to open and to keep, such as browsers: every 30 s, 2 more when callers waited
    /// longer than 5 s on average, 1 less when less than 30 % of the time was used.
    [[nodiscard]] static adaptive_sizing by_waiting() noexcept;
    /// For calls whose response time is what matters: every minute, 5 more when the mean response time of at least 10
    /// requests is above 2 s, 2 less when it is below 0.5 s.
    [[nodiscard]] static adaptive_sizing by_response_time() noexcept;

    /// `invalid_argument`, naming the first field that is out of range.
    [[nodiscard]] result<void> validate() const;

    bool operator==(const adaptive_sizing&) const = default;
};

/// How a pool chooses its size.
using sizing = std::variant<fixed_sizing, adaptive_sizing>;

}  // namespace lido::pool
