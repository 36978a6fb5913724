// Lido: waiting for a point in time.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/base/scheduler.hpp"

#include <coroutine>

namespace lido {

/// `co_await sleep_until(when)` goes on at `when`, on the same scheduler; at once when that is past. Destroying the
/// waiting coroutine takes the wait back. Costs no allocation and no system call.
class [[nodiscard]] sleep_until : private timer {
public:
    explicit sleep_until(time_point when) noexcept
        : timer([](timer& self) noexcept {
              auto& mine = static_cast<sleep_until&>(self);
              mine.where_ = nullptr;
              mine.waiter_.resume();
          }),
          when_(when) {}
    ~sleep_until() {
        if (where_ != nullptr) where_->disarm(*this);
    }
    sleep_until(const sleep_until&) = delete;
    sleep_until& operator=(const sleep_until&) = delete;

    [[nodiscard]] bool await_ready() const noexcept {
        LIDO_ASSERT(scheduler::current() != nullptr);
        return when_ <= scheduler::current()->now();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        waiter_ = waiter;
        where_ = scheduler::current();
        where_->arm(*this, when_);
    }
    void await_resume() const noexcept {}

private:
    time_point when_;
    scheduler* where_ = nullptr;
    std::coroutine_handle<> waiter_;
};

}  // namespace lido
