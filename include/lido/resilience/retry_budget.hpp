// Lido: how much may be tried again, so that retries never become the load.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/resilience/detail/observed.hpp"
#include "lido/resilience/detail/time_ring.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace lido::resilience {

/// Settings of a retry budget. The defaults are Finagle's (`RetryBudget`: 20 %, 10 per second, 10 s); Envoy's
/// `retry_budget` has the same 20 %.
struct retry_budget_settings {
    /// Retries allowed for each request of the last `window`: 0.2 is one for five. 0 … 10; 0: only the minimum.
    double share = 0.2;
    /// Retries per second that are allowed whatever the traffic, for callers that send little: a whole window's worth
    /// of them may go at once. 0 … 1,000,000; 0: only the share.
    double minimum_per_second = 10.0;
    /// For how long a request counts. 1 s … 1 h.
    duration window = std::chrono::seconds(10);

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// What a part of the budget is spent on. All draw on the same budget; they are told apart in the statistics.
enum class retry_budget_use : std::uint8_t { retry, hedge, reconnect };

/// A snapshot of a retry budget. The counters count from its making.
struct retry_budget_statistics {
    static constexpr std::size_t uses = 3;

    std::uint64_t requests = 0;
    /// Indexed by `retry_budget_use`.
    std::array<std::uint64_t, uses> spent{};
    std::array<std::uint64_t, uses> refused{};
    /// Further ones that would be granted at once.
    std::uint64_t left = 0;
};

/// Told when a retry budget has nothing left. Derive from it and override what matters; each default does nothing.
class retry_budget_observer {
public:
    virtual ~retry_budget_observer() = default;

    virtual void budget_refused(retry_budget_use use, time_point now) noexcept {
        static_cast<void>(use);
        static_cast<void>(now);
    }

protected:
    retry_budget_observer() = default;
    retry_budget_observer(const retry_budget_observer&) = default;
    retry_budget_observer& operator=(const retry_budget_observer&) = default;
};

/// A limit on retries, shared by everything that sends a request once more: retries, hedges, reconnects. When all
/// requests fail, a policy of three retries alone would multiply the load by four at the moment at which the server can
/// bear it least; the budget bounds the factor to 1 + `share`.
///
/// Exact: in every span of time of the length of the window there are at most `share` × requests of that span +
/// `minimum_per_second` × window grants. The span slides in steps of a 32nd of the window, rounded against the caller,
/// so that up to a sixteenth of the share may go unused.
///
/// A value of about 1 KiB without other memory; not thread-safe. `now` must not go back; when it does, the latest time
/// counts. O(1), about 10 ns.
///
/// After Finagle's `RetryBudget` (Twitter, "finagle/service/RetryBudget.scala") and Envoy's
/// `CircuitBreakers.Thresholds.RetryBudget`.
class retry_budget {
public:
    /// `settings` must be valid.
    explicit retry_budget(const retry_budget_settings& settings = {});

    /// A request that somebody wants was sent for the first time. Retries and hedges are not noted: they would earn
    /// further ones.
    void note_request(time_point now) noexcept;

    /// True: one more may be sent, and has been counted. False: it must not be; the caller ends with what it has.
    [[nodiscard]] bool try_spend(time_point now, retry_budget_use use = retry_budget_use::retry) noexcept;

    [[nodiscard]] retry_budget_statistics statistics(time_point now) const noexcept;
    [[nodiscard]] const retry_budget_settings& settings() const noexcept { return settings_; }

    /// Tells `by` from now on what it does; null: nobody. It must outlive the policy, which calls it within its own
    /// functions: an observer must not call back, block or throw. Copies of the policy have none.
    void watch(retry_budget_observer* by) noexcept { observed_.watch(by); }

private:
    static constexpr std::size_t cells = 32;

    [[nodiscard]] std::uint64_t left(time_point now) noexcept;

    retry_budget_settings settings_;
    // In millionths of a retry, so that five times 0.2 is one.
    std::uint64_t earned_per_request_ = 0;
    std::uint64_t reserve_ = 0;
    // For both sums, which would otherwise each know a latest time of their own.
    time_point latest_ = time_point::min();
    // What was earned is counted over no more than the window, what was spent over no less: so the bound is exact.
    detail::time_ring<std::uint64_t, cells> requests_;
    detail::time_ring<std::uint64_t, cells + 1> spent_;
    retry_budget_statistics totals_;
    detail::observed<retry_budget_observer> observed_;
};

}  // namespace lido::resilience
