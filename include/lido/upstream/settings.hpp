// Lido: the policies of a service.
#pragma once

#include "lido/base/back_off.hpp"
#include "lido/resilience/bulkhead.hpp"
#include "lido/resilience/circuit_breaker.hpp"
#include "lido/resilience/hedge.hpp"
#include "lido/resilience/load_balancer.hpp"
#include "lido/resilience/outlier_ejection.hpp"
#include "lido/resilience/peak_ewma.hpp"
#include "lido/resilience/rate_limiter.hpp"
#include "lido/resilience/retry_budget.hpp"
#include "lido/resilience/slow_start.hpp"
#include "lido/upstream/health_check.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace lido::upstream {

/// When and how often a call is made again.
struct repeat_settings {
    /// Further attempts after the first, hedges apart. 0 … 100.
    unsigned max_retries = 3;
    /// The pause before an attempt at an endpoint that this call has tried already; full jitter. At one that it has not
    /// tried there is none.
    back_off_settings back_off{};
    /// A server's longer Retry-After is obeyed up to this; one longer still ends the call with what the server said.
    /// 0 … 24 h.
    duration max_retry_after = std::chrono::seconds(30);

    /// `invalid_argument`, naming the setting, when one is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// The policies of a service; which order they stand in, and why, is in docs/design/upstream.md. A policy that is an
/// empty `optional` is off.
struct settings {
    /// For messages and metrics; 1 … 100 characters.
    std::string name = "service";

    /// Over everything, for calls that say nothing else. 1 ms … 24 h.
    duration timeout = std::chrono::seconds(60);
    /// For one attempt, its wait for a connection included: what an endpoint that is silent costs before another is
    /// asked. 1 ms … 24 h, or 0: no limit beside the call's.
    duration attempt_timeout = duration::zero();

    // Of the service as a whole.
    std::optional<resilience::rate_limiter_settings> rate_limiter;
    std::optional<resilience::bulkhead_settings> bulkhead;

    // Of the choice.
    resilience::load_balancer_settings balancer{};
    std::optional<resilience::circuit_breaker_settings> breaker = resilience::circuit_breaker_settings{};
    std::optional<resilience::outlier_ejection_settings> ejection = resilience::outlier_ejection_settings{};
    std::optional<resilience::slow_start_settings> slow_start = resilience::slow_start_settings{};
    /// For `balancing::nearest`.
    resilience::peak_ewma_settings latency{};
    /// Checks in the background; off by `interval = health_check_settings::off`.
    health_check_settings health{};
    /// When every endpoint is unhealthy or ejected, choose as if none were (breakers are obeyed).
    bool panic = true;

    // Of what is made again.
    repeat_settings repeat{};
    resilience::retry_budget_settings retry_budget{};
    std::optional<resilience::hedge_settings> hedge;

    /// Endpoints at once, those included that are only ending their calls. 1 … 100,000.
    std::size_t max_endpoints = 1000;

    /// Success, or `invalid_argument` naming the first setting that is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// The settings of one call. Trivially destructible, so that it is safe in a `co_await` expression on GCC 12.
struct call_options {
    /// From the call to its end. Zero: the service's `timeout`.
    duration timeout = duration::zero();
    /// May it be made twice without harm? Then it is made again after a failure of an endpoint, and may be hedged.
    bool repeatable = false;
    /// Does it write? Then read-only endpoints are left out.
    bool writes = true;
};

}  // namespace lido::upstream
