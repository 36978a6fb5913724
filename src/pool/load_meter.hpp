// Lido: measures the load of a pool between two decisions about its size.
#pragma once

#include "lido/base/time.hpp"
#include "pool/adaptive_size.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lido::pool {

/// Adds up what happens in an interval. `pass` is told, before each change, what held since the last one. A plain
/// value; O(1) for each event.
class load_meter {
public:
    void begin(time_point now, std::size_t leases) noexcept {
        *this = load_meter();
        began_ = passed_ = now;
        sum_.peak_leases = leases;
    }
    void pass(time_point now, std::size_t leases, std::size_t lacking) noexcept {
        const duration since = std::max(now - passed_, duration::zero());
        sum_.busy += since * static_cast<duration::rep>(leases);
        sum_.lacking += since * static_cast<duration::rep>(lacking);
        passed_ = std::max(now, passed_);
    }
    void lent(std::size_t leases) noexcept {
        ++sum_.served;
        sum_.peak_leases = std::max(sum_.peak_leases, leases);
    }
    void turned_away() noexcept { ++sum_.turned_away; }
    /// A lease that comes back now had not been used since then.
    void unused_since(time_point since) noexcept {
        unused_ += std::max(passed_ - std::max(since, began_), duration::zero());
    }
    /// Leases were kept by somebody for `unused` without being used, and lent `times` times by him.
    void kept(duration unused, std::uint64_t times) noexcept {
        unused_ += unused;
        sum_.served += times;
    }

    /// What the interval has shown up to the last `pass`; the rest of the sample is the caller's.
    [[nodiscard]] load_sample sample() const noexcept {
        load_sample seen = sum_;
        seen.length = passed_ - began_;
        seen.busy = std::max(seen.busy - unused_, duration::zero());
        return seen;
    }

private:
    load_sample sum_;
    duration unused_{};
    time_point began_{};
    time_point passed_{};
};

}  // namespace lido::pool
