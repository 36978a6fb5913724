// The ledger: its slots and counts, and lending. What happens to connections is in ledger_connections.cpp, what the
// operator and the time bring in ledger_operator.cpp and ledger_time.cpp.
#include "pool/ledger.hpp"

#include "lido/base/assert.hpp"

namespace lido::pool {

ledger::ledger(const settings& settings, std::uint32_t affinities, time_point now, random_source random)
    : settings_(settings),
      random_(random),
      expected_capacity_(settings.expected_capacity),
      idle_(affinities),
      slot_timers_(now),
      waiters_(now, settings.priority_ageing),
      leases_(settings.leak_after),
      gate_(settings.max_concurrent_connects, settings.back_off),
      size_limit_(settings.max_size),
      wanted_size_(settings.max_size) {
    LIDO_ASSERT(affinities > 0);
    adopt_sizing();
    statistics_.name = settings.name;
}

// ---------------------------------------------------------------------------------------------- slots and counts

namespace {

bool is_in_transit(slot_state state) noexcept {
    return state == slot_state::connecting || state == slot_state::checking || state == slot_state::resetting;
}

}  // namespace

/// Adds or takes away what a slot contributes to the counts. Every change of a slot that matters to them stands between
/// `count(slot, false)` and `count(slot, true)`.
void ledger::count(const pool::slot& which, bool add) noexcept {
    const auto change = [add](std::size_t& total, std::size_t by) { total = add ? total + by : total - by; };
    change(in_state_[static_cast<std::size_t>(which.state)], 1);
    if (which.state == slot_state::vacant) return;
    change(which.overflow ? overflow_ : regular_, 1);
    if (!which.overflow && is_live(which.state)) change(live_, 1);
    const bool leaving = which.retired || which.being_replaced || which.state == slot_state::closing;
    if (!leaving && !which.overflow) {
        change(kept_, 1);
        if (is_live(which.state)) change(kept_live_, 1);
    }
    if (is_in_transit(which.state) && !which.retired) change(in_flight_, which.capacity);
}

ledger::slot_list* ledger::list_of(const pool::slot& which) noexcept {
    if (which.state == slot_state::idle) return which.being_replaced ? &outgoing_ : &idle_[which.affinity];
    if (which.state == slot_state::shared) return &shared_;
    return nullptr;
}

void ledger::unlist(std::uint32_t which) {
    if (slot_list* list = list_of(slots_[which])) list->remove(slots_, which);
}

/// An idle slot goes to the end that says how long it has been idle. One that was only checked meanwhile goes to the
/// cold end: else checks would hand out in turn what should expire. So the list is ordered by freshness from both ends
/// inwards, and a fresh connection, if there is one, is always at one of its ends.
void ledger::enlist(std::uint32_t which) {
    slot_list* list = list_of(slots_[which]);
    if (list == nullptr) return;
    if (slots_[which].state != slot_state::idle) return list->push_back(slots_, which);
    const bool newest_first = settings_.order == idle_order::last_in_first_out;
    // Its neighbours, as seen from the end of the newest. One that was only checked is no newer for that, and goes to
    // the other end; so whatever was proven to work last stands at one end or the other.
    std::uint32_t newer = no_index;
    std::uint32_t older = newest_first ? list->front() : list->back();
    if (older != no_index && slots_[which].proven_at >= slots_[older].proven_at &&
        slots_[which].idle_since < slots_[older].idle_since) {
        newer = newest_first ? list->back() : list->front();
        older = no_index;
    }
    // One that somebody kept after its return stands behind those that came back since.
    while (older != no_index && slots_[older].proven_at > slots_[which].proven_at) {
        newer = older;
        older = newest_first ? slots_[newer].links.next : slots_[newer].links.previous;
        if (older != no_index && slots_[older].proven_at > slots_[newer].proven_at) break;
    }
    list->insert(slots_, which, newest_first ? newer : older, newest_first ? older : newer);
}

void ledger::move(std::uint32_t which, slot_state to) {
    pool::slot& moved = slots_[which];
    unlist(which);
    count(moved, false);
    moved.state = to;
    count(moved, true);
    enlist(which);
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

/// True when the connection may take one more lease. One that waits for its reset may not: what its next borrower would
/// find is not clean. Nor may one that is worn out, or it would be shared for ever.
bool ledger::has_room(const pool::slot& which) const noexcept {
    return which.leases < which.capacity && !which.dirty && !is_worn(which);
}

/// A slot with leases has more room, or less.
void ledger::regroup(std::uint32_t which) {
    const pool::slot& lent = slots_[which];
    if (lent.state != slot_state::leased && lent.state != slot_state::shared) return;
    const slot_state fitting = has_room(lent) ? slot_state::shared : slot_state::leased;
    if (lent.state != fitting) move(which, fitting);
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

// ---------------------------------------------------------------------------------------------- lending

acquire_outcome ledger::acquire(time_point now, const acquire_request& request, actions& out) {
    using kind = acquire_outcome::kind;
    LIDO_ASSERT(request.affinity < idle_.size());
    ++statistics_.acquires;
    measure(now);
    if (adaptive_ && size_due_ == never && lifecycle_ == lifecycle::open) begin_interval(now);
    acquire_outcome outcome;
    if (lifecycle_ == lifecycle::open && !paused_ && waiters_.empty()) {
        const std::uint32_t found = find_available(now, request.affinity, out);
        if (found != no_index) {
            const lease_id lease = lend(now, found, request.holder, now, request.where);
            outcome = {kind::granted, {}, id_of(found), lease, {}};
            // To look for a connection may have shown that one is past its lifetime.
            if (kept_ < floor()) dispatch(now, any_affinity, out);
            return outcome;
        }
    }
    if (must_refuse(request, now, outcome)) {
        ++statistics_.refused;
        if (kept_ < floor()) dispatch(now, any_affinity, out);
        return outcome;
    }
    const waiter_id waiter = waiters_.add(request.priority, now, request.deadline, request.holder, request.affinity);
    waiter_places_.resize(std::max<std::size_t>(waiter_places_.size(), waiter.index + 1));
    waiter_places_[waiter.index] = request.where;
    add_wait(request.holder);
    wake_changed_ = true;
    statistics_.peak_waiting = std::max(statistics_.peak_waiting, waiters_.size());
    dispatch(now, request.affinity, out);
    return {kind::queued, {}, {}, {}, waiter};
}

bool ledger::must_refuse(const acquire_request& request, time_point now, acquire_outcome& outcome) {
    const auto because = [&outcome](errc reason, std::uint64_t& counter) {
        outcome.reason = reason;
        ++counter;
        return true;
    };
    if (lifecycle_ != lifecycle::open) return because(errc::pool_closed, statistics_.refused_other);
    if (!request.waits) return because(paused_ ? errc::pool_paused : errc::pool_exhausted, statistics_.refused_full);
    if (request.deadline <= now) return because(errc::acquire_timeout, statistics_.refused_timeout);
    if (settings_.on_full == when_full::fail && !paused_) {
        const std::size_t offered = in_flight_ + (room() + in(slot_state::idle)) * expected_capacity_;
        if (waiters_.size() >= offered) {
            meter_.turned_away();
            return because(errc::pool_exhausted, statistics_.refused_full);
        }
    }
    if (waiters_.size() >= settings_.max_waiters) return because(errc::queue_full, statistics_.refused_full);
    if (would_deadlock(request.holder)) return because(errc::would_deadlock, statistics_.refused_other);
    return false;
}

bool ledger::cancel(time_point now, waiter_id waiter, actions& out) {
    if (!waiters_.contains(waiter)) {
        ++statistics_.stale_events;
        return false;
    }
    measure(now);
    remove_wait(waiters_.at(waiter).holder);
    waiters_.remove(waiter);
    ++statistics_.refused;
    ++statistics_.refused_cancelled;
    // The one behind may be served by what the cancelled one was waiting for under another limit.
    dispatch(now, any_affinity, out);
    return true;
}

/// True when the connection may be lent without a check.
bool ledger::is_fresh(const pool::slot& which, time_point now) const noexcept {
    return settings_.check_after_idle == settings::forever || now - which.proven_at <= settings_.check_after_idle;
}

/// A slot that can be lent at once, preferably on the caller's scheduler; `no_index` when there is none. A shared one
/// with room comes before an idle one, so that few connections do the work and the others can expire; one that waits
/// for its successor comes last.
std::uint32_t ledger::find_available(time_point now, std::uint32_t affinity, actions& out) {
    std::uint32_t found = find_shared(now);
    if (found != no_index) return found;
    const auto schedulers = static_cast<std::uint32_t>(idle_.size());
    for (std::uint32_t i = 0; i < schedulers; ++i) {
        found = find_idle(now, idle_[(affinity + i) % schedulers], out);
        if (found != no_index) return found;
    }
    // In no order, but few: a minimum's share of a lifetime.
    for (found = outgoing_.front(); found != no_index; found = slots_[found].links.next) {
        if (is_fresh(slots_[found], now)) return found;
    }
    return no_index;
}

/// One that is never without a lease would never be replaced: past its lifetime it takes no more. Where max leaves no
/// room for a successor that happens to one after the other, so that they do not all end at once.
std::uint32_t ledger::find_shared(time_point now) {
    while (!shared_.empty()) {
        const std::uint32_t candidate = shared_.front();
        const bool old = now >= slots_[candidate].expires_at;
        if (!old || (room() == 0 && in(slot_state::draining) > 0)) return candidate;
        retire(candidate, close_reason::lifetime);
    }
    return no_index;
}

std::uint32_t ledger::find_idle(time_point now, slot_list& list, actions& out) {
    while (!list.empty()) {
        const std::uint32_t first = list.front();
        const std::uint32_t last = list.back();
        if (now >= slots_[first].expires_at) {
            expire(now, first, out);
        } else if (is_fresh(slots_[first], now)) {
            return first;
        } else if (now >= slots_[last].expires_at) {
            expire(now, last, out);
        } else {
            return is_fresh(slots_[last], now) ? last : no_index;
        }
    }
    return no_index;
}

lease_id ledger::lend(time_point now, std::uint32_t which, std::uint64_t holder, time_point since,
                      const std::source_location& where) {
    pool::slot& lent = slots_[which];
    LIDO_ASSERT(!lent.retired && (lent.state == slot_state::idle || lent.state == slot_state::shared));
    LIDO_ASSERT(lent.leases < lent.capacity && !lent.dirty);
    ++statistics_.served;
    if (lent.used) ++statistics_.served_reused;
    lent.used = true;
    ++lent.leases;
    ++lent.uses;
    const slot_state next = has_room(lent) ? slot_state::shared : slot_state::leased;
    if (lent.state != next) move(which, next);
    const std::size_t in_use = in(slot_state::leased) + in(slot_state::shared) + in(slot_state::draining);
    statistics_.peak_in_use = std::max(statistics_.peak_in_use, in_use);
    statistics_.wait.record(now - since);
    if (holder != 0) {
        holder_counts& counts = holders_[holder];
        ++counts.leases;
        if (counts.waits > 0) ++blocked_leases_;
    }
    if (settings_.leak_after != settings::forever) wake_changed_ = true;
    if (adaptive_) meter_.lent(leases_.size() + 1);
    return leases_.add(which, now, holder, where);
}

bool ledger::release(time_point now, lease_id lease, verdict verdict, actions& out) {
    return take_back(now, lease, verdict, now, out);
}

bool ledger::release_kept(time_point now, lease_id lease, time_point since, actions& out) {
    return take_back(now, lease, verdict::clean, std::min(now, since), out);
}

/// `since` is when its borrower had done with it.
bool ledger::take_back(time_point now, lease_id lease, verdict verdict, time_point since, actions& out) {
    if (!leases_.contains(lease)) {
        ++statistics_.stale_events;
        return false;
    }
    measure(now);
    if (adaptive_) meter_.unused_since(since);
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
        settle(now, which, since, out);
    } else {
        regroup(which);
    }
    dispatch(now, returned.affinity, out);
    return true;
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
        retire_outgoing(now, out);
        open_wanted(now, affinity, out);
    }
    if (!gate_.failing()) return;
    // The next attempt, and the end of patience, depend on more than the timers.
    wake_changed_ = true;
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
        while (!list.empty() && waiters_.size() > in_flight_) {
            if (now >= slots_[list.front()].expires_at) {
                expire(now, list.front(), out);
            } else {
                start_check(now, list.front(), out);
            }
        }
    }
    while (!outgoing_.empty() && waiters_.size() > in_flight_) start_check(now, outgoing_.front(), out);
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

/// The server cannot be reached and nothing is left that could serve anybody. Precondition: the last connect failed.
bool ledger::is_down() const noexcept {
    const std::size_t live = in(slot_state::idle) + in(slot_state::checking) + in(slot_state::leased) +
                             in(slot_state::shared) + in(slot_state::resetting);
    return live == 0;
}

void ledger::refuse_while_down(time_point now, actions& out) {
    while (!waiters_.empty()) {
        const waiter_id oldest = waiters_.earliest();
        if (now - waiters_.at(oldest).since < settings_.down_fail_fast) return;
        refuse(oldest, errc::connect_failed, true, out);
    }
}

/// Every connection is lent to somebody who waits, none is on its way in or out, and none may be opened: whoever waits
/// now waits for ever.
bool ledger::would_deadlock(std::uint64_t holder) const {
    if (holder == 0 || settings_.nested != nested_acquire::refuse) return false;
    if (size_limit_ < settings_.max_size) return false;  // an adaptive sizing grows for those who wait
    const bool may_overflow = settings_.on_full == when_full::overflow && overflow_ < settings_.max_overflow;
    if (may_overflow || room() > 0) return false;
    if (in(slot_state::leased) + in(slot_state::draining) < regular_ + overflow_) return false;
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

}  // namespace lido::pool
