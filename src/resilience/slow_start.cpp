#include "lido/resilience/slow_start.hpp"

#include "resilience/check_setting.hpp"

#include <algorithm>
#include <cmath>

namespace lido::resilience {

using namespace std::chrono_literals;

result<void> slow_start_settings::validate() const {
    return setting_check("slow start")
        .holds(window == 0s || (window >= 1s && window <= 24h), "window", to_text(window), "1 s … 24 h, or 0")
        .number("aggression", aggression, 0.01, 100.0)
        .number("minimum_share", minimum_share, 0.001, 1.0)
        .outcome();
}

double slow_start_share(const slow_start_settings& settings, duration age) noexcept {
    if (age >= settings.window) return 1.0;
    using seconds = std::chrono::duration<double>;
    const double passed = seconds(std::max<duration>(age, 1s)) / seconds(settings.window);
    return std::clamp(std::pow(passed, 1.0 / settings.aggression), settings.minimum_share, 1.0);
}

}  // namespace lido::resilience
