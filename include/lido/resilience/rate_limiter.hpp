// Lido: no more calls in a time than agreed.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/resilience/detail/observed.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace lido::resilience {

/// Settings of a rate limiter. Both limits hold at once; by default there is neither.
struct rate_limiter_settings {
    /// Calls per second. 0.001 … 1,000,000, or 0: no such limit.
    double per_second = 0.0;
    /// Calls that `per_second` lets through at once after a rest. 1 … 1,000,000, or 0: one second's worth, at least 1.
    std::uint32_t burst_per_second = 0;
    /// Calls per minute. 0.001 … 60,000,000, or 0: no such limit.
    double per_minute = 0.0;
    /// Calls that `per_minute` lets through at once after a rest. 1 … 1,000,000, or 0: six seconds' worth, at least 1.
    std::uint32_t burst_per_minute = 0;
    /// A caller that would have to wait longer is refused. 0 … 24 h; 0: nobody waits.
    duration max_wait = std::chrono::seconds(5);

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// The right to make one call, at `at` and not before. A plain value; it need not be given back.
struct rate_reservation {
    time_point at{};

    // For `cancel`: which reservation it is, which was the last before it, and how the limits stood then.
    std::uint64_t number = 0;
    std::uint64_t previous = 0;
    std::array<time_point, 2> state_before{};
};

/// A reservation, or a refusal with the time at which the call could have been made.
struct rate_admission {
    std::optional<rate_reservation> reservation;
    time_point earliest{};

    [[nodiscard]] explicit operator bool() const noexcept { return reservation.has_value(); }
};

/// A snapshot of a rate limiter. The counters count from its making.
struct rate_limiter_statistics {
    std::uint64_t reserved = 0;
    std::uint64_t waited = 0;  ///< of these, for a time later than now
    std::uint64_t refused = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t given_back = 0;  ///< of these, with the token back
    /// The sum of all waits.
    duration waiting{};
    /// How long the next caller would wait.
    duration next_wait{};
};

/// Told whom a rate limiter makes wait, and whom it refuses. Derive from it and override what matters; each default
/// does nothing.
class rate_limiter_observer {
public:
    virtual ~rate_limiter_observer() = default;

    /// A turn was given that comes later than now.
    virtual void delayed(time_point now, time_point turn) noexcept {
        static_cast<void>(now);
        static_cast<void>(turn);
    }
    /// The turn would have come too late.
    virtual void refused(time_point now, time_point earliest) noexcept {
        static_cast<void>(now);
        static_cast<void>(earliest);
    }

protected:
    rate_limiter_observer() = default;
    rate_limiter_observer(const rate_limiter_observer&) = default;
    rate_limiter_observer& operator=(const rate_limiter_observer&) = default;
};

/// Limits calls per second and per minute by reservation: each caller is told at once when its turn is, and waits until
/// then by its own means. So the order of turns is the order of asking, nobody is woken in vain, and the limiter needs
/// neither queue nor thread.
///
/// In no span of time t are there turns for more than rate × t + burst calls, for each of the two limits; one that
/// wants a server's limit of N in any minute kept chooses per_minute + burst_per_minute ≤ N. The bound is on turns:
/// callers that come late to theirs may arrive together.
///
/// A copyable value of about 150 bytes; not thread-safe. The interval between calls is rounded up to nanoseconds: at
/// 1,000,000 per second the rate may be 0.1 % lower, never higher. When `now` goes back the bound still holds, and the
/// order only as far as the clock's. O(1), about 10 ns.
///
/// The generic cell rate algorithm in its form of virtual scheduling (ITU-T I.371, annex A), which is a token bucket
/// that keeps one time instead of a number of tokens.
class rate_limiter {
public:
    /// `settings` must be valid. Rested at first: a whole burst may go.
    explicit rate_limiter(const rate_limiter_settings& settings = {});

    /// The next turn, if it comes within `max_wait` of `now` and not after `latest`; else a refusal, which costs
    /// nothing.
    [[nodiscard]] rate_admission reserve(time_point now, time_point latest = never);

    /// The call of `reservation` will not be made. When no later one was reserved its token is given back, and true is
    /// returned; so are then those of earlier ones, cancelled last first. Otherwise the turn is lost, for the later
    /// ones have theirs already. Cancelling twice is harmless.
    bool cancel(const rate_reservation& reservation) noexcept;
    /// For one that was cancelled already: has its turn become the last meanwhile, so that it can be given back? Then
    /// it is, and true is returned.
    bool give_back(const rate_reservation& reservation) noexcept;

    [[nodiscard]] rate_limiter_statistics statistics(time_point now) const noexcept;
    [[nodiscard]] const rate_limiter_settings& settings() const noexcept { return settings_; }

    /// Tells `by` from now on what it does; null: nobody. It must outlive the policy, which calls it within its own
    /// functions: an observer must not call back, block or throw. Copies of the policy have none.
    void watch(rate_limiter_observer* by) noexcept { observed_.watch(by); }

private:
    static constexpr std::size_t limits = 2;

    /// One limit: `interval` apart, up to `tolerance` early. Zero interval: no limit.
    struct pace {
        duration interval{};
        duration tolerance{};
    };

    [[nodiscard]] time_point earliest(time_point now) const noexcept;

    rate_limiter_settings settings_;
    std::array<pace, limits> paces_;
    /// When the next call would be due if all came evenly: the "theoretical arrival time" of each limit.
    std::array<time_point, limits> due_;
    std::uint64_t numbers_given_ = 0;
    std::uint64_t last_ = 0;
    rate_limiter_statistics totals_;
    detail::observed<rate_limiter_observer> observed_;
};

}  // namespace lido::resilience
