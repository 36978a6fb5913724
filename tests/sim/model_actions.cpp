// The model: which actions are lawful, and what must have happened at the end of an event.
#include "sim/model.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::sim {
namespace {

using namespace std::chrono_literals;

constexpr duration tick = 1ms;

void demand(bool holds, const char* what) {
    if (!holds) disagree(what);
}

}  // namespace

void model::take(const pool::action& what) {
    switch (what.kind) {
        case pool::action_kind::open:
            return take_open(what);
        case pool::action_kind::check:
            return take_check(what);
        case pool::action_kind::reset:
            return take_reset(what);
        case pool::action_kind::close:
            return take_close(what);
        case pool::action_kind::abandon:
            return take_abandon(what);
        case pool::action_kind::grant:
            return take_grant(what);
        case pool::action_kind::refuse:
            return take_refusal(what);
        case pool::action_kind::leak:
            return take_leak(what);
        case pool::action_kind::cut:
            demand(draining_ && drain_until_ <= now_ && find(what.slot).what == doing::lent, "a cut before its time");
            return;
        case pool::action_kind::warmed:
            warm_target_ = 0;
            surplus_since_ = never;  // what is surplus is another number from now on
            return;
        case pool::action_kind::drained:
            demand(draining_, "drained, and nobody asked for it");
            demand(over_ || drain_until_ <= now_ || connections_.empty(), "drained before the end");
            demand(what.count == loans_.size(), "drained with another number of leases");
            over_ = true;
            drain_until_ = never;
            return;
    }
}

void model::take_open(const pool::action& what) {
    demand(!draining_ && !paused_, "a connect while closed or paused");
    demand(connecting() < (failing_ ? 1 : settings_.max_concurrent_connects), "more connects at once than allowed");
    const bool needed = callers_.size() > coming() || kept() < floor();
    demand(needed, "a connect that nobody needs");
    connection fresh;
    fresh.id = what.slot;
    fresh.round = round_;
    fresh.capacity = expected_capacity_;
    fresh.deadline = now_ + settings_.connect_timeout;
    demand(what.deadline == fresh.deadline, "a connect with another deadline");
    if (room() == 0) {
        demand(settings_.on_full == pool::when_full::overflow && callers_.size() > coming(),
               "more than max connections");
        demand(connections_.size() - regular() < settings_.max_overflow, "more than max_overflow connections");
        fresh.overflow = true;
        ++seen_.turned_away;
    }
    demand(!knows(what.slot), "a connection opened twice");
    surplus_since_ = never;
    connections_.push_back(fresh);
}

void model::take_check(const pool::action& what) {
    connection& one = find(what.slot);
    demand(one.what == doing::idle && one.debt == owed::nothing, "a check of a connection that is not idle");
    const bool due = settings_.keep_alive != pool::settings::forever && now_ >= one.proven_at + one.keep_alive_every;
    demand(due || (callers_.size() > coming() && !paused_), "a check that nobody needs");
    if (expired(one)) one.outgoing = true;
    one.what = doing::checking;
    one.deadline = now_ + settings_.check_timeout;
    demand(what.deadline == one.deadline, "a check with another deadline");
}

void model::take_reset(const pool::action& what) {
    connection& one = find(what.slot);
    demand(one.debt == owed::reset, "a reset that nobody needs");
    one.debt = owed::nothing;
    one.what = doing::resetting;
    one.deadline = now_ + settings_.check_timeout;
    demand(what.deadline == one.deadline, "a reset with another deadline");
}

void model::take_close(const pool::action& what) {
    connection& one = find(what.slot);
    demand(one.leases == 0, "a close under a borrower");
    if (one.debt != owed::close) {
        demand(one.what == doing::idle && one.debt == owed::nothing, "a close of a connection that is not idle");
        const std::size_t live = count([&](const connection& other) { return !other.overflow && is_live(other); });
        const bool surplus = live > size_;
        const bool too_long = settings_.idle_timeout != pool::settings::forever &&
                              now_ >= one.idle_since + settings_.idle_timeout && kept() + replacements_ > floor();
        const bool unused_overflow = one.overflow && callers_.empty();
        const bool makes_room = making_room_ && !one.outgoing;
        demand(surplus || too_long || unused_overflow || one.outgoing || expired(one) || makes_room,
               "a close without a reason");
        if (makes_room) making_room_ = false;
    } else if (one.broken && one.uses == 0) {
        connect_failed(one);
    }
    one.debt = owed::nothing;
    one.what = doing::closing;
    one.deadline = now_ + settings_.close_timeout;
    demand(what.deadline == one.deadline, "a close with another deadline");
}

