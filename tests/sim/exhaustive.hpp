// Lido's simulator: not some of what may happen in a small world, but all of it.
#pragma once

#include "lido/pool/settings.hpp"

#include <cstdint>

namespace lido::sim {

struct exhaustive_result {
    std::uint64_t steps = 0;   ///< events given to a ledger
    std::uint64_t states = 0;  ///< different ones that were gone on from
};

/// Gives copies of one ledger every sequence of at most `depth` events: up to three callers, each of whom may wait,
/// give up, and return clean, dirty or broken; every operation succeeds, fails, or runs out of its time; connections
/// are lost; all are retired; the pool is drained. The model looks on. A state that was seen before with as much depth
/// left is not gone on from.
[[nodiscard]] exhaustive_result explore(const pool::settings& settings, unsigned depth);

/// The small world: two connections.
[[nodiscard]] pool::settings small_settings();

}  // namespace lido::sim
