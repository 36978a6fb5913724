#include "lido/base/back_off.hpp"

#include <fmt/format.h>

#include <cmath>

namespace lido {
namespace {

constexpr duration longest_maximum = std::chrono::hours(24);

error out_of_range(std::string_view name, const std::string& value, std::string_view range) {
    return {errc::invalid_argument, fmt::format("back-off setting {} = {} is out of range {}", name, value, range),
            fmt::format("set {} within {}", name, range)};
}

}  // namespace

result<void> back_off_settings::validate() const {
    if (maximum < duration::zero() || maximum > longest_maximum) {
        return out_of_range("maximum", to_text(maximum), "0 s … 24 h");
    }
    if (initial < duration::zero() || initial > maximum) {
        return out_of_range("initial", to_text(initial), fmt::format("0 s … maximum ({})", to_text(maximum)));
    }
    if (!(factor >= 1.0 && factor <= 100.0)) {
        return out_of_range("factor", fmt::format("{}", factor), "1 … 100");
    }
    return {};
}

duration back_off_ceiling(const back_off_settings& settings, unsigned failures) noexcept {
    if (settings.initial <= duration::zero()) return duration::zero();
    const double exponent = failures > 1 ? static_cast<double>(failures - 1) : 0.0;
    const double ticks = static_cast<double>(settings.initial.count()) * std::pow(settings.factor, exponent);
    // The comparison comes before the conversion: a double beyond the range of integers must not become one.
    if (!(ticks < static_cast<double>(settings.maximum.count()))) return settings.maximum;
    return duration(static_cast<duration::rep>(ticks));
}

duration back_off_delay(const back_off_settings& settings, unsigned failures, random_source& random) noexcept {
    return random.up_to(back_off_ceiling(settings, failures));
}

}  // namespace lido
