// Lido: how many connections a pool wants.
#pragma once

#include <algorithm>
#include <cstddef>

namespace lido::pool {

/// What the decision is made from.
struct sizing_input {
    std::size_t max = 0;          ///< connections allowed
    std::size_t floor = 0;        ///< connections wanted without demand: min_size, or a warm-up's target
    std::size_t existing = 0;     ///< connections that count towards max, closing ones included
    std::size_t kept = 0;         ///< of these, live or connecting ones that will stay
    std::size_t waiting = 0;      ///< callers in the queue
    std::size_t in_flight = 0;    ///< leases that connecting, checking and resetting slots will offer when done
    std::size_t per_connect = 1;  ///< leases that one more connection is expected to offer
};

/// How many more connections should be opened now: for each waiting caller that nothing in flight will serve, and for
/// the floor, never beyond max. A caller may still be served by a returned connection first; then the new one goes to
/// the next, or becomes idle.
[[nodiscard]] constexpr std::size_t connections_to_open(const sizing_input& in) noexcept {
    const std::size_t room = in.max > in.existing ? in.max - in.existing : 0;
    const std::size_t unserved = in.waiting > in.in_flight ? in.waiting - in.in_flight : 0;
    const std::size_t per_connect = std::max<std::size_t>(in.per_connect, 1);
    const std::size_t for_demand = (unserved + per_connect - 1) / per_connect;
    const std::size_t for_floor = in.floor > in.kept ? in.floor - in.kept : 0;
    return std::min(room, std::max(for_demand, for_floor));
}

}  // namespace lido::pool
