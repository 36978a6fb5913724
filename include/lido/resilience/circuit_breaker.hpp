// Lido: whether a service that keeps failing is asked at all.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/resilience/detail/observed.hpp"
#include "lido/resilience/detail/time_ring.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lido::resilience {

/// Over what the rates of failed and slow calls are taken.
enum class breaker_window : std::uint8_t {
    count,  ///< the last `window_calls` calls
    time,   ///< the calls that ended within the last `window_time`
};

/// Settings of a circuit breaker. The figures of the first four are those of the seed; those of the rates are
/// resilience4j's.
struct circuit_breaker_settings {
    /// Opens after so many failures in a row. 0 … 1,000,000; 0: does not open for that.
    std::uint32_t failures = 5;
    /// A call that took longer counts as failed, whatever its outcome, and so does a probe without any outcome after
    /// this. 1 ms … 24 h.
    duration call_timeout = std::chrono::seconds(30);
    /// How long it stays open before it lets probes through. 1 ms … 24 h.
    duration open_for = std::chrono::seconds(60);
    /// Closes after so many successful probes. 1 … 1000.
    std::uint32_t successes = 3;
    /// Probes under way at once while half open. 1 … 100.
    std::uint32_t max_probes = 3;

    breaker_window window = breaker_window::count;
    /// 1 … 100,000; a byte of memory each.
    std::uint32_t window_calls = 100;
    /// 100 ms … 24 h.
    duration window_time = std::chrono::seconds(60);
    /// The rates say nothing before the window holds so many calls. 1 … 1,000,000; with `breaker_window::count` no more
    /// than `window_calls` are waited for.
    std::uint32_t minimum_calls = 100;
    /// Opens when at least this share of the window's calls failed. 0 … 1; 0: does not open for that.
    double failure_rate = 0.5;
    /// Opens when at least this share of the window's calls were slow. 0 … 1; 0: does not open for that.
    double slow_rate = 0.0;
    /// A call that took longer is slow. While `slow_rate` is not 0, a slow probe counts as failed. 1 ms … 24 h.
    duration slow_after = std::chrono::seconds(5);

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// The states of a circuit breaker.
enum class breaker_state : std::uint8_t {
    closed,       ///< all calls pass and are counted
    open,         ///< no call passes until `open_for` is over
    half_open,    ///< only probes pass: a failed one opens again, enough good ones close
    forced_open,  ///< no call passes until an operator says otherwise
    disabled,     ///< all calls pass, and no outcome changes that, until an operator says otherwise
};

/// "half_open": the name as it stands in this header; stable, for metrics and reports.
[[nodiscard]] std::string_view name_of(breaker_state state) noexcept;

/// How an admitted call ended.
enum class call_outcome : std::uint8_t {
    success,
    failure,
    ignored,  ///< says nothing about the service: cancelled, never sent, refused for the caller's own fault
};

/// The right to make one call, to be given back with its outcome, exactly once. A plain value.
struct breaker_permit {
    /// The breaker's state that admitted the call; an outcome of an earlier one does not count.
    std::uint64_t generation = 0;
    time_point started{};
};

/// A permit, or a refusal with the time of the next chance.
struct breaker_admission {
    std::optional<breaker_permit> permit;
    /// Of a refusal: asking earlier is in vain, unless all probes are under way, which may end at any time; then it is
    /// the time at which the oldest counts as failed. `never` when only an operator can change it.
    time_point next_chance{};

    [[nodiscard]] explicit operator bool() const noexcept { return permit.has_value(); }
};

/// A snapshot of a circuit breaker. The counters count from its making.
struct circuit_breaker_statistics {
    breaker_state state = breaker_state::closed;
    /// When it came into that state.
    time_point since{};
    std::uint64_t generation = 0;
    std::uint32_t consecutive_failures = 0;
    std::uint32_t probes = 0;  ///< under way
    /// Of the window; the rates are 0 while it is empty.
    std::uint64_t window_calls = 0;
    double failure_rate = 0.0;
    double slow_rate = 0.0;

    std::uint64_t admitted = 0;
    std::uint64_t refused = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;  ///< timed out ones and probes without an outcome included
    std::uint64_t slow = 0;
    std::uint64_t ignored = 0;
    std::uint64_t late = 0;  ///< outcomes of an earlier state, or given twice; in none of the four above
    std::uint64_t opened = 0;
};

/// Told when a circuit breaker changes its state. Derive from it and override what matters; each default does nothing.
class circuit_breaker_observer {
public:
    virtual ~circuit_breaker_observer() = default;

