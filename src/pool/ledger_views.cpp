// Looking into a ledger: numbers for people and machines, and the audit of its invariants for tests.
#include "lido/base/assert.hpp"
#include "pool/ledger.hpp"

namespace lido::pool {

statistics ledger::snapshot() const {
    statistics view = statistics_;
    view.max_size = settings_.max_size;
    view.min_size = settings_.min_size;
    view.wanted_size = size_limit_;
    view.idle = in(slot_state::idle);
    view.in_use = in(slot_state::leased) + in(slot_state::shared) + in(slot_state::draining);
    view.leases = leases_.size();
    view.connecting = in(slot_state::connecting);
    view.checking = in(slot_state::checking) + in(slot_state::resetting);
    view.closing = in(slot_state::closing);
    view.overflow = overflow_;
    view.waiting = waiters_.size();
    return view;
}

pool_numbers ledger::numbers() const noexcept {
    return {.max = size_limit_,
            .idle = in(slot_state::idle),
            .leased = leases_.size(),
            .connecting = in(slot_state::connecting),
            .waiting = waiters_.size()};
}

/// What must hold of one slot, whatever the others do.
void ledger::audit_slot(const pool::slot& each) const {
    const bool transient = each.state == slot_state::connecting || each.state == slot_state::checking ||
                           each.state == slot_state::resetting || each.state == slot_state::closing;
    LIDO_ASSERT((each.leases > 0) == has_leases(each.state));
    LIDO_ASSERT(each.state != slot_state::shared || has_room(each));
    LIDO_ASSERT(each.state != slot_state::leased || !has_room(each));
    LIDO_ASSERT(each.state != slot_state::idle || !each.dirty);
    LIDO_ASSERT(each.links.linked == (each.state == slot_state::idle || each.state == slot_state::shared));
    LIDO_ASSERT(each.open || !is_live(each.state));
    LIDO_ASSERT(!each.open || each.state != slot_state::connecting);
    LIDO_ASSERT(!each.overflow || each.state != slot_state::idle);
    // Every transient state has a deadline, and a timer that is not later.
    LIDO_ASSERT(!transient || each.transient_until != never);
    LIDO_ASSERT(!transient || (each.timer.armed && each.armed_for <= each.transient_until));
    LIDO_ASSERT(!each.being_replaced || each.state != slot_state::idle || each.timer.armed);
    if (each.state == slot_state::idle && !each.being_replaced) {
        LIDO_ASSERT(each.expires_at == never || (each.timer.armed && each.armed_for <= each.expires_at));
        LIDO_ASSERT(settings_.idle_timeout == settings::forever || each.timer.armed);
        LIDO_ASSERT(settings_.keep_alive == settings::forever || each.timer.armed);
    }
    // What is fenced is never idle and never lent again.
    LIDO_ASSERT(!each.retired || !(each.state == slot_state::idle || each.state == slot_state::shared ||
                                   each.state == slot_state::leased));
}

/// The derived counts, made anew from the slots.
void ledger::audit_counts() const {
    ledger fresh(settings_, static_cast<std::uint32_t>(idle_.size()), time_point{}, random_source(0));
    std::size_t leases = 0;
    std::size_t open = 0;
    std::size_t replaced = 0;
    for (const pool::slot& each : slots_) {
        fresh.count(each, true);
        leases += each.leases;
        if (each.state != slot_state::vacant && each.open) ++open;
        if (each.state == slot_state::idle && each.being_replaced) ++replaced;
    }
    LIDO_ASSERT(fresh.in_state_ == in_state_);
    LIDO_ASSERT(fresh.regular_ == regular_ && fresh.overflow_ == overflow_);
    LIDO_ASSERT(fresh.live_ == live_);
    LIDO_ASSERT(fresh.kept_ == kept_ && fresh.kept_live_ == kept_live_);
    LIDO_ASSERT(fresh.in_flight_ == in_flight_);
    LIDO_ASSERT(replaced == outgoing_.size());
    LIDO_ASSERT(leases == leases_.size());
    LIDO_ASSERT(statistics_.created == statistics_.closed + open);
    std::size_t blocked = 0;
    for (const auto& [holder, counts] : holders_) {
        LIDO_ASSERT(counts.leases > 0 || counts.waits > 0);
        if (counts.waits > 0) blocked += counts.leases;
    }
    LIDO_ASSERT(blocked == blocked_leases_);
}

void ledger::audit_statistics() const {
    const statistics& sum = statistics_;
    LIDO_ASSERT(sum.acquires == sum.served + sum.refused + waiters_.size());
    LIDO_ASSERT(sum.served == sum.released + leases_.size());
    LIDO_ASSERT(sum.served_reused <= sum.served);
    LIDO_ASSERT(sum.refused ==
                sum.refused_timeout + sum.refused_down + sum.refused_full + sum.refused_cancelled + sum.refused_other);
    LIDO_ASSERT(sum.closed == sum.closed_idle + sum.closed_lifetime + sum.closed_broken + sum.closed_retired);
    LIDO_ASSERT(sum.checks_failed <= sum.checks && sum.resets_failed <= sum.resets);
    LIDO_ASSERT(sum.wait.count() == sum.served && sum.connect.count() == sum.created);
}

void ledger::audit() const {
    for (const pool::slot& each : slots_) {
        if (each.state != slot_state::vacant) audit_slot(each);
    }
    audit_counts();
    audit_statistics();
    LIDO_ASSERT(lifecycle_ == lifecycle::open || waiters_.empty());
    LIDO_ASSERT(lifecycle_ != lifecycle::closed || drain_until_ == never);
    if (paused_ || lifecycle_ != lifecycle::open) return;
    // Never idle capacity and a waiter at once that nothing in flight will serve: what is idle then would have to be
    // checked first, and is being checked.
    LIDO_ASSERT(waiters_.size() <= in_flight_ || in(slot_state::idle) + in(slot_state::shared) == 0);
    // Whatever is wanted is being opened, unless the gate holds it back.
    const bool held_back = gate_.failing() || !gate_.has_place(in(slot_state::connecting));
    LIDO_ASSERT(held_back || (wanted() == 0 && !wants_overflow()));
}

}  // namespace lido::pool
