// Lido: the readiness of a descriptor that a library of others reads and writes.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/net/event_loop.hpp"

#include <coroutine>
#include <cstdint>
#include <utility>

#include <sys/types.h>

namespace lido::net {

/// Tells when a non-blocking descriptor can be read or written, for client libraries that do their own input and output
/// and then say what they wait for. It does not own the descriptor, which a library may close by itself when a
/// connection breaks, and another connection of the loop may then have got its number. It belongs to its loop; one
/// coroutine waits at a time.
///
/// The kernel reports edges: whoever waits must have read or written until the library (the kernel, that is) had
/// nothing more, otherwise what was left makes no new edge. A report may be stale, and then the library finds nothing.
/// Whether it can be written is asked of the kernel only while somebody waits for that: on a UNIX socket every read of
/// the peer's would be a report.
class descriptor_watch final : public event_source {
public:
    /// What can be done now; neither: the deadline came first. A broken connection counts as both.
    struct readiness {
        bool read = false;
        bool write = false;
        [[nodiscard]] explicit operator bool() const noexcept { return read || write; }
    };

    /// Throws `std::system_error` when the descriptor cannot be watched.
    descriptor_watch(event_loop& loop, int descriptor);
    descriptor_watch(descriptor_watch&&) = delete;
    ~descriptor_watch();

    class [[nodiscard]] awaiter;
    /// Waits until the descriptor is ready for what is wanted, at most until `deadline`. Destroying the awaiting
    /// coroutine takes the wait back.
    [[nodiscard]] awaiter ready(readiness wanted, time_point deadline) noexcept;

    /// Called, on the loop, when there is something to read, or the peer has gone, while nobody waits.
    using disturbance = void (*)(void* context) noexcept;
    void on_disturbance(disturbance call, void* context) noexcept {
        disturbance_ = call;
        disturbance_context_ = context;
    }

    [[nodiscard]] event_loop& loop() const noexcept { return loop_; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    friend class awaiter;
    void on_events(std::uint32_t events) noexcept override;
    [[nodiscard]] bool is_still_mine() const noexcept;
    void hear_of_writing(bool wanted) noexcept;

    event_loop& loop_;
    int descriptor_;
    ino_t what_;      // is open under it, unless its owner has closed it meanwhile
    readiness seen_;  // and not waited for since
    awaiter* waiter_ = nullptr;
    disturbance disturbance_ = nullptr;
    void* disturbance_context_ = nullptr;
};

class [[nodiscard]] descriptor_watch::awaiter : private timer {
public:
    awaiter(descriptor_watch& of, readiness wanted, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<awaiter&>(self).resume(); }),
          watch_(of),
          wanted_(wanted),
          deadline_(deadline) {}
    awaiter(awaiter&&) = delete;
    ~awaiter() {
        if (caller_) leave();
    }

    [[nodiscard]] bool await_ready() noexcept {
        take();
        return static_cast<bool>(got_);
    }
    void await_suspend(std::coroutine_handle<> caller) noexcept {
        LIDO_ASSERT(watch_.waiter_ == nullptr);
        caller_ = caller;
        watch_.waiter_ = this;
        if (wanted_.write) watch_.hear_of_writing(true);
        watch_.loop_.arm(*this, deadline_);
    }
    [[nodiscard]] readiness await_resume() const noexcept { return got_; }

private:
    friend class descriptor_watch;
    /// What was seen and is wanted; it counts once.
    void take() noexcept {
        got_.read = wanted_.read && std::exchange(watch_.seen_.read, watch_.seen_.read && !wanted_.read);
        got_.write = wanted_.write && std::exchange(watch_.seen_.write, watch_.seen_.write && !wanted_.write);
    }
    std::coroutine_handle<> leave() noexcept {
        watch_.waiter_ = nullptr;
        if (wanted_.write) watch_.hear_of_writing(false);
        watch_.loop_.disarm(*this);
        return std::exchange(caller_, nullptr);
    }
    void resume() noexcept {
        take();
        leave().resume();
    }

    descriptor_watch& watch_;
    const readiness wanted_;
    readiness got_;
    const time_point deadline_;
    std::coroutine_handle<> caller_;
};

inline descriptor_watch::awaiter descriptor_watch::ready(readiness wanted, time_point deadline) noexcept {
    return {*this, wanted, deadline};
}

}  // namespace lido::net