void model::take_abandon(const pool::action& what) {
    connection& one = find(what.slot);
    demand(one.leases == 0 && one.what != doing::idle, "abandoned, and nothing was under way");
    const bool over = draining_ && drain_until_ <= now_;
    demand(one.debt == owed::abandon || one.deadline <= now_ || over, "abandoned before its deadline");
    if (one.debt != owed::abandon && !over) {
        if (one.what == doing::connecting || (one.what == doing::checking && one.uses == 0)) connect_failed(one);
    }
    one.debt = owed::nothing;
    one.what = doing::closing;
    one.deadline = now_ + settings_.close_timeout;
}

void model::take_grant(const pool::action& what) {
    demand(!callers_.empty(), "a grant and nobody waits");
    const auto next = next_in_line();
    demand(next->id == what.waiter, "a grant out of turn");
    demand(next->deadline > now_, "a grant after the deadline");
    const std::uint64_t holder = next->holder;
    callers_.erase(next);
    lend(what.slot, what.lease, holder);
}

void model::take_refusal(const pool::action& what) {
    const auto who = std::ranges::find(callers_, what.waiter, &caller::id);
    demand(who != callers_.end(), "a refusal of one who does not wait");
    switch (what.reason) {
        case errc::acquire_timeout:
            demand(who->deadline <= now_, "refused before its deadline");
            break;
        case errc::pool_paused:
            demand(paused_ && who->deadline <= now_, "refused for a pause that is none");
            break;
        case errc::pool_closed:
            demand(draining_, "refused as closed by an open pool");
            break;
        case errc::connect_failed:
            // One past its lifetime may have been fenced in this very event.
            for (connection& one : connections_) one.fenced = one.fenced || (one.what == doing::lent && expired(one));
            demand(down(), "refused as down although something works");
            demand(who->since + settings_.down_fail_fast <= now_, "refused as down too early");
            demand(what.down, "refused as down without saying so");
            for (const caller& other : callers_)
                demand(other.since >= who->since, "refused before one who waits longer");
            break;
        default:
            disagree(fmt::format("refused with {}", lido::name_of(what.reason)));
    }
    callers_.erase(who);
}

void model::take_leak(const pool::action& what) {
    const auto suspect = std::ranges::find(loans_, what.lease, &loan::id);
    demand(suspect != loans_.end(), "a leak of a lease that is not out");
    demand(!suspect->reported, "a leak reported twice");
    demand(now_ - suspect->since >= settings_.leak_after, "a leak reported too early");
    demand(what.held == now_ - suspect->since, "a leak held for another time");
    suspect->reported = true;
}

// ---------------------------------------------------------------------------------------------- the end of an event

void model::look(const pool::ledger& book) {
    for (connection& one : connections_) {
        // One with several leases ends its lifetime by taking no more.
        if (one.what == doing::lent && !one.fenced && expired(one)) one.fenced = book.look_at(one.id).retired;
        if (one.what != doing::idle || one.outgoing || !expired(one) || one.debt != owed::nothing) continue;
        if (!book.look_at(one.id).being_replaced) continue;
        one.outgoing = true;
        replacing_ = replacing_ || ticked_;
        ++replacements_;
        one.deadline = now_ + settings_.connect_timeout;
    }
}

void model::end(const pool::ledger& book) {
    look(book);
    for (const connection& one : connections_) {
        if (one.what != doing::idle || one.outgoing || !ticked_) continue;
        demand(!overdue(one.expires_at), "idle past its lifetime");
    }
    if (kept() <= floor()) {
        surplus_since_ = never;
    } else if (surplus_since_ == never) {
        surplus_since_ = now_;
    }
    const std::size_t living = count([&](const connection& one) { return stays(one) && is_live(one); });
    demand(!replacing_ || living < settings_.min_size,
           "a connection waits for its successor, and the minimum does not need it");
    demand(!making_room_, "room was to be made, and none was");
    end_of_debts();
    if (ticked_) end_of_time();
    if (!draining_ && !paused_) end_of_demand();
    compare(book);
    ticked_ = false;
    replacing_ = false;
    replacements_ = 0;
}

