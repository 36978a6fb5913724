// The ledger's side of leases that rested in a cache; see docs/design/lease_cache.md.
#include "pool/ledger.hpp"

#include <algorithm>

namespace lido::pool {

bool ledger::release_kept(time_point now, lease_id lease, time_point since, actions& out) {
    if (!leases_.contains(lease)) return release(now, lease, verdict::clean, out);  // which counts it as stale
    const std::uint32_t which = leases_.at(lease).slot;
    release(now, lease, verdict::clean, out);
    pool::slot& rested = slots_[which];
    if (rested.state != slot_state::idle) return true;
    rested.idle_since = rested.proven_at = std::min(now, since);
    arm(now, which);
    return true;
}

}  // namespace lido::pool