    virtual void breaker_changed(breaker_state from, breaker_state to, time_point at) noexcept {
        static_cast<void>(from);
        static_cast<void>(to);
        static_cast<void>(at);
    }

protected:
    circuit_breaker_observer() = default;
    circuit_breaker_observer(const circuit_breaker_observer&) = default;
    circuit_breaker_observer& operator=(const circuit_breaker_observer&) = default;
};

/// Stops calls to a service that fails, so that callers get their answer at once and the service gets rest, and finds
/// out by a few probes when it works again (Nygard, "Release It!", 2007).
///
/// | state                | event                                                           | next state |
/// |----------------------|-----------------------------------------------------------------|------------|
/// | closed               | `failures` in a row, or a rate of the window reached            | open       |
/// | open                 | asked `open_for` later or after, or `let_probes_through`        | half_open  |
/// | half_open            | a probe failed, was slow or has no outcome after `call_timeout` | open       |
/// | half_open            | `successes` good probes                                         | closed     |
/// | any                  | `close`, `open`, `force_open`, `disable`                        | as told    |
/// | forced_open, disabled| anything else                                                   | the same   |
///
/// Probes that never answer do not keep it half open for ever (resilience4j issue 903 is about that): each has the
/// time `call_timeout`. The state depends on time but changes only when asked; what is answered is the same however
/// often that is.
///
/// A copyable value; memory is `window_calls` bytes and 8 for each probe, and 800 for the window of time. Not
/// thread-safe. `now` should not go back; if it does by a little, ages count as zero. O(1) but for at most `max_probes`
/// comparisons while half open; about 5 ns when closed.
///
/// After resilience4j's CircuitBreaker (sliding windows, slow calls, DISABLED, FORCED_OPEN); what differs: failures in
/// a row open too, and one failed probe opens again at once.
class circuit_breaker {
public:
    /// `settings` must be valid. Closed at first.
    explicit circuit_breaker(const circuit_breaker_settings& settings = {}, time_point now = {});

    /// Whether a call may be made at `now`. Each permit must come back by `report`.
    [[nodiscard]] breaker_admission admit(time_point now);

    /// Something else than a call, a health check for example, has shown that the service may work again: an open
    /// breaker becomes half open at once. Nothing happens in any other state.
    void let_probes_through(time_point now);

    /// How the call of `permit` ended.
    void report(const breaker_permit& permit, call_outcome outcome, time_point now);

    // For operators. Each forgets what was counted, and outcomes of calls under way will not count.
    void close(time_point now) { change_to(breaker_state::closed, now); }
    void open(time_point now) { change_to(breaker_state::open, now); }
    void force_open(time_point now) { change_to(breaker_state::forced_open, now); }
    void disable(time_point now) { change_to(breaker_state::disabled, now); }

    /// The state as `admit` at `now` would see it, but for the step from open to half_open, which only an admission
    /// makes.
    [[nodiscard]] breaker_state state(time_point now) const noexcept;
    /// Copies the breaker: not for the path of a call.
    [[nodiscard]] circuit_breaker_statistics statistics(time_point now) const;
    [[nodiscard]] const circuit_breaker_settings& settings() const noexcept { return settings_; }

    /// Tells `by` from now on what it does; null: nobody. It must outlive the policy, which calls it within its own
    /// functions: an observer must not call back, block or throw. Copies of the policy have none.
    void watch(circuit_breaker_observer* by) noexcept { observed_.watch(by); }

private:
    static constexpr std::size_t cells = 32;

    struct tally {
        std::uint64_t calls = 0;
        std::uint64_t failed = 0;
        std::uint64_t slow = 0;

        tally& operator+=(const tally& other) noexcept;
        tally& operator-=(const tally& other) noexcept;
    };

    void change_to(breaker_state next, time_point now);
    [[nodiscard]] time_point probe_end() const noexcept;
    void expire_probes(time_point now);
    [[nodiscard]] breaker_admission admit_probe(time_point now);
    [[nodiscard]] breaker_admission permit(time_point now);
    [[nodiscard]] breaker_admission refuse(time_point next_chance);
    void report_closed(bool failed, bool slow, time_point now);
    [[nodiscard]] bool take_probe(const breaker_permit& permit) noexcept;
    void report_probe(bool failed, time_point now);
    void remember(const tally& call, time_point now);
    [[nodiscard]] const tally& windowed(time_point now) noexcept;
    [[nodiscard]] bool rates_reached(const tally& seen) const noexcept;

    circuit_breaker_settings settings_;
    breaker_state state_ = breaker_state::closed;
    time_point since_{};
    std::uint64_t generation_ = 1;

    std::uint32_t consecutive_failures_ = 0;
    std::uint32_t good_probes_ = 0;
    /// When each probe under way was admitted, oldest first.
    std::vector<time_point> probes_;

    // The window of count: a ring of the last outcomes, and their sum.
    std::vector<std::uint8_t> outcomes_;
    std::size_t oldest_ = 0;
    tally counted_;
    // The window of time.
    detail::time_ring<tally, cells> timed_;

    circuit_breaker_statistics totals_;
    detail::observed<circuit_breaker_observer> observed_;
};

}  // namespace lido::resilience
