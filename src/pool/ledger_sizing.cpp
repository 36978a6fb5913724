// The ledger: the size it wants under an adaptive sizing. See docs/design/sizing.md.
#include "pool/ledger.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace lido::pool {

/// Callers that neither a connection nor anything under way will serve while nothing may be opened.
std::size_t ledger::lacking() const noexcept {
    if (paused_ || lifecycle_ != lifecycle::open || room() > 0) return 0;
    return waiters_.size() > in_flight_ ? waiters_.size() - in_flight_ : 0;
}

std::size_t ledger::lowest_size() const noexcept {
    return std::min(std::max<std::size_t>(floor(), 1), settings_.max_size);
}

void ledger::pass_time(time_point now) noexcept {
    meter_.pass(now, leases_.size(), lacking());
}

void ledger::begin_interval(time_point now) noexcept {
    meter_.begin(now, leases_.size());
    size_due_ = deadline_after(now, policy_.rules().interval);
    wake_changed_ = true;
}

/// Settings have changed, or are the first.
void ledger::adopt_sizing() noexcept {
    const auto* rules = std::get_if<adaptive_sizing>(&settings_.sizing);
    const bool before = std::exchange(adaptive_, rules != nullptr);
    claim_changed_ = true;
    if (!adaptive_) {
        size_due_ = never;
        size_limit_ = wanted_size_ = settings_.max_size;
        return;
    }
    if (!before || policy_.rules() != *rules) policy_.set_rules(*rules);
    // What is there now is the first guess.
    if (!before) wanted_size_ = kept_;
    wanted_size_ = std::clamp(wanted_size_, lowest_size(), settings_.max_size);
    size_limit_ = std::min(wanted_size_, allowance_);
}

/// The end of an interval: the size may change. A pool at rest has nothing to look at until somebody asks again.
void ledger::decide_size(time_point now, actions& out) {
    const bool quiet = leases_.size() == 0 && waiters_.empty() && warm_target_ == 0;
    if (!paused_) {
        load_sample seen = meter_.sample();
        seen.size = size_limit_;
        seen.per_connection = expected_capacity_;
        seen.reachable = !gate_.failing();
        wanted_size_ = policy_.next(seen, lowest_size(), settings_.max_size);
        limit_size(now, out);
    }
    claim_changed_ = true;
    if (quiet && wanted_size_ == lowest_size() && size_limit_ == wanted_size_ && regular_ <= size_limit_) {
        size_due_ = never;
    } else {
        begin_interval(now);
    }
}

/// What follows from what is wanted and what is allowed.
void ledger::limit_size(time_point now, actions& out) {
    const std::size_t before = std::exchange(size_limit_, std::min(wanted_size_, allowance_));
    if (size_limit_ > before) ++statistics_.grown;
    if (size_limit_ >= before) return;
    ++statistics_.shrunk;
    close_surplus(now, out);
    if (warm_target_ <= size_limit_) return;
    warm_target_ = size_limit_;
    if (kept_live_ >= warm_target_) finish_warm_up(out);
}

void ledger::aim_at(time_point now, std::size_t count, actions& out) {
    measure(now);
    if (!adaptive_ || lifecycle_ != lifecycle::open) return;
    wanted_size_ = std::max(wanted_size_, std::min({count, settings_.max_size, settings_.max_idle}));
    claim_changed_ = true;
    limit_size(now, out);
    if (size_due_ == never) begin_interval(now);
}

void ledger::allow(time_point now, std::size_t allowance, actions& out) {
    measure(now);
    allowance_ = allowance;
    if (!adaptive_ || lifecycle_ != lifecycle::open) return;
    limit_size(now, out);
    wake_changed_ = true;
    // What it was not given it asks for again.
    if (size_limit_ < wanted_size_ && size_due_ == never) begin_interval(now);
    dispatch(now, any_affinity, out);
}

void ledger::note_kept(time_point now, duration unused, std::uint64_t times) noexcept {
    measure(now);
    if (adaptive_) meter_.kept(unused, times);
}

}  // namespace lido::pool
