#include "pool/ledger.hpp"

#include <algorithm>

#include "lido/base/assert.hpp"
#include "pool/sizing.hpp"

namespace lido::pool {
namespace {

constexpr std::size_t at(slot_state state) noexcept { return static_cast<std::size_t>(state); }

}  // namespace

ledger::ledger(const settings& settings, std::uint32_t affinities, time_point now, random_source random)
    : settings_(settings),
      random_(random),
      idle_(affinities),
      slot_timers_(now),
      waiters_(now, settings.priority_ageing),
      leases_(settings.leak_after),
      gate_(settings.max_concurrent_connects, settings.back_off) {
    LIDO_ASSERT(affinities > 0);
    statistics_.name = settings.name;
}

// ---------------------------------------------------------------------------------------------- slots and counts

/// Adds or takes away what a slot contributes to the counts. Every change of a slot that matters to them stands between
/// `count(slot, false)` and `count(slot, true)`.
void ledger::count(const pool::slot& which, bool add) noexcept {
    const auto change = [add](std::size_t& total, std::size_t by) { total = add ? total + by : total - by; };
    change(in_state_[at(which.state)], 1);
    if (which.state == slot_state::vacant) return;
    change(which.overflow ? overflow_ : regular_, 1);
    const bool leaving =
        which.retired || which.being_replaced || which.state == slot_state::draining || which.state == slot_state::closing;
    if (!leaving && !which.overflow) {
        change(kept_, 1);
        if (is_live(which.state)) change(kept_live_, 1);
    }
    const bool transient = which.state == slot_state::connecting || which.state == slot_state::checking ||
                           which.state == slot_state::resetting;
    if (transient && !which.retired) change(in_flight_, which.capacity);
    if (which.being_replaced && which.state == slot_state::idle) change(outgoing_, 1);
}

ledger::slot_list* ledger::list_of(const pool::slot& which) noexcept {
    if (which.state == slot_state::idle) return &idle_[which.affinity];
    if (which.state == slot_state::shared) return &shared_;
    return nullptr;
}

void ledger::move(std::uint32_t which, slot_state to) {
    pool::slot& moved = slots_[which];
    if (slot_list* list = list_of(moved)) list->remove(slots_, which);
    count(moved, false);
    moved.state = to;
    count(moved, true);
    slot_list* list = list_of(moved);
    if (list == nullptr) return;
    if (to == slot_state::idle && settings_.order == idle_order::last_in_first_out) {
        list->push_front(slots_, which);
    } else {
        list->push_back(slots_, which);
    }
}

/// Fences a slot: what it does now is the last it does.
void ledger::retire(std::uint32_t which, close_reason reason) {
    pool::slot& fenced = slots_[which];
    if (!fenced.retired) {
        count(fenced, false);
        fenced.retired = true;
        fenced.reason = reason;
        count(fenced, true);
    }
    if (fenced.state == slot_state::leased || fenced.state == slot_state::shared) move(which, slot_state::draining);
}

bool ledger::is_current(slot_id which) const noexcept {
    return which.index < slots_.size() && slots_[which.index].generation == which.generation;
}

slot_state ledger::state_of(slot_id which) const noexcept {
    return is_current(which) ? slots_[which.index].state : slot_state::vacant;
}

bool ledger::stale(slot_id which, slot_state expected) noexcept {
    if (is_current(which) && slots_[which.index].state == expected) return false;
    ++statistics_.stale_events;
    return true;
}

std::size_t ledger::room() const noexcept {
    return settings_.max_size > regular_ ? settings_.max_size - regular_ : 0;
}

// ---------------------------------------------------------------------------------------------- lending

acquire_outcome ledger::acquire(time_point now, const acquire_request& request, actions& out) {
    using kind = acquire_outcome::kind;
    ++statistics_.acquires;
    const auto refused = [this](errc reason, std::uint64_t& counter) {
        ++statistics_.refused;
        ++counter;
        return acquire_outcome{kind::refused, reason, {}, {}, {}};
    };
    if (lifecycle_ != lifecycle::open) return refused(errc::pool_closed, statistics_.refused_other);
    if (!paused_ && waiters_.empty()) {
        const std::uint32_t found = find_available(now, request.affinity, out);
        if (found != no_index) {
            const lease_id lease = lend(now, found, request.holder, now, request.where);
            return {kind::granted, {}, id_of(found), lease, {}};
        }
    }
    if (request.deadline <= now) return refused(errc::acquire_timeout, statistics_.refused_timeout);
    if (settings_.on_full == when_full::fail && !paused_) {
        const std::size_t offered = in_flight_ + room() * expected_capacity_ + in_state_[at(slot_state::idle)];
        if (waiters_.size() >= offered) return refused(errc::pool_exhausted, statistics_.refused_full);
    }
    if (waiters_.size() >= settings_.max_waiters) return refused(errc::queue_full, statistics_.refused_full);
    if (would_deadlock(request.holder)) return refused(errc::would_deadlock, statistics_.refused_other);

    const waiter_id waiter =
        waiters_.add(request.priority, now, request.deadline, request.holder, request.affinity);
    waiter_places_.resize(std::max<std::size_t>(waiter_places_.size(), waiter.index + 1));
    waiter_places_[waiter.index] = request.where;
    add_wait(request.holder);
    wake_changed_ = true;
    statistics_.peak_waiting = std::max(statistics_.peak_waiting, waiters_.size());
    dispatch(now, request.affinity, out);
    return {kind::queued, {}, {}, {}, waiter};
}

bool ledger::cancel(time_point now, waiter_id waiter, actions& out) {
    if (!waiters_.contains(waiter)) {
        ++statistics_.stale_events;
        return false;
    }
    remove_wait(waiters_.at(waiter).holder);
    waiters_.remove(waiter);
    ++statistics_.refused;
    ++statistics_.refused_cancelled;
    // The one behind may be served by what the cancelled one was waiting for under another limit.
    dispatch(now, 0, out);
    return true;
}

/// True when the connection may be lent without a check.
bool ledger::is_fresh(const pool::slot& which, time_point now) const noexcept {
    return settings_.check_after_idle == settings::forever || now - which.proven_at <= settings_.check_after_idle;
}

/// A slot that can be lent at once, preferably on the caller's scheduler; `no_index` when there is none. A shared one
/// with room comes before an idle one, so that few connections do the work and the others can expire.
std::uint32_t ledger::find_available(time_point now, std::uint32_t affinity, actions& out) {
    if (!shared_.empty()) return shared_.front();
    const auto schedulers = static_cast<std::uint32_t>(idle_.size());
    for (std::uint32_t i = 0; i < schedulers; ++i) {
        slot_list& list = idle_[(affinity + i) % schedulers];
        while (!list.empty()) {
            const std::uint32_t candidate = list.front();
            const pool::slot& found = slots_[candidate];
            if (now >= found.expires_at && !found.being_replaced) {
                begin_close(now, candidate, close_reason::lifetime, out);
                continue;
            }
            if (is_fresh(found, now)) return candidate;
            // The one at the other end was used or checked last; it may be fresh where the first is not.
            const std::uint32_t last = list.back();
            if (now < slots_[last].expires_at && is_fresh(slots_[last], now)) return last;
            break;
        }
    }
    return no_index;
}

lease_id ledger::lend(time_point now, std::uint32_t which, std::uint64_t holder, time_point since,
                      const std::source_location& where) {
    pool::slot& lent = slots_[which];
    LIDO_ASSERT(!lent.retired && (lent.state == slot_state::idle || lent.state == slot_state::shared));
    LIDO_ASSERT(lent.leases < lent.capacity);
    ++statistics_.served;
    if (lent.used) ++statistics_.served_reused;
    lent.used = true;
    ++lent.leases;
    ++lent.uses;
    const slot_state next = lent.leases < lent.capacity ? slot_state::shared : slot_state::leased;
    if (lent.state != next) move(which, next);
    const std::size_t in_use =
        in_state_[at(slot_state::leased)] + in_state_[at(slot_state::shared)] + in_state_[at(slot_state::draining)];
    statistics_.peak_in_use = std::max(statistics_.peak_in_use, in_use);
    statistics_.wait.record(now - since);
    if (holder != 0) {
        holder_counts& counts = holders_[holder];
        ++counts.leases;
        if (counts.waits > 0) ++blocked_leases_;
    }
    if (settings_.leak_after != settings::forever) wake_changed_ = true;
    return leases_.add(which, now, holder, where);
}

bool ledger::release(time_point now, lease_id lease, verdict verdict, actions& out) {
    if (!leases_.contains(lease)) {
        ++statistics_.stale_events;
        return false;
    }
    const lease_record& record = leases_.at(lease);
    const std::uint32_t which = record.slot;
    if (record.holder != 0) {
        const auto holder = holders_.find(record.holder);
        if (holder->second.waits > 0) --blocked_leases_;
        if (--holder->second.leases == 0 && holder->second.waits == 0) holders_.erase(holder);
    }
    leases_.remove(lease);
    ++statistics_.released;

    pool::slot& returned = slots_[which];
    LIDO_ASSERT(has_leases(returned.state) && returned.leases > 0);
    --returned.leases;
    if (verdict == verdict::broken) retire(which, close_reason::broken);
    if (verdict == verdict::needs_reset) returned.dirty = true;
    if (returned.leases == 0) {
        settle(now, which, out);
    } else if (returned.state == slot_state::leased && returned.leases < returned.capacity) {
        move(which, slot_state::shared);
    }
    dispatch(now, returned.affinity, out);
    return true;
}

/// A slot whose last lease has returned, or whose connect, check or reset is done: where does it go?
void ledger::settle(time_point now, std::uint32_t which, actions& out) {
    const pool::slot& settled = slots_[which];
    if (settled.retired) return begin_close(now, which, settled.reason, out);
    if (lifecycle_ != lifecycle::open) return begin_close(now, which, close_reason::retired, out);
    if (settled.overflow && (settled.used || waiters_.empty())) return begin_close(now, which, close_reason::retired, out);
    if (!settled.overflow && regular_ > settings_.max_size) return begin_close(now, which, close_reason::idle, out);
    const bool worn = settings_.max_uses != 0 && settled.uses >= settings_.max_uses;
    if (worn || now >= settled.expires_at) return begin_close(now, which, close_reason::lifetime, out);
    if (settled.dirty) {
        move(which, slot_state::resetting);
        slots_[which].transient_until = now + settings_.check_timeout;
        arm(now, which);
        ++statistics_.resets;
        out.push_back({.kind = action_kind::reset, .slot = id_of(which), .deadline = slots_[which].transient_until});
        return;
    }
    make_idle(now, which);
}

void ledger::make_idle(time_point now, std::uint32_t which) {
    pool::slot& rested = slots_[which];
    rested.idle_since = now;
    rested.proven_at = now;
    rested.transient_until = never;
    move(which, slot_state::idle);
    arm(now, which);
}

// ---------------------------------------------------------------------------------------------- waiters

/// Gives what there is to those who wait and starts what they will need. Called after every event that may have freed
/// or added capacity or demand.
void ledger::dispatch(time_point now, std::uint32_t affinity, actions& out) {
    if (lifecycle_ != lifecycle::open) return;
    if (!paused_) {
        if (!waiters_.empty()) {
            serve_waiters(now, out);
            check_stale(now, out);
        }
        open_wanted(now, affinity, out);
    }
    if (!waiters_.empty() && is_down()) refuse_while_down(now, out);
}

void ledger::serve_waiters(time_point now, actions& out) {
    while (!waiters_.empty()) {
        const waiter_id next = waiters_.first();
        const waiter& who = waiters_.at(next);
        if (who.deadline <= now) {
            refuse(next, errc::acquire_timeout, gate_.failing(), out);
            continue;
        }
        const std::uint32_t found = find_available(now, who.affinity, out);
        if (found == no_index) return;
        remove_wait(who.holder);
        const lease_id lease = lend(now, found, who.holder, who.since, waiter_places_[next.index]);
        waiters_.remove(next);
        out.push_back({.kind = action_kind::grant, .slot = id_of(found), .waiter = next, .lease = lease});
    }
}

/// Idle connections that must be checked before they are lent: as many as there are callers that nothing else in flight
/// will serve.
void ledger::check_stale(time_point now, actions& out) {
    for (slot_list& list : idle_) {
        while (!list.empty() && waiters_.size() > in_flight_) start_check(now, list.front(), out);
    }
}

void ledger::refuse(waiter_id who, errc reason, bool down, actions& out) {
    remove_wait(waiters_.at(who).holder);
    waiters_.remove(who);
    ++statistics_.refused;
    if (reason == errc::acquire_timeout || reason == errc::pool_paused) {
        ++statistics_.refused_timeout;
    } else if (reason == errc::connect_failed) {
        ++statistics_.refused_down;
    } else {
        ++statistics_.refused_other;
    }
    out.push_back({.kind = action_kind::refuse, .reason = reason, .down = down, .waiter = who});
}

/// The server cannot be reached and nothing is left that could serve anybody.
bool ledger::is_down() const noexcept {
    const std::size_t live = in_state_[at(slot_state::idle)] + in_state_[at(slot_state::checking)] +
                             in_state_[at(slot_state::leased)] + in_state_[at(slot_state::shared)] +
                             in_state_[at(slot_state::draining)] + in_state_[at(slot_state::resetting)];
    return gate_.failing() && live == 0;
}

void ledger::refuse_while_down(time_point now, actions& out) {
    while (!waiters_.empty()) {
        const waiter_id oldest = waiters_.earliest();
        if (now - waiters_.at(oldest).since < settings_.down_fail_fast) return;
        refuse(oldest, errc::connect_failed, true, out);
    }
}

/// Every lease is held by somebody who waits, nothing is on its way and nothing may be opened: whoever waits now waits
/// for ever.
bool ledger::would_deadlock(std::uint64_t holder) const {
    if (holder == 0 || settings_.nested != nested_acquire::refuse) return false;
    if (settings_.on_full == when_full::overflow || in_flight_ > 0 || room() > 0) return false;
    const auto found = holders_.find(holder);
    if (found == holders_.end() || found->second.leases == 0) return false;
    const std::size_t blocked = blocked_leases_ + (found->second.waits == 0 ? found->second.leases : 0);
    return blocked == leases_.size();
}

void ledger::add_wait(std::uint64_t holder) {
    if (holder == 0) return;
    holder_counts& counts = holders_[holder];
    if (counts.waits++ == 0) blocked_leases_ += counts.leases;
}

void ledger::remove_wait(std::uint64_t holder) {
    if (holder == 0) return;
    const auto found = holders_.find(holder);
    if (--found->second.waits > 0) return;
    blocked_leases_ -= found->second.leases;
    if (found->second.leases == 0) holders_.erase(found);
}

// ---------------------------------------------------------------------------------------------- opening and closing

std::size_t ledger::wanted() const noexcept {
    return connections_to_open({.max = settings_.max_size,
                                .floor = std::max(settings_.min_size, warm_target_),
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

void ledger::open_wanted(time_point now, std::uint32_t affinity, actions& out) {
    while (gate_.may_connect(now, in_state_[at(slot_state::connecting)])) {
        if (wanted() > 0) {
            start_connect(now, affinity, false, out);
        } else if (wants_overflow()) {
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
        ++in_state_[at(slot_state::vacant)];
    } else {
        which = vacant_.back();
        vacant_.pop_back();
    }
    const std::uint32_t generation = slots_[which].generation + 1;
    count(slots_[which], false);
    slots_[which] = pool::slot{};
    pool::slot& fresh = slots_[which];
    fresh.generation = generation;
    fresh.overflow = overflow;
    fresh.affinity = affinity;
    fresh.capacity = expected_capacity_;
    fresh.opened_at = now;
    fresh.transient_until = now + settings_.connect_timeout;
    count(fresh, true);
    move(which, slot_state::connecting);
    statistics_.peak_size = std::max(statistics_.peak_size, regular_ + overflow_);
    arm(now, which);
    out.push_back({.kind = action_kind::open,
                   .affinity = affinity,
                   .slot = id_of(which),
                   .deadline = fresh.transient_until});
}

bool ledger::opened(time_point now, slot_id id, std::uint32_t capacity, actions& out) {
    if (stale(id, slot_state::connecting)) return false;
    pool::slot& fresh = slots_[id.index];
    ++statistics_.created;
    statistics_.connect.record(now - fresh.opened_at);
    gate_.succeeded();
    count(fresh, false);
    fresh.capacity = std::max<std::uint32_t>(capacity, 1);
    count(fresh, true);
    expected_capacity_ = fresh.capacity;
    fresh.open = true;
    fresh.opened_at = now;
    if (settings_.max_lifetime != settings::forever) {
        const auto jitter = std::chrono::duration_cast<duration>(settings_.max_lifetime * settings_.lifetime_jitter);
        fresh.expires_at = deadline_after(now, settings_.max_lifetime - random_.up_to(jitter));
    }
    if (settings_.keep_alive != settings::forever) {
        fresh.keep_alive_every = settings_.keep_alive - settings_.keep_alive / 10 + random_.up_to(settings_.keep_alive / 5);
    }
    if (capacity == 0) retire(id.index, close_reason::retired);
    settle(now, id.index, out);
    retire_outgoing(now, out);
    if (warm_target_ > 0 && kept_live_ >= warm_target_) finish_warm_up(out);
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

bool ledger::open_failed(time_point now, slot_id id, actions& out) {
    if (stale(id, slot_state::connecting)) return false;
    move(id.index, slot_state::vacant);
    slot_timers_.disarm({&slots_}, id.index);
    vacant_.push_back(id.index);
    connect_has_failed(now, out);
    note_drained(out);
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

void ledger::connect_has_failed(time_point now, actions& out) {
    ++statistics_.connect_failed;
    gate_.failed(now, random_);
    wake_changed_ = true;
    if (warm_target_ > 0) finish_warm_up(out);
}

void ledger::finish_warm_up(actions& out) {
    warm_target_ = 0;
    out.push_back({.kind = action_kind::warmed, .down = gate_.failing(), .count = kept_live_});
}

void ledger::start_check(time_point now, std::uint32_t which, actions& out) {
    move(which, slot_state::checking);
    slots_[which].transient_until = now + settings_.check_timeout;
    arm(now, which);
    ++statistics_.checks;
    out.push_back({.kind = action_kind::check, .slot = id_of(which), .deadline = slots_[which].transient_until});
}

bool ledger::checked(time_point now, slot_id id, bool works, actions& out) {
    if (stale(id, slot_state::checking)) return false;
    if (works) {
        // Idle since before: a check is no use, or idle connections would never expire.
        const time_point idle_since = slots_[id.index].idle_since;
        settle(now, id.index, out);
        if (slots_[id.index].state == slot_state::idle) slots_[id.index].idle_since = idle_since;
    } else {
        ++statistics_.checks_failed;
        begin_close(now, id.index, close_reason::broken, out);
    }
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

bool ledger::reset_done(time_point now, slot_id id, bool clean, actions& out) {
    if (stale(id, slot_state::resetting)) return false;
    slots_[id.index].dirty = false;
    if (clean) {
        settle(now, id.index, out);
    } else {
        ++statistics_.resets_failed;
        begin_close(now, id.index, close_reason::broken, out);
    }
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

void ledger::begin_close(time_point now, std::uint32_t which, close_reason reason, actions& out) {
    pool::slot& ending = slots_[which];
    LIDO_ASSERT(is_live(ending.state) || ending.state == slot_state::connecting);
    LIDO_ASSERT(ending.leases == 0);
    ending.reason = reason;
    ending.transient_until = now + settings_.close_timeout;
    move(which, slot_state::closing);
    arm(now, which);
    out.push_back({.kind = action_kind::close, .slot = id_of(which), .deadline = ending.transient_until});
}

/// Ends a slot in the middle of what it is doing.
void ledger::abandon(time_point now, std::uint32_t which, close_reason reason, actions& out) {
    pool::slot& ending = slots_[which];
    if (ending.state != slot_state::closing) {
        ending.reason = reason;
        move(which, slot_state::closing);
    }
    ending.transient_until = now + settings_.close_timeout;
    arm(now, which);
    out.push_back({.kind = action_kind::abandon, .slot = id_of(which)});
}

bool ledger::closed(time_point now, slot_id id, actions& out) {
    if (stale(id, slot_state::closing)) return false;
    pool::slot& gone = slots_[id.index];
    if (gone.open) {
        ++statistics_.closed;
        switch (gone.reason) {
            case close_reason::idle: ++statistics_.closed_idle; break;
            case close_reason::lifetime: ++statistics_.closed_lifetime; break;
            case close_reason::broken: ++statistics_.closed_broken; break;
            case close_reason::retired: ++statistics_.closed_retired; break;
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

bool ledger::capacity_changed(time_point now, slot_id id, std::uint32_t capacity, actions& out) {
    if (!is_current(id) || !is_live(slots_[id.index].state)) {
        ++statistics_.stale_events;
        return false;
    }
    if (capacity == 0) return lost(now, id, out);
    pool::slot& changed = slots_[id.index];
    count(changed, false);
    changed.capacity = capacity;
    count(changed, true);
    expected_capacity_ = capacity;
    if (changed.state == slot_state::shared && changed.leases >= capacity) move(id.index, slot_state::leased);
    if (changed.state == slot_state::leased && changed.leases < capacity) move(id.index, slot_state::shared);
    dispatch(now, changed.affinity, out);
    return true;
}

bool ledger::lost(time_point now, slot_id id, actions& out) {
    if (!is_current(id) || !is_live(slots_[id.index].state)) {
        ++statistics_.stale_events;
        return false;
    }
    retire(id.index, close_reason::broken);
    if (slots_[id.index].state == slot_state::idle) begin_close(now, id.index, close_reason::broken, out);
    dispatch(now, slots_[id.index].affinity, out);
    return true;
}

// ---------------------------------------------------------------------------------------------- the operator

void ledger::reconfigure(time_point now, const settings& settings, actions& out) {
    settings_ = settings;
    statistics_.name = settings.name;
    waiters_.set_ageing(settings.priority_ageing);
    leases_.set_leak_after(settings.leak_after);
    gate_.reconfigure(settings.max_concurrent_connects, settings.back_off);
    for (slot_list& list : idle_) {
        while (!list.empty() && regular_ - in_state_[at(slot_state::closing)] > settings_.max_size) {
            begin_close(now, list.back(), close_reason::idle, out);
        }
    }
    for (std::uint32_t which = 0; which < slots_.size(); ++which) arm(now, which);
    wake_changed_ = true;
    dispatch(now, 0, out);
}

void ledger::pause(time_point /*now*/) { paused_ = true; }

void ledger::resume(time_point now, actions& out) {
    wake_changed_ = true;
    paused_ = false;
    dispatch(now, 0, out);
}

void ledger::retire_all(time_point now, actions& out) {
    for (std::uint32_t which = 0; which < slots_.size(); ++which) {
        const slot_state state = slots_[which].state;
        if (state == slot_state::vacant || state == slot_state::closing) continue;
        retire(which, close_reason::retired);
        if (state == slot_state::idle) begin_close(now, which, close_reason::retired, out);
    }
    gate_.reset();
    dispatch(now, 0, out);
}

void ledger::warm_up(time_point now, std::size_t count, actions& out) {
    wake_changed_ = true;
    if (lifecycle_ != lifecycle::open) {
        out.push_back({.kind = action_kind::warmed, .count = 0});
        return;
    }
    warm_target_ = std::max(warm_target_, std::min(count, settings_.max_size));
    if (kept_live_ >= warm_target_) return finish_warm_up(out);
    dispatch(now, 0, out);
}

void ledger::drain(time_point now, time_point deadline, actions& out) {
    if (lifecycle_ == lifecycle::closed) {
        out.push_back({.kind = action_kind::drained, .count = leases_.size()});
        return;
    }
    drain_until_ = std::min(drain_until_, deadline);
    wake_changed_ = true;
    if (lifecycle_ == lifecycle::open) {
        lifecycle_ = lifecycle::draining;
        while (!waiters_.empty()) refuse(waiters_.first(), errc::pool_closed, false, out);
        if (warm_target_ > 0) finish_warm_up(out);
        for (std::uint32_t which = 0; which < slots_.size(); ++which) {
            switch (slots_[which].state) {
                case slot_state::idle: begin_close(now, which, close_reason::retired, out); break;
                case slot_state::connecting:
                case slot_state::checking:
                case slot_state::resetting: abandon(now, which, close_reason::retired, out); break;
                case slot_state::leased:
                case slot_state::shared: retire(which, close_reason::retired); break;
                case slot_state::draining:
                case slot_state::closing:
                case slot_state::vacant: break;
            }
        }
    }
    note_drained(out);
}

void ledger::note_drained(actions& out) {
    if (lifecycle_ != lifecycle::draining || regular_ + overflow_ > 0) return;
    lifecycle_ = lifecycle::closed;
    drain_until_ = never;
    out.push_back({.kind = action_kind::drained, .count = 0});
}

/// The time for leases to come back is over.
void ledger::end_drain(time_point now, actions& out) {
    for (std::uint32_t which = 0; which < slots_.size(); ++which) {
        const slot_state state = slots_[which].state;
        if (has_leases(state)) {
            out.push_back({.kind = action_kind::cut, .slot = id_of(which)});
        } else if (state != slot_state::vacant) {
            abandon(now, which, close_reason::retired, out);
        }
    }
    lifecycle_ = lifecycle::closed;
    drain_until_ = never;
    out.push_back({.kind = action_kind::drained, .count = leases_.size()});
}

// ---------------------------------------------------------------------------------------------- time

/// When something must happen to the slot if nothing else does before.
time_point ledger::due(const pool::slot& which, time_point now) const noexcept {
    switch (which.state) {
        case slot_state::connecting:
        case slot_state::checking:
        case slot_state::resetting:
        case slot_state::closing: return which.transient_until;
        case slot_state::idle: break;
        case slot_state::vacant:
        case slot_state::leased:
        case slot_state::shared:
        case slot_state::draining: return never;
    }
    time_point next = which.being_replaced ? deadline_after(which.expires_at, settings_.connect_timeout)
                                           : which.expires_at;
    if (settings_.keep_alive != settings::forever) {
        next = std::min(next, deadline_after(which.proven_at, which.keep_alive_every));
    }
    if (settings_.idle_timeout != settings::forever) {
        // While it belongs to the minimum it stays; it is asked again later.
        const time_point from = kept_ > settings_.min_size ? which.idle_since : std::max(which.idle_since, now);
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
    const slot_state state = slots_[which].state;
    if (due(slots_[which], now) > now) return arm(now, which);
    switch (state) {
        case slot_state::connecting:
            connect_has_failed(now, out);
            out.push_back({.kind = action_kind::abandon, .reason = errc::connect_timeout, .slot = id_of(which)});
            slots_[which].transient_until = now + settings_.close_timeout;
            move(which, slot_state::closing);
            return arm(now, which);
        case slot_state::checking:
            ++statistics_.checks_failed;
            return abandon(now, which, close_reason::broken, out);
        case slot_state::resetting:
            ++statistics_.resets_failed;
            return abandon(now, which, close_reason::broken, out);
        case slot_state::closing: return abandon(now, which, slots_[which].reason, out);
        case slot_state::idle: return idle_is_due(now, which, out);
        case slot_state::vacant:
        case slot_state::leased:
        case slot_state::shared:
        case slot_state::draining: return;
    }
}

void ledger::idle_is_due(time_point now, std::uint32_t which, actions& out) {
    pool::slot& rested = slots_[which];
    if (now >= rested.expires_at) {
        // Make before break: when the minimum needs it and there is room, its successor is opened first.
        const bool replace = !rested.being_replaced && kept_ <= settings_.min_size && room() > 0;
        if (!replace) return begin_close(now, which, close_reason::lifetime, out);
        count(rested, false);
        rested.being_replaced = true;
        count(rested, true);
        return arm(now, which);
    }
    const bool too_long = settings_.idle_timeout != settings::forever && now - rested.idle_since >= settings_.idle_timeout;
    if (too_long && kept_ > settings_.min_size) return begin_close(now, which, close_reason::idle, out);
    const bool wants_check =
        settings_.keep_alive != settings::forever && now - rested.proven_at >= rested.keep_alive_every;
    if (wants_check) return start_check(now, which, out);
    arm(now, which);
}

/// A connection came up: one that waited for its successor may go.
void ledger::retire_outgoing(time_point now, actions& out) {
    if (outgoing_ == 0 || kept_live_ < std::min(settings_.min_size, kept_)) return;
    for (slot_list& list : idle_) {
        for (std::uint32_t which = list.back(); which != no_index; which = slots_[which].links.previous) {
            if (!slots_[which].being_replaced) continue;
            begin_close(now, which, close_reason::lifetime, out);
            return;
        }
    }
}

void ledger::tick(time_point now, actions& out) {
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
    dispatch(now, 0, out);
}

time_point ledger::next_wake() const {
    time_point next = std::min({waiters_.next_expiry(), slot_timers_.next_wake(), leases_.next_report(), drain_until_});
    if (lifecycle_ != lifecycle::open) return next;
    if (gate_.failing() && !paused_ && in_state_[at(slot_state::connecting)] == 0 && (wanted() > 0 || wants_overflow())) {
        next = std::min(next, gate_.not_before());
    }
    if (!waiters_.empty() && is_down()) {
        next = std::min(next, deadline_after(waiters_.earliest_arrival(), settings_.down_fail_fast));
    }
    return next;
}

}  // namespace lido::pool
