// Lido: what the programs that put a load on a database have in common.
#pragma once

#include "lido/base/histogram.hpp"
#include "lido/base/operation.hpp"
#include "lido/base/random.hpp"
#include "lido/base/time.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/statement.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace lido::bench {

/// What is measured, and from when to when. Thread-safe.
class load_window {
public:
    load_window(time_point from, time_point until) : measured_from(from), end(until) {}

    /// One query has ended now; `begun` becomes the beginning of the next.
    void count(time_point& begun, bool works) {
        const time_point ended = clock::now();
        const time_point since = std::exchange(begun, ended);
        all.fetch_add(1, std::memory_order_relaxed);
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
    std::atomic<std::uint64_t> all{0};      // also those of the time to warm up
    std::atomic<std::uint64_t> queries{0};  // measured
    std::atomic<std::uint64_t> failures{0};

private:
    std::mutex mutex_;
    histogram latency_;
};

/// Memory of this process, in megabytes.
inline double resident_megabytes() {
    std::ifstream file("/proc/self/statm");
    double pages = 0;
    file >> pages >> pages;
    return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// User and system time of this process, in seconds.
struct processor_time {
    double user = 0;
    double system = 0;
    [[nodiscard]] static processor_time now() {
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        const auto seconds = [](const timeval& of) {
            return static_cast<double>(of.tv_sec) + static_cast<double>(of.tv_usec) * 1e-6;
        };
        return {seconds(used.ru_utime), seconds(used.ru_stime)};
    }
};

/// So many users, each of whom does one thing after another until the window ends, after half a second to warm up.
class load {
public:
    load(int users, double seconds)
        : users_(users),
          memory_(resident_megabytes()),
          window_(
              clock::now() + warm_up,
              clock::now() + warm_up + std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds))) {}
    load(const load&) = delete;
    ~load() {
        for (std::thread& each : threads_) each.join();
    }

    [[nodiscard]] int users() const noexcept { return users_; }
    [[nodiscard]] load_window& window() noexcept { return window_; }
    /// One user as a coroutine on an I/O thread.
    void spawn(runtime& on, task<void> body) { on.spawn(counted(std::move(body), *this)); }
    /// One user as a thread.
    template <class Function>
    void start(Function body) {
        threads_.emplace_back([this, body = std::move(body)] {
            body();
            one_ended();
        });
    }
    /// Waits for all users and prints what they did on one line. CPU is that of the whole process, its start and the
    /// time to warm up included, over all queries, as the peers' is.
    [[nodiscard]] int report() {
        std::this_thread::sleep_until(window_.measured_from);
        const time_point begun = clock::now();
        std::this_thread::sleep_until(window_.end - std::chrono::milliseconds(20));
        const double memory = resident_megabytes() - memory_;
        for (int ended = ended_.load(); ended < users_; ended = ended_.load()) ended_.wait(ended);
        const processor_time used = processor_time::now();
        const double elapsed = std::chrono::duration<double>(clock::now() - begun).count();
        const auto queries = static_cast<double>(window_.queries.load());
        const auto all = static_cast<double>(window_.all.load());
        const double user = used.user / all * 1e6;
        const double system = used.system / all * 1e6;
        std::printf(
            "%.0f queries/s, cpu %.2f us/query (user %.2f, system %.2f), p50 %.0f us, p95 %.0f us, p99 %.0f us, memory "
            "%.1f MB, failures %llu\n",
            queries / elapsed, user + system, user, system, window_.microseconds(0.5), window_.microseconds(0.95),
            window_.microseconds(0.99), memory, static_cast<unsigned long long>(window_.failures.load()));
        return window_.failures.load() == 0 ? 0 : 1;
    }

private:
    static constexpr duration warm_up = std::chrono::milliseconds(500);

    static task<void> counted(task<void> body, load& of) {
        load& mine = of;
        co_await std::move(body);
        mine.one_ended();
    }
    void one_ended() {
        ended_.fetch_add(1);
        ended_.notify_all();
    }

    const int users_;
    const double memory_;  // of the idle process
    load_window window_;
    std::atomic<int> ended_{0};
    std::vector<std::thread> threads_;
};

/// A user of a pool who selects one row by its key after another.
template <class Pool>
task<void> selects_by_key(Pool& db, load_window& window, sql::statement text, int number, int rows) {
    random_source dice(static_cast<std::uint64_t>(number) + 1);
    time_point begun = clock::now();
    while (begun < window.end) {
        const int key = 1 + static_cast<int>(dice.unit() * rows);
        operation<sql::rows> asked = db.query(text, key);
        const auto got = co_await std::move(asked);
        window.count(begun, got && got->size() == 1 && !(*got)[0][0].is_null());
    }
}

}  // namespace lido::bench
