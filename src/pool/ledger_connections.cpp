// The ledger: opening connections, what becomes of them, and closing them.
#include "lido/base/assert.hpp"
#include "pool/ledger.hpp"
#include "pool/sizing.hpp"

namespace lido::pool {

// ---------------------------------------------------------------------------------------------- how many

std::size_t ledger::room() const noexcept {
    return size_limit_ > regular_ ? size_limit_ - regular_ : 0;
}

std::size_t ledger::wanted() const noexcept {
    return connections_to_open({.max = size_limit_,
                                .floor = floor(),
                                .existing = regular_,
                                .kept = kept_,
                                .waiting = waiters_.size(),
                                .in_flight = in_flight_,
                                .per_connect = expected_capacity_});
}

bool ledger::wants_overflow() const noexcept {
    return settings_.on_full == when_full::overflow && room() == 0 && waiters_.size() > in_flight_ &&
           overflow_ < settings_.max_overflow;
}

// ---------------------------------------------------------------------------------------------- opening

void ledger::open_wanted(time_point now, std::uint32_t affinity, actions& out) {
    while (gate_.may_connect(now, in(slot_state::connecting))) {
        if (wanted() > 0) {
            start_connect(now, affinity, false, out);
        } else if (wants_overflow()) {
            if (adaptive_) meter_.turned_away();
            start_connect(now, affinity, true, out);
        } else {
            return;
        }
    }
}

void ledger::start_connect(time_point now, std::uint32_t affinity, bool overflow, actions& out) {
    std::uint32_t which = 0;
    if (vacant_.empty()) {
        which = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
        ++in_state_[static_cast<std::size_t>(slot_state::vacant)];
    } else {
        which = vacant_.back();
        vacant_.pop_back();
    }
    if (affinity == any_affinity) affinity = next_affinity_++ % static_cast<std::uint32_t>(idle_.size());
    const std::uint32_t generation = slots_[which].generation + 1;
    count(slots_[which], false);
    slots_[which] = pool::slot{};
    pool::slot& fresh = slots_[which];
    fresh.generation = generation;
    fresh.overflow = overflow;
    fresh.affinity = affinity;
    fresh.capacity = expected_capacity_;
    fresh.connect_round = gate_.round();
    fresh.opened_at = now;
    fresh.transient_until = now + settings_.connect_timeout;
    count(fresh, true);
    move(which, slot_state::connecting);
    statistics_.peak_size = std::max(statistics_.peak_size, regular_ + overflow_);
    arm(now, which);
    out.push_back(
        {.kind = action_kind::open, .affinity = affinity, .slot = id_of(which), .deadline = fresh.transient_until});
}

/// What follows from the settings for a connection that is open.
void ledger::apply_settings(pool::slot& which) const noexcept {
    which.expires_at = never;
    if (settings_.max_lifetime != settings::forever) {
        const auto less =
            std::chrono::duration_cast<duration>(settings_.max_lifetime * (settings_.lifetime_jitter * which.jitter));
        which.expires_at = deadline_after(which.opened_at, settings_.max_lifetime - less);
    }
    if (settings_.keep_alive != settings::forever) {
        const auto more = std::chrono::duration_cast<duration>(settings_.keep_alive * (0.2 * which.jitter));
        which.keep_alive_every = settings_.keep_alive - settings_.keep_alive / 10 + more;
    }
}

bool ledger::opened(time_point now, slot_id id, std::uint32_t capacity, actions& out) {
    if (stale(id, slot_state::connecting)) return false;
    measure(now);
    pool::slot& fresh = slots_[id.index];
    ++statistics_.created;
    statistics_.connect.record(now - fresh.opened_at);
    count(fresh, false);
    fresh.capacity = std::max<std::uint32_t>(capacity, 1);
    count(fresh, true);
    expected_capacity_ = fresh.capacity;
    fresh.open = true;
    fresh.opened_at = now;
    fresh.jitter = random_.unit();
    apply_settings(fresh);
    if (capacity > 0) {
        gate_.succeeded(now);
    } else {
        // A server that takes connections and lends nothing on them is as good as one that refuses.
        gate_.failed(now, fresh.connect_round, random_);
        retire(id.index, close_reason::retired);
    }
    settle(now, id.index, now, out);
    if (warm_target_ > 0 && kept_live_ >= warm_target_) finish_warm_up(out);
    dispatch(now, any_affinity, out);
    // Those it was opened for did not live to see it.
    pool::slot& unused = slots_[id.index];
    if (unused.overflow && unused.state == slot_state::idle) begin_close(now, id.index, close_reason::retired, out);
    return true;
}

bool ledger::open_failed(time_point now, slot_id id, actions& out) {
    if (stale(id, slot_state::connecting)) return false;
    measure(now);
    connect_has_failed(now, id.index, out);
    move(id.index, slot_state::vacant);
    slot_timers_.disarm({&slots_}, id.index);
    vacant_.push_back(id.index);
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

void ledger::connect_has_failed(time_point now, std::uint32_t which, actions& out) {
    ++statistics_.connect_failed;
    gate_.failed(now, slots_[which].connect_round, random_);
    if (warm_target_ > 0) finish_warm_up(out);
}

/// A connection that breaks before it has served anybody is a failed connect in disguise. Without a pause a pool would
/// connect in a loop to a server that accepts and hangs up.
void ledger::note_early_death(time_point now, const pool::slot& which) {
    if (which.open && !which.used) gate_.failed(now, which.connect_round, random_);
}

void ledger::finish_warm_up(actions& out) {
    warm_target_ = 0;
    out.push_back({.kind = action_kind::warmed, .down = gate_.failing(), .count = kept_live_});
}

// ---------------------------------------------------------------------------------------------- where a slot goes

/// A slot whose last lease has returned, or whose connect, check or reset is done: where does it go? `since` is when it
/// last did something.
void ledger::settle(time_point now, std::uint32_t which, time_point since, actions& out) {
    const pool::slot& settled = slots_[which];
    const bool only_checked = settled.state == slot_state::checking;
    // The drain is over: there is no time left for being polite.
    if (lifecycle_ == lifecycle::closed) return abandon(now, which, close_reason::retired, out);
    if (settled.retired) return begin_close(now, which, settled.reason, out);
    LIDO_ASSERT(lifecycle_ == lifecycle::open);  // a drain retires or abandons all there are
    if (settled.overflow) {
        const bool needed = !settled.used && !paused_ && !waiters_.empty();
        if (!needed) return begin_close(now, which, close_reason::retired, out);
    } else if (live_ + (settled.state == slot_state::connecting ? 1 : 0) > size_limit_) {
        return begin_close(now, which, close_reason::idle, out);
    }
    const bool replaced = settled.being_replaced && !only_checked;
    if (replaced || is_worn(settled)) return begin_close(now, which, close_reason::lifetime, out);
    const bool expired = now >= settled.expires_at && !settled.being_replaced;
    if (expired && kept_ > settings_.min_size) return begin_close(now, which, close_reason::lifetime, out);
    if (settled.dirty) {
        move(which, slot_state::resetting);
        slots_[which].transient_until = now + settings_.check_timeout;
        arm(now, which);
        ++statistics_.resets;
        out.push_back({.kind = action_kind::reset, .slot = id_of(which), .deadline = slots_[which].transient_until});
        return;
    }
    // One that waits for its successor is not counted, or the successor would be the one too many, again and again.
    const std::size_t idle = in(slot_state::idle)-outgoing_.size();
    if (idle >= settings_.max_idle && waiters_.empty()) return begin_close(now, which, close_reason::idle, out);
    // A check is no use: it must not keep a connection from being idle for too long.
    make_idle(now, which, only_checked ? settled.idle_since : since, since);
    if (expired) expire(now, which, out);
}

void ledger::make_idle(time_point now, std::uint32_t which, time_point since, time_point proven) {
    pool::slot& rested = slots_[which];
    rested.idle_since = since;
    rested.proven_at = proven;
    rested.transient_until = rested.being_replaced ? now + settings_.connect_timeout : never;
    move(which, slot_state::idle);
    arm(now, which);
}

/// An idle connection is past its lifetime. Make before break: while the minimum needs it, it stays, and is lent when
/// there is no other, until its successor is there or could not be opened in time.
void ledger::expire(time_point now, std::uint32_t which, actions& out) {
    pool::slot& old = slots_[which];
    if (kept_ > settings_.min_size) return begin_close(now, which, close_reason::lifetime, out);
    unlist(which);
    count(old, false);
    old.being_replaced = true;
    old.transient_until = now + settings_.connect_timeout;
    count(old, true);
    enlist(which);
    arm(now, which);
}

/// Those that waited for their successors may go: as many as there are more than the minimum. Where max leaves no room
/// for a successor, one after the other breaks before it is made anew.
void ledger::retire_outgoing(time_point now, actions& out) {
    while (!outgoing_.empty()) {
        const bool replaced = kept_live_ + outgoing_.size() > settings_.min_size;
        const bool no_room = room() == 0 && in(slot_state::closing) == 0 && in(slot_state::connecting) == 0;
        if (!replaced && (!no_room || gate_.failing())) return;
        begin_close(now, outgoing_.back(), close_reason::lifetime, out);
    }
}

// ---------------------------------------------------------------------------------------------- checks and resets

void ledger::start_check(time_point now, std::uint32_t which, actions& out) {
    move(which, slot_state::checking);
    slots_[which].transient_until = now + settings_.check_timeout;
    arm(now, which);
    ++statistics_.checks;
    out.push_back({.kind = action_kind::check, .slot = id_of(which), .deadline = slots_[which].transient_until});
}

bool ledger::checked(time_point now, slot_id id, bool works, actions& out) {
    if (stale(id, slot_state::checking)) return false;
    measure(now);
    if (works) {
        settle(now, id.index, now, out);
    } else {
        ++statistics_.checks_failed;
        begin_close(now, id.index, close_reason::broken, out);
    }
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

bool ledger::reset_done(time_point now, slot_id id, bool clean, actions& out) {
    if (stale(id, slot_state::resetting)) return false;
    measure(now);
    if (clean) {
        slots_[id.index].dirty = false;
        settle(now, id.index, now, out);
    } else {
        ++statistics_.resets_failed;
        begin_close(now, id.index, close_reason::broken, out);
    }
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

// ---------------------------------------------------------------------------------------------- closing

void ledger::begin_close(time_point now, std::uint32_t which, close_reason reason, actions& out) {
    pool::slot& ending = slots_[which];
    LIDO_ASSERT(is_live(ending.state) || ending.state == slot_state::connecting);
    LIDO_ASSERT(ending.leases == 0);
    if (reason == close_reason::broken) note_early_death(now, ending);
    ending.reason = reason;
    ending.transient_until = now + settings_.close_timeout;
    move(which, slot_state::closing);
    arm(now, which);
    out.push_back({.kind = action_kind::close, .slot = id_of(which), .deadline = ending.transient_until});
}

/// Ends a slot in the middle of what it is doing.
void ledger::abandon(time_point now, std::uint32_t which, close_reason reason, actions& out) {
    pool::slot& ending = slots_[which];
    errc why = errc::pool_closed;
    if (ending.state != slot_state::closing) {
        if (reason == close_reason::broken) {
            note_early_death(now, ending);
            why = ending.state == slot_state::connecting ? errc::connect_timeout : errc::timeout;
        }
        ending.reason = reason;
        move(which, slot_state::closing);
    }
    ending.transient_until = now + settings_.close_timeout;
    arm(now, which);
    out.push_back({.kind = action_kind::abandon, .reason = why, .slot = id_of(which)});
}

bool ledger::closed(time_point now, slot_id id, actions& out) {
    if (stale(id, slot_state::closing)) return false;
    measure(now);
    pool::slot& gone = slots_[id.index];
    if (gone.open) {
        ++statistics_.closed;
        switch (gone.reason) {
            case close_reason::idle:
                ++statistics_.closed_idle;
                break;
            case close_reason::lifetime:
                ++statistics_.closed_lifetime;
                break;
            case close_reason::broken:
                ++statistics_.closed_broken;
                break;
            case close_reason::retired:
                ++statistics_.closed_retired;
                break;
        }
    }
    const std::uint32_t affinity = gone.affinity;
    move(id.index, slot_state::vacant);
    slot_timers_.disarm({&slots_}, id.index);
    vacant_.push_back(id.index);
    note_drained(out);
    dispatch(now, affinity, out);
    return true;
}

// ---------------------------------------------------------------------------------------------- news

bool ledger::capacity_changed(time_point now, slot_id id, std::uint32_t capacity, actions& out) {
    if (capacity == 0) return fence(now, id, close_reason::retired, out);
    if (!is_current(id) || !is_live(slots_[id.index].state)) {
        ++statistics_.stale_events;
        return false;
    }
    measure(now);
    pool::slot& changed = slots_[id.index];
    count(changed, false);
    changed.capacity = capacity;
    count(changed, true);
    expected_capacity_ = capacity;
    regroup(id.index);
    dispatch(now, changed.affinity, out);
    return true;
}

bool ledger::lost(time_point now, slot_id id, actions& out) {
    return fence(now, id, close_reason::broken, out);
}

bool ledger::fence(time_point now, slot_id id, close_reason reason, actions& out) {
    if (!is_current(id) || !is_live(slots_[id.index].state)) {
        ++statistics_.stale_events;
        return false;
    }
    measure(now);
    retire(id.index, reason);
    if (slots_[id.index].state == slot_state::idle) begin_close(now, id.index, reason, out);
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

}  // namespace lido::pool
