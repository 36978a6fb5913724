#include "simulate/figures.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>

namespace lido::cli::simulate {

std::string grouped(std::uint64_t value) {
    std::string text = fmt::format("{}", value);
    for (std::size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, ",");
    return text;
}

std::string in_milliseconds(duration value) {
    const double milliseconds = seconds_of(value) * 1000.0;
    if (milliseconds < 1.0) return fmt::format("{:.3f} ms", milliseconds);
    if (milliseconds < 10.0) return fmt::format("{:.2f} ms", milliseconds);
    if (milliseconds < 100.0) return fmt::format("{:.1f} ms", milliseconds);
    if (milliseconds < 9999.5) return grouped(static_cast<std::uint64_t>(std::llround(milliseconds))) + " ms";
    return fmt::format("{:.1f} s", milliseconds / 1000.0);
}

std::string as_rate(double per_second) {
    if (per_second < 99.95) return fmt::format("{:.1f}", per_second);
    return grouped(static_cast<std::uint64_t>(std::llround(per_second)));
}

std::string in_seconds(duration value) {
    if (value < std::chrono::minutes(1)) return fmt::format("{:.1f} s", seconds_of(value));
    return to_text(std::chrono::round<std::chrono::seconds>(value));
}

std::string in_bytes(std::uint64_t value) {
    constexpr std::array<std::string_view, 5> units{"kB", "MB", "GB", "TB", "PB"};
    if (value < 1000) return fmt::format("{} B", value);
    double scaled = static_cast<double>(value) / 1000.0;
    std::size_t unit = 0;
    while (scaled >= 999.95 && unit + 1 < units.size()) {
        scaled /= 1000.0;
        ++unit;
    }
    return fmt::format("{:.1f} {}", scaled, units[unit]);
}

double per(double amount, double divisor) noexcept {
    return divisor > 0.0 ? amount / divisor : 0.0;
}

double seconds_of(duration value) noexcept {
    return std::chrono::duration<double>(value).count();
}

}  // namespace lido::cli::simulate
