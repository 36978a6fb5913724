// Lido: the coroutine type of the library.
#pragma once

#include "lido/base/assert.hpp"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace lido {

namespace detail {

/// Memory for coroutine frames, recycled per thread, because a request that allocates is a request that is slow.
/// At most 64 frames of each size class up to 4 KiB are kept per thread.
[[nodiscard]] void* allocate_frame(std::size_t size);
void release_frame(void* frame, std::size_t size) noexcept;

/// What the promises of all `task`s share: laziness, the continuation, and the end.
///
/// A child that completes before its parent was suspended returns to the parent by an ordinary return, not by resuming
/// it: a loop over operations that complete at once needs no stack, even where the compiler does not turn a symmetric
/// transfer into a tail call (GCC 12 below -O2 and under sanitizers).
class task_promise_base {
public:
    [[nodiscard]] static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { release_frame(frame, size); }

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
            task_promise_base& promise = ended.promise();
            if (promise.parent_is_suspended_) return promise.parent_;
            return std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }

    void unhandled_exception() noexcept { exception_ = std::current_exception(); }

protected:
    void rethrow() const {
        if (exception_) std::rethrow_exception(exception_);
    }

private:
    template <class T>
    friend class task_awaiter;
    template <class T>
    friend class task_lane;
    std::coroutine_handle<> parent_;
    bool parent_is_suspended_ = false;
    std::exception_ptr exception_;
};

template <class T>
class task_promise;
template <class T>
class task_awaiter;
template <class T>
class task_lane;

}  // namespace detail

/// A lazy coroutine: it starts when awaited, runs on its awaiter's scheduler, and hands its value (or exception) over.
///
/// Move-only. Destroying a task that is suspended ends it where it stands and destroys its locals; that is how
/// cancellation works, so every awaiter of Lido takes back in its destructor what it had asked for. Not thread-safe:
/// start, resume and destroy it on one scheduler.
///
/// On GCC 12, options passed inside a `co_await` expression must be trivially destructible aggregates or have
/// user-provided constructors (see docs/design/coroutines.md).
template <class T = void>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;

    task() noexcept = default;
    task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    task(const task&) = delete;
    task& operator=(const task&) = delete;
    ~task() { reset(); }

    [[nodiscard]] bool valid() const noexcept { return handle_ != nullptr; }
    [[nodiscard]] detail::task_awaiter<T> operator co_await() && noexcept;

    /// Ends the coroutine where it stands.
    void reset() noexcept {
        if (handle_) std::exchange(handle_, nullptr).destroy();
    }

private:
    friend class detail::task_promise<T>;
    friend class detail::task_lane<T>;
    explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
class task_promise final : public task_promise_base {
public:
    [[nodiscard]] task<T> get_return_object() noexcept {
        return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
    }
    template <class U = T>
    void return_value(U&& value) {
        value_.emplace(std::forward<U>(value));
    }
    [[nodiscard]] T take() {
        rethrow();
        return std::move(*value_);
    }

private:
    std::optional<T> value_;
};

template <>
class task_promise<void> final : public task_promise_base {
public:
    [[nodiscard]] task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const { rethrow(); }
};

template <class T>
class task_awaiter {
public:
    explicit task_awaiter(std::coroutine_handle<task_promise<T>> child) noexcept : child_(child) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> parent) noexcept {
        LIDO_ASSERT(child_ && !child_.done());
        task_promise_base& promise = child_.promise();
        promise.parent_ = parent;
        child_.resume();
        if (child_.done()) return false;
        promise.parent_is_suspended_ = true;
        return true;
    }
    T await_resume() { return child_.promise().take(); }

private:
    std::coroutine_handle<task_promise<T>> child_;
};

/// A task that runs beside its parent instead of being awaited, for `race`: the parent is resumed at its end only while
/// it says that it waits.
template <class T>
class task_lane {
public:
    [[nodiscard]] bool is_free() const noexcept { return !body_.valid(); }
    [[nodiscard]] bool has_ended() const noexcept { return body_.valid() && body_.handle_.done(); }
    [[nodiscard]] bool is_running() const noexcept { return body_.valid() && !body_.handle_.done(); }
    /// Runs `body` until it waits for the first time or ends.
    void start(task<T> body) {
        LIDO_ASSERT(is_free());
        body_ = std::move(body);
        body_.handle_.resume();
    }
    /// While the task runs: its end resumes `parent`, from now until `parent_goes_on`.
    void parent_waits(std::coroutine_handle<> parent) noexcept {
        task_promise_base& promise = body_.handle_.promise();
        promise.parent_ = parent;
        promise.parent_is_suspended_ = true;
    }
    void parent_goes_on() noexcept {
        task_promise_base& promise = body_.handle_.promise();
        promise.parent_is_suspended_ = false;
    }
    /// After its end: what it returned, or rethrows what it threw.
    [[nodiscard]] T take() {
        const task<T> ended = std::move(body_);
        return ended.handle_.promise().take();
    }

private:
    task<T> body_;
};

inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

}  // namespace detail

template <class T>
detail::task_awaiter<T> task<T>::operator co_await() && noexcept {
    return detail::task_awaiter<T>(handle_);
}

}  // namespace lido
