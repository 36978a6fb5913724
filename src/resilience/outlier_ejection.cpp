#include "lido/resilience/outlier_ejection.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>
#include <cmath>

namespace lido::resilience {

using namespace std::chrono_literals;

result<void> outlier_ejection_settings::validate() const {
    return setting_check("outlier ejection")
        .number("failures", failures, 0U, 1'000'000U)
        .time("interval", interval, 100ms, 24h)
        .holds(deviations == 0.0 || (deviations >= 0.1 && deviations <= 100.0), "deviations",
               fmt::format("{}", deviations), "0.1 … 100, or 0")
        .number<std::uint64_t>("minimum_calls", minimum_calls, 1, 1'000'000'000)
        .number<std::size_t>("minimum_endpoints", minimum_endpoints, 2, 100'000)
        .time("base_time", base_time, 1ms, 24h)
        .time("max_time", max_time, base_time, 24h)
        .time("jitter", jitter, 0s, 1h)
        .number("max_share", max_share, 0.0, 1.0)
        .outcome();
}

double outlier_ejection::endpoint::success_rate() const noexcept {
    return static_cast<double>(successes) / static_cast<double>(calls);
}

outlier_ejection::outlier_ejection(const outlier_ejection_settings& settings, std::size_t endpoints, time_point now)
    : settings_(settings), endpoints_(endpoints), next_sweep_(deadline_after(now, settings.interval)) {
    LIDO_ASSERT(settings.validate());
}

void outlier_ejection::remove(std::size_t position) {
    LIDO_ASSERT(position < endpoints_.size());
    endpoints_.erase(endpoints_.begin() + static_cast<std::ptrdiff_t>(position));
}

bool outlier_ejection::is_ejected(std::size_t position, time_point now) const noexcept {
    return now < endpoints_[position].until;
}

void outlier_ejection::take_back(std::size_t position) noexcept {
    LIDO_ASSERT(position < endpoints_.size());
    endpoints_[position].until = time_point::min();
    observed_.tell(&outlier_ejection_observer::taken_back, position);
}

std::size_t outlier_ejection::ejected(time_point now) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(endpoints_.begin(), endpoints_.end(), [&](const endpoint& each) { return now < each.until; }));
}

bool outlier_ejection::may_eject(time_point now) const noexcept {
    const std::size_t all = endpoints_.size();
    // The crumb keeps 0.29 of a hundred from being 28.
    auto most = static_cast<std::size_t>(std::floor(settings_.max_share * static_cast<double>(all) + 1e-9));
    if (settings_.always_one && all > 1) most = std::max<std::size_t>(most, 1);
    return ejected(now) < most;
}

bool outlier_ejection::eject(endpoint& which, time_point now, random_source& random) {
    if (!may_eject(now)) {
        ++totals_.refused;
        return false;
    }
    ++which.ejections;
    which.ejected_in_interval = true;
    which.failures_in_a_row = 0;
    // Divided instead of multiplied: the number of ejections has no bound, and the product would.
    const bool is_longest = which.ejections > settings_.max_time / settings_.base_time;
    const duration time = is_longest ? settings_.max_time : settings_.base_time * which.ejections;
    which.until = deadline_after(now, time + random.up_to(settings_.jitter));
    const auto position = static_cast<std::size_t>(&which - endpoints_.data());
    observed_.tell(&outlier_ejection_observer::ejected, position, which.until);
    return true;
}

bool outlier_ejection::report(std::size_t position, bool success, time_point now, random_source& random) {
    LIDO_ASSERT(position < endpoints_.size());
    endpoint& which = endpoints_[position];
    if (now < which.until) {
        ++totals_.late;
        return false;
    }
    ++which.calls;
    if (success) {
        ++which.successes;
        which.failures_in_a_row = 0;
        return false;
    }
    ++which.failures_in_a_row;
    if (settings_.failures == 0 || which.failures_in_a_row < settings_.failures) return false;
    const bool is_out = eject(which, now, random);
    // Also when there was no room: it is asked again after as many further failures, not after every one.
    which.failures_in_a_row = 0;
    if (is_out) ++totals_.by_failures;
    return is_out;
}

std::size_t outlier_ejection::sweep(time_point now, random_source& random) {
    if (now < next_sweep_) return 0;
    next_sweep_ = deadline_after(now, settings_.interval);
    const std::size_t found = settings_.deviations > 0.0 ? compare(now, random) : 0;
    for (endpoint& each : endpoints_) {
        const bool was_in_service = !each.ejected_in_interval && now >= each.until;
        if (was_in_service && each.ejections > 0) --each.ejections;
        each.ejected_in_interval = false;
        each.calls = 0;
        each.successes = 0;
    }
    return found;
}

bool outlier_ejection::is_comparable(const endpoint& each, time_point now) const noexcept {
    return now >= each.until && each.calls >= settings_.minimum_calls;
}

std::size_t outlier_ejection::compare(time_point now, random_source& random) {
    std::vector<endpoint*> compared;
    double sum = 0.0;
    for (endpoint& each : endpoints_) {
        if (!is_comparable(each, now)) continue;
        compared.push_back(&each);
        sum += each.success_rate();
    }
    if (compared.size() < settings_.minimum_endpoints) return 0;
    const auto count = static_cast<double>(compared.size());
    const double mean = sum / count;
    double squares = 0.0;
    for (const endpoint* each : compared) squares += (each->success_rate() - mean) * (each->success_rate() - mean);
    // Rounding must not make outliers of endpoints that are all the same.
    constexpr double crumb = 1e-9;
    const double threshold = mean - settings_.deviations * std::sqrt(squares / count) - crumb;
    ++totals_.comparisons;
    totals_.mean_success_rate = mean;
    totals_.threshold_of_success_rate = threshold;

    // The worst first: the limit may not leave room for all.
    std::stable_sort(compared.begin(), compared.end(), [](const endpoint* left, const endpoint* right) {
        return left->success_rate() < right->success_rate();
    });
    const auto good = std::partition_point(compared.begin(), compared.end(), [threshold](const endpoint* each) {
        return each->success_rate() < threshold;
    });
    std::size_t out = 0;
    for (auto each = compared.begin(); each != good; ++each) {
        if (eject(**each, now, random)) ++out;
    }
    totals_.by_success_rate += out;
    return out;
}

outlier_ejection_statistics outlier_ejection::statistics(time_point now) const noexcept {
    outlier_ejection_statistics snapshot = totals_;
    snapshot.endpoints = endpoints_.size();
    snapshot.ejected = ejected(now);
    return snapshot;
}

}  // namespace lido::resilience
