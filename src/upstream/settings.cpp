#include "lido/upstream/settings.hpp"

#include "lido/upstream/endpoint.hpp"
#include "resilience/check_setting.hpp"

#include <cmath>

namespace lido::upstream {

using namespace std::chrono_literals;

result<void> endpoint_settings::validate() const {
    return resilience::setting_check("endpoint")
        .number("name's length", name.size(), std::size_t{1}, std::size_t{500})
        .number("weight", weight, 0.0, 1'000'000.0)
        .outcome();
}

result<void> repeat_settings::validate() const {
    if (auto valid = back_off.validate(); !valid) return valid;
    return resilience::setting_check("repeat")
        .number("max_retries", max_retries, 0U, 100U)
        .time("max_retry_after", max_retry_after, 0ms, 24h)
        .outcome();
}

namespace {

template <class Policy>
result<void> check(const std::optional<Policy>& policy) {
    return policy ? policy->validate() : result<void>();
}

}  // namespace

result<void> settings::validate() const {
    const bool attempt_fits = attempt_timeout == 0ms || (attempt_timeout >= 1ms && attempt_timeout <= 24h);
    for (const auto& valid : {
             resilience::setting_check("service")
                 .number("name's length", name.size(), std::size_t{1}, std::size_t{100})
                 .time("timeout", timeout, 1ms, 24h)
                 .holds(attempt_fits, "attempt_timeout", to_text(attempt_timeout), "1 ms … 24 h, or 0")
                 .number("max_endpoints", max_endpoints, std::size_t{1}, std::size_t{100'000})
                 .outcome(),
             check(rate_limiter),
             check(bulkhead),
             balancer.validate(),
             check(breaker),
             check(ejection),
             check(slow_start),
             latency.validate(),
             health.validate(),
             repeat.validate(),
             retry_budget.validate(),
             check(hedge),
         }) {
        if (!valid) return valid;
    }
    return {};
}

}  // namespace lido::upstream
