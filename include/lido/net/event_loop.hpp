// Lido: one thread's event loop, on epoll.
#pragma once

#include "lido/base/scheduler.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace lido::net {

/// A file descriptor that wants to hear from an event loop. Registered once, edge-triggered, for reading and writing
/// together; so a request on a kept-alive connection costs no epoll call of its own.
class event_source {
public:
    event_source(const event_source&) = delete;
    event_source& operator=(const event_source&) = delete;

    /// `events` are epoll's bits. Runs on the loop. May destroy any source, this one too.
    virtual void on_events(std::uint32_t events) noexcept = 0;

protected:
    event_source() = default;
    ~event_source() = default;
};

/// A scheduler on epoll, eventfd, timerfd and a timing wheel.
///
/// It runs in two ways: `run()` gives it a thread, or a foreign loop watches `descriptor()` for reading and calls
/// `run_ready()` when it is (see `lido/asio.hpp`). Everything but `post` and `stop` belongs to the thread that runs it.
/// docs/design/event_loop.md says why this is not Asio's and what was measured.
class event_loop final : public scheduler {
public:
    enum class drive : std::uint8_t {
        own_thread,  ///< `run()` blocks in epoll_wait
        embedded,    ///< a foreign loop waits for `descriptor()`
    };

    /// Throws `std::system_error` when the process is out of descriptors.
    event_loop(scheduler_group& group, std::uint32_t index, drive how = drive::own_thread);
    ~event_loop() override;

    void post(work& item) noexcept override;
    [[nodiscard]] time_point now() const noexcept override { return now_; }
    void arm(timer& which, time_point when) noexcept override { wheel_.arm({}, &which, when); }
    void disarm(timer& which) noexcept override { wheel_.disarm({}, &which); }

    /// Runs until `stop()`; what was posted before is still run.
    void run();
    /// Does what is ready without blocking. For a foreign loop.
    void run_ready();
    /// After `run()` has ended: runs what was posted since, on the calling thread. False: there was nothing.
    bool run_posted() noexcept;
    /// Makes `run()` return soon. Any thread.
    void stop() noexcept;
    /// Readable whenever `run_ready()` has something to do. Embedded loops only.
    [[nodiscard]] int descriptor() const noexcept { return epoll_; }

    /// Registers `descriptor`; returns 0 or errno.
    [[nodiscard]] int add(int descriptor, event_source& source) noexcept;
    /// Whether `source` hears that it can write again, from now on; at first it does. Without it a source on a UNIX
    /// socket is not woken each time the peer has read something. Returns 0 or errno.
    [[nodiscard]] int hear_of_writing(int descriptor, event_source& source, bool wanted) noexcept;
    /// Forgets it, also within the events that are being delivered.
    void remove(int descriptor, event_source& source) noexcept;

    /// Counts the turns of the loop: what happened in an earlier turn has been seen by a poll in between.
    [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }

private:
    struct work_queue {
        work* head = nullptr;
        work* tail = nullptr;
        void push(work& item) noexcept;
    };

    struct without_descriptors {};
    event_loop(scheduler_group& group, std::uint32_t index, without_descriptors);
    void turn_once(int timeout_milliseconds);
    void collect_remote() noexcept;
    void run_queue() noexcept;
    void wake() noexcept;
    [[nodiscard]] int poll_timeout() noexcept;
    void arm_timer_descriptor() noexcept;

    static constexpr int batch_size = 128;

    // What each turn looks at is close together: after a sleep little of it is left in the processor's caches.
    int epoll_ = -1;
    int wake_ = -1;
    int timer_descriptor_ = -1;
    int batch_count_ = 0;
    int batch_position_ = 0;
    time_point now_;
    std::uint64_t turn_ = 0;
    time_point timer_descriptor_at_ = never;  // what it is armed for; it may be sooner than any timer
    work_queue local_;
    // Shared with other threads.
    std::atomic<work*> remote_{nullptr};
    std::atomic<bool> sleeping_{false};
    std::atomic<bool> stopping_{false};

    timer_wheel<timer_nodes> wheel_;
    std::array<event_source*, batch_size> batch_{};
};

}  // namespace lido::net
