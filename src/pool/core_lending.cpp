// How callers ask, wait and return.
#include "lido/base/assert.hpp"
#include "pool/core_parts.hpp"
#include "pool/parking.hpp"
#include "pool/patience.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace lido::pool {

error core::refusal::to_error() const {
    if (down && reason == errc::connect_failed && last_connect_error) {
        error copy = *last_connect_error;
        return std::move(copy).with_numbers(numbers);
    }
    error made(reason, fmt::format("acquire from {}", name));
    if (down && last_connect_error) made = std::move(made).with_cause(*last_connect_error);
    return std::move(made).with_numbers(numbers);
}

/// Asks the ledger. Gives the answer when there is one at once; otherwise `node` is in the queue, made if it was null.
core::answer core::begin_acquire(const acquire_options& options, waiting*& node) {
    const std::uint32_t affinity = affinity_here();
    lock held(mutex_);
    const time_point now = now_locked();
    // What rests is as good as what the ledger has; nobody waits, and nothing is opened, while something rests.
    if (ledger_->counts().of(slot_state::idle) == 0) empty_parking_locked();
    const settings& current = ledger_->current_settings();
    const duration timeout = options.timeout > duration::zero() ? options.timeout : current.acquire_timeout;
    const acquire_outcome outcome =
        ledger_->acquire(now,
                         {.priority = std::clamp(options.priority, highest_priority, lowest_priority),
                          .deadline = deadline_after(now, timeout),
                          .holder = options.holder,
                          .affinity = affinity,
                          .where = options.where},
                         actions_);
    answer given;
    switch (outcome.what) {
        case acquire_outcome::kind::granted:
            given = granted_locked(outcome.slot, outcome.lease);
            break;
        case acquire_outcome::kind::refused:
            given = refusal_locked(outcome.reason, false);
            break;
        case acquire_outcome::kind::queued:
            if (waiters_.size() <= outcome.waiter.index) waiters_.resize(outcome.waiter.index + std::size_t{1});
            if (node == nullptr) {
                node = new waiting(shared_from_this());
                node->home = scheduler::current();
            }
            node->id = outcome.waiter;
            waiters_[outcome.waiter.index] = node;
            break;
    }
    settle(held);
    if (observer_ != nullptr) {
        if (const auto* why = std::get_if<refusal>(&given)) observer_->refused(why->name, why->to_error());
    }
    return given;
}

result<core::granted> core::to_result(const answer& outcome) {
    if (const auto* lease = std::get_if<granted>(&outcome)) return *lease;
    return std::get<refusal>(outcome).to_error();
}

bool core::acquire_awaiter::await_ready() {
    LIDO_ASSERT(scheduler::current() != nullptr);
    granted parked;
    if (pool_.take_parked(options_, parked)) {
        outcome_ = parked;
        return true;
    }
    outcome_ = pool_.begin_acquire(options_, node_);
    return node_ == nullptr;
}

void core::acquire_awaiter::await_suspend(std::coroutine_handle<> waiter) noexcept {
    node_->caller = waiter;
}

result<core::granted> core::acquire_awaiter::await_resume() {
    if (node_ == nullptr) return to_result(outcome_);
    const std::unique_ptr<waiting> mine(std::exchange(node_, nullptr));
    return to_result(mine->outcome);
}

/// The caller goes away before its turn came, or before it could take what it was granted.
void core::abandon(waiting* node) noexcept {
    std::shared_ptr<core> self;  // outlives the lock
    lock held(mutex_);
    if (!ledger_->cancel(now_locked(), node->id, actions_)) {
        node->abandoned = true;  // its outcome is posted; `arrive` gives the lease back
        return settle(held);
    }
    waiters_[node->id.index] = nullptr;
    settle(held);
    self = std::move(node->pool);
    delete node;
}

/// Takes what rests, or comes to rest within a moment. Any thread, without the mutex.
bool core::take_patiently(const acquire_options& options, granted& found) noexcept {
    if (take_parked(options, found)) return true;
    const bool in_a_hurry = options.timeout > duration::zero() && options.timeout < 10 * longest_patience;
    if (options.holder != 0 || in_a_hurry) return false;
    struct surroundings {
        core& pool;
        const acquire_options& options;
        granted& found;
        [[nodiscard]] bool is_of_use() const noexcept {
            return pool.parking_->exhausted.load(std::memory_order_relaxed);
        }
        [[nodiscard]] static time_point now() noexcept { return clock::now(); }
        static void give_way() noexcept { std::this_thread::yield(); }
        [[nodiscard]] bool try_again() const noexcept { return pool.take_parked(options, found); }
    };
    return succeeds_with_patience(surroundings{*this, options, found});
}

result<core::granted> core::acquire_blocking(const acquire_options& options) {
    LIDO_ASSERT(scheduler::current() == nullptr);
    granted parked;
    if (take_patiently(options, parked)) return parked;
    std::binary_semaphore done(0);
    waiting mine(nullptr);
    mine.done = &done;
    waiting* node = &mine;
    const answer at_once = begin_acquire(options, node);
    if (!std::holds_alternative<std::monostate>(at_once)) return to_result(at_once);
    done.acquire();
    return to_result(mine.outcome);
}

result<core::granted> core::try_acquire(const acquire_options& options) {
    granted parked;
    if (take_parked(options, parked)) return parked;
    const std::uint32_t affinity = affinity_here();
    lock held(mutex_);
    const time_point now = now_locked();
    if (ledger_->counts().of(slot_state::idle) == 0) empty_parking_locked();
    const acquire_outcome outcome = ledger_->acquire(now,
                                                     {.priority = highest_priority,
                                                      .holder = options.holder,
                                                      .affinity = affinity,
                                                      .waits = false,
                                                      .where = options.where},
                                                     actions_);
    answer given;
    if (outcome.what == acquire_outcome::kind::granted) {
        given = granted_locked(outcome.slot, outcome.lease);
    } else {
        given = refusal_locked(outcome.reason, false);
    }
    settle(held);
    if (observer_ != nullptr) {
        if (const auto* why = std::get_if<refusal>(&given)) observer_->refused(why->name, why->to_error());
    }
    return to_result(given);
}

void core::release(const granted& lease, verdict what) noexcept {
    if (what == verdict::clean && park(lease)) return;
    step([&](ledger& book, time_point now, actions& out) {
        parked_lease* const place = lease.parking;
        if (place != nullptr) {
            LIDO_ASSERT(place->out && place->lease == lease.lease);
            place->out = false;
            --parking_->out;
        }
        book.release(now, lease.lease, what, out);
    });
}

}  // namespace lido::pool
