// What a router says of itself, to operators and in errors.
#include "upstream/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace lido::upstream {

using resilience::breaker_state;

health_report router::describe(time_point now) const {
    health_report view = totals_;
    view.at = now;
    if (ejection_) view.ejection = ejection_->statistics(now);
    if (hedge_) view.hedge = hedge_->statistics();
    view.retry_budget = budget_.statistics(now);
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const member& each = members_[i];
        endpoint_report one;
        one.settings = each.settings;
        one.id = each.id;
        one.membership = each.membership;
        one.ejected = is_ejected(i, now);
        one.ejections = each.ejections;
        if (one.ejected) one.ejected_until = ejection_->returns_at(i);
        if (totals_.attempts > 0) {
            one.share = static_cast<double>(each.attempts) / static_cast<double>(totals_.attempts);
        }
        one.weight_now = weight_now(each, now);
        one.in_use = each.in_use;
        one.generation = each.generation;
        one.latency = each.latency.value(now);
        one.health = each.health.state();
        one.health_since = each.health.since();
        one.checks_passed = each.health.passed();
        one.checks_failed = each.health.failed();
        if (each.breaker) one.breaker = each.breaker->statistics(now);
        const auto oldest = each.changes.begin() + static_cast<std::ptrdiff_t>(each.oldest_change);
        one.breaker_changes.assign(oldest, each.changes.end());
        one.breaker_changes.insert(one.breaker_changes.end(), each.changes.begin(), oldest);
        one.attempts = each.attempts;
        one.outcomes = each.outcomes;
        one.late = each.late;
        const bool lets_through =
            now >= each.closed_until && (!one.breaker || one.breaker->state != breaker_state::open);
        one.available = each.membership == membership::active && each.settings.weight > 0.0 && !one.ejected &&
                        one.health != health_state::unhealthy && lets_through;
        view.endpoints.push_back(std::move(one));
    }
    return view;
}

std::string router::explain(time_point now) const {
    constexpr std::size_t named = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(members_.size(), named); ++i) {
        const member& each = members_[i];
        std::string_view why = "busy with its probes";
        if (each.membership == membership::draining) {
            why = "draining";
        } else if (now < each.closed_until || each.breaker_state == breaker_state::open) {
            why = "breaker open";
        } else if (is_ejected(i, now)) {
            why = "ejected";
        } else if (each.health.state() == health_state::unhealthy) {
            why = "unhealthy";
        } else if (each.settings.read_only) {
            why = "read-only";
        }
        fmt::format_to(std::back_inserter(text), "{}{}: {}", i == 0 ? "" : ", ", each.settings.name, why);
    }
    if (members_.size() > named) {
        fmt::format_to(std::back_inserter(text), ", and {} more", members_.size() - named);
    }
    return text;
}

}  // namespace lido::upstream
