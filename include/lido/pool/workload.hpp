// Lido: from a measured load to the size of a pool.
#pragma once

#include "lido/base/histogram.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lido::pool {

/// What was measured of durations of one sort.
struct measured_times {
    duration mean{};
    /// The standard deviation as a share of the mean: 0 when all are the same, 1 when exponentially distributed.
    double variation = 0.0;
    duration p50{};
    duration p95{};
    duration p99{};
    duration max{};

    /// The same of a histogram. About 2 ms.
    [[nodiscard]] static measured_times of(const histogram& from);
};

/// A recorded load: some time in the life of one pool.
struct workload {
    duration length{};           ///< of the record; above 0
    std::uint64_t requests = 0;  ///< that ended in it; at least 1
    std::uint64_t failed = 0;    ///< of these
    /// Callers there are at all, each with one request at a time; 0: not known, any number.
    std::size_t users = 0;
    std::size_t pool_size = 1;    ///< connections allowed
    std::size_t peak_in_use = 0;  ///< connections in use at once
    /// The variation of the times between arrivals; 1: at random (a Poisson process), 0: regular.
    double arrival_variation = 1.0;
    measured_times service;   ///< how long a connection was held: the time of a lease
    measured_times wait;      ///< for a connection
    measured_times response;  ///< wait and service together, as the caller saw it
    measured_times connect;   ///< opening a connection; all zero: not known

    /// Requests per second.
    [[nodiscard]] double arrival_rate() const noexcept;
    /// Connections in use on average: Little's law, L = λ S.
    [[nodiscard]] double concurrency() const noexcept;
    /// The share of the pool's connections that was in use.
    [[nodiscard]] double utilisation() const noexcept;

    /// `invalid_argument`, naming the first number that cannot be.
    [[nodiscard]] result<void> validate() const;
};

/// The chance that a caller has to wait in a queue before `servers` servers that are offered `load` Erlangs, with
/// random arrivals and exponential service: Erlang's C formula (1917). 1 when the load is more than they can serve.
/// O(servers).
[[nodiscard]] double erlang_c(std::size_t servers, double load) noexcept;

/// The mean wait for one of `servers` connections under that load: the approximation of Allen and Cunneen for the queue
/// G/G/c (A. O. Allen, "Probability, Statistics, and Queueing Theory", 1990), which is Erlang's for M/M/c times
/// (ca² + cs²) / 2. `duration::max()` when they are too few to serve it at all. Where the number of callers is known it
/// is zero once there is a connection for each.
[[nodiscard]] duration expected_wait(const workload& load, std::size_t servers);

/// Settings for a load, and why.
struct sizing_advice {
    std::size_t max_size = 1;
    std::size_t min_size = 0;
    std::size_t max_waiters = 1;
    duration acquire_timeout{};
    duration connect_timeout{};
    duration read_timeout{};
    /// What is to be expected with `max_size`, and with half of it; `duration::max()`: more and more.
    duration wait{};
    duration wait_with_half{};
    double utilisation = 0.0;  ///< with `max_size`
    /// The sentences of the reasoning, in order.
    std::vector<std::string> reasons;
};

/// The smallest pool whose mean wait is at most `target`, and what goes with it. A pure function; milliseconds. Errors:
/// `invalid_argument` for a record that cannot be or a target out of 1 us … 1 h, and when more than 100,000 connections
/// would be needed.
[[nodiscard]] result<sizing_advice> advise(const workload& load, duration target);

}  // namespace lido::pool
