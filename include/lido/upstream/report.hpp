// Lido: how a service and its endpoints stand.
#pragma once

#include "lido/resilience/bulkhead.hpp"
#include "lido/resilience/circuit_breaker.hpp"
#include "lido/resilience/hedge.hpp"
#include "lido/resilience/load_balancer.hpp"
#include "lido/resilience/outlier_ejection.hpp"
#include "lido/resilience/rate_limiter.hpp"
#include "lido/resilience/retry_budget.hpp"
#include "lido/upstream/endpoint.hpp"
#include "lido/upstream/health_check.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::upstream {

/// A change of a breaker's state.
struct breaker_change {
    time_point at{};
    resilience::breaker_state from = resilience::breaker_state::closed;
    resilience::breaker_state to = resilience::breaker_state::closed;
};

/// Does an endpoint belong to its service?
enum class membership : std::uint8_t {
    active,
    draining,  ///< removed; calls under way end, no new ones come
};

/// "draining": the name as it stands in this header; stable, for metrics and reports.
[[nodiscard]] std::string_view name_of(membership value) noexcept;

/// One endpoint. The counters count from its addition.
struct endpoint_report {
    endpoint_settings settings;
    endpoint_id id;
    upstream::membership membership = membership::active;
    /// Would the next choice consider it? False while it is draining, unhealthy, ejected or its breaker is open.
    bool available = true;
    /// Of all attempts of the service that were made: 0 … 1.
    double share = 0.0;
    /// Its weight now, slow start included.
    double weight_now = 0.0;
    /// Attempts under way.
    std::uint32_t in_use = 0;
    /// Grows with each `retire`.
    std::uint32_t generation = 1;
    /// Measured, see `resilience::peak_ewma`; zero: not known.
    duration latency{};

    health_state health = health_state::unknown;
    time_point health_since{};
    std::uint64_t checks_passed = 0;
    std::uint64_t checks_failed = 0;

    bool ejected = false;
    std::uint64_t ejections = 0;
    /// Of an ejected one.
    time_point ejected_until{};

    /// Nothing when breakers are off.
    std::optional<resilience::circuit_breaker_statistics> breaker;
    /// The last 32 changes, oldest first.
    std::vector<breaker_change> breaker_changes;

    std::uint64_t attempts = 0;
    /// Of the attempts that ended: how. Indexed by `outcome`.
    std::array<std::uint64_t, 6> outcomes{};
    /// Outcomes of attempts from before `retire`, which counted for nothing.
    std::uint64_t late = 0;
};

/// A consistent snapshot of a service. The counters count from its making.
struct health_report {
    std::string name;
    time_point at{};
    std::uint64_t calls = 0;      ///< that ended or run
    std::uint64_t succeeded = 0;  ///< of these, with an attempt that succeeded
    std::uint64_t running = 0;    ///< now, waiting ones included
    std::uint64_t attempts = 0;   ///< at endpoints, repeated and hedged ones included
    std::uint64_t retries = 0;    ///< of these, after a failure
    std::uint64_t failovers = 0;  ///< of these, because an endpoint could not be reached
    std::uint64_t hedges = 0;     ///< of these, beside another
    std::uint64_t backups = 0;    ///< of these, at a backup
    std::uint64_t panics = 0;     ///< of these, at an endpoint under suspicion, for want of any other
    std::uint64_t refused = 0;    ///< calls for which no endpoint could be chosen at first
    /// Nothing when the policy is off.
    std::optional<resilience::rate_limiter_statistics> rate_limiter;
    std::optional<resilience::bulkhead_statistics> bulkhead;
    std::optional<resilience::outlier_ejection_statistics> ejection;
    std::optional<resilience::hedge_statistics> hedge;
    resilience::retry_budget_statistics retry_budget;
    std::vector<endpoint_report> endpoints;

    /// Can calls be served without regard to panic?
    [[nodiscard]] bool is_available() const noexcept {
        for (const endpoint_report& each : endpoints) {
            if (each.available) return true;
        }
        return false;
    }
};

}  // namespace lido::upstream
