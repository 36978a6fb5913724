// Lido: when a call that takes long is made a second time, beside the first.
#pragma once

#include "lido/base/histogram.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/resilience/detail/observed.hpp"
#include "lido/resilience/retry_budget.hpp"

#include <cstdint>
#include <optional>

namespace lido::resilience {

/// Settings of hedging.
struct hedge_settings {
    /// A call is hedged when it takes longer than this share of all calls did: 0.95 sends at most one in twenty twice
    /// while times stay as they are. 0.5 … 0.9999.
    double percentile = 0.95;
    /// Never earlier than this. 0 … 1 h.
    duration minimum_delay = std::chrono::milliseconds(1);
    /// Never later than this. `minimum_delay` … 1 h.
    duration maximum_delay = std::chrono::minutes(1);
    /// Hedges of one call, each one delay after the one before. 1 … 4.
    unsigned max_hedges = 1;
    /// For how long a call's time counts. 1 s … 24 h.
    duration window = std::chrono::seconds(60);
    /// Nothing is hedged before so many times are known. 1 … 1,000,000.
    std::uint64_t minimum_calls = 100;

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// A snapshot of hedging. The counters count from its making.
struct hedge_statistics {
    std::uint64_t recorded = 0;
    std::uint64_t hedges = 0;
    std::uint64_t refused = 0;  ///< the budget was spent
    std::uint64_t won = 0;      ///< hedges that answered before the call they were made for
    /// Nothing while too few times are known.
    std::optional<duration> delay;
};

/// Told what becomes of hedges. Derive from it and override what matters; each default does nothing.
class hedge_observer {
public:
    virtual ~hedge_observer() = default;

    virtual void hedged(time_point now) noexcept { static_cast<void>(now); }
    /// The budget had nothing left for one.
    virtual void hedge_refused(time_point now) noexcept { static_cast<void>(now); }
    /// One answered first.
    virtual void hedge_won() noexcept {}

protected:
    hedge_observer() = default;
    hedge_observer(const hedge_observer&) = default;
    hedge_observer& operator=(const hedge_observer&) = default;
};

/// Cuts the long tail of times: a call that has not ended after the time that most need is made again, elsewhere if
/// possible, and the first answer counts. Only for calls that may be made twice without harm, and only for these should
/// it be asked.
///
/// Every hedge is paid from a retry budget: when a service becomes slow as a whole, all calls become late, and hedging
/// all of them would double the load exactly then.
///
/// The delay is taken from two histograms of half a window each, so that a time counts for between half and the whole
/// of `window`; it is worked out anew every half window, and more often while few times are known.
///
/// A copyable value of about 15 KiB; not thread-safe. `now` must not go back; when it does, the latest time counts.
/// `record` costs a few nanoseconds, and some microseconds once in half a window.
///
/// Dean and Barroso, "The Tail at Scale", Communications of the ACM 56(2), 2013; as in Finagle's BackupRequestFilter
/// and gRPC's hedging (proposal A6).
class hedge {
public:
    /// `settings` must be valid.
    explicit hedge(const hedge_settings& settings = {});

    /// A call took `took`. With a hedge, the time of the one that answered, counted from its own start.
    void record(duration took, time_point now) noexcept;

    /// How long after the last sending of a call, that was hedged `made` times already, the next hedge is due. Nothing:
    /// no more of them, or too few times are known.
    [[nodiscard]] std::optional<duration> delay(unsigned made, time_point now) noexcept;

    /// The delay is over without an answer: may the hedge be sent? Counts it, here and in `budget`.
    [[nodiscard]] bool try_hedge(retry_budget& budget, time_point now) noexcept;

    /// A hedge answered first.
    void note_won() noexcept {
        ++totals_.won;
        observed_.tell(&hedge_observer::hedge_won);
    }

    [[nodiscard]] hedge_statistics statistics() const noexcept { return totals_; }
    [[nodiscard]] const hedge_settings& settings() const noexcept { return settings_; }

    /// Tells `by` from now on what it does; null: nobody. It must outlive the policy, which calls it within its own
    /// functions: an observer must not call back, block or throw. Copies of the policy have none.
    void watch(hedge_observer* by) noexcept { observed_.watch(by); }

private:
    void turn(time_point now) noexcept;
    void work_out() noexcept;

    hedge_settings settings_;
    histogram current_;
    histogram previous_;
    /// When `current_` becomes `previous_`; the first time that is seen sets it.
    time_point turn_at_ = time_point::min();
    /// The delay is worked out again when so many times are known, for between turns it can only be refined.
    std::uint64_t next_work_out_ = 0;
    hedge_statistics totals_;
    detail::observed<hedge_observer> observed_;
};

}  // namespace lido::resilience
