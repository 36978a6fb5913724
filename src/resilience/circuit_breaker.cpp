#include "lido/resilience/circuit_breaker.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <algorithm>
#include <utility>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

// The outcome of one call in the window of count.
constexpr std::uint8_t was_failed = 1;
constexpr std::uint8_t was_slow = 2;

double share_of(std::uint64_t part, std::uint64_t whole) noexcept {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

result<void> circuit_breaker_settings::validate() const {
    return setting_check("circuit breaker")
        .number("failures", failures, 0U, 1'000'000U)
        .time("call_timeout", call_timeout, 1ms, 24h)
        .time("open_for", open_for, 1ms, 24h)
        .number("successes", successes, 1U, 1000U)
        .number("max_probes", max_probes, 1U, 100U)
        .number("window_calls", window_calls, 1U, 100'000U)
        .time("window_time", window_time, 100ms, 24h)
        .number("minimum_calls", minimum_calls, 1U, 1'000'000U)
        .number("failure_rate", failure_rate, 0.0, 1.0)
        .number("slow_rate", slow_rate, 0.0, 1.0)
        .time("slow_after", slow_after, 1ms, 24h)
        .outcome();
}

std::string_view name_of(breaker_state state) noexcept {
    switch (state) {
        case breaker_state::closed:
            return "closed";
        case breaker_state::open:
            return "open";
        case breaker_state::half_open:
            return "half_open";
        case breaker_state::forced_open:
            return "forced_open";
        case breaker_state::disabled:
            return "disabled";
    }
    return "unknown";
}

circuit_breaker::tally& circuit_breaker::tally::operator+=(const tally& other) noexcept {
    calls += other.calls;
    failed += other.failed;
    slow += other.slow;
    return *this;
}

circuit_breaker::tally& circuit_breaker::tally::operator-=(const tally& other) noexcept {
    calls -= other.calls;
    failed -= other.failed;
    slow -= other.slow;
    return *this;
}

circuit_breaker::circuit_breaker(const circuit_breaker_settings& settings, time_point now)
    : settings_(settings),
      since_(now),
      timed_(std::max(settings.window_time / static_cast<duration::rep>(cells), duration(1))) {
    LIDO_ASSERT(settings.validate());
    probes_.reserve(settings.max_probes);
    if (settings.window == breaker_window::count) outcomes_.reserve(settings.window_calls);
}

/// The only place where the state changes. Whatever was counted belongs to the state that ends.
void circuit_breaker::change_to(breaker_state next, time_point now) {
    const breaker_state before = std::exchange(state_, next);
    since_ = now;
    ++generation_;
    consecutive_failures_ = 0;
    good_probes_ = 0;
    probes_.clear();
    outcomes_.clear();
    oldest_ = 0;
    counted_ = tally{};
    timed_.clear();
    if (next == breaker_state::open) ++totals_.opened;
    if (next != before) observed_.tell(&circuit_breaker_observer::breaker_changed, before, next, now);
}

/// When the oldest probe's time is over.
time_point circuit_breaker::probe_end() const noexcept {
    if (state_ != breaker_state::half_open || probes_.empty()) return never;
    return deadline_after(probes_.front(), settings_.call_timeout);
}

/// A probe without an outcome failed at the moment at which its time was over, not when somebody looks.
void circuit_breaker::expire_probes(time_point now) {
    const time_point end = probe_end();
    if (now < end) return;
    ++totals_.failed;
    change_to(breaker_state::open, end);
}

breaker_admission circuit_breaker::admit(time_point now) {
    expire_probes(now);
    switch (state_) {
        case breaker_state::closed:
        case breaker_state::disabled:
            return permit(now);
        case breaker_state::open: {
            const time_point end = deadline_after(since_, settings_.open_for);
            if (now < end) return refuse(end);
            change_to(breaker_state::half_open, now);
            return admit_probe(now);
        }
        case breaker_state::half_open:
            return admit_probe(now);
        case breaker_state::forced_open:
            break;
    }
    return refuse(never);
}

void circuit_breaker::let_probes_through(time_point now) {
    expire_probes(now);
    if (state_ == breaker_state::open) change_to(breaker_state::half_open, now);
}

breaker_admission circuit_breaker::admit_probe(time_point now) {
    if (probes_.size() >= settings_.max_probes) {
        return refuse(probe_end());
    }
    // Kept in order even when the clock is not.
    probes_.insert(std::upper_bound(probes_.begin(), probes_.end(), now), now);
    return permit(now);
}

breaker_admission circuit_breaker::permit(time_point now) {
    ++totals_.admitted;
    return {breaker_permit{generation_, now}, now};
}

breaker_admission circuit_breaker::refuse(time_point next_chance) {
    ++totals_.refused;
    return {std::nullopt, next_chance};
}

void circuit_breaker::report(const breaker_permit& permit, call_outcome outcome, time_point now) {
    expire_probes(now);
    // A permit that comes back twice is a fault of the caller, and must not count twice where it matters most.
    if (permit.generation != generation_ || (state_ == breaker_state::half_open && !take_probe(permit))) {
        ++totals_.late;
        return;
    }
    if (outcome == call_outcome::ignored) {
        ++totals_.ignored;
        return;
    }
    const duration took = now - permit.started;
    const bool failed = outcome == call_outcome::failure || took > settings_.call_timeout;
    const bool slow = took > settings_.slow_after;
    ++(failed ? totals_.failed : totals_.succeeded);
    if (slow) ++totals_.slow;
    if (state_ == breaker_state::closed) {
        report_closed(failed, slow, now);
    } else if (state_ == breaker_state::half_open) {
        report_probe(failed || (slow && settings_.slow_rate > 0.0), now);
    }
}

void circuit_breaker::report_closed(bool failed, bool slow, time_point now) {
    consecutive_failures_ = failed ? consecutive_failures_ + 1 : 0;
    remember({1, failed ? 1U : 0U, slow ? 1U : 0U}, now);
    const bool in_a_row = settings_.failures > 0 && consecutive_failures_ >= settings_.failures;
    if (in_a_row || rates_reached(windowed(now))) change_to(breaker_state::open, now);
}

bool circuit_breaker::take_probe(const breaker_permit& permit) noexcept {
    const auto own = std::lower_bound(probes_.begin(), probes_.end(), permit.started);
    if (own == probes_.end() || *own != permit.started) return false;
    probes_.erase(own);
    return true;
}

void circuit_breaker::report_probe(bool failed, time_point now) {
    if (failed) {
        change_to(breaker_state::open, now);
    } else if (++good_probes_ >= settings_.successes) {
        change_to(breaker_state::closed, now);
    }
}

void circuit_breaker::remember(const tally& call, time_point now) {
    if (settings_.window == breaker_window::time) {
        timed_.add(now, call);
        return;
    }
    const auto bits = static_cast<std::uint8_t>(call.failed * was_failed + call.slow * was_slow);
    counted_ += call;
    if (outcomes_.size() < settings_.window_calls) {
        outcomes_.push_back(bits);
        return;
    }
    const std::uint8_t old = outcomes_[oldest_];
    counted_ -= tally{1, (old & was_failed) != 0 ? 1U : 0U, (old & was_slow) != 0 ? 1U : 0U};
    outcomes_[oldest_] = bits;
    oldest_ = (oldest_ + 1) % outcomes_.size();
}

const circuit_breaker::tally& circuit_breaker::windowed(time_point now) noexcept {
    return settings_.window == breaker_window::time ? timed_.total(now) : counted_;
}

bool circuit_breaker::rates_reached(const tally& seen) const noexcept {
    const std::uint32_t enough = settings_.window == breaker_window::count
                                     ? std::min(settings_.minimum_calls, settings_.window_calls)
                                     : settings_.minimum_calls;
    if (seen.calls < enough) return false;
    const auto reached = [&](double rate, std::uint64_t part) {
        return rate > 0.0 && share_of(part, seen.calls) >= rate;
    };
    return reached(settings_.failure_rate, seen.failed) || reached(settings_.slow_rate, seen.slow);
}

breaker_state circuit_breaker::state(time_point now) const noexcept {
    return now < probe_end() ? state_ : breaker_state::open;
}

circuit_breaker_statistics circuit_breaker::statistics(time_point now) const {
    circuit_breaker copy = *this;
    copy.expire_probes(now);
    circuit_breaker_statistics snapshot = copy.totals_;
    const tally seen = copy.windowed(now);
    snapshot.state = copy.state_;
    snapshot.since = copy.since_;
    snapshot.generation = copy.generation_;
    snapshot.consecutive_failures = copy.consecutive_failures_;
    snapshot.probes = static_cast<std::uint32_t>(copy.probes_.size());
    snapshot.window_calls = seen.calls;
    snapshot.failure_rate = share_of(seen.failed, seen.calls);
    snapshot.slow_rate = share_of(seen.slow, seen.calls);
    return snapshot;
}

}  // namespace lido::resilience
