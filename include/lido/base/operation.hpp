// Lido: a lazy operation with three ways to run it.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"

#include <atomic>
#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace lido {

namespace detail {

/// A coroutine that nobody awaits; it destroys itself at its end, or is destroyed from outside while suspended.
struct detached {
    struct promise_type {
        [[nodiscard]] static void* operator new(std::size_t size) { return allocate_frame(size); }
        static void operator delete(void* frame, std::size_t size) noexcept { release_frame(frame, size); }
        [[nodiscard]] detached get_return_object() noexcept {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
        [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

/// A task that runs by itself on one scheduler, and what is done when it ends. Owns itself: one reference for the run,
/// one for a cancellation that is on its way. `Sink` has `complete(T)`, `fail(exception_ptr)` and `cancelled()`, of
/// which exactly one is called, once, on the scheduler.
template <class T, class Sink>
class started_task {
public:
    /// Starts on `where`: at once when that is this thread's scheduler and `inline_start`, otherwise posted.
    static void launch(scheduler& where, task<T> body, Sink sink, std::stop_token stop, bool inline_start) {
        auto* self = new started_task(where, std::move(body), std::move(sink));
        if (stop.stop_possible()) self->stop_callback_.emplace(std::move(stop), stop_request{self});
        if (inline_start && where.is_current()) {
            self->begin();
        } else {
            where.post(self->start_);
        }
    }

private:
    struct start_work : work {
        explicit start_work(started_task* owner) noexcept
            : work([](work& item) noexcept { static_cast<start_work&>(item).self->begin(); }), self(owner) {}
        started_task* self;
    };
    struct cancel_work : work {
        explicit cancel_work(started_task* owner) noexcept
            : work([](work& item) noexcept { static_cast<cancel_work&>(item).self->cancel(); }), self(owner) {}
        started_task* self;
    };
    struct stop_request {
        started_task* self;
        void operator()() const noexcept {
            self->references_.fetch_add(1, std::memory_order_relaxed);
            self->where_.post(self->cancel_);
        }
    };

    started_task(scheduler& where, task<T> body, Sink sink)
        : where_(where), body_(std::move(body)), sink_(std::move(sink)), start_(this), cancel_(this) {}

    void begin() noexcept {
        if (ended_) {
            unreference();
            return;
        }
        detached driver = drive(this);
        driver_ = driver.handle;
        driver.handle.resume();
    }

    static detached drive(started_task* self) {
        std::exception_ptr failure;
        if constexpr (std::is_void_v<T>) {
            try {
                co_await std::move(self->body_);
            } catch (...) {
                failure = std::current_exception();
            }
            self->end();
            if (failure) {
                self->sink_.fail(failure);
            } else {
                self->sink_.complete();
            }
        } else {
            std::optional<T> value;
            try {
                value.emplace(co_await std::move(self->body_));
            } catch (...) {
                failure = std::current_exception();
            }
            self->end();
            if (failure) {
                self->sink_.fail(failure);
            } else {
                self->sink_.complete(std::move(*value));
            }
        }
        self->unreference();
    }

    /// No cancellation can begin any more once this returns; one that is posted already finds `ended_`.
    void end() noexcept {
        ended_ = true;
        driver_ = nullptr;
        body_.reset();
        stop_callback_.reset();
    }

    void cancel() noexcept {
        if (!ended_) {
            const auto driver = driver_;
            const bool begun = driver != nullptr;
            ended_ = true;
            body_.reset();
            if (begun) {
                driver.destroy();
                stop_callback_.reset();
            }
            // Before the beginning `launch` may still be storing the callback on its thread; the destructor ends it.
            sink_.cancelled();
            if (begun) unreference();
        }
        unreference();
    }

    void unreference() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    scheduler& where_;
    task<T> body_;
    Sink sink_;
    start_work start_;
    cancel_work cancel_;
    std::coroutine_handle<> driver_;
    bool ended_ = false;
    std::atomic<int> references_{1};
    std::optional<std::stop_callback<stop_request>> stop_callback_;
};

/// Hands the result of an operation to a function.
template <class T, class Function>
struct function_sink {
    Function function;
    void complete(result<T> value) { function(std::move(value)); }
    [[noreturn]] void fail(const std::exception_ptr& failure) const noexcept {
        try {
            std::rethrow_exception(failure);
        } catch (...) {
            std::terminate();
        }
    }
    void cancelled() { function(result<T>(error(errc::cancelled, "operation cancelled by its caller"))); }
};

/// Where a blocked thread waits for an outcome.
template <class T>
struct blocking_state {
    std::binary_semaphore done{0};
    std::optional<T> value;
    std::exception_ptr failure;
};

template <class T>
struct blocking_sink {
    blocking_state<T>* state;
    void complete(T value) {
        state->value.emplace(std::move(value));
        state->done.release();
    }
    void fail(std::exception_ptr failure) {
        state->failure = std::move(failure);
        state->done.release();
    }
    void cancelled() { fail(std::make_exception_ptr(exception(error(errc::cancelled, "task cancelled")))); }
};

template <>
struct blocking_sink<void> {
    blocking_state<char>* state;
    void complete() const {
        state->value.emplace('\0');
        state->done.release();
    }
    void fail(std::exception_ptr failure) const {
        state->failure = std::move(failure);
        state->done.release();
    }
    void cancelled() const { fail(std::make_exception_ptr(exception(error(errc::cancelled, "task cancelled")))); }
};

}  // namespace detail

/// Runs `body` on `where` and blocks this thread until it ended; returns its value or rethrows its exception. Not on a
/// thread that runs a scheduler: that would wait for itself (asserted).
template <class T>
T block_on(scheduler& where, task<T> body) {
    LIDO_ASSERT(scheduler::current() == nullptr);
    using stored = std::conditional_t<std::is_void_v<T>, char, T>;
    detail::blocking_state<stored> state;
    detail::started_task<T, detail::blocking_sink<T>>::launch(where, std::move(body), {&state}, {}, false);
    state.done.acquire();
    if (state.failure) std::rethrow_exception(state.failure);
    if constexpr (!std::is_void_v<T>) return std::move(*state.value);
}

/// A lazy operation whose outcome is a `result<T>`. Nothing happens until it is run, by one of:
/// - `co_await op` in a coroutine: on the awaiting coroutine's scheduler when it belongs to the operation's runtime,
///   otherwise on one of that runtime, and the coroutine goes on where it was (or, without a scheduler there, on the
///   runtime's);
/// - `op.wait()`: blocks a plain thread;
/// - `op.start(function)`: calls `function(result<T>)` once, on a scheduler of the runtime. `lido/asio.hpp` makes that
///   any Asio completion token.
///
/// Move-only, run once. Cheap: one coroutine frame. The object that made it must live until it has ended.
template <class T>
class [[nodiscard]] operation {
public:
    using value_type = T;

    operation(scheduler_group& group, task<result<T>> body) noexcept : group_(&group), body_(std::move(body)) {}

    /// Blocks until done. On a scheduler's own thread it returns `would_deadlock` instead.
    [[nodiscard]] result<T> wait() && {
        if (scheduler::current() != nullptr) {
            return error(errc::would_deadlock, "wait() called on an I/O thread",
                         "co_await the operation there, or call wait() from another thread");
        }
        return block_on(group_->pick(), std::move(body_));
    }
    [[nodiscard]] result<T> wait() & = delete;

    /// Starts it and calls `function(result<T>)` when done, or with `cancelled` once `stop` is requested. `function`
    /// must not throw.
    template <std::invocable<result<T>> Function>
    void start(Function function, std::stop_token stop = {}) && {
        using sink = detail::function_sink<T, Function>;
        detail::started_task<result<T>, sink>::launch(group_->here_or_pick(), std::move(body_),
                                                      sink{std::move(function)}, std::move(stop), false);
    }

    class awaiter {
    public:
        awaiter(scheduler_group* group, task<result<T>> body) noexcept : group_(group), body_(std::move(body)) {}
        awaiter(awaiter&&) = delete;
        ~awaiter() {
            if (remote_) remote_->abandon();
        }
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        [[nodiscard]] bool await_suspend(std::coroutine_handle<> parent) {
            scheduler* here = scheduler::current();
            if (here != nullptr && &here->group() == group_) {
                inline_.emplace(std::move(body_).operator co_await());
                return inline_->await_suspend(parent);
            }
            remote_ = std::make_shared<remote_state>(here, parent);
            using sink = remote_sink;
            detail::started_task<result<T>, sink>::launch(group_->pick(), std::move(body_), sink{remote_},
                                                          remote_->stop.get_token(), false);
            return true;
        }
        result<T> await_resume() {
            if (inline_) return inline_->await_resume();
            if (remote_->failure) std::rethrow_exception(remote_->failure);
            return std::move(*remote_->value);
        }

    private:
        /// An operation that runs on a runtime other than the awaiting coroutine's.
        struct remote_state : work, std::enable_shared_from_this<remote_state> {
            remote_state(scheduler* home_scheduler, std::coroutine_handle<> awaiting)
                : work([](work& item) noexcept { static_cast<remote_state&>(item).resume(); }),
                  home(home_scheduler),
                  parent(awaiting) {}
            /// `outcome` is a `result<T>` or an error; a template, because GCC 12 warns of temporaries of `result`.
            template <class Outcome>
            void finish(Outcome&& outcome) {
                const std::lock_guard guard(lock);
                if (abandoned) return;
                value.emplace(std::forward<Outcome>(outcome));
                go_home();
            }
            void fail(std::exception_ptr thrown) {
                const std::lock_guard guard(lock);
                if (abandoned) return;
                failure = std::move(thrown);
                go_home();
            }
            /// Posted under the lock: once `abandon` has returned, the home scheduler may be gone.
            void go_home() {
                keep = this->shared_from_this();
                if (home != nullptr) home->post(*this);
            }
            void resume() noexcept {
                const auto alive = std::move(keep);
                if (parent) std::exchange(parent, nullptr).resume();
            }
            /// The awaiting coroutine is being destroyed, on its own scheduler.
            void abandon() noexcept {
                parent = nullptr;
                {
                    const std::lock_guard guard(lock);
                    abandoned = true;
                }
                stop.request_stop();
            }
            scheduler* home;
            std::coroutine_handle<> parent;
            std::optional<result<T>> value;
            std::exception_ptr failure;
            std::mutex lock;
            bool abandoned = false;
            std::stop_source stop;
            std::shared_ptr<remote_state> keep;
        };
        struct remote_sink {
            std::shared_ptr<remote_state> state;
            void complete(result<T> value) {
                state->finish(std::move(value));
                resume_homeless();
            }
            void fail(std::exception_ptr failure) {
                state->fail(std::move(failure));
                resume_homeless();
            }
            void cancelled() {
                state->finish(error(errc::cancelled, "operation cancelled by its caller"));
                resume_homeless();
            }
            /// A coroutine that belongs to no scheduler goes on here.
            void resume_homeless() {
                if (state->home == nullptr) state->resume();
            }
        };

        scheduler_group* group_;
        task<result<T>> body_;
        std::optional<detail::task_awaiter<result<T>>> inline_;
        std::shared_ptr<remote_state> remote_;
    };

    [[nodiscard]] awaiter operator co_await() && noexcept { return awaiter(group_, std::move(body_)); }

    /// The operation as a plain task, for composing it into a larger one on a scheduler of the same runtime.
    [[nodiscard]] task<result<T>> as_task() && noexcept { return std::move(body_); }
    [[nodiscard]] scheduler_group& group() const noexcept { return *group_; }

private:
    scheduler_group* group_;
    task<result<T>> body_;
};

}  // namespace lido
