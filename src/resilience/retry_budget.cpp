#include "lido/resilience/retry_budget.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>
#include <cmath>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

constexpr double millionths = 1e6;
constexpr std::uint64_t one_retry = 1'000'000;

std::uint64_t to_millionths(double value) noexcept {
    return static_cast<std::uint64_t>(std::llround(value * millionths));
}

}  // namespace

result<void> retry_budget_settings::validate() const {
    return setting_check("retry budget")
        .number("share", share, 0.0, 10.0)
        .number("minimum_per_second", minimum_per_second, 0.0, 1e6)
        .time("window", window, 1s, 1h)
        .outcome();
}

retry_budget::retry_budget(const retry_budget_settings& settings)
    : settings_(settings),
      requests_(settings.window / static_cast<duration::rep>(cells)),
      // Rounded up, so that its cells cover the whole window whatever the remainder.
      spent_(settings.window / static_cast<duration::rep>(cells) + duration(1)) {
    LIDO_ASSERT(settings.validate());
    earned_per_request_ = to_millionths(settings.share);
    reserve_ = to_millionths(settings.minimum_per_second * std::chrono::duration<double>(settings.window).count());
}

void retry_budget::note_request(time_point now) noexcept {
    latest_ = std::max(latest_, now);
    requests_.add(latest_, 1);
    ++totals_.requests;
}

std::uint64_t retry_budget::left(time_point now) noexcept {
    latest_ = std::max(latest_, now);
    const std::uint64_t granted = (requests_.total(latest_) * earned_per_request_ + reserve_) / one_retry;
    const std::uint64_t spent = spent_.total(latest_);
    return granted > spent ? granted - spent : 0;
}

bool retry_budget::try_spend(time_point now, retry_budget_use use) noexcept {
    const auto index = static_cast<std::size_t>(use);
    if (left(now) == 0) {
        ++totals_.refused[index];
        observed_.tell(&retry_budget_observer::budget_refused, use, now);
        return false;
    }
    spent_.add(latest_, 1);
    ++totals_.spent[index];
    return true;
}

retry_budget_statistics retry_budget::statistics(time_point now) const noexcept {
    retry_budget_statistics snapshot = totals_;
    retry_budget copy = *this;
    snapshot.left = copy.left(now);
    return snapshot;
}

}  // namespace lido::resilience
