// Lido: so many at once, and so many per second after that.
#pragma once

#include "lido/base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lido::http {

/// A token bucket that keeps one time instead of a number of tokens (the generic cell rate algorithm, ITU-T I.371,
/// annex A). Rested at first. A plain value; the time is an argument.
class allowance {
public:
    /// Both at least 1.
    allowance(std::uint32_t at_once, std::uint32_t per_second) noexcept
        : interval_(std::chrono::duration_cast<duration>(std::chrono::seconds(1)) / per_second),
          tolerance_(interval_ * (at_once - 1)) {}

    /// One more, now? False costs nothing.
    [[nodiscard]] bool take(time_point now) noexcept {
        if (due_ > now + tolerance_) return false;
        due_ = std::max(due_, now) + interval_;
        return true;
    }
    /// When the next one may be taken; perhaps in the past.
    [[nodiscard]] time_point next() const noexcept { return due_ - tolerance_; }

private:
    duration interval_;
    duration tolerance_;
    time_point due_{};
};

}  // namespace lido::http
