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
/// it. Belongs to its scheduler; dropped before the end it ends by itself.
class cancel_request {
public:
    /// Begins at once; it is given up at `deadline`, and then it may still arrive some time.
    cancel_request(PGconn* of, time_point deadline);
    cancel_request(cancel_request&&) = delete;
    ~cancel_request();

    /// `co_await ended()`: true when it has ended in order; false: nothing is known, it may still come.
    [[nodiscard]] auto ended() noexcept { return awaiter{*progress_}; }

private:
    struct progress {
        bool over = false;
        bool in_order = false;
        std::coroutine_handle<> waiter;
    };
    struct [[nodiscard]] awaiter {
        progress& of;
        bool waiting = false;
        ~awaiter() {
            if (waiting) of.waiter = nullptr;
        }
        [[nodiscard]] bool await_ready() const noexcept { return of.over; }
        void await_suspend(std::coroutine_handle<> waiter) noexcept {
            waiting = true;
            of.waiter = waiter;
        }
        [[nodiscard]] bool await_resume() noexcept {
            waiting = false;
            return of.in_order;
        }
    };

    std::shared_ptr<progress> progress_ = std::make_shared<progress>();
};

}  // namespace lido::postgres
