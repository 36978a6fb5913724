// Lido: how long a thread gives way before it queues.
#pragma once

#include "lido/base/time.hpp"

#include <chrono>

namespace lido::pool {

/// How often, and for how long, a thread that found nothing gives way to those that hold connections before it queues.
/// A thread that has lost the processor while it held one is mostly back by then; a place in the queue costs two
/// switches, and takes everybody through the ledger for as long as one waits. Nobody in the queue is overtaken: nothing
/// rests while somebody waits.
inline constexpr int patience = 16;
inline constexpr duration longest_patience = std::chrono::microseconds(100);

/// Gives way and tries again, until that succeeds (true) or patience ends. `Surroundings` has `is_of_use()`, which says
/// whether there is any sense in trying, `now()`, `give_way()` and `try_again()`.
template <class Surroundings>
[[nodiscard]] bool succeeds_with_patience(Surroundings&& here) noexcept {
    time_point until = never;
    for (int attempt = 0; attempt < patience && here.is_of_use(); ++attempt) {
        const time_point now = here.now();
        if (until == never) until = now + longest_patience;
        if (now > until) return false;
        here.give_way();
        if (here.try_again()) return true;
    }
    return false;
}

}  // namespace lido::pool
