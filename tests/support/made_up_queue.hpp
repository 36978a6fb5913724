// Lido's tests: a queue in front of servers, on virtual time, to see what sizes do to waits.
#pragma once

#include "lido/base/random.hpp"
#include "lido/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace lido::test {

/// What happened to one caller.
struct visit {
    time_point came{};
    duration waited{};
    duration served{};
};

/// First come, first served, one caller per server; the number of servers may change at every interval. The caller of
/// `run` says when callers come and how long each is served, both as functions of the time, so that all of it follows
/// from a seed.
class made_up_queue {
public:
    struct load {
        /// From one arrival to the next; what is not positive ends the arrivals.
        std::function<duration(time_point)> until_next;
        std::function<duration(time_point)> service;
    };
    /// What an interval has shown.
    struct interval {
        time_point end{};
        duration busy{};
        duration lacking{};
        std::uint64_t served = 0;
        std::size_t peak_busy = 0;
        std::size_t waiting = 0;  ///< at its end
    };

    /// Runs from `begin` to `end`. After each `every`, `resize` says how many servers there are from then on; those
    /// that are too many end with their present caller.
    void run(const load& offered, time_point begin, time_point end, std::size_t servers, duration every,
             const std::function<std::size_t(const interval&, std::size_t)>& resize);

    [[nodiscard]] const std::vector<visit>& visits() const noexcept { return visits_; }

private:
    std::vector<visit> visits_;
};

/// Exponentially distributed with the given mean.
[[nodiscard]] duration exponential(random_source& random, duration mean);
/// Lognormal with the given mean and coefficient of variation: a few that take very long.
[[nodiscard]] duration heavy_tailed(random_source& random, duration mean, double variation);

}  // namespace lido::test
