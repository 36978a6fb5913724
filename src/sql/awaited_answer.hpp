// Lido: waiting for what a database server answers.
#pragma once

#include "lido/base/scheduler.hpp"

#include <coroutine>
#include <utility>

namespace lido::sql {

/// What a coroutine waits for on a connection to a database. Belongs to the connection's loop.
class awaited_answer {
public:
    awaited_answer() noexcept = default;
    awaited_answer(awaited_answer&&) = delete;

    /// Nothing more will come.
    bool done = false;
    /// Rows come one by one: enough of them for now.
    bool batch_is_full = false;

    [[nodiscard]] bool has_come() const noexcept { return done || batch_is_full; }
    /// Lets whoever waits go on, if there is somebody and it has come. May destroy the answer, and the connection.
    void wake() const noexcept {
        if (waiter_ && has_come()) waiter_.resume();
    }

protected:
    ~awaited_answer() = default;

private:
    friend class answer_wait;
    std::coroutine_handle<> waiter_;
};

/// Awaitable: waits until `what` has come; false: `deadline` came first.
class [[nodiscard]] answer_wait : private timer {
public:
    answer_wait(scheduler& on, awaited_answer& what, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<answer_wait&>(self).expire(); }),
          on_(on),
          what_(what),
          deadline_(deadline) {}
    answer_wait(answer_wait&&) = delete;
    ~answer_wait() { leave(); }

    [[nodiscard]] bool await_ready() const noexcept { return what_.has_come(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        what_.waiter_ = waiter;
        armed_ = true;
        on_.arm(*this, deadline_);
    }
    [[nodiscard]] bool await_resume() noexcept {
        leave();
        return what_.has_come();
    }

private:
    void leave() noexcept {
        what_.waiter_ = nullptr;
        if (std::exchange(armed_, false)) on_.disarm(*this);
    }
    void expire() noexcept {
        armed_ = false;
        std::exchange(what_.waiter_, nullptr).resume();
    }

    scheduler& on_;
    awaited_answer& what_;
    time_point deadline_;
    bool armed_ = false;
};

}  // namespace lido::sql
