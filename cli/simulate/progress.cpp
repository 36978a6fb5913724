#include "simulate/progress.hpp"

#include "simulate/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace lido::cli::simulate {
namespace {

constexpr std::size_t widest_bar = 24;
constexpr std::size_t narrowest_bar = 8;

/// 0 … 1
double share_done(const leg_progress& now) noexcept {
    if (now.planned > duration::zero()) return std::min(1.0, per(seconds_of(now.elapsed), seconds_of(now.planned)));
    return std::min(1.0, per(static_cast<double>(now.cycles_done), static_cast<double>(now.cycles_planned)));
}

std::string how_far(const leg_progress& now) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now.elapsed);
    if (now.planned > duration::zero()) return fmt::format("{} of {}", to_text(seconds), to_text(now.planned));
    return fmt::format("{} of {} cycles", grouped(now.cycles_done), grouped(now.cycles_planned));
}

std::string rate(const leg_progress& now) {
    return as_rate(per(static_cast<double>(now.interval.requests()), seconds_of(now.interval_length))) + "/s";
}

std::string quantile(const leg_progress& now, const char* name, double share) {
    return fmt::format("{} {}", name, in_milliseconds(now.interval.latency().quantile(share)));
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
    std::vector<std::string> parts{how_far(now),
                                   rate(now),
                                   quantile(now, "p50", 0.50),
                                   quantile(now, "p99", 0.99),
                                   fmt::format("failed {}", grouped(now.failed)),
                                   fmt::format("in use {}", grouped(now.pool.in_use))};
    if (!now.title.empty()) parts.insert(parts.begin() + 1, now.title);
    std::string text;
    std::size_t columns = 0;
    for (const std::string& part : parts) {
        const std::size_t wanted = columns_of(part) + (columns == 0 ? 0 : 2);
        if (columns + wanted > room) break;
        text += (columns == 0 ? "" : "  ") + part;
        columns += wanted;
    }
    if (columns + narrowest_bar + 1 > room) return text;
    return fmt::format("{} {}", bar(share_done(now), std::min(widest_bar, room - columns - 1), colour), text);
}

std::string interval_text(const leg_progress& now) {
    const auto seconds = std::chrono::round<std::chrono::seconds>(now.elapsed);
    return fmt::format(
        "{}{:>5}  {}  {}  {}  failed {}  retries {}  pool: requests {}, created {}, in use {}, waiting {}",
        now.title.empty() ? "" : now.title + "  ", to_text(seconds), rate(now), quantile(now, "p50", 0.50),
        quantile(now, "p99", 0.99), grouped(now.failed), grouped(now.pool.retries), grouped(now.pool.requests),
        grouped(now.pool.created), grouped(now.pool.in_use), grouped(now.pool.waiting));
}

}  // namespace lido::cli::simulate
