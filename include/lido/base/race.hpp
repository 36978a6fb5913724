// Lido: several tasks at once, and who of them ends first.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

namespace lido {

/// Runs up to `Lanes` tasks at once on the scheduler of the coroutine that owns it, and tells who ended. Destroying it
/// destroys those that still run where they are suspended: that is how the slower of two is given up, and how a task
/// without a deadline of its own gets one.
///
/// Not thread-safe: one scheduler, one awaiting coroutine. A frame for each task, recycled as all frames are.
template <class T, std::size_t Lanes = 5>
class race : private timer {
public:
    race() noexcept
        : timer([](timer& self) noexcept {
              auto& mine = static_cast<race&>(self);
              mine.where_ = nullptr;
              mine.take_waiter().resume();
          }) {}
    race(const race&) = delete;
    race& operator=(const race&) = delete;
    ~race() {
        disarm();
        for (lane& each : lanes_) {
            if (each.driver) each.driver.destroy();
        }
    }

    /// Runs `body` in lane `number`, which must be free, until it waits for the first time or ends. Not to be called
    /// from within one of the tasks.
    void start(std::size_t number, task<T> body) {
        lane& mine = lanes_[number];
        LIDO_ASSERT(mine.state == lane_state::free);
        mine.state = lane_state::running;
        ++running_;
        mine.driver = drive(this, number, std::move(body)).handle;
        mine.driver.resume();
    }
    [[nodiscard]] std::size_t running() const noexcept { return running_; }
    [[nodiscard]] bool is_free(std::size_t number) const noexcept { return lanes_[number].state == lane_state::free; }

    /// `co_await next(until)`: the number of a lane that ended, to be emptied by `take`; nothing at `until`.
    [[nodiscard]] auto next(time_point until) noexcept { return awaiter{*this, until}; }

    /// What the task of an ended lane returned, or rethrows what it threw. The lane is free then.
    [[nodiscard]] T take(std::size_t number) {
        lane& mine = lanes_[number];
        LIDO_ASSERT(mine.state == lane_state::ended);
        mine.state = lane_state::free;
        std::exchange(mine.driver, nullptr).destroy();
        if (mine.failure) std::rethrow_exception(std::exchange(mine.failure, nullptr));
        T value = std::move(*mine.value);
        mine.value.reset();
        return value;
    }

private:
    enum class lane_state : std::uint8_t { free, running, ended };
    struct lane {
        lane_state state = lane_state::free;
        std::coroutine_handle<> driver;
        std::optional<T> value;
        std::exception_ptr failure;
    };

    struct driver {
        struct promise_type {
            [[nodiscard]] static void* operator new(std::size_t size) { return detail::allocate_frame(size); }
            static void operator delete(void* frame, std::size_t size) noexcept { detail::release_frame(frame, size); }
            [[nodiscard]] driver get_return_object() noexcept {
                return {std::coroutine_handle<promise_type>::from_promise(*this)};
            }
            [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
            [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
        };
        std::coroutine_handle<promise_type> handle;
    };

    /// The end of a lane: goes on with whoever waits. The driver is never resumed again, only destroyed.
    struct finish {
        race* self;
        std::size_t number;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
            self->lanes_[number].state = lane_state::ended;
            --self->running_;
            self->disarm();
            return self->take_waiter();
        }
        void await_resume() const noexcept {}
    };

    static driver drive(race* self, std::size_t number, task<T> body) {
        lane& mine = self->lanes_[number];
        try {
            mine.value.emplace(co_await std::move(body));
        } catch (...) {
            mine.failure = std::current_exception();
        }
        const finish end{self, number};
        co_await end;
    }

    struct [[nodiscard]] awaiter {
        race& self;
        time_point until;
        [[nodiscard]] bool await_ready() const noexcept { return self.ended() || until <= scheduler::current()->now(); }
        void await_suspend(std::coroutine_handle<> waiter) const noexcept {
            self.waiter_ = waiter;
            if (until == never) return;
            self.where_ = scheduler::current();
            self.where_->arm(self, until);
        }
        [[nodiscard]] std::optional<std::size_t> await_resume() const noexcept { return self.ended(); }
    };

    [[nodiscard]] std::optional<std::size_t> ended() const noexcept {
        for (std::size_t i = 0; i < Lanes; ++i) {
            if (lanes_[i].state == lane_state::ended) return i;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::coroutine_handle<> take_waiter() noexcept {
        return waiter_ ? std::exchange(waiter_, nullptr) : std::noop_coroutine();
    }
    void disarm() noexcept {
        if (where_ != nullptr) std::exchange(where_, nullptr)->disarm(*this);
    }

    std::array<lane, Lanes> lanes_{};
    std::size_t running_ = 0;
    std::coroutine_handle<> waiter_;
    scheduler* where_ = nullptr;
};

}  // namespace lido
