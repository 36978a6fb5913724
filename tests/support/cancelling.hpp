// Lido: operations that are cancelled half-way.
#pragma once

#include "lido/base/operation.hpp"

#include <coroutine>
#include <optional>
#include <stop_token>
#include <utility>

namespace lido::test {

/// `co_await cancelled_after(operation, n)` starts the operation and asks for its end after n turns of the scheduler's
/// queue, if it has not come by itself before. Gives what came of it; `cancelled` when the request won.
template <class T>
class cancelled_after : work {
public:
    cancelled_after(operation<T> what, unsigned turns)
        : work([](work& item) noexcept { static_cast<cancelled_after&>(item).next_turn(); }),
          what_(std::move(what)),
          turns_(turns) {}
    cancelled_after(const cancelled_after&) = delete;
    cancelled_after& operator=(const cancelled_after&) = delete;
    ~cancelled_after() = default;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        here_ = scheduler::current();
        std::move(what_).start(
            [this](result<T> outcome) {
                outcome_.emplace(std::move(outcome));
                one_less();
            },
            stop_.get_token());
        next_turn();
    }
    [[nodiscard]] result<T> await_resume() { return std::move(*outcome_); }

private:
    void next_turn() noexcept {
        if (turns_ > 0 && !outcome_) {
            --turns_;
            here_->post(*this);
            return;
        }
        stop_.request_stop();
        one_less();
    }
    void one_less() {
        if (--pending_ == 0) waiter_.resume();
    }

    operation<T> what_;
    unsigned turns_;
    scheduler* here_ = nullptr;
    std::coroutine_handle<> waiter_;
    std::stop_source stop_;
    std::optional<result<T>> outcome_;
    int pending_ = 2;
};

}  // namespace lido::test
