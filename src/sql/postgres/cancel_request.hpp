// Lido: asking the server to stop what it does for a connection.
#pragma once

#include "lido/base/scheduler.hpp"
#include "lido/base/time.hpp"

#include <libpq-fe.h>

#include <coroutine>
#include <memory>
#include <utility>

namespace lido::postgres {

/// A cancel request that is on its way: a connection of its own, which libpq makes and waits for on a worker thread.
/// When it has ended in order, the server has passed the signal on, and whatever is sent afterwards is not cancelled by
/// it. Belongs to its scheduler; dropped before the end it ends by itself, and touches the scheduler no more, which may
/// then be gone.
class cancel_request {
public:
    /// Begins at once; it is given up at `deadline`, and then it may still arrive some time.
    cancel_request(PGconn* of, time_point deadline);
    cancel_request(cancel_request&&) = delete;
    ~cancel_request();

    /// `co_await ended()`: true when it has ended in order; false: nothing is known, it may still come.
    [[nodiscard]] auto ended() noexcept { return awaiter(*this); }
    /// It has ended, in order or not.
    [[nodiscard]] bool is_over() const noexcept;

private:
    class job;
    class [[nodiscard]] awaiter : private timer {
    public:
        explicit awaiter(cancel_request& of) noexcept
            : timer([](timer& self) noexcept { static_cast<awaiter&>(self).expire(); }), of_(of) {}
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
        scheduler* where_ = nullptr;  // while it waits
        std::coroutine_handle<> waiter_;
    };

    [[nodiscard]] bool in_order() const noexcept;

    std::shared_ptr<job> job_;  // null: it could not even begin
    time_point deadline_;
};

}  // namespace lido::postgres
