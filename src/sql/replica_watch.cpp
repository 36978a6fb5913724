#include "sql/replica_watch.hpp"

#include <algorithm>

namespace lido::sql {

replica_watch::replica_watch(std::size_t members, duration max_lag, bool reads_without_primary)
    : max_lag_(max_lag), reads_without_primary_(reads_without_primary), members_(members) {}

void replica_watch::saw(std::size_t which, const replication_state& what, time_point asked) {
    member& one = members_[which];
    one.asked = true;
    one.answers = true;
    one.said = what;
    one.lag.reset();
    choose_primary(which);
    if (primary_ == which && what.takes_writes) {
        // A log that tells no position (it is switched off) proves nothing.
        const bool tells = !what.position.empty();
        if (tells && (samples_.empty() || samples_.back().at < asked)) samples_.push_back({asked, what.position});
        if (samples_.size() > most_samples) samples_.pop_front();
    } else if (!what.takes_writes) {
        measure(which, asked);
    }
    assign();
}

void replica_watch::lost(std::size_t which) noexcept {
    members_[which].asked = true;
    members_[which].answers = false;
    assign();
}

bool replica_watch::has_seen_all() const noexcept {
    return std::all_of(members_.begin(), members_.end(), [](const member& each) { return each.asked; });
}

void replica_watch::choose_primary(std::size_t which) {
    member& one = members_[which];
    const replication_state& said = one.said;
    if (!said.takes_writes) {
        one.deposed = false;
        if (primary_ == which) {
            primary_.reset();
            samples_.clear();
        }
        return;
    }
    if (said.epoch < epoch_) return;                  // from before a failover
    if (one.deposed && said.epoch == epoch_) return;  // the same, where failovers are not counted
    const bool stays = primary_ == which && said.epoch == epoch_;
    if (stays) return;
    // Two of the same epoch: the one before stays, unless it is not there any more.
    if (primary_ && primary_ != which && said.epoch == epoch_ && members_[*primary_].answers) return;
    make_primary(which);
}

void replica_watch::make_primary(std::size_t which) {
    member& one = members_[which];
    if (primary_ != which) {
        samples_.clear();
        if (primary_) members_[*primary_].deposed = true;
    }
    one.deposed = false;
    primary_ = which;
    epoch_ = one.said.epoch;
}

/// What a replica has applied contains all that the primary had written at the time of the last sample it covers.
void replica_watch::measure(std::size_t which, time_point asked) {
    member& one = members_[which];
    const auto covered = std::find_if(samples_.rbegin(), samples_.rend(),
                                      [&](const sample& each) { return covers(one.said.position, each.position); });
    if (covered == samples_.rend()) return;
    const time_point newest = primary_answers() ? std::max(asked, samples_.back().at) : samples_.back().at;
    one.lag = newest - covered->at;
}

bool replica_watch::may_be_read(const member& one) const noexcept {
    if (one.said.takes_writes) return false;  // an old primary
    if (!primary_answers() && !reads_without_primary_) return false;
    if (one.lag) return *one.lag <= max_lag_;
    // Nothing is known of any primary, and there is nobody left who could be one.
    return samples_.empty() && !primary_answers() && has_seen_all();
}

void replica_watch::assign() noexcept {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        member& each = members_[i];
        if (!each.asked || (each.duty == member_duty::unknown && !each.answers)) continue;
        if (primary_ == i) {
            each.duty = member_duty::writes;
        } else {
            each.duty = may_be_read(each) ? member_duty::reads : member_duty::none;
        }
    }
}

}  // namespace lido::sql
