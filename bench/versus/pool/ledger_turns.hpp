// Lido: the ledger's part of a hand-off, measured alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lido::bench {

/// Nanoseconds for each of `turns` hand-offs of one connection among `callers` that wait for it.
[[nodiscard]] double turn_time(std::size_t callers, std::uint64_t turns);

}  // namespace lido::bench
