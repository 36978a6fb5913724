// Lido: waiting for libpq's descriptor, where libpq is asked step by step.
#pragma once

#include "sql/postgres/wire.hpp"

#include <coroutine>

namespace lido::postgres {

/// Waits for any event on the descriptor; false: the deadline came first.
class wire::readiness : private timer {
public:
    readiness(wire& of, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<readiness&>(self).go_on(false); }),
          wire_(of),
          deadline_(deadline) {}
    readiness(readiness&&) = delete;
    ~readiness() {
        if (wire_.connecter_ == this) leave();
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        waiter_ = waiter;
        wire_.connecter_ = this;
        wire_.loop_.arm(*this, deadline_);
    }
    [[nodiscard]] bool await_resume() const noexcept { return came_; }
    void go_on(bool came) noexcept {
        leave();
        came_ = came;
        waiter_.resume();
    }

private:
    void leave() noexcept {
        wire_.connecter_ = nullptr;
        wire_.loop_.disarm(*this);
    }

    wire& wire_;
    time_point deadline_;
    bool came_ = false;
    std::coroutine_handle<> waiter_;
};

}  // namespace lido::postgres
