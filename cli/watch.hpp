// Lido: what the main thread waits for.
#pragma once

#include "lido/base/time.hpp"
#include "lido/net/socket.hpp"

#include <atomic>
#include <cstddef>
#include <utility>

namespace lido::cli {

/// Where the main thread waits: for a bell that other threads ring, and for SIGINT and SIGTERM, which it holds back
/// from killing the process as long as it lives. Only the first of them: from then on the next one kills, so that
/// nobody is ever kept waiting by an orderly end. Make it before any other thread, on the main thread, which alone may
/// wait.
class watch {
public:
    watch();
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch();

    enum class woken_by { bell, signal, time };
    /// Blocks until something happens or `until` has come. Rings before the call are not lost.
    [[nodiscard]] woken_by wait(time_point until);
    /// Any thread.
    void ring() noexcept;
    /// The signal that came, 0 as long as none has.
    [[nodiscard]] int signal() const noexcept { return signal_; }
    /// Waits for `descriptor` to be readable as well; false when a signal or `until` came first.
    [[nodiscard]] bool wait_readable(int descriptor, time_point until) { return wait_ready(descriptor, false, until); }
    [[nodiscard]] bool wait_writable(int descriptor, time_point until) { return wait_ready(descriptor, true, until); }

private:
    [[nodiscard]] bool wait_ready(int descriptor, bool to_write, time_point until);
    [[nodiscard]] woken_by poll_once(int extra, short events, time_point until, bool& extra_ready);
    void take_signal();

    net::unique_descriptor bell_;
    net::unique_descriptor signals_;
    int signal_ = 0;
};

/// Counts what is still running on other threads; rings when the last has ended. Must outlive all its tokens.
class live_count {
public:
    explicit live_count(watch& where) noexcept : watch_(where) {}

    /// Something that runs; ends with its owner.
    class token {
    public:
        explicit token(live_count* count) noexcept : count_(count) {
            count_->running_.fetch_add(1, std::memory_order_relaxed);
        }
        token(token&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
        token& operator=(token&&) = delete;
        ~token() {
            if (count_ != nullptr) count_->leave();
        }

    private:
        live_count* count_;
    };

    [[nodiscard]] token enter() noexcept { return token(this); }
    [[nodiscard]] std::size_t running() const noexcept { return running_.load(std::memory_order_acquire); }
    /// Blocks until none is left; false when `until` came first. Signals that come meanwhile are left to `watch`.
    [[nodiscard]] bool wait_until_none(time_point until);

private:
    void leave() noexcept {
        // The bell is asked for before the count goes down: afterwards the waiting thread may destroy this object.
        watch& where = watch_;
        if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) where.ring();
    }

    watch& watch_;
    std::atomic<std::size_t> running_{0};
};

/// Lets the process open as many descriptors as its administrator allows, instead of the customary 1024.
void raise_descriptor_limit() noexcept;

}  // namespace lido::cli
