// Lido: how many connects may run, and when the next may begin.
#pragma once

#include "lido/base/back_off.hpp"
#include "lido/base/random.hpp"
#include "lido/base/time.hpp"

namespace lido::pool {

/// Guards a server against a storm of connects: few at once while it answers; after a failure one at a time, each
/// after a longer pause with full jitter, until one succeeds. A plain value; not thread-safe.
class connect_gate {
public:
    connect_gate(std::size_t max_concurrent, const back_off_settings& back_off)
        : max_concurrent_(max_concurrent), back_off_(back_off) {}

    void reconfigure(std::size_t max_concurrent, const back_off_settings& back_off) {
        max_concurrent_ = max_concurrent;
        back_off_ = back_off;
    }

    [[nodiscard]] bool may_connect(time_point now, std::size_t running) const noexcept {
        return running < (failing() ? 1 : max_concurrent_) && now >= not_before_;
    }
    void succeeded() noexcept {
        failures_ = 0;
        not_before_ = time_point::min();
    }
    void failed(time_point now, random_source& random) {
        if (failures_ < 1'000'000) ++failures_;
        not_before_ = now + back_off_delay(back_off_, failures_, random);
    }
    /// The last attempt failed.
    [[nodiscard]] bool failing() const noexcept { return failures_ > 0; }
    [[nodiscard]] unsigned failures() const noexcept { return failures_; }
    /// The earliest time of the next attempt.
    [[nodiscard]] time_point not_before() const noexcept { return not_before_; }
    /// Forget the pause, for a caller who knows that the server is back.
    void reset() noexcept { succeeded(); }

private:
    std::size_t max_concurrent_;
    back_off_settings back_off_;
    unsigned failures_ = 0;
    time_point not_before_ = time_point::min();
};

}  // namespace lido::pool
