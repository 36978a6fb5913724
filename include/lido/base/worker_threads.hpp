// Lido: threads for functions that block.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"
#include "lido/base/time.hpp"

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace lido {

/// Settings of `worker_threads`.
struct worker_threads_settings {
    /// 1 … 256; each is started when all there are have something to do.
    std::uint32_t threads = 4;
    /// Functions that may wait for a thread, 1 … 1,048,576; more are refused with `queue_full`.
    std::uint32_t max_queued = 1024;
    /// How long `close` and the destructor wait for functions that are under way, 0 … 1 h.
    duration shutdown_grace = std::chrono::seconds(2);
    /// What debuggers and `top` show, 1 … 15 bytes.
    std::string name = "lido-worker";
};

/// What a worker thread does once. Both functions may be called at the same time, when `close` gives up waiting for
/// `run`; each is called once at most.
class worker_job {
public:
    worker_job() = default;
    worker_job(const worker_job&) = delete;
    worker_job& operator=(const worker_job&) = delete;
    virtual ~worker_job() = default;
    /// On a worker thread; may block.
    virtual void run() noexcept = 0;
    /// The threads were closed before it began, or before it ended.
    virtual void refuse() noexcept = 0;

private:
    friend class worker_threads;
    std::list<std::shared_ptr<worker_job>>::iterator place_;
    bool queued_ = false;
};

namespace detail {

/// Somebody on a scheduler who waits for a worker thread. Shared by both: either may be gone first.
class worker_wait : public worker_job, private work, public std::enable_shared_from_this<worker_wait> {
public:
    explicit worker_wait(scheduler& home) noexcept : work(&worker_wait::arrive), home_(home) {}

    // On the scheduler.
    void wait(std::coroutine_handle<> who) noexcept { who_ = who; }
    /// Nothing is posted to the scheduler afterwards.
    void abandon() noexcept;

protected:
    /// On any thread: calls `store()` and lets the one who waits go on, unless there is none any more.
    template <class Store>
    void finish(Store&& store) noexcept {
        const std::lock_guard held(mutex_);
        if (std::exchange(over_, true)) return;
        store();
        go_home();
    }

private:
    static void arrive(work& item) noexcept;
    void go_home() noexcept;

    scheduler& home_;
    std::coroutine_handle<> who_;  // on the scheduler only
    std::mutex mutex_;
    bool over_ = false;
    std::shared_ptr<worker_wait> keep_;  // from the posting until it arrived
};

[[nodiscard]] error worker_threads_closed();

template <class Function>
class worker_call final : public worker_wait {
public:
    using outcome = std::invoke_result_t<Function&>;
    worker_call(scheduler& home, Function what) : worker_wait(home), function_(std::move(what)) {}

    void run() noexcept override {
        outcome given = (*function_)();
        function_.reset();  // what it owns goes before the one who waits goes on
        finish([&] { value_.emplace(std::move(given)); });
    }
    void refuse() noexcept override {
        finish([&] { value_.emplace(worker_threads_closed()); });
    }
    [[nodiscard]] std::optional<outcome>& value() noexcept { return value_; }

private:
    std::optional<Function> function_;
    std::optional<outcome> value_;
};

}  // namespace detail

/// A bounded number of threads on which functions that block are run, for coroutines that must not.
///
/// The threads are started when needed, block all signals and end with this object. Functions begin in the order in
/// which they came. One that runs cannot be stopped from here; who waits for it can.
///
/// Thread-safe. The destructor closes; not on one of its own threads unless `close` was called before.
class worker_threads {
public:
    /// Throws `lido::exception` (`invalid_argument`, naming the setting). Starts no thread yet.
    explicit worker_threads(worker_threads_settings settings = {});
    worker_threads(const worker_threads&) = delete;
    worker_threads& operator=(const worker_threads&) = delete;
    ~worker_threads();

    /// Runs `function`, () -> result<T>, on one of the threads, and goes on with what it returned, on the scheduler on
    /// which this was awaited. It must not throw.
    ///
    /// The awaiting coroutine may be destroyed meanwhile, and at `deadline` it goes on with `timeout`: a function that
    /// has not begun then never does and is destroyed at once; one that runs ends by itself and is destroyed by its
    /// thread. So it must own what it uses. Errors: its own, `timeout`, `queue_full`, `cancelled` when this object is
    /// closed, `limit_exceeded` when the system gives no thread. Costs one allocation and two changes of threads.
    /// A function that captures more than references and numbers is given a name before the `co_await` expression
    /// (GCC 12, docs/design/coroutines.md).
    template <class Function>
    [[nodiscard]] task<std::invoke_result_t<Function&>> run(Function function, time_point deadline);

    /// The same for other uses, without somebody who waits. Errors: `queue_full`, `cancelled`, `limit_exceeded`.
    [[nodiscard]] result<void> submit(std::shared_ptr<worker_job> job);
    /// Takes `job` out of the queue: neither of its functions will be called. False: it has begun, or ended.
    bool take_back(worker_job& job) noexcept;

    /// Refuses all jobs that have not begun, waits at most `shutdown_grace` for those that have, refuses those that
    /// then still run and leaves their threads to themselves: they touch nothing of this object and end with the job.
    /// Idempotent. Whatever comes afterwards is refused.
    void close() noexcept;

    /// Threads that are there now.
    [[nodiscard]] std::size_t thread_count() const;

private:
    struct state;

    /// Waits for a call, at most until a deadline. Its destructor takes the wait back.
    class awaiter : private timer {
    public:
        awaiter(worker_threads& threads, std::shared_ptr<detail::worker_wait> call, time_point deadline) noexcept;
        awaiter(awaiter&&) = delete;
        ~awaiter();
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        [[nodiscard]] bool await_suspend(std::coroutine_handle<> who);
        /// Why there is no result, if there is none.
        [[nodiscard]] result<void> await_resume() noexcept;

    private:
        void leave() noexcept;

        std::shared_ptr<state> state_;
        std::shared_ptr<detail::worker_wait> call_;
        time_point deadline_;
        scheduler& home_;
        std::coroutine_handle<> who_;
        result<void> outcome_;
    };

    std::shared_ptr<state> state_;
};

template <class Function>
task<std::invoke_result_t<Function&>> worker_threads::run(Function function, time_point deadline) {
    using call = detail::worker_call<Function>;
    LIDO_ASSERT(scheduler::current() != nullptr);
    const auto shared = std::make_shared<call>(*scheduler::current(), std::move(function));
    awaiter waiting(*this, shared, deadline);
    result<void> ended = co_await waiting;
    if (!ended) co_return std::move(ended).error();
    co_return std::move(*shared->value());
}

}  // namespace lido
