// Lido: how much of its weight an endpoint gets that has just come back.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

namespace lido::resilience {

/// Settings of a slow start. The two shares have Envoy's defaults.
struct slow_start_settings {
    /// How long it takes until an endpoint has its whole weight. 1 s … 24 h, or 0: it has it at once.
    duration window = std::chrono::seconds(30);
    /// The shape of the curve: 1 is a straight line, more rises faster at the beginning, less later. 0.01 … 100.
    double aggression = 1.0;
    /// The share it begins with. 0.001 … 1. Not 0, or it would never be tried.
    double minimum_share = 0.1;

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// The share of its weight, `minimum_share` … 1, that an endpoint has `age` after it came (back): an endpoint with cold
/// caches and few connections must not get its whole part of a full load at once.
///
/// The curve is Envoy's: max(minimum_share, (max(age, 1 s) / window) ^ (1 / aggression)), and 1 from the end of the
/// window on (Envoy documentation, "Slow start mode"). Pure; a call of `pow` within the window, else about a
/// nanosecond.
[[nodiscard]] double slow_start_share(const slow_start_settings& settings, duration age) noexcept;

}  // namespace lido::resilience
