#include "simulate/progress.hpp"

#include "simulate/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace lido::cli::simulate {
namespace {

/// Of the same width as long as the terminal is: a bar that grows with the digits beside it is hard to read.
std::size_t bar_columns(std::size_t room) noexcept {
    if (room >= 110) return 24;
    return room >= 60 ? 12 : 0;
}

/// 0 … 1
double share_done(const leg_progress& now) noexcept {
    if (now.planned > duration::zero()) return std::min(1.0, per(seconds_of(now.elapsed), seconds_of(now.planned)));
    return std::min(1.0, per(static_cast<double>(now.cycles_done), static_cast<double>(now.cycles_planned)));
}

std::string how_far(const leg_progress& now) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now.elapsed);
    const bool whole = now.planned % std::chrono::seconds(1) == duration::zero();
    const std::string planned = whole ? to_text(now.planned) : in_seconds(now.planned);
    if (now.planned > duration::zero()) return fmt::format("{} of {}", to_text(seconds), planned);
    return fmt::format("{} of {} cycles", grouped(now.cycles_done), grouped(now.cycles_planned));
}

std::string rate(const leg_progress& now) {
    return as_rate(per(static_cast<double>(now.interval.requests()), seconds_of(now.interval_length))) + "/s";
}

std::string quantile(const leg_progress& now, const char* name, double share) {
    return fmt::format("{} {}", name, in_milliseconds(now.interval.latency().quantile(share)));
}

/// "20 streams on 1", of HTTP/2; empty without any connection of it.
std::string streams(const leg_progress& now) {
    if (now.pool.http2_open == 0) return {};
    return fmt::format("{} streams on {}", grouped(now.pool.http2_streams), grouped(now.pool.http2_open));
}

std::string bar(double share, std::size_t columns, bool colour) {
    const auto inner = columns - 2;
    const auto filled = static_cast<std::size_t>(std::lround(share * static_cast<double>(inner)));
    const std::string_view begin = colour ? "\x1b[32m" : "";
    const std::string_view end = colour ? "\x1b[0m" : "";
    return fmt::format("[{}{:=<{}}{}{: <{}}]", begin, "", filled, end, "", inner - filled);
}

}  // namespace

std::string live_text(const leg_progress& now, std::size_t width, bool colour) {
    // The last columns stay free: some terminals go to the next line as soon as the last one is written, and Ctrl-C
    // adds
    // "^C" before the line can be taken away.
    const std::size_t room = width > 3 ? width - 3 : 0;
    std::vector<std::string> parts{how_far(now)};
    if (!now.title.empty()) parts.push_back(now.title);
    // Before the first interval is over there are no figures.
    if (now.interval_length > duration::zero()) {
        parts.insert(parts.end(),
                     {rate(now), quantile(now, "p50", 0.50), quantile(now, "p99", 0.99),
                      fmt::format("failed {}", grouped(now.failed)),
                      now.pool.http2_open == 0 ? fmt::format("in use {}", grouped(now.pool.in_use)) : streams(now)});
    }
    const std::size_t bar_width = bar_columns(room);
    std::string text = bar_width > 0 ? bar(share_done(now), bar_width, colour) : "";
    std::size_t columns = bar_width;
    for (const std::string& part : parts) {
        const std::size_t wanted = columns_of(part) + (columns == 0 ? 0 : 2);
        if (columns + wanted > room) break;
        text += (columns == 0 ? "" : "  ") + part;
        columns += wanted;
    }
    return text;
}

std::string interval_text(const leg_progress& now) {
    const auto seconds = std::chrono::round<std::chrono::seconds>(now.elapsed);
    return fmt::format(
        "{}{:>5}  {}  {}  {}  failed {}  retries {}  pool: requests {}, created {}, in use {}, waiting {}{}{}",
        now.title.empty() ? "" : now.title + "  ", to_text(seconds), rate(now), quantile(now, "p50", 0.50),
        quantile(now, "p99", 0.99), grouped(now.failed), grouped(now.pool.retries), grouped(now.pool.requests),
        grouped(now.pool.created), grouped(now.pool.in_use), grouped(now.pool.waiting),
        now.pool.http2_open == 0 ? "" : ", ", streams(now));
}

}  // namespace lido::cli::simulate
