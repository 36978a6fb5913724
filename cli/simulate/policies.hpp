// Lido: the policies that a simulation puts between its users and the service.
#pragma once

#include "lido/base/time.hpp"
#include "lido/http/service.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::cli::simulate {

/// What the options say about regions and policies.
struct policy_options {
    /// "http://127.0.0.1:8081"; empty: one region, the URL's or the demo service's.
    std::vector<std::string> regions;
    std::optional<resilience::balancing> strategy;
    std::optional<resilience::rate_limiter_settings> rate_limit;
    /// Outer: given at all; inner nothing: off.
    std::optional<std::optional<resilience::circuit_breaker_settings>> breaker;
    std::optional<resilience::hedge_settings> hedge;

    /// One of them was given: requests go through an `http::service` and not to a client.
    [[nodiscard]] bool any() const noexcept { return !regions.empty() || strategy || rate_limit || breaker || hedge; }
};

// The values of the options. Each throws `usage_error` that says what is possible.

/// "round-robin", "two_random_choices" …
[[nodiscard]] resilience::balancing strategy_value(std::string_view option, const std::string& text);
/// "1000/min", "50/s", or both: "50/s,1000/min".
[[nodiscard]] resilience::rate_limiter_settings rate_limit_value(std::string_view option, const std::string& text);
/// "default", "off", or what differs from the default: "failures=3,reset=10s,timeout=1s,successes=2,probes=1,rate=0.5".
[[nodiscard]] std::optional<resilience::circuit_breaker_settings> breaker_value(std::string_view option,
                                                                                const std::string& text);
/// "p95", "p99.9".
[[nodiscard]] resilience::hedge_settings hedge_value(std::string_view option, const std::string& text);

struct options;

/// The settings of one service of the simulation: `client` are those of each region's client.
[[nodiscard]] http::service_settings service_settings_for(const options& asked, const std::string& origin,
                                                          http::client_settings client);

}  // namespace lido::cli::simulate
