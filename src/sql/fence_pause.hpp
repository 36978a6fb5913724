// Lido: how often the connections of a pool are ended because their server takes no writes.
#pragma once

#include "lido/base/time.hpp"

#include <atomic>
#include <chrono>

namespace lido::sql {

/// A server that takes no writes any more ends the connections of now, but not with each refused write again: if it is
/// simply one for reading, those that are made instead will hear the same. Thread-safe.
class fence_pause {
public:
    static constexpr duration length = std::chrono::seconds(5);

    /// Has it passed since the last fence? Then one begins now, and for nobody else.
    [[nodiscard]] bool ends(time_point now) noexcept {
        const duration::rep time = now.time_since_epoch().count();
        duration::rep before = last_.load(std::memory_order_relaxed);
        if (before != 0 && duration(time - before) < length) return false;
        return last_.compare_exchange_strong(before, time, std::memory_order_relaxed);
    }

private:
    std::atomic<duration::rep> last_{0};  // 0: there was none
};

}  // namespace lido::sql
