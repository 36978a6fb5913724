// Lido: how slots, waiters and leases are named.
#pragma once

#include <cstdint>

namespace lido::pool {

/// An index with a generation: an identifier that outlives what it named is recognised as stale and never acted on.
template <class Tag>
struct identifier {
    std::uint32_t index = 0xFFFF'FFFF;
    std::uint32_t generation = 0;
    [[nodiscard]] friend bool operator==(identifier, identifier) noexcept = default;
};

using slot_id = identifier<struct slot_tag>;
using waiter_id = identifier<struct waiter_tag>;
using lease_id = identifier<struct lease_tag>;

}  // namespace lido::pool
