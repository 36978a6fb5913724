// Lido: work, timers and waits for tests.
#pragma once

#include "lido/base/scheduler.hpp"

#include <coroutine>
#include <functional>
#include <utility>

namespace lido::test {

/// Work that calls a function. Must outlive its run.
struct function_work : work {
    explicit function_work(std::function<void()> to_call)
        : work([](work& item) noexcept { static_cast<function_work&>(item).body(); }), body(std::move(to_call)) {}
    std::function<void()> body;
};

/// A timer that calls a function. Must outlive its firing, or be disarmed.
struct function_timer : timer {
    explicit function_timer(std::function<void()> to_call)
        : timer([](timer& item) noexcept { static_cast<function_timer&>(item).body(); }), body(std::move(to_call)) {}
    std::function<void()> body;
};

/// `co_await delay(10ms)` goes on after that time on the same scheduler, virtual or real. Being destroyed disarms it.
class delay : timer {
public:
    explicit delay(duration how_long) noexcept
        : timer([](timer& item) noexcept { static_cast<delay&>(item).waiter_.resume(); }), how_long_(how_long) {}
    ~delay() {
        if (here_ != nullptr) here_->disarm(*this);
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        waiter_ = waiter;
        here_ = scheduler::current();
        here_->arm(*this, deadline_after(here_->now(), how_long_));
    }
    void await_resume() const noexcept {}

private:
    duration how_long_;
    scheduler* here_ = nullptr;
    std::coroutine_handle<> waiter_;
};

/// `co_await never_ends()` suspends for good; whoever awaits it can only be destroyed.
struct never_ends {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};

}  // namespace lido::test
