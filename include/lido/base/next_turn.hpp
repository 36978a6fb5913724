// Lido: giving way to others on the same scheduler.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/base/scheduler.hpp"

#include <coroutine>
#include <memory>

namespace lido {

/// `co_await` it to go on in the next turn of the scheduler, after the sockets, timers and work that are ready by then.
/// For what completes at once again and again, and would otherwise never let anybody else run. Destroying the waiting
/// coroutine takes the wait back. Costs one small allocation and no system call of its own.
class [[nodiscard]] next_turn {
public:
    next_turn() noexcept {}  // NOLINT(modernize-use-equals-default): user-provided, for GCC 12 inside of co_await
    next_turn(const next_turn&) = delete;
    next_turn& operator=(const next_turn&) = delete;
    ~next_turn() {
        if (posted_ != nullptr) posted_->owner = nullptr;
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        LIDO_ASSERT(scheduler::current() != nullptr);
        waiter_ = waiter;
        posted_ = new visit(this);
        scheduler::current()->post(*posted_);
    }
    void await_resume() const noexcept {}

private:
    /// What is posted cannot be taken back, so it belongs to itself.
    struct visit : work {
        explicit visit(next_turn* of) noexcept
            : work([](work& item) noexcept {
                  const std::unique_ptr<visit> self(static_cast<visit*>(&item));
                  if (self->owner == nullptr) return;
                  self->owner->posted_ = nullptr;
                  self->owner->waiter_.resume();
              }),
              owner(of) {}
        next_turn* owner;  // null once nobody waits any more
    };

    visit* posted_ = nullptr;
    std::coroutine_handle<> waiter_;
};

}  // namespace lido