void model::end_of_debts() const {
    for (const connection& one : connections_) {
        demand(one.debt != owed::close, "a connection that had to be closed was not");
        demand(one.debt != owed::reset, "a connection that had to be reset was not");
        demand(one.debt != owed::abandon, "an operation that had to be abandoned was not");
        demand(one.what != doing::idle || !one.overflow, "an idle connection beyond max");
    }
    demand(!draining_ || callers_.empty(), "somebody waits for a pool that is closed");
    demand(!draining_ || over_ || !connections_.empty(), "nothing is left and the drain does not end");
}

void model::end_of_time() const {
    for (const caller& who : callers_)
        demand(who.deadline == never || now_ < who.deadline + tick, "a deadline was missed");
    for (const connection& one : connections_) {
        if (one.deadline == never || one.what == doing::lent) continue;
        demand(now_ < one.deadline + tick, "an operation or a replacement outlived its deadline");
    }
    for (const connection& one : connections_) {
        if (one.what != doing::idle || one.outgoing) continue;
        const bool checks = settings_.keep_alive != pool::settings::forever;
        demand(!checks || !overdue(std::max(one.proven_at + one.keep_alive_every, one.returned_at)),
               "a keep-alive check was missed");
        // One that belonged to the minimum is asked again after a whole time-out, not in the moment it no longer does.
        const bool closes = settings_.idle_timeout != pool::settings::forever && surplus_since_ != never;
        // And one that comes back from a check or from its borrower too late is noticed by the next tick.
        const time_point from = std::max(one.idle_since, surplus_since_);
        demand(!closes || !overdue(std::max(from + settings_.idle_timeout, one.returned_at)), "idle for too long");
    }
    for (const loan& one : loans_) {
        const bool watched = settings_.leak_after != pool::settings::forever;
        demand(!watched || one.reported || now_ < one.since + settings_.leak_after, "a leak was not reported");
    }
    demand(drain_until_ == never || now_ < drain_until_, "a drain did not end in time");
}

/// Never idle capacity and a caller at once; whatever is needed is under way, unless the server fails.
void model::end_of_demand() const {
    const std::size_t on_the_way = coming();
    const bool more = callers_.size() > on_the_way;
    for (const connection& one : connections_) {
        demand(callers_.empty() || !lendable(one), "somebody waits beside a connection that could serve");
        demand(!more || one.what != doing::idle, "somebody waits, and an idle connection is not being checked");
    }
    if (failing_) {
        if (down()) {
            for (const caller& who : callers_) {
                demand(now_ < who.since + settings_.down_fail_fast,
                       "somebody waits too long for a server that is down");
            }
        }
        const bool paused_long_enough = now_ >= pause_until_ && connecting() == 0;
        if (!paused_long_enough || !ticked_) return;
    }
    if (connecting() >= (failing_ ? 1 : settings_.max_concurrent_connects)) return;
    demand(room() == 0 || !(more || kept() < floor()), "a connect that is needed does not begin");
    const bool beyond = settings_.on_full == pool::when_full::overflow && room() == 0 &&
                        connections_.size() - regular() < settings_.max_overflow;
    demand(!beyond || !more, "a connect beyond max that is needed does not begin");
}

void model::compare(const pool::ledger& book) const {
    const pool::ledger_counts counts = book.counts();
    const auto doing_now = [&](doing what) { return count([&](const connection& one) { return one.what == what; }); };
    demand(counts.waiting == callers_.size(), "another number of callers");
    demand(counts.leases == loans_.size(), "another number of leases");
    demand(counts.regular == regular(), "another number of connections");
    demand(counts.overflow == connections_.size() - regular(), "another number of connections beyond max");
    demand(counts.of(pool::slot_state::connecting) == doing_now(doing::connecting), "another number of connects");
    demand(counts.of(pool::slot_state::idle) == doing_now(doing::idle), "another number of idle connections");
    demand(counts.of(pool::slot_state::checking) == doing_now(doing::checking), "another number of checks");
    demand(counts.of(pool::slot_state::resetting) == doing_now(doing::resetting), "another number of resets");
    demand(counts.of(pool::slot_state::closing) == doing_now(doing::closing), "another number of closes");
    demand(book.is_empty() == connections_.empty(), "empty, or not");
    demand(book.draining() == draining_, "draining, or not");
    demand(book.size_limit() == size_, "another size");
    demand(book.wanted_size() == wanted_size_, "another size is wanted");
    demand(book.size_due() == size_due_, "the size is looked at at another time");
}

}  // namespace lido::sim
