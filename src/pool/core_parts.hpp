// Lido: what the files of the core share.
#pragma once

#include "lido/pool/core.hpp"
#include "pool/ledger.hpp"

#include <semaphore>
#include <utility>

namespace lido::pool {

/// A caller in the queue. It lives on the heap because its grant may be on the way, posted, when the caller goes away;
/// it keeps the core alive, because the pool may go before the caller has heard of its refusal. That of a blocked
/// thread lives on its stack and keeps nothing: it touches the core no more once the answer is there.
struct core::waiting : work {
    explicit waiting(std::shared_ptr<core> owner) noexcept
        : work([](work& item) noexcept { static_cast<waiting&>(item).arrive(); }), pool(std::move(owner)) {}

    /// On the caller's scheduler: the outcome has come.
    void arrive() noexcept {
        if (!abandoned) return caller.resume();
        if (const auto* lease = std::get_if<granted>(&outcome)) pool->release(*lease, verdict::clean);
        delete this;
    }

    std::shared_ptr<core> pool;
    waiter_id id;
    scheduler* home = nullptr;  // null: a blocked thread
    std::coroutine_handle<> caller;
    std::binary_semaphore* done = nullptr;
    answer outcome;
    bool abandoned = false;
};

/// Somebody who waits for the end of a warm-up or a drain.
struct core::notice : work {
    notice() noexcept : work([](work& item) noexcept { static_cast<notice&>(item).arrive(); }) {}
    void arrive() noexcept {
        if (!abandoned) return caller.resume();
        delete this;
    }
    scheduler* home = nullptr;
    std::coroutine_handle<> caller;
    std::size_t count = 0;
    bool down = false;
    bool posted = false;
    bool abandoned = false;
};

/// What is done when an operation of a slot has ended. Its task has told the core by then, unless it was cancelled.
struct core::slot_sink {
    core* pool;
    slot_id slot;
    void complete() const noexcept {}
    [[noreturn]] void fail(const std::exception_ptr&) const noexcept { std::terminate(); }
    void cancelled() const noexcept { pool->operation_cancelled(slot); }
};

struct core::pending {
    action what;
    scheduler* where = nullptr;
    void* connection = nullptr;
    std::stop_token stop;
    std::optional<error> reason;
};

/// A step of the core that has to run on a slot's scheduler.
struct core::posted_step : work {
    posted_step(core& owner, slot_id which, void (core::*what)(slot_id) noexcept) noexcept
        : work([](work& item) noexcept {
              const std::unique_ptr<posted_step> self(&static_cast<posted_step&>(item));
              ((*self->pool).*self->member)(self->slot);
          }),
          pool(owner.shared_from_this()),
          slot(which),
          member(what) {}
    /// Owned: the slot may be gone before this runs, and with the last slot its pool.
    std::shared_ptr<core> pool;
    slot_id slot;
    void (core::*member)(slot_id) noexcept;
};

/// One event: the critical section around the ledger, then what it asks for.
template <class Step>
void core::step(Step&& what) noexcept {
    lock held(mutex_);
    what(*ledger_, now_locked(), actions_);
    settle(held);
}

/// The same for what concerns connections that may rest or be lent now: the ledger gets them all back.
template <class Step>
void core::fenced_step(Step&& what) noexcept {
    lock held(mutex_);
    fence_parking_locked();
    what(*ledger_, now_locked(), actions_);
    settle(held);
}

}  // namespace lido::pool
