// Lido: how long to wait before the next attempt.
#pragma once

#include "lido/base/random.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

namespace lido {

/// Settings of an exponential back-off: the n-th failure in a row is followed by a wait of at most
/// `initial` × `factor`^(n-1), never more than `maximum`.
struct back_off_settings {
    /// The longest wait after the first failure; 0 (no wait at all) … `maximum`.
    duration initial = std::chrono::milliseconds(100);
    /// By how much each further failure lengthens it; 1 … 100.
    double factor = 2.0;
    /// The longest wait of all; `initial` … 24 h.
    duration maximum = std::chrono::seconds(5);

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// The longest wait after `failures` (≥ 1; 0 counts as 1) failures in a row. Saturates at `settings.maximum`.
[[nodiscard]] duration back_off_ceiling(const back_off_settings& settings, unsigned failures) noexcept;

/// A wait drawn uniformly from 0 … `back_off_ceiling`, both included. This "full jitter" spreads callers that failed
/// together, and of the known kinds of jitter it costs the server least (Brooker, "Exponential Backoff And Jitter",
/// AWS Architecture Blog, 2015).
[[nodiscard]] duration back_off_delay(const back_off_settings& settings, unsigned failures,
                                      random_source& random) noexcept;

}  // namespace lido
