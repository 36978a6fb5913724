#include "lido/resilience/hedge.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>

namespace lido::resilience {

using namespace std::chrono_literals;

result<void> hedge_settings::validate() const {
    return setting_check("hedge")
        .number("percentile", percentile, 0.5, 0.9999)
        .time("minimum_delay", minimum_delay, 0s, 1h)
        .time("maximum_delay", maximum_delay, minimum_delay, 1h)
        .number("max_hedges", max_hedges, 1U, 4U)
        .time("window", window, 1s, 24h)
        .number<std::uint64_t>("minimum_calls", minimum_calls, 1, 1'000'000)
        .outcome();
}

hedge::hedge(const hedge_settings& settings) : settings_(settings), next_work_out_(settings.minimum_calls) {
    LIDO_ASSERT(settings.validate());
}

void hedge::record(duration took, time_point now) noexcept {
    turn(now);
    current_.record(took);
    ++totals_.recorded;
    if (current_.count() + previous_.count() >= next_work_out_) work_out();
}

std::optional<duration> hedge::delay(unsigned made, time_point now) noexcept {
    turn(now);
    if (made >= settings_.max_hedges) return std::nullopt;
    return totals_.delay;
}

bool hedge::try_hedge(retry_budget& budget, time_point now) noexcept {
    const bool is_granted = budget.try_spend(now, retry_budget_use::hedge);
    ++(is_granted ? totals_.hedges : totals_.refused);
    observed_.tell(is_granted ? &hedge_observer::hedged : &hedge_observer::hedge_refused, now);
    return is_granted;
}

/// Begins the next half of the window when its time has come.
void hedge::turn(time_point now) noexcept {
    const duration half = settings_.window / 2;
    if (turn_at_ == time_point::min()) turn_at_ = deadline_after(now, half);
    if (now < turn_at_) return;
    if (now - turn_at_ < half) {
        previous_ = current_;
        // On from where it should have been, so that no time counts longer than the window.
        turn_at_ += half;
    } else {
        // A rest of a whole half and more: all that is known is too old.
        previous_.reset();
        turn_at_ = deadline_after(now, half);
    }
    current_.reset();
    work_out();
}

void hedge::work_out() noexcept {
    histogram both = current_;
    both.merge(previous_);
    next_work_out_ = std::max(both.count() * 2, settings_.minimum_calls);
    if (both.count() < settings_.minimum_calls) {
        totals_.delay.reset();
        return;
    }
    totals_.delay = std::clamp(both.quantile(settings_.percentile), settings_.minimum_delay, settings_.maximum_delay);
}

}  // namespace lido::resilience
