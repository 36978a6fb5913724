#include "simulate/policies.hpp"

#include "command_error.hpp"
#include "simulate/options.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;
using resilience::balancing;

std::string with(std::string text, char from, char to) {
    std::replace(text.begin(), text.end(), from, to);
    return text;
}

/// "a=b" in two; `usage_error` without '='.
std::pair<std::string, std::string> key_and_value(std::string_view option, const std::string& part) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) {
        throw usage_error(fmt::format(
            "{} has '{}', which is no name=value; write off, default, or such as failures=3,reset=10s", option, part));
    }
    return {part.substr(0, equals), part.substr(equals + 1)};
}

void set_breaker(resilience::circuit_breaker_settings& breaker, std::string_view option, const std::string& part) {
    const auto [key, value] = key_and_value(option, part);
    const std::string name = fmt::format("{}: {}", option, key);
    const auto count = [&](std::uint64_t least, std::uint64_t most) {
        return static_cast<std::uint32_t>(count_value(name, value, least, most));
    };
    if (key == "failures") {
        breaker.failures = count(0, 1'000'000);
    } else if (key == "timeout") {
        breaker.call_timeout = duration_value(name, value, 1ms, 24h);
    } else if (key == "reset") {
        breaker.open_for = duration_value(name, value, 1ms, 24h);
    } else if (key == "successes") {
        breaker.successes = count(1, 1000);
    } else if (key == "probes") {
        breaker.max_probes = count(1, 100);
    } else if (key == "rate") {
        breaker.failure_rate = number_value(name, value, 0.0, 1.0);
    } else if (key == "window") {
        breaker.window_calls = count(1, 100'000);
        breaker.minimum_calls = std::min(breaker.minimum_calls, breaker.window_calls);
    } else {
        throw usage_error(fmt::format(
            "{} knows no '{}'; it knows failures, timeout, reset, successes, probes, rate and window", option, key));
    }
}

/// Statuses and methods that are tried again are, for a service, those by which a region fails.
void apply_retries(http::service_settings& settings, const options& asked) {
    settings.failure_statuses = asked.retry.statuses;
    std::erase(settings.failure_statuses, 429);  // it is made again in any case, and is no failure
    settings.methods = asked.retry.methods;
    settings.policies.repeat.max_retries = asked.retry.max_retries;
    settings.policies.retry_budget = asked.retry_budget;
    const auto first = std::chrono::duration_cast<duration>(std::chrono::duration<double>(asked.retry.backoff_factor));
    settings.policies.repeat.back_off.initial = first;
    settings.policies.repeat.back_off.maximum = std::max(settings.policies.repeat.back_off.maximum, first);
}

}  // namespace

balancing strategy_value(std::string_view option, const std::string& text) {
    if (const auto known = resilience::balancing_of(with(text, '-', '_'))) return *known;
    std::string names;
    for (const balancing each : resilience::all_balancing) {
        const bool last = each == resilience::all_balancing.back();
        names += (names.empty() ? "" : last ? " or " : ", ") + std::string(name_of(each));
    }
    throw usage_error(fmt::format("{} must be {}, got '{}'", option, with(names, '_', '-'), text));
}

resilience::rate_limiter_settings rate_limit_value(std::string_view option, const std::string& text) {
    resilience::rate_limiter_settings limits;
    for (const std::string& part : list_value(option, text)) {
        const std::size_t slash = std::min(part.find('/'), part.size());
        const std::string unit = part.substr(std::min(slash + 1, part.size()));
        const bool second = unit == "s" || unit == "sec" || unit == "second";
        const bool minute = unit == "m" || unit == "min" || unit == "minute";
        if (!second && !minute) {
            throw usage_error(
                fmt::format("{} must be such as 50/s, 1000/min or 50/s,1000/min, got '{}'", option, text));
        }
        double& limit = second ? limits.per_second : limits.per_minute;
        if (limit != 0.0) throw usage_error(fmt::format("{} has two limits per {}; leave one", option, unit));
        limit = number_value(option, part.substr(0, slash), 0.001, second ? 1e6 : 6e7);
    }
    if (limits.per_second == 0.0 && limits.per_minute == 0.0) {
        throw usage_error(fmt::format("{} is empty; write such as 50/s or 1000/min", option));
    }
    return limits;
}

std::optional<resilience::circuit_breaker_settings> breaker_value(std::string_view option, const std::string& text) {
    if (text == "off") return std::nullopt;
    resilience::circuit_breaker_settings breaker;
    if (text == "default") return breaker;
    for (const std::string& part : list_value(option, text)) set_breaker(breaker, option, part);
    return breaker;
}

resilience::hedge_settings hedge_value(std::string_view option, const std::string& text) {
    if (text.empty() || text.front() != 'p') {
        throw usage_error(fmt::format("{} must be a percentile from p50 to p99.99, got '{}'", option, text));
    }
    resilience::hedge_settings hedge;
    hedge.percentile = number_value(option, text.substr(1), 50.0, 99.99) / 100.0;
    return hedge;
}

http::service_settings service_settings_for(const options& asked, const std::string& origin,
                                            http::client_settings client) {
    http::service_settings settings;
    const policy_options& policies = asked.policies;
    for (const std::string& each : policies.regions) settings.regions.push_back({.base_url = each});
    if (settings.regions.empty()) settings.regions.push_back({.base_url = origin});
    const bool backups = policies.strategy == balancing::primary_backup;
    for (std::size_t i = 1; backups && i < settings.regions.size(); ++i) settings.regions[i].backup = true;
    apply_retries(settings, asked);
    client.base_url.clear();
    client.retry = {};
    // A server that is down is the service's affair: it has others to ask, and looks again by itself.
    client.down_fail_fast = settings.client.down_fail_fast;
    client.connect_back_off = settings.client.connect_back_off;
    settings.client = std::move(client);
    settings.policies.timeout = asked.timeout;
    if (policies.strategy) settings.policies.balancer.strategy = *policies.strategy;
    settings.policies.rate_limiter = policies.rate_limit;
    if (policies.breaker) settings.policies.breaker = *policies.breaker;
    settings.policies.hedge = policies.hedge;
    return settings;
}

}  // namespace lido::cli::simulate
