// Leases that rest between borrowers without the ledger. docs/design/lease_cache.md says why this is right.
#include "pool/core_parts.hpp"
#include "pool/parking.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <variant>

namespace lido::pool {
namespace {

/// Numbers threads as they come.
std::uint32_t thread_number() noexcept {
    static std::atomic<std::uint32_t> threads{0};
    static thread_local const std::uint32_t number = threads.fetch_add(1, std::memory_order_relaxed);
    return number;
}

}  // namespace

/// The scheduler whose connections suit this thread best. A plain thread always gets the same one, another than its
/// neighbours, so that their connections are spread over the I/O threads.
std::uint32_t core::affinity_here() const noexcept {
    const scheduler* here = scheduler::current();
    return here != nullptr && &here->group() == &group_ ? here->index() : thread_number() % group_.size();
}

/// Takes a resting lease that may be lent as it is. Any thread, without the mutex.
bool core::take_parked(const acquire_options& options, granted& found) noexcept {
    if (options.holder != 0 || !parking_->cache.is_open()) return false;
    const scheduler* here = scheduler::current();
    const std::size_t threads_from = parking_->first_for_threads;
    parked_lease* taken = nullptr;
    time_point now;
    if (here != nullptr && &here->group() == &group_) {
        now = here->now();
        taken = parking_->cache.take(here->index());
    } else {
        now = here != nullptr ? here->now() : coarse_now();
        const std::uint32_t mine = thread_number();
        for (std::uint32_t i = 0; taken == nullptr && i < parking_lot::for_threads; ++i) {
            taken = parking_->cache.take(threads_from + (mine + i) % parking_lot::for_threads);
        }
        for (std::size_t i = 0; taken == nullptr && i < threads_from; ++i) taken = parking_->cache.take(i);
    }
    if (taken == nullptr) return false;
    if (now - taken->since > taken->fresh_for || now >= taken->good_until) {
        lock held(mutex_);
        ++parking_->mistaken;
        unpark_locked(*taken);
        settle(held);
        return false;
    }
    if (taken->metered) {
        std::atomic_ref rested(taken->rested);
        rested.store(rested.load(std::memory_order_relaxed) + (now - taken->since).count(), std::memory_order_relaxed);
    }
    // Its epoch is that of now: a lease of an earlier one does not rest.
    found = {taken->connection, taken->slot, taken->lease, taken->where, true, taken->epoch, taken};
    return true;
}

bool core::is_exhausted() const noexcept {
    if (!parking_->exhausted.load(std::memory_order_relaxed)) return false;
    return parking_->cache.is_empty(affinity_here());
}

/// Lets a clean lease rest. False: it is for the ledger. Any thread, without the mutex.
bool core::park(const granted& lease) noexcept {
    if (lease.parking == nullptr) return false;
    const scheduler* here = scheduler::current();
    if (here != nullptr && &here->group() == &group_) {
        // What lives on another scheduler goes where those find it who are there, unless that matters to nobody.
        if (!roams_ && lease.parking->where != here) return false;
        lease.parking->since = here->now();
        return parking_->cache.park(here->index(), lease.parking, lease.epoch);
    }
    lease.parking->since = here != nullptr ? here->now() : coarse_now();
    const std::uint32_t mine = thread_number();
    for (std::uint32_t i = 0; i < 2; ++i) {
        const std::size_t which = parking_->first_for_threads + (mine + i) % parking_lot::for_threads;
        if (parking_->cache.park(which, lease.parking, lease.epoch)) return true;
    }
    return false;
}

/// Prepares a lease of the ledger for being parked when it is returned, if it is of the kind that may.
void core::make_parkable_locked(granted& lease) noexcept {
    if (!parking_->suits) return;
    const pool::slot& slot = ledger_->look_at(lease.slot);
    if (slot.capacity != 1 || slot.overflow || ledger_->lease(lease.lease).holder != 0) return;
    const duration check_after = ledger_->current_settings().check_after_idle;
    std::deque<parked_lease>& places = parking_->places;
    if (places.size() <= lease.slot.index) places.resize(lease.slot.index + std::size_t{1});
    parked_lease& description = places[lease.slot.index];
    description = {lease.connection,
                   lease.slot,
                   lease.lease,
                   entries_[lease.slot.index].where,
                   {},
                   slot.expires_at,
                   check_after,
                   description.rested,
                   parking_->cache.epoch(),
                   true,
                   std::holds_alternative<adaptive_sizing>(ledger_->current_settings().sizing)};
    lease.epoch = parking_->cache.epoch();
    lease.parking = &description;
    ++parking_->out;
    if (parking_->due == never) {
        parking_->due = latest_ + parking_lot::longest_rest;
        parking_->due_changed = true;
    }
}

/// Gives a resting lease back to the ledger.
void core::unpark_locked(parked_lease& lease) noexcept {
    ++parking_->unparked;
    --parking_->out;
    lease.out = false;
    ledger_->release_kept(now_locked(), lease.lease, lease.since, actions_);
}

/// All that rest go back to the ledger; the cache stays closed until the end of the step.
void core::empty_parking_locked() noexcept {
    if (parking_->cache.is_open()) parking_->cache.close([this](parked_lease& each) { unpark_locked(each); });
}

/// And those that are lent now will go back too.
void core::fence_parking_locked() noexcept {
    parking_->cache.fence([this](parked_lease& each) { unpark_locked(each); });
}

/// At the end of each step: may leases rest as the ledger stands now?
void core::tend_parking_locked() noexcept {
    const ledger_counts now = ledger_->counts();
    const bool may =
        parking_->suits && !paused_ && !ledger_->draining() && now.waiting == 0 && now.regular <= ledger_->size_limit();
    if (!may) {
        empty_parking_locked();
    } else if (!parking_->cache.is_open()) {
        parking_->cache.open();
    }
    const settings& current = ledger_->current_settings();
    // Counted anew: what rested may just have gone home. A pool that may still grow has to see who wants something.
    const ledger_counts then = ledger_->counts();
    const bool exhausted = parking_->suits && !paused_ && !ledger_->draining() && then.of(slot_state::idle) == 0 &&
                           then.regular == current.max_size && current.on_full == when_full::wait;
    parking_->exhausted.store(exhausted, std::memory_order_relaxed);
}

/// What leases did in the cache since the last time, for an adaptive sizing. Those that rest now are to be sent home
/// before: they tell themselves.
void core::tell_of_parking_locked() noexcept {
    duration rested{};
    for (parked_lease& each : parking_->places) {
        rested += duration(std::atomic_ref(each.rested).load(std::memory_order_relaxed));
    }
    const std::uint64_t lent = parking_->cache.count().taken - parking_->mistaken;
    ledger_->note_kept(now_locked(), rested - std::exchange(parking_->told_rested, rested),
                       lent - std::exchange(parking_->told_lent, lent));
}

/// Asks the budget for what the ledger wants, and tells it the answer.
void core::claim_size_locked() noexcept {
    if (ledger_->draining()) {
        if (ledger_->is_empty()) share_ = {};
        return;
    }
    if (!ledger_->take_claim_changed()) return;
    const std::size_t allowed = share_.ask(ledger_->wanted_size(), ledger_->counts().regular);
    ledger_->allow(now_locked(), allowed, actions_);
}

/// A snapshot in which resting leases count as what they are: idle connections, whose borrowers have returned them.
statistics core::snapshot() const {
    const lock held(mutex_);
    statistics view = ledger_->snapshot();
    const auto seen = parking_->cache.count();
    const std::uint64_t lent = seen.taken - parking_->mistaken;
    view.idle += seen.resting;
    view.in_use -= seen.resting;
    view.leases -= seen.resting;
    view.acquires += lent;
    view.served += lent;
    view.served_reused += lent;
    view.released += seen.parked - parking_->unparked;
    view.wait.record_zeros(lent);
    return view;
}

time_point core::next_wake_locked() const {
    return std::min(ledger_->next_wake(), parking_->due);
}

}  // namespace lido::pool
