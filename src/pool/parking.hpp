// Lido: the core's use of the lease cache.
#pragma once

#include "lido/pool/core.hpp"
#include "pool/lease_cache.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace lido::pool {

/// A lease that can be parked, or is. Its place is fixed, one for each slot.
struct parked_lease {
    void* connection = nullptr;
    slot_id slot;
    lease_id lease;
    scheduler* where = nullptr;
    time_point since{};             ///< when its borrower returned it
    time_point good_until = never;  ///< the end of the connection's lifetime
    duration fresh_for{};           ///< it needs a check when it has rested longer
    duration::rep rested{};         ///< in all, before it was lent again; by atomic_ref while the lease may be parked
    std::uint32_t epoch = 0;
    bool out = false;      ///< the ledger counts it as lent
    bool metered = false;  ///< `rested` is kept, for an adaptive sizing
};

struct core::parking_lot {
    /// Plain threads share these; each scheduler has one of its own before them.
    static constexpr std::size_t for_threads = 8;
    /// How long a lease may rest before the ledger hears of it. What the ledger decides by time (idle, lifetime,
    /// keep-alive) is late by that at most; the time from which it counts is the true one.
    static constexpr duration longest_rest = std::chrono::milliseconds(500);

    explicit parking_lot(std::size_t schedulers) : first_for_threads(schedulers), cache(schedulers + for_threads) {}

    /// True when the settings leave nothing to decide at each lease and each return.
    [[nodiscard]] static bool suit(const settings& chosen) noexcept {
        return chosen.leak_after == settings::forever && chosen.max_uses == 0 &&
               chosen.max_idle == settings::unlimited && chosen.order == idle_order::last_in_first_out &&
               chosen.check_after_idle > duration::zero() && chosen.idle_timeout >= longest_rest &&
               chosen.keep_alive >= longest_rest;
    }

    std::size_t first_for_threads;
    lease_cache<parked_lease> cache;
    /// Nothing idle and nothing to open, and leases may rest as soon as nobody waits: what is there is all lent.
    std::atomic<bool> exhausted{false};

    // Under the core's mutex.
    bool suits = false;               ///< the settings leave nothing to decide at each return
    std::deque<parked_lease> places;  ///< by slot
    std::size_t out = 0;              ///< leases that may be parked
    std::uint64_t unparked = 0;
    std::uint64_t mistaken = 0;   ///< taken, and found to need a check
    duration told_rested{};       ///< what the ledger knows of
    std::uint64_t told_lent = 0;  ///< likewise
    time_point due = never;       ///< when all that rest go back to the ledger
    bool due_changed = false;
};

}  // namespace lido::pool
