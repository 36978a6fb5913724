// The ledger: what its operator asks for.
#include "lido/base/assert.hpp"
#include "pool/ledger.hpp"

namespace lido::pool {

void ledger::reconfigure(time_point now, const settings& settings, actions& out) {
    measure(now);
    const bool turned = settings.order != settings_.order;
    settings_ = settings;
    adopt_sizing();
    if (adaptive_ && lifecycle_ == lifecycle::open) begin_interval(now);
    statistics_.name = settings.name;
    waiters_.set_ageing(settings.priority_ageing);
    leases_.set_leak_after(settings.leak_after);
    gate_.reconfigure(now, settings.max_concurrent_connects, settings.back_off);
    wake_changed_ = true;
    if (turned) {
        for (slot_list& list : idle_) turn_round(list);
    }
    close_surplus(now, out);
    for (std::uint32_t which = 0; which < slots_.size(); ++which) {
        if (slots_[which].open) apply_settings(slots_[which]);
        regroup(which);
        arm(now, which);
    }
    warm_target_ = std::min({warm_target_, size_limit_, settings_.max_idle});
    if (warm_target_ > 0 && kept_live_ >= warm_target_) finish_warm_up(out);
    dispatch(now, any_affinity, out);
}

/// The hot end of a list is the one that new connections come to, and that depends on the order of lending.
void ledger::turn_round(slot_list& list) {
    slot_list turned;
    while (!list.empty()) {
        const std::uint32_t which = list.front();
        list.remove(slots_, which);
        turned.push_front(slots_, which);
    }
    list = turned;
}

/// Idle connections beyond a smaller max, those idle longest first. The others close when they are returned.
void ledger::close_surplus(time_point now, actions& out) {
    const auto surplus = [this] { return live_ > size_limit_; };
    const bool newest_first = settings_.order == idle_order::last_in_first_out;
    while (!outgoing_.empty() && surplus()) begin_close(now, outgoing_.back(), close_reason::lifetime, out);
    for (slot_list& list : idle_) {
        while (!list.empty() && surplus()) {
            begin_close(now, newest_first ? list.back() : list.front(), close_reason::idle, out);
        }
    }
}

void ledger::pause(time_point now) {
    measure(now);
    paused_ = true;
}

void ledger::resume(time_point now, actions& out) {
    measure(now);
    wake_changed_ = true;
    paused_ = false;
    dispatch(now, any_affinity, out);
}

void ledger::retire_all(time_point now, actions& out) {
    measure(now);
    for (std::uint32_t which = 0; which < slots_.size(); ++which) {
        const slot_state state = slots_[which].state;
        if (state == slot_state::vacant || state == slot_state::closing) continue;
        retire(which, close_reason::retired);
        if (state == slot_state::idle) begin_close(now, which, close_reason::retired, out);
    }
    gate_.reset();
    dispatch(now, any_affinity, out);
}

bool ledger::close_one_idle(time_point now, actions& out) {
    if (kept_ <= floor()) return false;
    std::uint32_t longest = no_index;
    for (const slot_list& list : idle_) {
        if (list.empty()) continue;
        const bool oldest_last = settings_.order == idle_order::last_in_first_out;
        const std::uint32_t candidate = oldest_last ? list.back() : list.front();
        if (longest == no_index || slots_[candidate].idle_since < slots_[longest].idle_since) longest = candidate;
    }
    if (longest == no_index) return false;
    begin_close(now, longest, close_reason::idle, out);
    dispatch(now, any_affinity, out);
    return true;
}

void ledger::warm_up(time_point now, std::size_t count, actions& out) {
    wake_changed_ = true;
    if (lifecycle_ != lifecycle::open) {
        out.push_back({.kind = action_kind::warmed, .count = 0});
        return;
    }
    aim_at(now, count, out);
    warm_target_ = std::max(warm_target_, std::min({count, size_limit_, settings_.max_idle}));
    if (kept_live_ >= warm_target_) return finish_warm_up(out);
    dispatch(now, any_affinity, out);
}

void ledger::drain(time_point now, time_point deadline, actions& out) {
    if (lifecycle_ == lifecycle::closed) {
        out.push_back({.kind = action_kind::drained, .count = leases_.size()});
        return;
    }
    drain_until_ = std::min(drain_until_, deadline);
    wake_changed_ = true;
    if (lifecycle_ == lifecycle::open) begin_drain(now, out);
    note_drained(out);
}

void ledger::begin_drain(time_point now, actions& out) {
    lifecycle_ = lifecycle::draining;
    size_due_ = never;
    while (!waiters_.empty()) refuse(waiters_.first(), errc::pool_closed, false, out);
    if (warm_target_ > 0) finish_warm_up(out);
    for (std::uint32_t which = 0; which < slots_.size(); ++which) {
        switch (slots_[which].state) {
            case slot_state::idle:
                begin_close(now, which, close_reason::retired, out);
                break;
            case slot_state::connecting:
            case slot_state::checking:
            case slot_state::resetting:
                abandon(now, which, close_reason::retired, out);
                break;
            case slot_state::leased:
            case slot_state::shared:
                retire(which, close_reason::retired);
                break;
            case slot_state::draining:
            case slot_state::closing:
            case slot_state::vacant:
                break;
        }
    }
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

}  // namespace lido::pool
