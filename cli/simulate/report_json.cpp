#include "protocol_name.hpp"
#include "simulate/figures.hpp"
#include "simulate/report.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>
#include <variant>

namespace lido::cli::simulate {
namespace {

namespace json = boost::json;

/// To three digits after the point: nobody measures a picosecond.
double rounded(double value) noexcept {
    return std::isfinite(value) ? std::round(value * 1000.0) / 1000.0 : 0.0;
}
double milliseconds(duration value) noexcept {
    return rounded(seconds_of(value) * 1000.0);
}

json::string_view text_of(std::string_view text) noexcept {
    return {text.data(), text.size()};
}

json::object quantiles(const histogram& of) {
    return {{"p50", milliseconds(of.quantile(0.50))},
            {"p95", milliseconds(of.quantile(0.95))},
            {"p99", milliseconds(of.quantile(0.99))}};
}

json::object statuses(const tally& counts) {
    json::object out;
    for (std::size_t status = 0; status < counts.statuses().size(); ++status) {
        if (counts.statuses()[status] != 0) out.emplace(fmt::format("{}", status), counts.statuses()[status]);
    }
    return out;
}

json::object errors(const tally& counts) {
    json::object out;
    for (std::size_t kind = 0; kind < counts.errors().size(); ++kind) {
        const std::string_view name = tally::name_of_error(kind);
        if (counts.errors()[kind] != 0) out.emplace(text_of(name), counts.errors()[kind]);
    }
    return out;
}

json::object protocols(const pool_report& from) {
    json::object out;
    const auto add = [&out](http::version version, const http::protocol_statistics& of) {
        if (of.connections == 0) return;
        const double each = per(static_cast<double>(of.requests), static_cast<double>(of.connections));
        out.emplace(text_of(name_of_protocol(version)), json::object{{"connections", of.connections},
                                                                     {"requests", of.requests},
                                                                     {"requests_per_connection", rounded(each)},
                                                                     {"most_at_once", of.most_at_once},
                                                                     {"bytes_sent", of.bytes_sent},
                                                                     {"bytes_received", of.bytes_received}});
    };
    add(http::version::http_1_1, from.http1);
    add(http::version::http_2, from.http2);
    return out;
}

json::object statements(const tally& counts) {
    const tally::statements& of = counts.of_database();
    return {{"reading", of.reading}, {"writing", of.writing}, {"rows", of.rows}, {"rows_changed", of.changed}};
}

json::object pool(const options& asked, const pool_report& from) {
    return {{"size", asked.effective_pool_size()},
            {"max_retries", asked.retry.max_retries},
            {"requests", from.requests},
            {"created", from.created},
            {"reused", from.reused},
            {"closed", from.closed},
            {"in_use", from.in_use},
            {"peak_in_use", from.peak_in_use},
            {"reuse_ratio", rounded(from.reuse_ratio())},
            {"wait_ms", quantiles(from.wait)},
            {"pools", from.pools},
            {"connect_failed", from.connect_failed},
            {"resends", from.resends},
            {"sizing", std::holds_alternative<lido::pool::adaptive_sizing>(asked.sizing) ? "adaptive" : "fixed"},
            {"wanted_size", from.wanted_size},
            {"grown", from.grown},
            {"shrunk", from.shrunk}};
}

json::object region(const upstream::endpoint_report& from, time_point began) {
    json::object outcomes;
    for (std::size_t i = 0; i < from.outcomes.size(); ++i) {
        outcomes.emplace(text_of(name_of(static_cast<upstream::outcome>(i))), from.outcomes[i]);
    }
    json::object out{{"url", from.settings.name},
                     {"share", rounded(from.share)},
                     {"attempts", from.attempts},
                     {"outcomes", std::move(outcomes)},
                     {"health", text_of(name_of(from.health))},
                     {"checks_passed", from.checks_passed},
                     {"checks_failed", from.checks_failed},
                     {"ejections", from.ejections},
                     {"ejected", from.ejected},
                     {"available", from.available},
                     {"latency_ms", milliseconds(from.latency)}};
    if (!from.breaker) return out;
    json::array changes;
    for (const upstream::breaker_change& each : from.breaker_changes) {
        changes.push_back(json::object{{"at_seconds", rounded(seconds_of(each.at - began))},
                                       {"from", text_of(name_of(each.from))},
                                       {"to", text_of(name_of(each.to))}});
    }
    out.emplace("breaker", text_of(name_of(from.breaker->state)));
    out.emplace("breaker_changes", std::move(changes));
    return out;
}

json::object upstream_of(const upstream::health_report& from, time_point began) {
    json::array regions;
    for (const upstream::endpoint_report& each : from.endpoints) regions.push_back(region(each, began));
    json::object out{{"attempts", from.attempts},    {"retries", from.retries}, {"failovers", from.failovers},
                     {"hedges", from.hedges},        {"backups", from.backups}, {"no_region", from.refused},
                     {"regions", std::move(regions)}};
    if (from.rate_limiter) {
        out.emplace("rate_limit", json::object{{"passed", from.rate_limiter->reserved},
                                               {"waited", from.rate_limiter->waited},
                                               {"refused", from.rate_limiter->refused}});
    }
    if (from.hedge) {
        out.emplace("hedging", json::object{{"won", from.hedge->won}, {"over_budget", from.hedge->refused}});
    }
    return out;
}

json::object leg(const options& asked, const std::string& service, const leg_report& from) {
    json::object latency = quantiles(from.counts.latency());
    latency.emplace("max", milliseconds(from.counts.latency().max()));
    json::object out{{"requests", from.counts.requests()},
                     {"failed", from.counts.failed()},
                     {"retries", from.pool.retries},
                     {"duration_seconds", std::round(seconds_of(from.elapsed) * 1e6) / 1e6},
                     {"requests_per_second", rounded(from.requests_per_second())},
                     {"latency_ms", std::move(latency)},
                     {"cpu_microseconds_per_request", rounded(from.cpu_microseconds_per_request())},
                     {"statuses", statuses(from.counts)},
                     {"errors", errors(from.counts)},
                     {"pool", pool(asked, from.pool)}};
    if (from.health) out.emplace("upstream", upstream_of(*from.health, from.began));
    if (asked.database) {
        out.emplace("statements", statements(from.counts));
    } else {
        out.emplace("protocols", protocols(from.pool));
    }
    out.emplace("unfinished", from.counts.unfinished());
    out.emplace("slow", from.counts.slow());
    out.emplace("cycles", from.counts.cycles());
    out.emplace("bytes_received", from.counts.bytes());
    out.emplace("users", asked.num_users);
    out.emplace("way", key_of(from.how));
    out.emplace("service", service);
    out.emplace("seed", asked.seed);
    return out;
}

/// How many times as much as the other way the shared pool has; absent where the other has none.
json::object ratios(const leg_report& shared, const leg_report& other) {
    const auto quotient = [](double ours, double theirs) { return rounded(per(ours, theirs)); };
    const auto latency = [&](double share) {
        return quotient(seconds_of(shared.counts.latency().quantile(share)),
                        seconds_of(other.counts.latency().quantile(share)));
    };
    return {{"requests_per_second", quotient(shared.requests_per_second(), other.requests_per_second())},
            {"latency_p50", latency(0.50)},
            {"latency_p95", latency(0.95)},
            {"latency_p99", latency(0.99)},
            {"cpu_per_request", quotient(shared.cpu_microseconds_per_request(), other.cpu_microseconds_per_request())}};
}

/// Boost writes 12.5 as 1.25E1, which is right and hard on people.
void write(const json::value& from, std::string& out) {
    if (from.is_double()) {
        out += fmt::format("{}", from.get_double());
    } else if (from.is_object()) {
        out += '{';
        for (const json::key_value_pair& each : from.get_object()) {
            if (out.back() != '{') out += ", ";
            out += fmt::format("{}: ", json::serialize(each.key()));
            write(each.value(), out);
        }
        out += '}';
    } else if (from.is_array()) {
        out += '[';
        for (const json::value& each : from.get_array()) {
            if (out.back() != '[') out += ", ";
            write(each, out);
        }
        out += ']';
    } else {
        out += json::serialize(from);
    }
}

}  // namespace

std::string json_report(const options& asked, const std::string& service, const std::vector<leg_report>& legs) {
    json::object whole;
    if (asked.compare) {
        for (const leg_report& each : legs) whole.emplace(key_of(each.how), leg(asked, service, each));
        json::object against;
        for (std::size_t i = 1; i < legs.size(); ++i) against.emplace(key_of(legs[i].how), ratios(legs[0], legs[i]));
        whole.emplace("shared_pool_to", std::move(against));
    } else if (!legs.empty()) {
        whole = leg(asked, service, legs.front());
    }
    std::string text;
    write(whole, text);
    return text + '\n';
}

}  // namespace lido::cli::simulate
