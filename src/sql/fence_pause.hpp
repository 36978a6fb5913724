// Lido: how often the connections of a pool are ended because their server takes no writes.
#pragma once

#include "lido/base/time.hpp"

#include <atomic>
#include <chrono>

namespace lido::sql {

/// A server that takes no writes any more ends the connections of now, but not with each refused write again: if it is
/// simply one for reading, those that are made instead will hear the same. Thread-safe.
///
/// The pause is what a failover may be found later by, where the old primary is fenced before the new one is there:
/// with the connect that follows it has to stay below the 1.5 s that a recovery may take. What it bounds is cheap
/// enough for that: a fencing costs a login, some milliseconds, for each connection that is then asked for,
/// `max_concurrent_connects` at once, as long as somebody goes on trying to write where nothing can be written.
class fence_pause {
public:
    static constexpr duration length = std::chrono::seconds(1);

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
