// Looking into a ledger: numbers for people and machines, and the audit of its invariants for tests.
#include "lido/base/assert.hpp"
#include "pool/ledger.hpp"

namespace lido::pool {
namespace {

constexpr std::size_t at(slot_state state) noexcept { return static_cast<std::size_t>(state); }

}  // namespace

statistics ledger::snapshot() const {
    statistics view = statistics_;
    view.max_size = settings_.max_size;
    view.min_size = settings_.min_size;
    view.idle = in_state_[at(slot_state::idle)];
    view.in_use =
        in_state_[at(slot_state::leased)] + in_state_[at(slot_state::shared)] + in_state_[at(slot_state::draining)];
    view.leases = leases_.size();
    view.connecting = in_state_[at(slot_state::connecting)];
    view.checking = in_state_[at(slot_state::checking)] + in_state_[at(slot_state::resetting)];
    view.closing = in_state_[at(slot_state::closing)];
    view.overflow = overflow_;
    view.waiting = waiters_.size();
    return view;
}

pool_numbers ledger::numbers() const noexcept {
    return {.max = settings_.max_size,
            .idle = in_state_[at(slot_state::idle)],
            .leased = leases_.size(),
            .connecting = in_state_[at(slot_state::connecting)],
            .waiting = waiters_.size()};
}

void ledger::audit() const {
    std::array<std::size_t, slot_state_count> in_state{};
    std::size_t regular = 0;
    std::size_t overflow = 0;
    std::size_t leases = 0;
    std::size_t in_flight = 0;
    std::size_t available = 0;
    for (const pool::slot& each : slots_) {
        ++in_state[at(each.state)];
        leases += each.leases;
        if (each.state == slot_state::vacant) continue;
        ++(each.overflow ? overflow : regular);
        LIDO_ASSERT((each.leases > 0) == has_leases(each.state));
        LIDO_ASSERT(each.state != slot_state::shared || each.leases < each.capacity);
        LIDO_ASSERT(each.links.linked == (each.state == slot_state::idle || each.state == slot_state::shared));
        const bool transient = each.state == slot_state::connecting || each.state == slot_state::checking ||
                               each.state == slot_state::resetting || each.state == slot_state::closing;
        // Every transient state has a deadline.
        LIDO_ASSERT(!transient || (each.timer.armed && each.transient_until != never));
        if (transient && each.state != slot_state::closing && !each.retired) in_flight += each.capacity;
        // What is fenced is never idle and never lent again.
        LIDO_ASSERT(!each.retired || (each.state != slot_state::idle && each.state != slot_state::shared &&
                                      each.state != slot_state::leased));
        const bool lendable = each.state == slot_state::idle || each.state == slot_state::shared;
        if (lendable) ++available;
    }
    LIDO_ASSERT(in_state == in_state_);
    LIDO_ASSERT(regular == regular_ && overflow == overflow_);
    LIDO_ASSERT(leases == leases_.size());
    LIDO_ASSERT(in_flight == in_flight_);
    LIDO_ASSERT(overflow_ <= settings_.max_overflow || settings_.on_full != when_full::overflow);
    LIDO_ASSERT(waiters_.size() <= settings_.max_waiters);
    // Never idle capacity and a waiter at once that nothing in flight will serve: what is idle then would have to be
    // checked first, and is being checked.
    LIDO_ASSERT(paused_ || lifecycle_ != lifecycle::open || waiters_.size() <= in_flight_ || available == 0);
    // Every acquire ended, or waits.
    LIDO_ASSERT(statistics_.acquires == statistics_.served + statistics_.refused + waiters_.size());
    LIDO_ASSERT(statistics_.served == statistics_.released + leases_.size());
    LIDO_ASSERT(lifecycle_ == lifecycle::open || waiters_.empty());
}

}  // namespace lido::pool
