#include "sim/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace lido::sim {
namespace {

using namespace std::chrono_literals;

void demand(bool holds, const char* what) {
    if (!holds) disagree(what);
}

}  // namespace

void disagree(const std::string& what) {
    std::fprintf(stderr, "the simulator disagrees: %s\n", what.c_str());
    std::abort();
}

// ---------------------------------------------------------------------------------------------- looking

bool model::knows(pool::slot_id id) const {
    return std::ranges::any_of(connections_, [&](const connection& one) { return one.id == id; });
}

model::connection& model::find(pool::slot_id id) {
    const auto found = std::ranges::find(connections_, id, &connection::id);
    demand(found != connections_.end(), "an action or event about a connection that does not exist");
    return *found;
}

std::size_t model::regular() const {
    return count([](const connection& one) { return !one.overflow; });
}

bool model::stays(const connection& one) const {
    return !one.overflow && !one.fenced && !one.outgoing && one.what != doing::closing;
}

bool model::is_live(const connection& one) const {
    return one.what != doing::connecting && one.what != doing::closing;
}

std::size_t model::kept() const {
    return count([&](const connection& one) { return stays(one); });
}

std::size_t model::connecting() const {
    return count([](const connection& one) { return one.what == doing::connecting; });
}

std::size_t model::room() const {
    const std::size_t used = regular();
    return size_ > used ? size_ - used : 0;
}

/// Leases that will be on offer when what is under way is done.
std::size_t model::coming() const {
    std::size_t sum = 0;
    for (const connection& one : connections_) {
        const bool under_way =
            one.what == doing::connecting || one.what == doing::checking || one.what == doing::resetting;
        if (under_way && !one.fenced) sum += one.capacity;
    }
    return sum;
}

bool model::worn(const connection& one) const {
    return settings_.max_uses != 0 && one.uses >= settings_.max_uses;
}

bool model::fresh(const connection& one) const {
    return settings_.check_after_idle == pool::settings::forever || now_ - one.proven_at <= settings_.check_after_idle;
}

bool model::has_room(const connection& one) const {
    return one.what == doing::lent && !one.fenced && !one.dirty && !worn(one) && one.leases < one.capacity;
}

bool model::lendable(const connection& one) const {
    if (one.what == doing::idle) return fresh(one) && (!expired(one) || one.outgoing);
    return has_room(one) && !expired(one);
}

bool model::down() const {
    return failing_ &&
           count([&](const connection& one) { return is_live(one) && !(one.what == doing::lent && one.fenced); }) == 0;
}

bool model::stuck_for_ever(std::uint64_t holder) const {
    if (holder == 0 || settings_.nested == pool::nested_acquire::allow) return false;
    if (size_ < settings_.max_size) return false;
    const std::size_t beyond = connections_.size() - regular();
    if (settings_.on_full == pool::when_full::overflow && beyond < settings_.max_overflow) return false;
    if (room() > 0) return false;
    for (const connection& one : connections_) {
        if (one.what != doing::lent || has_room(one)) return false;
    }
    const auto waits = [&](std::uint64_t who) {
        return who != 0 &&
               (who == holder || std::ranges::any_of(callers_, [&](const caller& one) { return one.holder == who; }));
    };
    return std::ranges::all_of(loans_, [&](const loan& one) { return waits(one.holder); }) &&
           std::ranges::any_of(loans_, [&](const loan& one) { return one.holder == holder; });
}

std::deque<model::caller>::iterator model::next_in_line() {
    return std::ranges::min_element(callers_, [&](const caller& a, const caller& b) {
        return due(a) != due(b) ? due(a) < due(b) : a.priority < b.priority;
    });
}

