// Lido: which SQLite statements may run on the thread of an event loop.
#pragma once

#include "lido/base/time.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace lido::sqlite {

/// How one prepared statement has run lately. One that was never seen is not brief. One that took too long twice within
/// 16 runs (once may be the fault of whoever had the processor meanwhile) has its next 16 runs on worker threads before
/// it is tried again, then 32, up to 4096: what the tries cost in vain is a small part of what it costs anyway. A plain
/// value.
class pace {
public:
    [[nodiscard]] bool is_brief() const noexcept { return known_ && waits_ == 0; }
    void ran_within() noexcept {
        known_ = true;
        if (waits_ > 0) --waits_;
        if (++within_ >= runs_that_forgive * penalty_) penalty_ = least_penalty / 2;
    }
    void ran_beyond() noexcept {
        const bool again = within_ < least_penalty;
        known_ = true;
        within_ = 0;
        if (!again) return;
        penalty_ = std::min(2 * penalty_, most_penalty);
        waits_ = penalty_;
    }

private:
    static constexpr std::uint32_t least_penalty = 16;
    static constexpr std::uint32_t most_penalty = 4096;
    static constexpr std::uint32_t runs_that_forgive = 16;

    bool known_ = false;
    std::uint32_t waits_ = 0;   // runs on worker threads until the next try
    std::uint32_t within_ = 0;  // runs since the last that took too long
    std::uint32_t penalty_ = least_penalty / 2;
};

/// Has this thread waited for a disk since it was asked last? By the kernel's count of blocks read; a system call.
[[nodiscard]] bool has_read_a_disk() noexcept;

/// Keeps all statements of a database away from event loops for a while after one had to wait for the disk there, which
/// nobody can foresee: 10 ms, doubled up to 1 s while it happens again within 2 s. Thread-safe, without locks.
class brief_pause {
public:
    [[nodiscard]] bool allows(time_point now) const noexcept {
        return now.time_since_epoch().count() >= until_.load(std::memory_order_relaxed);
    }
    /// Did a statement take so long that the disk may be why? Mostly it was another thread that had the processor.
    [[nodiscard]] static bool is_suspicious(duration took) noexcept { return took >= std::chrono::milliseconds(1); }
    void begin(time_point now) noexcept {
        const duration::rep before = until_.load(std::memory_order_relaxed);
        const duration last = now - time_point(duration(before)) < memory ? duration(length_.load()) : duration::zero();
        const duration next = std::clamp<duration>(2 * last, shortest, longest);
        length_.store(next.count(), std::memory_order_relaxed);
        until_.store((now + next).time_since_epoch().count(), std::memory_order_relaxed);
    }

private:
    static constexpr duration shortest = std::chrono::milliseconds(10);
    static constexpr duration longest = std::chrono::seconds(1);
    static constexpr duration memory = std::chrono::seconds(2);

    std::atomic<duration::rep> until_{0};
    std::atomic<duration::rep> length_{0};
};

}  // namespace lido::sqlite
