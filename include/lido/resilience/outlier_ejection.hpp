// Lido: leaving out, for a while, an endpoint that fails more than the others.
#pragma once

#include "lido/base/random.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/resilience/detail/observed.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lido::resilience {

/// Settings of outlier ejection. The defaults are Envoy's, but for `jitter`, which is 0 there.
struct outlier_ejection_settings {
    /// Ejected after so many failures in a row. 0 … 1,000,000; 0: not for that.
    std::uint32_t failures = 5;
    /// Time between two comparisons of success rates. 100 ms … 24 h.
    duration interval = std::chrono::seconds(10);
    /// Ejected when its success rate of the last interval is so many standard deviations below the mean of all.
    /// 0.1 … 100, or 0: not for that.
    double deviations = 1.9;
    /// An endpoint with fewer calls within the interval is not compared. 1 … 1,000,000,000.
    std::uint64_t minimum_calls = 100;
    /// With fewer comparable endpoints nothing is compared. 2 … 100,000.
    std::size_t minimum_endpoints = 5;
    /// An ejection takes this times the number of ejections, of which one is forgotten with each interval that an
    /// endpoint is in service. 1 ms … 24 h.
    duration base_time = std::chrono::seconds(30);
    /// But no longer than this. `base_time` … 24 h.
    duration max_time = std::chrono::minutes(5);
    /// A random time of up to this is added to each ejection, so that what left together does not come back together.
    /// 0 … 1 h.
    duration jitter = std::chrono::seconds(3);
    /// The share of all endpoints that may be ejected at once, rounded down. 0 … 1.
    double max_share = 0.1;
    /// One may be ejected even where `max_share` of the endpoints is less than one, unless it is the only one.
    bool always_one = true;

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// A snapshot of outlier ejection. The counters count from its making.
struct outlier_ejection_statistics {
    std::size_t endpoints = 0;
    std::size_t ejected = 0;                 ///< now
    std::uint64_t by_failures = 0;           ///< ejections after failures in a row
    std::uint64_t by_success_rate = 0;       ///< ejections for a success rate below the others'
    std::uint64_t refused = 0;               ///< outliers that stayed because enough were ejected already
    std::uint64_t late = 0;                  ///< outcomes of calls to an endpoint that was ejected meanwhile
    std::uint64_t comparisons = 0;           ///< intervals with enough to compare
    double mean_success_rate = 0.0;          ///< of the last comparison
    double threshold_of_success_rate = 0.0;  ///< of the last comparison; may be below zero: nobody is an outlier then
};

/// Told which endpoints are ejected. Derive from it and override what matters; each default does nothing.
class outlier_ejection_observer {
public:
    virtual ~outlier_ejection_observer() = default;

    virtual void ejected(std::size_t position, time_point until) noexcept {
        static_cast<void>(position);
        static_cast<void>(until);
    }
    /// Taken back before its time; the end of that time itself is no event.
    virtual void taken_back(std::size_t position) noexcept { static_cast<void>(position); }

protected:
    outlier_ejection_observer() = default;
    outlier_ejection_observer(const outlier_ejection_observer&) = default;
    outlier_ejection_observer& operator=(const outlier_ejection_observer&) = default;
};

/// Finds endpoints that are worse than the others by what calls to them show, and takes them out of the choice for a
/// growing time. A limit on how many keeps a fault that all of them share from emptying the list.
///
/// Knows an endpoint by its position. A copyable value of 64 bytes for each endpoint; not thread-safe. `now` must not
/// go back. `report` takes O(1), but O(n) for n endpoints when it ejects; `sweep` O(n), times the number that it
/// ejects.
///
/// After Envoy's outlier detection (Envoy documentation, "Outlier detection": consecutive 5xx, success rate, ejection
/// algorithm); what differs: the worst are ejected first, and an endpoint returns when its time is over, not at the
/// next sweep.
class outlier_ejection {
public:
    /// `settings` must be valid. The first interval begins at `now`.
    explicit outlier_ejection(const outlier_ejection_settings& settings = {}, std::size_t endpoints = 0,
                              time_point now = {});

    /// One more endpoint, behind the others, with a clean record.
    void add() { endpoints_.emplace_back(); }
    /// Takes one away; those behind it move up. With fewer endpoints more of them may be ejected than the limit allows,
    /// until their times are over.
    void remove(std::size_t position);

    /// A call to an endpoint ended. True: it is ejected for that. Calls that say nothing about the endpoint (cancelled,
    /// refused before they were sent) are not reported.
    bool report(std::size_t position, bool success, time_point now, random_source& random);

    /// Compares the success rates if the interval is over, and begins the next one. The number of endpoints ejected.
    std::size_t sweep(time_point now, random_source& random);
    /// When `sweep` has something to do next.
    [[nodiscard]] time_point next_sweep() const noexcept { return next_sweep_; }

    [[nodiscard]] bool is_ejected(std::size_t position, time_point now) const noexcept;
    /// When an ejected endpoint comes back; in the past for one in service.
    [[nodiscard]] time_point returns_at(std::size_t position) const noexcept { return endpoints_[position].until; }
    /// An operator, or a health check that succeeded, takes it back at once.
    void take_back(std::size_t position) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return endpoints_.size(); }
    [[nodiscard]] outlier_ejection_statistics statistics(time_point now) const noexcept;
    [[nodiscard]] const outlier_ejection_settings& settings() const noexcept { return settings_; }

    /// Tells `by` from now on what it does; null: nobody. It must outlive the policy, which calls it within its own
    /// functions: an observer must not call back, block or throw. Copies of the policy have none.
    void watch(outlier_ejection_observer* by) noexcept { observed_.watch(by); }

private:
    struct endpoint {
        /// Ejected until then.
        time_point until = time_point::min();
        /// How many ejections are remembered.
        std::uint32_t ejections = 0;
        bool ejected_in_interval = false;
        std::uint32_t failures_in_a_row = 0;
        // Of this interval.
        std::uint64_t calls = 0;
        std::uint64_t successes = 0;

        [[nodiscard]] double success_rate() const noexcept;
    };

    [[nodiscard]] std::size_t ejected(time_point now) const noexcept;
    [[nodiscard]] bool may_eject(time_point now) const noexcept;
    [[nodiscard]] bool is_comparable(const endpoint& each, time_point now) const noexcept;
    bool eject(endpoint& which, time_point now, random_source& random);
    std::size_t compare(time_point now, random_source& random);

    outlier_ejection_settings settings_;
    std::vector<endpoint> endpoints_;
    time_point next_sweep_;
    outlier_ejection_statistics totals_;
    detail::observed<outlier_ejection_observer> observed_;
};

}  // namespace lido::resilience
