// Lido: one place for a connection, and the states it goes through.
#pragma once

#include "lido/base/time.hpp"
#include "lido/base/timer_wheel.hpp"
#include "pool/index_list.hpp"

#include <cstdint>

namespace lido::pool {

/// What a slot is doing. `ledger::move` is the only function that changes it, and the list a slot is on follows from
/// it. docs/design/pool.md has the diagram.
enum class slot_state : std::uint8_t {
    vacant,      ///< no connection
    connecting,  ///< being opened
    idle,        ///< open, no lease
    checking,    ///< open, no lease, being checked
    leased,      ///< at least one lease and no room for more
    shared,      ///< at least one lease and room for more (capacity above 1)
    draining,    ///< leased; takes no further lease and closes with the return of the last one
    resetting,   ///< no lease; made clean again
    closing,     ///< counts until it is really gone
};
inline constexpr std::size_t slot_state_count = 9;

/// Why a slot is being closed, for the statistics.
enum class close_reason : std::uint8_t { idle, lifetime, broken, retired };

struct slot {
    slot_state state = slot_state::vacant;
    bool overflow = false;        ///< beyond max_size; closes on return
    bool retired = false;         ///< fenced: whatever it is doing, it closes after that
    bool open = false;            ///< has been a connection, not only an attempt
    bool used = false;            ///< has served at least once
    bool dirty = false;           ///< a lease came back that asks for a reset; no further lease before that
    bool being_replaced = false;  ///< past its lifetime; goes when its successor is there
    std::uint32_t generation = 0;
    std::uint32_t affinity = 0;  ///< the scheduler that it lives on
    std::uint32_t leases = 0;
    std::uint32_t capacity = 1;
    close_reason reason = close_reason::broken;
    std::uint32_t connect_round = 0;  ///< of the connect gate, when its connect began
    std::uint64_t uses = 0;
    double jitter = 0.0;  ///< its random share of the jitters, drawn once: settings may change while it lives
    time_point opened_at{};
    time_point idle_since{};
    time_point proven_at{};              ///< when it was last known to work
    time_point expires_at = never;       ///< end of its lifetime, jitter included
    duration keep_alive_every{};         ///< jitter included
    time_point transient_until = never;  ///< deadline of connecting, checking, resetting, closing, being replaced
    time_point armed_for = never;        ///< what its timer stands at, when armed
    index_links links;
    timer_links<std::uint32_t> timer{no_index, no_index};
};

/// True for the states in which a connection exists and works as far as is known.
[[nodiscard]] constexpr bool is_live(slot_state state) noexcept {
    switch (state) {
        case slot_state::idle:
        case slot_state::checking:
        case slot_state::leased:
        case slot_state::shared:
        case slot_state::draining:
        case slot_state::resetting:
            return true;
        case slot_state::vacant:
        case slot_state::connecting:
        case slot_state::closing:
            break;
    }
    return false;
}

[[nodiscard]] constexpr bool has_leases(slot_state state) noexcept {
    return state == slot_state::leased || state == slot_state::shared || state == slot_state::draining;
}

}  // namespace lido::pool
