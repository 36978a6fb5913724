// Lido: operations that are cancelled half-way.
#pragma once

#include "lido/base/operation.hpp"

#include <coroutine>
#include <cstddef>
#include <map>
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

/// Counts what comes to an end on one loop, and asks for the end of others in the midst of it.
class passing_ends {
public:
    /// Asks by `stop` when so many more have come to an end.
    void ask_after(std::size_t others, std::stop_source stop) { due_.emplace(ended_ + others, std::move(stop)); }

    void one_more() {
        ++ended_;
        while (!due_.empty() && due_.begin()->first <= ended_) {
            auto first = due_.extract(due_.begin());
            first.mapped().request_stop();
        }
    }

private:
    std::size_t ended_ = 0;
    std::multimap<std::size_t, std::stop_source> due_;
};

/// `co_await cancelled_amid(operation, ends, n)` starts the operation and asks for its end when n others have ended, if
/// it has not come by itself before. Unlike turns of an empty queue, others end as slowly as this one gets on: so it
/// may be anywhere by then. Gives what came of it; `cancelled` when the request won.
template <class T>
class cancelled_amid {
public:
    cancelled_amid(operation<T> what, passing_ends& ends, std::size_t others)
        : what_(std::move(what)), ends_(ends), others_(others) {}
    cancelled_amid(const cancelled_amid&) = delete;
    cancelled_amid& operator=(const cancelled_amid&) = delete;
    ~cancelled_amid() = default;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        std::stop_source stop;
        ends_.ask_after(others_, stop);
        std::move(what_).start(
            [this, waiter](result<T> outcome) {
                outcome_.emplace(std::move(outcome));
                waiter.resume();
            },
            stop.get_token());
    }
    [[nodiscard]] result<T> await_resume() { return std::move(*outcome_); }

private:
    operation<T> what_;
    passing_ends& ends_;
    std::size_t others_;
    std::optional<result<T>> outcome_;
};

}  // namespace lido::test
