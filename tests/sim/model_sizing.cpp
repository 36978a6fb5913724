// The model: the size that an adaptive sizing wants. The rules are those of the ledger (they are pure, and tested by
// themselves); what they are applied to is found by looking at everything.
#include "sim/model.hpp"

#include <algorithm>
#include <variant>

namespace lido::sim {

void model::measure(duration passed) {
    const std::size_t on_the_way = coming();
    const bool lack = !paused_ && !draining_ && room() == 0 && callers_.size() > on_the_way;
    seen_.busy += passed * static_cast<duration::rep>(loans_.size());
    if (lack) seen_.lacking += passed * static_cast<duration::rep>(callers_.size() - on_the_way);
}

std::size_t model::lowest_size() const {
    return std::clamp<std::size_t>(floor(), 1, settings_.max_size);
}

void model::begin_interval() {
    seen_ = {};
    seen_.peak_leases = loans_.size();
    unused_ = {};
    interval_began_ = now_;
    size_due_ = now_ + policy_.rules().interval;
}

void model::adopt_sizing() {
    const auto* rules = std::get_if<pool::adaptive_sizing>(&settings_.sizing);
    const bool before = adaptive_;
    adaptive_ = rules != nullptr;
    if (!adaptive_) {
        size_due_ = never;
        size_ = wanted_size_ = settings_.max_size;
        return;
    }
    if (!before) wanted_size_ = kept();
    if (!before || policy_.rules() != *rules) policy_.set_rules(*rules);
    wanted_size_ = std::clamp(wanted_size_, lowest_size(), settings_.max_size);
    size_ = std::min(wanted_size_, allowance_);
}

void model::limit_size() {
    const std::size_t before = size_;
    size_ = std::min(wanted_size_, allowance_);
    if (size_ < before) warm_target_ = std::min(warm_target_, size_);
}

void model::decide_size_when_due() {
    if (now_ < size_due_) return;
    const bool quiet = loans_.empty() && callers_.empty() && warm_target_ == 0;
    if (!paused_) {
        seen_.length = now_ - interval_began_;
        seen_.busy = std::max(seen_.busy - unused_, duration::zero());
        seen_.size = size_;
        seen_.per_connection = expected_capacity_;
        seen_.reachable = !failing_;
        wanted_size_ = policy_.next(seen_, lowest_size(), settings_.max_size);
        limit_size();
    }
    if (quiet && wanted_size_ == lowest_size() && size_ == wanted_size_ && regular() <= size_) {
        size_due_ = never;
    } else {
        begin_interval();
    }
}

void model::aim_at(std::size_t count) {
    if (!adaptive_) return;
    wanted_size_ = std::max(wanted_size_, std::min({count, settings_.max_size, settings_.max_idle}));
    limit_size();
    if (size_due_ == never) begin_interval();
}

void model::allowed(std::size_t allowance) {
    allowance_ = allowance;
    if (!adaptive_ || draining_) return;
    limit_size();
    if (size_ < wanted_size_ && size_due_ == never) begin_interval();
}

}  // namespace lido::sim
