#include "lido/resilience/bulkhead.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>

namespace lido::resilience {

result<void> bulkhead_settings::validate() const {
    return setting_check("bulkhead")
        .number<std::size_t>("max_concurrent", max_concurrent, 1, 1'000'000)
        .number<std::size_t>("max_waiting", max_waiting, 0, 10'000'000)
        .outcome();
}

bulkhead::bulkhead(const bulkhead_settings& settings) : settings_(settings) {
    LIDO_ASSERT(settings.validate());
}

void bulkhead::start_one() noexcept {
    ++counts_.running;
    ++counts_.admitted;
    counts_.peak_running = std::max(counts_.peak_running, counts_.running);
}

bulkhead::admission bulkhead::enter() noexcept {
    // Nobody waits while a place is free, so that this overtakes nobody.
    if (counts_.running < settings_.max_concurrent) {
        start_one();
        return admission::run;
    }
    if (counts_.waiting < settings_.max_waiting) {
        ++counts_.waiting;
        ++counts_.queued;
        counts_.peak_waiting = std::max(counts_.peak_waiting, counts_.waiting);
        observed_.tell(&bulkhead_observer::queued, counts_.waiting);
        return admission::wait;
    }
    ++counts_.refused;
    observed_.tell(&bulkhead_observer::refused, counts_.running, counts_.waiting);
    return admission::refuse;
}

bool bulkhead::leave() noexcept {
    LIDO_ASSERT(counts_.running > 0);
    --counts_.running;
    if (counts_.waiting == 0 || counts_.running >= settings_.max_concurrent) return false;
    --counts_.waiting;
    start_one();
    return true;
}

void bulkhead::give_up() noexcept {
    LIDO_ASSERT(counts_.waiting > 0);
    --counts_.waiting;
    ++counts_.given_up;
}

std::size_t bulkhead::resize(const bulkhead_settings& settings) {
    LIDO_ASSERT(settings.validate());
    settings_ = settings;
    std::size_t called = 0;
    while (counts_.waiting > 0 && counts_.running < settings_.max_concurrent) {
        --counts_.waiting;
        start_one();
        ++called;
    }
    return called;
}

}  // namespace lido::resilience
