#include "lido/resilience/rate_limiter.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>
#include <cmath>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

constexpr double least_rate = 0.001;
constexpr std::uint32_t most_at_once = 1'000'000;

/// A burst that took longer to save up than this could not be told from an endless one, and its time must not overflow.
constexpr duration longest_tolerance = 100 * 365 * 24h;

/// A second's, or six seconds', worth of calls.
std::uint32_t default_burst(double calls) noexcept {
    return static_cast<std::uint32_t>(std::clamp(std::floor(calls), 1.0, double{most_at_once}));
}

/// Rounded up: rather a little slower than faster than agreed.
duration interval_of(double calls, duration span) noexcept {
    return duration(static_cast<duration::rep>(std::ceil(static_cast<double>(span.count()) / calls)));
}

}  // namespace

result<void> rate_limiter_settings::validate() const {
    const auto is_rate = [](double value, double most) {
        return value == 0.0 || (value >= least_rate && value <= most);
    };
    return setting_check("rate limiter")
        .holds(is_rate(per_second, 1e6), "per_second", fmt::format("{}", per_second), "0.001 … 1000000, or 0")
        .number("burst_per_second", burst_per_second, 0U, most_at_once)
        .holds(is_rate(per_minute, 6e7), "per_minute", fmt::format("{}", per_minute), "0.001 … 60000000, or 0")
        .number("burst_per_minute", burst_per_minute, 0U, most_at_once)
        .time("max_wait", max_wait, 0s, 24h)
        .outcome();
}

rate_limiter::rate_limiter(const rate_limiter_settings& settings) : settings_(settings) {
    LIDO_ASSERT(settings.validate());
    due_.fill(time_point::min());
    const auto set = [](pace& limit, double calls, duration span, std::uint32_t burst) {
        if (calls == 0.0) return;
        limit.interval = interval_of(calls, span);
        limit.tolerance = std::min<duration::rep>(burst - 1, longest_tolerance / limit.interval) * limit.interval;
    };
    if (settings_.burst_per_second == 0) settings_.burst_per_second = default_burst(settings_.per_second);
    if (settings_.burst_per_minute == 0) settings_.burst_per_minute = default_burst(settings_.per_minute / 10);
    set(paces_[0], settings_.per_second, 1s, settings_.burst_per_second);
    set(paces_[1], settings_.per_minute, 1min, settings_.burst_per_minute);
}

/// The next turn: when both limits allow it.
time_point rate_limiter::earliest(time_point now) const noexcept {
    time_point turn = now;
    for (std::size_t i = 0; i < limits; ++i) {
        // Compared this way round: at first `due_` is the lowest time there is.
        if (due_[i] > turn && due_[i] - turn > paces_[i].tolerance) turn = due_[i] - paces_[i].tolerance;
    }
    return turn;
}

rate_admission rate_limiter::reserve(time_point now, time_point latest) {
    const time_point turn = earliest(now);
    if (turn > deadline_after(now, settings_.max_wait) || turn > latest) {
        ++totals_.refused;
        observed_.tell(&rate_limiter_observer::refused, now, turn);
        return {std::nullopt, turn};
    }
    const rate_reservation made{turn, ++numbers_given_, last_, due_};
    for (std::size_t i = 0; i < limits; ++i) {
        if (paces_[i].interval > duration::zero()) due_[i] = std::max(due_[i], turn) + paces_[i].interval;
    }
    last_ = made.number;
    ++totals_.reserved;
    if (turn > now) {
        ++totals_.waited;
        totals_.waiting += turn - now;
        observed_.tell(&rate_limiter_observer::delayed, now, turn);
    }
    return {made, turn};
}

bool rate_limiter::cancel(const rate_reservation& reservation) noexcept {
    ++totals_.cancelled;
    return give_back(reservation);
}

bool rate_limiter::give_back(const rate_reservation& reservation) noexcept {
    if (reservation.number == 0 || reservation.number != last_) return false;
    last_ = reservation.previous;
    due_ = reservation.state_before;
    ++totals_.given_back;
    return true;
}

rate_limiter_statistics rate_limiter::statistics(time_point now) const noexcept {
    rate_limiter_statistics snapshot = totals_;
    snapshot.next_wait = std::max(earliest(now) - now, duration::zero());
    return snapshot;
}

}  // namespace lido::resilience
