// Lido: how long an endpoint takes to answer, as a balancer should see it.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

namespace lido::resilience {

/// Settings of a `peak_ewma`. The default is Finagle's.
struct peak_ewma_settings {
    /// The time after which an old value has 37 % (1/e) of its weight. 1 ms … 1 h.
    duration decay = std::chrono::seconds(10);

    /// `invalid_argument`, naming the setting, when it is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// An average of times that follows a rise at once and a fall slowly: an endpoint that becomes slow is left alone after
/// one slow answer, and wins trust back by `decay`. What is not heard of becomes better with time, down to nothing, so
/// that it is tried again.
///
/// A copyable value of 24 bytes; not thread-safe. When `now` goes back no time has passed. O(1); a call of `exp`, about
/// 10 ns.
///
/// Finagle's "Peak EWMA" (Twitter, "finagle/loadbalancer/PeakEwma.scala").
class peak_ewma {
public:
    /// `settings` must be valid.
    explicit peak_ewma(const peak_ewma_settings& settings = {});

    /// A call that ended at `now` took `took`; below zero counts as zero.
    void record(duration took, time_point now) noexcept;

    /// Zero before the first call, and long after the last.
    [[nodiscard]] duration value(time_point now) const noexcept;

private:
    [[nodiscard]] double kept(time_point now) const noexcept;

    double decay_;
    double value_ = 0.0;
    time_point last_{};
};

}  // namespace lido::resilience
