#include "lido/resilience/peak_ewma.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>
#include <cmath>

namespace lido::resilience {

using namespace std::chrono_literals;

result<void> peak_ewma_settings::validate() const {
    return setting_check("peak EWMA").time("decay", decay, 1ms, 1h).outcome();
}

peak_ewma::peak_ewma(const peak_ewma_settings& settings) : decay_(static_cast<double>(settings.decay.count())) {
    LIDO_ASSERT(settings.validate());
}

/// The share of the value that is left of the last time.
double peak_ewma::kept(time_point now) const noexcept {
    if (now <= last_) return 1.0;
    return std::exp(-static_cast<double>((now - last_).count()) / decay_);
}

void peak_ewma::record(duration took, time_point now) noexcept {
    const auto sample = static_cast<double>(std::max(took, duration::zero()).count());
    const double share = kept(now);
    value_ = sample >= value_ ? sample : value_ * share + sample * (1.0 - share);
    last_ = std::max(last_, now);
}

duration peak_ewma::value(time_point now) const noexcept {
    return duration(static_cast<duration::rep>(value_ * kept(now)));
}

}  // namespace lido::resilience
