// Lido: the clock, and what deadlines are made of.
#pragma once

#include <chrono>
#include <string>

namespace lido {

/// The only clock that Lido decides by. It never jumps; the wall clock is used for certificates and HTTP dates alone.
using clock = std::chrono::steady_clock;
using duration = clock::duration;
using time_point = clock::time_point;

/// A deadline that never comes.
inline constexpr time_point never = time_point::max();

/// The deadline `timeout` after `now`, saturating at `never` instead of overflowing.
[[nodiscard]] constexpr time_point deadline_after(time_point now, duration timeout) noexcept {
    return timeout >= never - now ? never : now + timeout;
}

/// The kernel's cheap monotonic time: some milliseconds behind `clock::now()`, on the same scale, about a tenth of
/// its cost. For bookkeeping (idle since, leased since), never for a deadline that is nearer than 10 ms.
[[nodiscard]] time_point coarse_now() noexcept;

/// "250 ms", "10 s", "2 min", "1 h 30 min": the shortest exact form of a duration, for messages and reports.
[[nodiscard]] std::string to_text(duration value);

}  // namespace lido
