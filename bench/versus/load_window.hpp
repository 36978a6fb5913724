// Lido: the part that all loads of the comparisons share: what is counted, from when to when, and the line that is
// printed.
#pragma once

#include "lido/base/histogram.hpp"
#include "lido/base/task.hpp"
#include "lido/base/time.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <utility>

#include <sys/resource.h>

namespace lido::bench {

/// Users that do one thing after another, from now on until `warm_up` and `length` are over, and what they bring about.
/// `count` is for one thread; the rest is for another.
class load_window {
public:
    load_window(int users, duration warm_up, std::chrono::duration<double> length)
        : measured_from_(clock::now() + warm_up),
          end_(measured_from_ + std::chrono::duration_cast<duration>(length)),
          running_(users) {}

    [[nodiscard]] bool goes_on(time_point begun) const noexcept { return begun < end_; }
    /// One thing has ended now; `begun` becomes the beginning of the next.
    void count(time_point& begun, bool works) {
        const time_point ended = clock::now();
        const time_point since = std::exchange(begun, ended);
        ++all_;
        if (!works) ++failures_;
        if (since < measured_from_) return;
        latency_.record(ended - since);
        ++done_;
    }
    void user_ended() noexcept {
        running_.fetch_sub(1);
        running_.notify_all();
    }

    /// Waits for all users, and prints what they did in the window. CPU is that of the whole process, its start and the
    /// time to warm up included, over all that was done, as the peers' is. False if anything failed.
    [[nodiscard]] bool report(const char* what) {
        std::this_thread::sleep_until(measured_from_);
        const time_point begun = clock::now();
        for (int left = running_.load(); left > 0; left = running_.load()) running_.wait(left);
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        const double elapsed = std::chrono::duration<double>(clock::now() - begun).count();
        const auto done = static_cast<double>(done_);
        const double user = seconds(used.ru_utime) / static_cast<double>(all_) * 1e6;
        const double system = seconds(used.ru_stime) / static_cast<double>(all_) * 1e6;
        std::printf("%.0f %ss/s, cpu %.2f us/%s (user %.2f, system %.2f), p50 %.0f us, p99 %.0f us, failures %llu\n",
                    done / elapsed, what, user + system, what, user, system, microseconds(0.5), microseconds(0.99),
                    static_cast<unsigned long long>(failures_));
        return failures_ == 0;
    }

private:
    [[nodiscard]] static double seconds(const timeval& value) {
        return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) * 1e-6;
    }
    [[nodiscard]] double microseconds(double quantile) const {
        return std::chrono::duration<double, std::micro>(latency_.quantile(quantile)).count();
    }

    const time_point measured_from_;
    const time_point end_;
    std::atomic<int> running_;
    std::uint64_t all_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t failures_ = 0;
    histogram latency_;
};

}  // namespace lido::bench
