// Lido: how many connects may run, and when the next may begin.
#pragma once

#include "lido/base/back_off.hpp"
#include "lido/base/random.hpp"
#include "lido/base/time.hpp"

#include <algorithm>
#include <cstdint>

namespace lido::pool {

/// Guards a server against a storm of connects: few at once while it answers; after a failure one at a time, each
/// after a longer pause with full jitter, until one succeeds.
///
/// Failures come in rounds: of the connects that ran at once when a server went away the first that fails begins a
/// pause, and the others belong to it. Else one blip with many connects in flight would lengthen the pause to its
/// maximum. A connection that came up and died before it served anybody counts as a failure too: a server that accepts
/// and hangs up must not be connected to in a loop. For that the pauses go on growing until connects have worked for
/// longer than the longest pause. A plain value; not thread-safe.
class connect_gate {
public:
    connect_gate(std::size_t max_concurrent, const back_off_settings& back_off)
        : max_concurrent_(max_concurrent), back_off_(back_off) {}

    void reconfigure(time_point now, std::size_t max_concurrent, const back_off_settings& back_off) {
        max_concurrent_ = max_concurrent;
        back_off_ = back_off;
        not_before_ = std::min(not_before_, deadline_after(now, back_off.maximum));
    }

    [[nodiscard]] bool may_connect(time_point now, std::size_t running) const noexcept {
        return has_place(running) && now >= not_before_;
    }
    /// The same but for the pause.
    [[nodiscard]] bool has_place(std::size_t running) const noexcept {
        return running < (failing_ ? 1 : max_concurrent_);
    }
    /// What a connect that begins now belongs to; to be given to `failed`.
    [[nodiscard]] std::uint32_t round() const noexcept { return round_; }
    void succeeded(time_point now) noexcept {
        if (failing_) works_since_ = now;
        failing_ = false;
        not_before_ = time_point::min();
    }
    void failed(time_point now, std::uint32_t round, random_source& random) {
        if (round != round_) return;
        ++round_;
        if (!failing_ && now - works_since_ > back_off_.maximum) failures_ = 0;
        failing_ = true;
        failures_ = std::min(failures_ + 1, 1'000'000U);
        not_before_ = now + back_off_delay(back_off_, failures_, random);
    }
    /// The last attempt failed.
    [[nodiscard]] bool failing() const noexcept { return failing_; }
    /// How many rounds have failed in a row.
    [[nodiscard]] unsigned failures() const noexcept { return failures_; }
    /// The earliest time of the next attempt.
    [[nodiscard]] time_point not_before() const noexcept { return not_before_; }
    /// Forget the pause, for a caller who knows that the server is back.
    void reset() noexcept {
        failing_ = false;
        failures_ = 0;
        not_before_ = time_point::min();
    }

private:
    std::size_t max_concurrent_;
    back_off_settings back_off_;
    bool failing_ = false;
    unsigned failures_ = 0;
    std::uint32_t round_ = 0;
    time_point works_since_ = time_point(duration::zero());
    time_point not_before_ = time_point::min();
};

}  // namespace lido::pool
