#include "http/origin.hpp"
#include "http/proxy_rules.hpp"
#include "lido/http/client.hpp"
#include "lido/net/endpoint.hpp"

#include <fmt/format.h>

#include <variant>

namespace lido::http {
namespace {

using namespace std::chrono_literals;

error out_of_range(std::string_view field, const std::string& value, const std::string& range) {
    return {errc::invalid_argument, fmt::format("client setting {} = {} is out of range {}", field, value, range),
            fmt::format("choose {} within {}", field, range)};
}

std::optional<error> check_count(std::string_view field, std::size_t value, std::size_t lowest, std::size_t highest) {
    if (value >= lowest && value <= highest) return std::nullopt;
    return out_of_range(field, fmt::format("{}", value), fmt::format("{} ... {}", lowest, highest));
}

std::optional<error> check_duration(std::string_view field, duration value, duration lowest, duration highest) {
    if (value >= lowest && value <= highest) return std::nullopt;
    return out_of_range(field, to_text(value), fmt::format("{} ... {}", to_text(lowest), to_text(highest)));
}

/// What is said about the way to a server.
result<void> check_way(const client_settings& settings) {
    const auto nowhere = [](const char*) { return std::optional<std::string>(); };
    if (auto rules = proxy_rules::make(settings, nowhere); !rules) return std::move(rules).error();
    if (auto valid = settings.proxy_tls.validate(); !valid) {
        return std::move(valid).error().with_context("client setting proxy_tls");
    }
    if (!settings.unix_socket.empty()) {
        if (auto path = net::address::unix_socket(settings.unix_socket); !path) {
            return std::move(path).error().with_context("client setting unix_socket");
        }
        if (!settings.proxy.empty() || settings.proxy_from_environment || !settings.local_address.empty()) {
            return error(
                errc::invalid_argument,
                "client setting unix_socket is set together with proxy, proxy_from_environment or local_address",
                "a UNIX socket is reached directly: set one of them");
        }
    }
    if (settings.local_address.empty() || net::address::from_literal(settings.local_address, 0)) return {};
    return error(errc::invalid_argument,
                 fmt::format("client setting local_address = '{}' is no address", settings.local_address),
                 "give one of this machine's addresses, such as 192.0.2.7 or 2001:db8::7");
}

}  // namespace

result<void> client_settings::validate() const {
    for (const std::optional<error>& problem : {
             check_count("max_connections_per_origin", max_connections_per_origin, 1, 100'000),
             check_count("max_waiters_per_origin", max_waiters_per_origin, 1, 10'000'000),
             check_count("max_idle_per_origin", max_idle_per_origin, 0, 100'000),
             check_count("max_connections", max_connections, 0, 1'000'000),
             check_count("max_origins", max_origins, 1, 100'000),
             check_duration("unused_origin_timeout", unused_origin_timeout, 1s, 720h),
             check_duration("acquire_timeout", acquire_timeout, 1ms, 1h),
             check_duration("connect_timeout", connect_timeout, 1ms, 10min),
             check_duration("tls_handshake_timeout", tls_handshake_timeout, 1ms, 10min),
             check_duration("read_timeout", read_timeout, 1ms, 1h),
             check_duration("continue_timeout", continue_timeout, 0ms, 1h),
             check_duration("timeout", timeout, 1ms, 24h),
             check_duration("down_fail_fast", down_fail_fast, 0ms, 1h),
             check_duration("idle_timeout", idle_timeout, 1ms, 720h),
             check_duration("max_lifetime", max_lifetime, 1ms, 8760h),
             check_duration("slow_after", slow_after, 0ms, 24h),
         }) {
        if (problem) return *problem;
    }
    if (const auto* rules = std::get_if<pool::adaptive_sizing>(&sizing)) {
        if (auto valid = rules->validate(); !valid)
            return std::move(valid).error().with_context("client setting sizing");
    }
    if (auto valid = http2.validate(); !valid) return std::move(valid).error().with_context("client setting http2");
    if (!base_url.empty()) {
        if (auto url = parse_url(base_url); !url) return std::move(url).error().with_context("client setting base_url");
    }
    if (credentials && base_url.empty()) {
        return error(errc::invalid_argument, "client setting credentials without a base_url",
                     "set base_url, whose origin they are for, or authorize each request");
    }
    if (!user_agent.empty()) {
        headers probe;
        if (auto valid = probe.add("User-Agent", user_agent); !valid) {
            return std::move(valid).error().with_context("client setting user_agent");
        }
    }
    if (retry_budget) {
        if (auto valid = retry_budget->validate(); !valid) return valid;
    }
    for (const auto& valid : {connect_back_off.validate(), retry.validate(), limits.validate(), redirects.validate(),
                              decoding.validate(), tls.validate(), check_way(*this)}) {
        if (!valid) return valid;
    }
    return {};
}

}  // namespace lido::http
