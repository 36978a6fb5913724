// Lido: what its PostgreSQL pool is measured against, in the same program.
#pragma once

#include "lido/base/histogram.hpp"
#include "lido/base/time.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lido::bench {

/// What is measured, and from when to when. Thread-safe.
class load_window {
public:
    load_window(time_point from, time_point until) : measured_from(from), end(until) {}

    /// One query has ended now; `begun` becomes the beginning of the next.
    void count(time_point& begun, bool works) {
        const time_point ended = clock::now();
        const time_point since = std::exchange(begun, ended);
        if (!works) failures.fetch_add(1, std::memory_order_relaxed);
        if (since < measured_from) return;
        queries.fetch_add(1, std::memory_order_relaxed);
        const std::lock_guard held(mutex_);
        latency_.record(ended - since);
    }
    [[nodiscard]] double microseconds(double quantile) {
        const std::lock_guard held(mutex_);
        return std::chrono::duration<double, std::micro>(latency_.quantile(quantile)).count();
    }

    const time_point measured_from;
    const time_point end;
    std::atomic<std::uint64_t> queries{0};
    std::atomic<std::uint64_t> failures{0};

private:
    std::mutex mutex_;
    histogram latency_;
};

/// One user on this thread with a libpq connection of its own, which blocks.
void libpq_user(const std::string& url, load_window& window, int number, int rows);

/// Users on threads over SOCI's pool, a connection for each; none without SOCI.
[[nodiscard]] std::vector<std::thread> soci_users(const std::string& url, load_window& window, int users, int rows,
                                                  std::atomic<int>& running);

}  // namespace lido::bench
