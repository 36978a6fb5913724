#include "lido/upstream/health_check.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>

namespace lido::upstream {

using namespace std::chrono_literals;

result<void> health_check_settings::validate() const {
    return resilience::setting_check("health check")
        .holds(interval == off || (interval >= 10ms && interval <= 24h), "interval", to_text(interval),
               "10 ms … 24 h, or off")
        .time("trouble_interval", trouble_interval, 10ms, 24h)
        .number("jitter", jitter, 0.0, 0.5)
        .time("timeout", timeout, 1ms, 10min)
        .number("failures", failures, 1U, 1000U)
        .number("recoveries", recoveries, 1U, 1000U)
        .outcome();
}

std::string_view name_of(health_state state) noexcept {
    switch (state) {
        case health_state::unknown:
            return "unknown";
        case health_state::healthy:
            return "healthy";
        case health_state::unhealthy:
            return "unhealthy";
    }
    return "unknown";
}

health_check::health_check(const health_check_settings& settings, time_point now, random_source& random)
    : settings_(settings), since_(now), next_(never) {
    LIDO_ASSERT(settings.validate());
    // Not all at once: that would be a burst of connects at every start.
    if (settings_.interval != health_check_settings::off) next_ = now + random.up_to(settings_.trouble_interval);
}

/// The only place where the state changes.
bool health_check::change_to(health_state next, time_point now) noexcept {
    if (state_ == next) return false;
    state_ = next;
    since_ = now;
    return true;
}

bool health_check::count(bool good, time_point now) noexcept {
    if (good) {
        ++passed_;
        ++good_in_a_row_;
        bad_in_a_row_ = 0;
        const bool enough = state_ == health_state::unknown || good_in_a_row_ >= settings_.recoveries;
        return enough && change_to(health_state::healthy, now);
    }
    ++failed_;
    ++bad_in_a_row_;
    good_in_a_row_ = 0;
    return bad_in_a_row_ >= settings_.failures && change_to(health_state::unhealthy, now);
}

duration health_check::pause(bool in_trouble, random_source& random) const noexcept {
    const duration base = in_trouble ? std::min(settings_.trouble_interval, settings_.interval) : settings_.interval;
    const double factor = 1.0 + settings_.jitter * (2.0 * random.unit() - 1.0);
    return std::chrono::duration_cast<duration>(base * factor);
}

std::optional<std::uint64_t> health_check::begin(time_point now) {
    if (now < next_) return std::nullopt;
    if (under_way_) count(false, now);
    under_way_ = true;
    next_ = deadline_after(now, settings_.timeout + settings_.trouble_interval);
    return ++number_;
}

bool health_check::end(std::uint64_t number, check_outcome how, bool in_trouble, time_point now,
                       random_source& random) {
    if (!under_way_ || number != number_) return false;
    under_way_ = false;
    const bool changed = how != check_outcome::unknown && count(how == check_outcome::passed, now);
    // One that fails is looked at more often already before it counts as unhealthy.
    next_ = now + pause(in_trouble || bad_in_a_row_ > 0 || state_ == health_state::unhealthy, random);
    return changed;
}

void health_check::hurry(time_point now, random_source& random) {
    if (settings_.interval == health_check_settings::off || under_way_) return;
    next_ = std::min(next_, now + pause(true, random));
}

}  // namespace lido::upstream
