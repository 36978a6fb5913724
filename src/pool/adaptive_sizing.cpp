#include "lido/pool/adaptive_sizing.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace lido::pool {
namespace {

using namespace std::chrono_literals;

error out_of_range(std::string_view field, const std::string& value, const std::string& range) {
    return {errc::invalid_argument, fmt::format("adaptive sizing: {} = {} is out of range {}", field, value, range),
            fmt::format("choose {} within {}", field, range)};
}

template <class Number>
std::optional<error> check_number(std::string_view field, Number value, Number lowest, Number highest) {
    if (value >= lowest && value <= highest) return std::nullopt;
    return out_of_range(field, fmt::format("{}", value), fmt::format("{} ... {}", lowest, highest));
}

std::optional<error> check_duration(std::string_view field, duration value, duration lowest, duration highest) {
    if (value >= lowest && value <= highest) return std::nullopt;
    return out_of_range(field, to_text(value), fmt::format("{} ... {}", to_text(lowest), to_text(highest)));
}

std::optional<error> check_threshold(std::string_view field, duration value) {
    if (value == adaptive_sizing::not_looked_at) return std::nullopt;
    return check_duration(field, value, 0ms, 1h);
}

}  // namespace

adaptive_sizing adaptive_sizing::by_load() noexcept {
    return {};
}

adaptive_sizing adaptive_sizing::by_waiting() noexcept {
    adaptive_sizing rules;
    rules.interval = 30s;
    rules.grow_above_wait = 5s;
    rules.grow_above_utilisation = 1.0;
    rules.grow_by = 2;
    rules.grow_share = 0.0;
    rules.shrink_below_utilisation = 0.3;
    rules.shrink_by = 1;
    rules.shrink_share = 0.0;
    rules.shrink_after = 2;
    return rules;
}

adaptive_sizing adaptive_sizing::by_response_time() noexcept {
    adaptive_sizing rules;
    rules.interval = 60s;
    rules.grow_above_wait = not_looked_at;
    rules.grow_above_response = 2s;
    rules.least_leases = 10;
    rules.grow_above_utilisation = 1.0;
    rules.grow_by = 5;
    rules.grow_share = 0.0;
    rules.shrink_below_utilisation = 0.0;
    rules.shrink_below_response = 500ms;
    rules.shrink_by = 2;
    rules.shrink_share = 0.0;
    rules.shrink_after = 2;
    return rules;
}

result<void> adaptive_sizing::validate() const {
    for (const std::optional<error>& problem : {
             check_duration("interval", interval, 10ms, 1h),
             check_threshold("grow_above_wait", grow_above_wait),
             check_threshold("grow_above_response", grow_above_response),
             check_number<std::uint64_t>("least_leases", least_leases, 0, 1'000'000),
             check_number("grow_above_utilisation", grow_above_utilisation, 0.0, 1.0),
             check_number<std::size_t>("grow_by", grow_by, 1, 1000),
             check_number("grow_share", grow_share, 0.0, 10.0),
             check_number("shrink_below_utilisation", shrink_below_utilisation, 0.0, 1.0),
             check_duration("shrink_below_response", shrink_below_response, 0ms, 1h),
             check_number<std::size_t>("shrink_by", shrink_by, 1, 1000),
             check_number("shrink_share", shrink_share, 0.0, 1.0),
             check_number<std::size_t>("shrink_after", shrink_after, 1, 16),
         }) {
        if (problem) return *problem;
    }
    return {};
}

}  // namespace lido::pool