void model::append_key(std::string& key) const {
    const auto put = [&key](auto value) {
        const auto number = static_cast<std::uint64_t>(value);
        key.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    const auto put_time = [&](time_point when) {
        put(when == never ? duration::max().count() : (when - now_).count());
    };
    put((paused_ ? 1 : 0) + (draining_ ? 2 : 0) + (over_ ? 4 : 0) + (failing_ ? 8 : 0));
    put_time(failing_ ? pause_until_ : now_);
    put_time(drain_until_);
    put(warm_target_);
    put(expected_capacity_);
    for (const connection& one : connections_) {
        put(one.id.index);
        put(static_cast<int>(one.what) + (one.fenced ? 16 : 0) + (one.dirty ? 32 : 0) + (one.overflow ? 64 : 0) +
            (one.outgoing ? 128 : 0) + (one.broken ? 256 : 0) + (one.round == round_ ? 512 : 0));
        put(one.leases);
        put(one.capacity);
        put(settings_.max_uses == 0 ? std::min<std::uint64_t>(one.uses, 1) : one.uses);
        put_time(one.what == doing::idle || one.what == doing::checking ? one.idle_since : now_);
        put_time(one.what == doing::idle ? one.proven_at : now_);
        put_time(one.what == doing::idle ? one.returned_at : now_);
        put_time(one.expires_at);
        put_time(one.what == doing::lent ? never : one.deadline);
    }
    for (const caller& one : callers_) {
        put(one.priority);
        put(one.holder);
        put_time(one.since);
        put_time(one.deadline);
    }
    for (const loan& one : loans_) {
        put(one.on.index);
        put(one.holder);
        put_time(one.since);
    }
}

// ---------------------------------------------------------------------------------------------- borrowers

model::opinion model::on_acquire(const pool::acquire_request& request) const {
    if (draining_) return {answer::refused, errc::pool_closed};
    bool perhaps = false;
    if (!paused_ && callers_.empty()) {
        for (const connection& one : connections_) {
            if (lendable(one)) return {answer::granted};
            // Past its lifetime: whether it is lent once more depends on whether something takes its place.
            if (expired(one) && (one.what == doing::idle || has_room(one))) perhaps = true;
        }
    }
    if (perhaps) return {answer::granted_or_not};
    if (!request.waits) return {answer::refused, paused_ ? errc::pool_paused : errc::pool_exhausted};
    if (request.deadline <= now_) return {answer::refused, errc::acquire_timeout};
    if (settings_.on_full == pool::when_full::fail && !paused_) {
        const std::size_t idle = count([](const connection& one) { return one.what == doing::idle; });
        if (callers_.size() >= coming() + (room() + idle) * expected_capacity_) {
            return {answer::refused, errc::pool_exhausted};
        }
    }
    if (callers_.size() >= settings_.max_waiters) return {answer::refused, errc::queue_full};
    if (stuck_for_ever(request.holder)) return {answer::refused, errc::would_deadlock};
    return {answer::queued};
}

void model::acquired(const pool::acquire_request& request, const pool::acquire_outcome& outcome) {
    if (adaptive_ && !draining_ && size_due_ == never) begin_interval();
    const bool refused = outcome.what == pool::acquire_outcome::kind::refused;
    if (refused && request.waits && outcome.reason == errc::pool_exhausted) ++seen_.turned_away;
    switch (outcome.what) {
        case pool::acquire_outcome::kind::granted:
            return lend(outcome.slot, outcome.lease, request.holder);
        case pool::acquire_outcome::kind::queued:
            callers_.push_back({outcome.waiter, request.priority, request.holder, now_, request.deadline});
            return;
        case pool::acquire_outcome::kind::refused:
            return;
    }
}

bool model::cancelled(pool::waiter_id who) {
    return std::erase_if(callers_, [&](const caller& one) { return one.id == who; }) == 1;
}

void model::lend(pool::slot_id on, pool::lease_id lease, std::uint64_t holder) {
    connection& one = find(on);
    demand(!draining_ && !paused_, "a grant while closed or paused");
    demand(one.debt == owed::nothing && !one.fenced, "a grant of a connection that must not be lent again");
    demand(!one.dirty, "a grant of a dirty connection");
    demand(one.what == doing::idle || has_room(one), "a grant of a connection that has no room");
    demand(one.what != doing::idle || fresh(one), "a grant of a connection that must be checked first");
    if (one.what == doing::idle && expired(one)) {
        replacing_ = replacing_ || !one.outgoing;
        one.outgoing = true;
    }
    for (const loan& other : loans_) demand(other.id != lease, "the same lease twice");
    one.what = doing::lent;
    ++one.leases;
    ++one.uses;
    demand(one.leases <= one.capacity, "more leases than the connection allows");
    loans_.push_back({lease, on, holder, now_, false});
    ++seen_.served;
    seen_.peak_leases = std::max(seen_.peak_leases, loans_.size());
}

bool model::released(pool::lease_id lease, pool::verdict verdict, time_point since) {
    const auto found = std::ranges::find(loans_, lease, &loan::id);
    if (found == loans_.end()) return false;
    connection& one = find(found->on);
    loans_.erase(found);
    --one.leases;
    unused_ += now_ - std::min(now_, std::max(since, interval_began_));
    if (verdict == pool::verdict::broken) one.fenced = true;
    if (verdict == pool::verdict::needs_reset) one.dirty = true;
    if (one.leases == 0) settle(one, false, since);
    return true;
}

// ---------------------------------------------------------------------------------------------- connections

/// A connection without leases and with nothing under way since then: what must become of it?
void model::settle(connection& one, bool only_checked, time_point since) {
    const std::size_t live =
        count([&](const connection& other) { return !other.overflow && is_live(other) && &other != &one; });
    const bool goes = one.fenced || draining_ || (one.overflow && (one.uses > 0 || paused_ || callers_.empty())) ||
                      (!one.overflow && live + 1 > size_) || (one.outgoing && !only_checked) || worn(one) ||
                      (expired(one) && !one.outgoing && kept() > settings_.min_size);
    if (goes) {
        one.debt = over_ ? owed::abandon : owed::close;
        return;
    }
    if (one.dirty) {
        one.debt = owed::reset;
        return;
    }
    const std::size_t idle =
        count([](const connection& other) { return other.what == doing::idle && !other.outgoing; });
    if (idle >= settings_.max_idle && callers_.empty()) {
        one.debt = owed::close;
        return;
    }
    one.what = doing::idle;
    one.proven_at = since;
    one.returned_at = now_;
    if (!only_checked) one.idle_since = since;
    one.deadline = one.outgoing ? now_ + settings_.connect_timeout : never;
}

void model::read_life(const pool::ledger& book, connection& one) {
    const pool::slot& seen = book.look_at(one.id);
    one.expires_at = seen.expires_at;
    one.keep_alive_every = seen.keep_alive_every;
    if (settings_.max_lifetime == pool::settings::forever) {
        demand(one.expires_at == never, "a lifetime although it is for ever");
    } else {
        const duration life = one.expires_at - one.opened_at;
        const double least = static_cast<double>(settings_.max_lifetime.count()) * (1.0 - settings_.lifetime_jitter);
        demand(life <= settings_.max_lifetime && static_cast<double>(life.count()) >= least - 1.0,
               "a lifetime out of its jitter");
    }
    if (settings_.keep_alive == pool::settings::forever) return;
    demand(one.keep_alive_every >= settings_.keep_alive - settings_.keep_alive / 10 &&
               one.keep_alive_every <= settings_.keep_alive + settings_.keep_alive / 10 + duration(1),
           "a keep-alive out of its jitter");
}

void model::opened(const pool::ledger& book, pool::slot_id id, std::uint32_t capacity) {
    connection& one = find(id);
    demand(one.what == doing::connecting, "opened, and was not connecting");
    one.open = true;
    one.opened_at = now_;
    one.capacity = std::max<std::uint32_t>(capacity, 1);
    expected_capacity_ = one.capacity;
    read_life(book, one);
    if (capacity == 0) {
        connect_failed(one);
        one.fenced = true;
    } else {
        failing_ = false;
    }
    settle(one, false, now_);
}

/// Connects that ran at once and fail are one failure.
void model::connect_failed(const connection& one) {
    if (one.round != round_) return;
    ++round_;
    failing_ = true;
    pause_until_ = now_ + settings_.back_off.maximum;
}

void model::open_failed(pool::slot_id id) {
    connection& one = find(id);
    demand(one.what == doing::connecting, "failed to open, and was not connecting");
    connect_failed(one);
    std::erase_if(connections_, [&](const connection& other) { return other.id == id; });
}

void model::checked(pool::slot_id id, bool works) {
    connection& one = find(id);
    demand(one.what == doing::checking, "checked, and was not being checked");
    if (works) return settle(one, true, now_);
    one.fenced = true;
    one.debt = owed::close;
    if (one.uses == 0) connect_failed(one);
}

void model::reset_done(pool::slot_id id, bool clean) {
    connection& one = find(id);
    demand(one.what == doing::resetting, "reset, and was not being reset");
    if (clean) {
        one.dirty = false;
        return settle(one, false, now_);
    }
    one.debt = owed::close;
}

void model::closed(pool::slot_id id) {
    demand(find(id).what == doing::closing, "closed, and was not closing");
    std::erase_if(connections_, [&](const connection& other) { return other.id == id; });
}

bool model::lost(pool::slot_id id, bool peacefully) {
    if (!knows(id) || !is_live(find(id))) return false;
    connection& one = find(id);
    one.broken = one.broken || (!one.fenced && !peacefully);
    one.fenced = true;
    if (one.broken && one.uses == 0 && one.what == doing::idle) connect_failed(one);
    if (one.what == doing::idle) one.debt = owed::close;
    return true;
}

bool model::capacity_changed(pool::slot_id id, std::uint32_t capacity) {
    if (capacity == 0) return lost(id, true);
    if (!knows(id) || !is_live(find(id))) return false;
    find(id).capacity = capacity;
    expected_capacity_ = capacity;
    return true;
}

// ---------------------------------------------------------------------------------------------- the operator

void model::reconfigured(const pool::ledger& book, const pool::settings& settings) {
    settings_ = settings;
    adopt_sizing();
    changed_at_ = now_;
    pause_until_ = std::min(pause_until_, now_ + settings.back_off.maximum);
    for (connection& one : connections_) {
        if (one.open && book.is_current(one.id)) read_life(book, one);
    }
    warm_target_ = std::min({warm_target_, size_, settings.max_idle});
    if (adaptive_ && !draining_) begin_interval();
}

void model::retired_all() {
    for (connection& one : connections_) {
        if (one.what == doing::closing) continue;
        one.fenced = true;
        if (one.what == doing::idle) one.debt = owed::close;
    }
    failing_ = false;
}

void model::warming_up(std::size_t count) {
    if (draining_) return;
    aim_at(count);
    warm_target_ = std::max(warm_target_, std::min({count, size_, settings_.max_idle}));
}

void model::drained(time_point deadline) {
    if (over_) return;
    drain_until_ = std::min(drain_until_, deadline);
    if (draining_) return;
    draining_ = true;
    size_due_ = never;
    for (connection& one : connections_) {
        if (one.what == doing::idle) {
            one.debt = owed::close;
        } else if (one.what == doing::lent) {
            one.fenced = true;
        } else if (one.what != doing::closing) {
            one.debt = owed::abandon;
        }
    }
}

bool model::closing_one_idle() {
    const auto may_go = [](const connection& one) { return one.what == doing::idle && !one.outgoing; };
    making_room_ = kept() > floor() && count(may_go) > 0;
    return making_room_;
}

}  // namespace lido::sim
