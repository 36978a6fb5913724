// Lido: asking the server to stop what it does for a connection.
#pragma once

#include "lido/base/scheduler.hpp"
#include "lido/base/time.hpp"
#include "lido/base/worker_threads.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace lido::postgres {

/// The threads on which one server's requests block. A server that stands still blocks all that it has, for as long as
/// it does, and so it has few of them: requests for other servers go on. Thread-safe; shared by all connections to the
/// server.
class cancel_lane {
public:
    /// False: too many wait already, or there is no thread.
    [[nodiscard]] static bool submit(const std::shared_ptr<cancel_lane>& to, std::shared_ptr<worker_job> what);

private:
    class visit;
    static constexpr unsigned most_threads = 4;
    static constexpr std::size_t most_waiting = 1024;

    [[nodiscard]] std::shared_ptr<worker_job> next();

    std::mutex mutex_;
    std::deque<std::shared_ptr<worker_job>> waiting_;
    unsigned threads_ = 0;
};

/// A cancel request that is on its way: a connection of its own, which libpq makes and waits for on a worker thread.
/// When it has ended in order, the server has passed the signal on, and whatever is sent afterwards is not cancelled by
/// it. Belongs to its scheduler; dropped before the end it ends by itself, and touches the scheduler no more, which may
/// then be gone.
class cancel_request {
public:
    /// Begins at once; it is given up at `deadline`, and then it may still arrive some time.
    cancel_request(PGconn* of, const std::shared_ptr<cancel_lane>& by, time_point deadline);
    cancel_request(cancel_request&&) = delete;
    ~cancel_request();

    /// `co_await ended(until)`: true when it has ended in order; false: nothing is known, it may still come. Waits no
    /// longer than `until`, and no longer than its own deadline.
    [[nodiscard]] auto ended(time_point until) noexcept { return awaiter(*this, until); }
    /// It has ended, in order or not.
    [[nodiscard]] bool is_over() const noexcept;
    /// It has neither ended nor been given up: it is worth waiting for.
    [[nodiscard]] bool is_under_way(time_point now) const noexcept { return !is_over() && now < deadline_; }

private:
    class job;
    class [[nodiscard]] awaiter : private timer {
    public:
        awaiter(cancel_request& of, time_point until) noexcept
            : timer([](timer& self) noexcept { static_cast<awaiter&>(self).expire(); }),
              of_(of),
              until_(std::min(until, of.deadline_)) {}
        awaiter(awaiter&&) = delete;
        ~awaiter() { leave(); }
        [[nodiscard]] bool await_ready() const noexcept { return of_.is_over(); }
        void await_suspend(std::coroutine_handle<> waiter) noexcept;
        [[nodiscard]] bool await_resume() noexcept {
            leave();
            return of_.in_order();
        }

    private:
        void leave() noexcept;
        void expire() noexcept;

        cancel_request& of_;
        time_point until_;
        scheduler* where_ = nullptr;  // while it waits
        std::coroutine_handle<> waiter_;
    };

    [[nodiscard]] bool in_order() const noexcept;

    std::shared_ptr<job> job_;  // null: it could not even begin
    time_point deadline_;
};

}  // namespace lido::postgres
