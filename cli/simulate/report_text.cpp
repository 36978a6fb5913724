#include "console.hpp"
#include "protocol_name.hpp"
#include "simulate/figures.hpp"
#include "simulate/report.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <variant>

namespace lido::cli::simulate {
namespace {

constexpr std::size_t label_width = 20;
constexpr std::size_t report_width = 80;

/// "  label           value", continued under the value where it is too long for the line: `parts` are never broken.
std::string row(std::string_view label, const std::vector<std::string>& parts) {
    std::string text = fmt::format("  {:<{}}", label, label_width);
    std::size_t column = columns_of(text);
    const std::size_t begin = column;
    for (const std::string& part : parts) {
        if (column > begin && column + 3 + columns_of(part) > report_width) {
            text += fmt::format("\n{:{}}", "", begin);
            column = begin;
        } else if (column > begin) {
            text += "   ";
            column += 3;
        }
        text += part;
        column += columns_of(part);
    }
    return text + '\n';
}

std::string row(std::string_view label, const std::string& value) {
    return row(label, std::vector{value});
}

std::vector<std::string> quantiles(const histogram& of) {
    return {"p50 " + in_milliseconds(of.quantile(0.50)), "p95 " + in_milliseconds(of.quantile(0.95)),
            "p99 " + in_milliseconds(of.quantile(0.99))};
}

std::string in_microseconds(double value) {
    return fmt::format("{:.1f} us", value);
}
std::string in_percent(double share) {
    return fmt::format("{:.1f} %", share * 100.0);
}

std::vector<std::string> statuses(const tally& counts) {
    std::vector<std::string> parts;
    for (std::size_t status = 0; status < counts.statuses().size(); ++status) {
        const std::uint64_t count = counts.statuses()[status];
        if (count != 0) parts.push_back(fmt::format("{}: {}", status, grouped(count)));
    }
    if (parts.empty()) parts.emplace_back("none");
    return parts;
}

/// What came back: of HTTP by status, of a database by statement.
std::string answers(const options& asked, const tally& counts) {
    if (!asked.database) return row("statuses", statuses(counts));
    const tally::statements& of = counts.of_database();
    std::vector<std::string> parts{fmt::format("{} reading", grouped(of.reading))};
    if (!asked.database->writing.text.empty()) parts.push_back(fmt::format("{} writing", grouped(of.writing)));
    return row("statements", parts) +
           row("rows", {fmt::format("{} came", grouped(of.rows)), fmt::format("{} changed", grouped(of.changed))});
}

/// "0", or "12" and the kinds.
std::vector<std::string> failures(const tally& counts) {
    std::vector<std::string> parts{grouped(counts.failed())};
    for (std::size_t kind = 0; kind < counts.errors().size(); ++kind) {
        const std::uint64_t count = counts.errors()[kind];
        if (count != 0) parts.push_back(fmt::format("{}: {}", tally::name_of_error(kind), grouped(count)));
    }
    return parts;
}

/// What the connections of one version of HTTP carried, if there were any.
std::string protocol(http::version version, const http::protocol_statistics& of) {
    if (of.connections == 0) return {};
    const bool streams = version == http::version::http_2;
    const double each = per(static_cast<double>(of.requests), static_cast<double>(of.connections));
    std::vector<std::string> parts{
        fmt::format("{} {}", grouped(of.connections), of.connections == 1 ? "connection" : "connections"),
        fmt::format("{} {}", grouped(of.requests), streams ? "streams" : "requests"),
        fmt::format("{} per connection", as_rate(each))};
    if (streams) parts.push_back(fmt::format("{} at once on one", grouped(of.most_at_once)));
    return row(name_of_protocol(version), parts);
}

std::string connections(const options& asked, const leg_report& leg, std::string_view whose) {
    const pool_report& pool = leg.pool;
    std::string text = fmt::format("\nConnections{}\n", whose);
    if (leg.how != way::shared_pool) text += row("pools", grouped(pool.pools));
    text += row("created", grouped(pool.created));
    if (pool.connect_failed != 0) text += row("not opened", grouped(pool.connect_failed));
    text += row("reused", {grouped(pool.reused), fmt::format("reuse ratio {}", in_percent(pool.reuse_ratio()))});
    text += row("closed", grouped(pool.closed));
    text += row("in use",
                {fmt::format("now {}", grouped(pool.in_use)), fmt::format("at peak {}", grouped(pool.peak_in_use))});
    text += row("wait for one", quantiles(pool.wait));
    text += protocol(http::version::http_1_1, pool.http1) + protocol(http::version::http_2, pool.http2);
    if (std::holds_alternative<lido::pool::adaptive_sizing>(asked.sizing)) {
        text += row("adaptive size", {fmt::format("{} at the end", grouped(pool.wanted_size)),
                                      fmt::format("grown {} times", grouped(pool.grown)),
                                      fmt::format("shrunk {} times", grouped(pool.shrunk))});
    }
    return text;
}

std::string requests(const options& asked, const leg_report& leg, std::string_view whose) {
    const tally& counts = leg.counts;
    std::string text = fmt::format("\nRequests{}\n", whose);
    std::vector<std::string> done{fmt::format("{} in {}", grouped(counts.requests()), in_seconds(leg.elapsed)),
                                  fmt::format("{} per second", as_rate(leg.requests_per_second()))};
    if (!asked.database) done.push_back(fmt::format("{} received", in_bytes(counts.bytes())));
    text += row("done", done) + answers(asked, counts);
    text += row("retries", grouped(leg.pool.retries));
    if (leg.pool.resends != 0) text += row("sent again", grouped(leg.pool.resends) + " on a fresh connection");
    text += row("failed", failures(counts));
    if (counts.slow() != 0) text += row("slow", grouped(counts.slow()));
    if (counts.unfinished() != 0) text += row("cut off at the end", grouped(counts.unfinished()));
    std::vector<std::string> times = quantiles(counts.latency());
    times.push_back("max " + in_milliseconds(counts.latency().max()));
    text += row("response time", times);
    text += row("CPU per request", in_microseconds(leg.cpu_microseconds_per_request()));
    return text;
}

/// "at 2.1 s closed to open", for each change.
std::vector<std::string> breaker_changes(const upstream::endpoint_report& region, time_point began) {
    std::vector<std::string> parts;
    parts.reserve(region.breaker_changes.size());
    for (const upstream::breaker_change& each : region.breaker_changes) {
        parts.push_back(fmt::format("at {} {} to {}", in_seconds(std::max(each.at - began, duration::zero())),
                                    name_of(each.from), name_of(each.to)));
    }
    return parts;
}

std::string region_text(const upstream::endpoint_report& region, time_point began) {
    const auto count = [&](upstream::outcome which) { return region.outcomes[static_cast<std::size_t>(which)]; };
    const std::uint64_t failed =
        count(upstream::outcome::failed) + count(upstream::outcome::unsure) + count(upstream::outcome::unreached);
    std::string text = fmt::format("  {}\n", region.settings.name);
    text += row("  share", {in_percent(region.share), fmt::format("{} attempts", grouped(region.attempts)),
                            fmt::format("{} failed", grouped(failed))});
    text += row("  health",
                {std::string(name_of(region.health)),
                 fmt::format("checks {} good, {} bad", grouped(region.checks_passed), grouped(region.checks_failed)),
                 fmt::format("{} ejections{}", grouped(region.ejections), region.ejected ? ", out now" : "")});
    if (region.breaker) {
        std::vector<std::string> parts = breaker_changes(region, began);
        parts.insert(parts.begin(), std::string(name_of(region.breaker->state)));
        text += row("  breaker", parts);
    }
    return text;
}

/// What the policies of a service did, and each of its regions.
std::string regions(const upstream::health_report& service, time_point began, std::string_view whose) {
    std::string text = fmt::format("\nRegions{}\n", whose);
    for (const upstream::endpoint_report& each : service.endpoints) text += region_text(each, began);
    text += row("attempts", {grouped(service.attempts), fmt::format("retries {}", grouped(service.retries)),
                             fmt::format("failovers {}", grouped(service.failovers)),
                             fmt::format("hedges {}", grouped(service.hedges)),
                             fmt::format("at backups {}", grouped(service.backups)),
                             fmt::format("no region {}", grouped(service.refused))});
    if (service.rate_limiter) {
        text += row("rate limit", {fmt::format("{} passed", grouped(service.rate_limiter->reserved)),
                                   fmt::format("{} of them waited", grouped(service.rate_limiter->waited)),
                                   fmt::format("{} refused", grouped(service.rate_limiter->refused))});
    }
    if (service.hedge) {
        text += row("hedging", {fmt::format("{} won", grouped(service.hedge->won)),
                                fmt::format("{} over the budget", grouped(service.hedge->refused)),
                                service.hedge->delay ? "after " + in_milliseconds(*service.hedge->delay) : "not yet"});
    }
    return text;
}

std::string circumstances(const options& asked, const std::string& service, const leg_report& leg) {
    std::string text = "\nRun\n";
    text += row(asked.database ? "database" : "service", service);
    text += row("users",
                {grouped(asked.num_users), fmt::format("{} cycles", grouped(leg.counts.cycles())), title_of(leg.how)});
    text += row("seed", fmt::format("{}", asked.seed));
    return text;
}

/// A line of the comparison. `value` for the columns, `number` for the ratios; without it none is printed.
struct comparison_row {
    std::string_view label;
    std::function<std::string(const leg_report&)> value;
    std::function<double(const leg_report&)> number;
};

comparison_row time_row(std::string_view label, double share) {
    return {label, [share](const leg_report& leg) { return in_milliseconds(leg.counts.latency().quantile(share)); },
            [share](const leg_report& leg) { return seconds_of(leg.counts.latency().quantile(share)); }};
}

comparison_row count_row(std::string_view label, std::function<std::uint64_t(const leg_report&)> count) {
    return {label, [count = std::move(count)](const leg_report& leg) { return grouped(count(leg)); }, {}};
}

std::vector<comparison_row> comparison_rows() {
    std::vector<comparison_row> rows;
    rows.push_back({"requests per second", [](const leg_report& leg) { return as_rate(leg.requests_per_second()); },
                    [](const leg_report& leg) { return leg.requests_per_second(); }});
    rows.push_back(time_row("response time p50", 0.50));
    rows.push_back(time_row("              p95", 0.95));
    rows.push_back(time_row("              p99", 0.99));
    rows.push_back(time_row("              max", 1.0));
    rows.push_back({"CPU per request",
                    [](const leg_report& leg) { return in_microseconds(leg.cpu_microseconds_per_request()); },
                    [](const leg_report& leg) { return leg.cpu_microseconds_per_request(); }});
    rows.push_back(count_row("requests", [](const leg_report& leg) { return leg.counts.requests(); }));
    rows.push_back(count_row("failed", [](const leg_report& leg) { return leg.counts.failed(); }));
    rows.push_back(count_row("retries", [](const leg_report& leg) { return leg.pool.retries; }));
    rows.push_back(count_row("pools", [](const leg_report& leg) { return std::uint64_t{leg.pool.pools}; }));
    rows.push_back(count_row("connections created", [](const leg_report& leg) { return leg.pool.created; }));
    rows.push_back(count_row("            reused", [](const leg_report& leg) { return leg.pool.reused; }));
    rows.push_back({"reuse ratio", [](const leg_report& leg) { return in_percent(leg.pool.reuse_ratio()); }, {}});
    rows.push_back(
        {"wait p99", [](const leg_report& leg) { return in_milliseconds(leg.pool.wait.quantile(0.99)); }, {}});
    return rows;
}

/// "4.5 x": what the shared pool has, in multiples of what the other way has.
std::string ratio_text(const comparison_row& each, const leg_report& shared, const leg_report& other) {
    if (!each.number) return "";
    const double theirs = each.number(other);
    if (theirs <= 0.0) return "";
    const double ratio = each.number(shared) / theirs;
    return ratio < 1000.0 ? fmt::format("{:.{}f} x", ratio, ratio < 100.0 ? 2 : 0) : "> 999 x";
}

std::string comparison(const std::vector<leg_report>& legs) {
    constexpr std::size_t label = 20;
    constexpr std::size_t value = 14;
    constexpr std::size_t ratio = 8;
    std::string text = fmt::format("\n{:<{}}", "COMPARISON", label);
    for (std::size_t i = 0; i < legs.size(); ++i) {
        text += fmt::format("{:>{}}", title_of(legs[i].how), value);
        if (i > 0) text += fmt::format("{:>{}}", "ratio", ratio);
    }
    text += '\n';
    for (const comparison_row& each : comparison_rows()) {
        std::string line = fmt::format("{:<{}}", each.label, label);
        for (std::size_t i = 0; i < legs.size(); ++i) {
            line += fmt::format("{:>{}}", each.value(legs[i]), value);
            if (i > 0) line += fmt::format("{:>{}}", ratio_text(each, legs.front(), legs[i]), ratio);
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
    }
    if (legs.size() > 1) text += "ratio: what the shared pool has, in multiples of the column to its left.\n";
    return text;
}

}  // namespace

std::string pool_lines(const options& asked, const pool_report& pool) {
    return fmt::format("CONNECTION POOL STATS\nPool size: {}\nMax retries: {}\nPool requests: {}\n",
                       asked.effective_pool_size(), asked.retry.max_retries, pool.requests);
}

std::string text_report(const options& asked, const std::string& service, const std::vector<leg_report>& legs) {
    if (legs.empty()) return {};
    const leg_report& first = legs.front();
    const std::string whose = asked.compare ? fmt::format(" ({})", title_of(first.how)) : "";
    std::string text = pool_lines(asked, first.pool) + connections(asked, first, whose) + requests(asked, first, whose);
    if (first.health) text += regions(*first.health, first.began, whose);
    if (asked.compare) text += comparison(legs);
    return text + circumstances(asked, service, first);
}

}  // namespace lido::cli::simulate
