// The ledger: what the time brings.
#include "lido/base/assert.hpp"
#include "pool/ledger.hpp"

namespace lido::pool {

/// When something must happen to the slot if nothing else does before.
time_point ledger::due(const pool::slot& which, time_point now) const noexcept {
    switch (which.state) {
        case slot_state::connecting:
        case slot_state::checking:
        case slot_state::resetting:
        case slot_state::closing:
            return which.transient_until;
        case slot_state::idle:
            break;
        case slot_state::vacant:
        case slot_state::leased:
        case slot_state::shared:
        case slot_state::draining:
            return never;
    }
    if (which.being_replaced) return which.transient_until;
    time_point next = which.expires_at;
    if (settings_.keep_alive != settings::forever) {
        next = std::min(next, deadline_after(which.proven_at, which.keep_alive_every));
    }
    if (settings_.idle_timeout != settings::forever) {
        // While it belongs to the minimum it stays; it is asked again later.
        const time_point from = kept_ > floor() ? which.idle_since : std::max(which.idle_since, now);
        next = std::min(next, deadline_after(from, settings_.idle_timeout));
    }
    return next;
}

/// Makes sure that the slot's timer fires no later than needed. A timer that is early is left: it looks again when it
/// fires. That keeps timers off the path of lending and returning.
void ledger::arm(time_point now, std::uint32_t which) {
    const time_point when = due(slots_[which], now);
    if (when == never) return;
    const pool::slot& timed = slots_[which];
    if (timed.timer.armed && timed.armed_for <= when) return;
    slots_[which].armed_for = when;
    wake_changed_ = true;
    slot_timers_.arm({&slots_}, which, when);
}

void ledger::slot_is_due(time_point now, std::uint32_t which, actions& out) {
    if (due(slots_[which], now) > now) return arm(now, which);
    const slot_state state = slots_[which].state;
    if (state == slot_state::idle) return idle_is_due(now, which, out);
    // Something takes too long; a close may be what.
    if (state == slot_state::connecting) connect_has_failed(now, which, out);
    if (state == slot_state::checking) ++statistics_.checks_failed;
    if (state == slot_state::resetting) ++statistics_.resets_failed;
    abandon(now, which, close_reason::broken, out);
}

void ledger::idle_is_due(time_point now, std::uint32_t which, actions& out) {
    const pool::slot& rested = slots_[which];
    if (rested.being_replaced) return begin_close(now, which, close_reason::lifetime, out);
    if (now >= rested.expires_at) return expire(now, which, out);
    const bool too_long =
        settings_.idle_timeout != settings::forever && now - rested.idle_since >= settings_.idle_timeout;
    if (too_long && kept_ > floor()) return begin_close(now, which, close_reason::idle, out);
    start_check(now, which, out);  // what else was due
}

void ledger::tick(time_point now, actions& out) {
    measure(now);
    if (size_due_ <= now) decide_size(now, out);
    waiters_.expire(now, [&](waiter_id who) {
        refuse(who, paused_ ? errc::pool_paused : errc::acquire_timeout, gate_.failing(), out);
    });
    slot_timers_.advance({&slots_}, now, [&](std::uint32_t which) { slot_is_due(now, which, out); });
    while (leases_.next_report() <= now) {
        const lease_id suspect = leases_.take_suspect();
        const lease_record& record = leases_.at(suspect);
        ++statistics_.leaks_reported;
        out.push_back({.kind = action_kind::leak,
                       .slot = id_of(record.slot),
                       .lease = suspect,
                       .held = now - record.since,
                       .where = record.where});
    }
    if (drain_until_ <= now) end_drain(now, out);
    dispatch(now, any_affinity, out);
}

time_point ledger::next_wake() const {
    time_point next =
        std::min({waiters_.next_expiry(), slot_timers_.next_wake(), leases_.next_report(), drain_until_, size_due_});
    if (lifecycle_ != lifecycle::open || !gate_.failing()) return next;
    if (!paused_ && in(slot_state::connecting) == 0 && (wanted() > 0 || wants_overflow())) {
        next = std::min(next, gate_.not_before());
    }
    if (!waiters_.empty() && is_down()) {
        next = std::min(next, deadline_after(waiters_.earliest_arrival(), settings_.down_fail_fast));
    }
    return next;
}

}  // namespace lido::pool
