// Lido: several tasks at once, and who of them ends first.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"

#include <array>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

namespace lido {

/// Runs up to `Lanes` tasks at once on the scheduler of the coroutine that owns it, and tells who ended. Destroying it
/// destroys those that still run where they are suspended: that is how the slower of two is given up, and how a task
/// without a deadline of its own gets one.
///
/// Not thread-safe: one scheduler, one awaiting coroutine. Costs no allocation beside the tasks' own.
template <class T, std::size_t Lanes = 5>
class race : private timer {
public:
    race() noexcept
        : timer([](timer& self) noexcept {
              auto& mine = static_cast<race&>(self);
              mine.where_ = nullptr;
              mine.waiter_.resume();
          }) {}
    race(const race&) = delete;
    race& operator=(const race&) = delete;
    ~race() { disarm(); }

    /// Runs `body` in lane `number`, which must be free, until it waits for the first time or ends. Not to be called
    /// from within one of the tasks.
    void start(std::size_t number, task<T> body) { lanes_[number].start(std::move(body)); }
    [[nodiscard]] std::size_t running() const noexcept {
        std::size_t count = 0;
        for (const detail::task_lane<T>& each : lanes_) count += each.is_running() ? 1U : 0U;
        return count;
    }
    [[nodiscard]] bool is_free(std::size_t number) const noexcept { return lanes_[number].is_free(); }

    /// `co_await next(until)`: the number of a lane that ended, to be emptied by `take`; nothing at `until`.
    [[nodiscard]] auto next(time_point until) noexcept { return awaiter{*this, until}; }

    /// What the task of an ended lane returned, or rethrows what it threw. The lane is free then.
    [[nodiscard]] T take(std::size_t number) {
        LIDO_ASSERT(lanes_[number].has_ended());
        return lanes_[number].take();
    }

private:
    struct [[nodiscard]] awaiter {
        race& self;
        time_point until;
        [[nodiscard]] bool await_ready() const noexcept { return self.ended() || until <= scheduler::current()->now(); }
        void await_suspend(std::coroutine_handle<> waiter) const noexcept {
            self.waiter_ = waiter;
            for (detail::task_lane<T>& each : self.lanes_) {
                if (each.is_running()) each.parent_waits(waiter);
            }
            if (until == never) return;
            self.where_ = scheduler::current();
            self.where_->arm(self, until);
        }
        [[nodiscard]] std::optional<std::size_t> await_resume() const noexcept {
            self.disarm();
            for (detail::task_lane<T>& each : self.lanes_) {
                if (each.is_running()) each.parent_goes_on();
            }
            return self.ended();
        }
    };

    [[nodiscard]] std::optional<std::size_t> ended() const noexcept {
        for (std::size_t i = 0; i < Lanes; ++i) {
            if (lanes_[i].has_ended()) return i;
        }
        return std::nullopt;
    }
    void disarm() noexcept {
        if (where_ != nullptr) std::exchange(where_, nullptr)->disarm(*this);
    }

    std::array<detail::task_lane<T>, Lanes> lanes_;
    std::coroutine_handle<> waiter_;
    scheduler* where_ = nullptr;
};

}  // namespace lido
