#include "values.hpp"

#include "command_error.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace lido::cli {
namespace {

struct unit {
    std::string_view name;
    duration size;
};
// The larger first. "ms" stands behind "m" because the whole name is compared.
constexpr std::array<unit, 5> units{{{"h", std::chrono::hours(1)},
                                     {"m", std::chrono::minutes(1)},
                                     {"s", std::chrono::seconds(1)},
                                     {"ms", std::chrono::milliseconds(1)},
                                     {"us", std::chrono::microseconds(1)}}};

constexpr std::string_view digits = "0123456789.";

/// Takes what is in `wanted` off the front of `text`.
std::string_view take_while(std::string_view& text, bool in_digits) {
    std::size_t size = 0;
    while (size < text.size() && (digits.find(text[size]) != std::string_view::npos) == in_digits) ++size;
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(size);
    return taken;
}

/// Digits with at most one point among them; `from_chars` would also take "inf" and exponents.
std::optional<double> parse_decimal(std::string_view text) {
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

[[noreturn]] void refuse(std::string_view option, std::string_view wanted, std::string_view got,
                         std::string_view remedy = {}) {
    throw usage_error(
        fmt::format("{} must be {}, got '{}'{}{}", option, wanted, got, remedy.empty() ? "" : "; ", remedy));
}

}  // namespace

std::optional<duration> parse_duration(std::string_view text) {
    if (text == "0") return duration::zero();
    if (text.empty()) return std::nullopt;
    constexpr double most = 1e9;
    duration sum = duration::zero();
    std::size_t next_unit = 0;
    while (!text.empty()) {
        const std::optional<double> count = parse_decimal(take_while(text, true));
        const std::string_view name = take_while(text, false);
        if (!count || *count < 0 || *count > most) return std::nullopt;
        while (next_unit < units.size() && units[next_unit].name != name) ++next_unit;
        if (next_unit == units.size()) return std::nullopt;
        const double ticks = *count * static_cast<double>(units[next_unit].size.count());
        if (ticks > static_cast<double>(duration::max().count()) / 8) return std::nullopt;
        sum += duration(static_cast<duration::rep>(std::llround(ticks)));
        ++next_unit;
    }
    return sum;
}

std::string duration_text(duration value) {
    if (value == duration::zero()) return "0s";
    std::string text;
    for (const unit& each : units) {
        const auto count = value / each.size;
        if (count == 0) continue;
        text += fmt::format("{}{}", count, each.name);
        value -= count * each.size;
    }
    return text.empty() ? "0s" : text;
}

std::uint64_t count_value(std::string_view option, std::string_view text, std::uint64_t least, std::uint64_t most,
                          std::string_view remedy) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = code == std::errc() && end == text.data() + text.size();
    if (whole && value >= least && value <= most) return value;
    refuse(option, fmt::format("a whole number {} … {}", least, most), text, remedy);
}

double number_value(std::string_view option, std::string_view text, double least, double most) {
    const std::optional<double> value = parse_decimal(text);
    if (value && *value >= least && *value <= most) return *value;
    refuse(option, fmt::format("a number {} … {}", least, most), text);
}

duration duration_value(std::string_view option, std::string_view text, duration least, duration most) {
    const std::optional<duration> value = parse_duration(text);
    if (!value) {
        const bool bare = !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
        const std::string remedy = bare ? fmt::format("add a unit, such as {}s or {}ms", text, text)
                                        : std::string("units are h, m, s, ms, us");
        refuse(option, "a duration with a unit, such as 10s, 250ms or 1m30s", text, remedy);
    }
    if (*value >= least && *value <= most) return *value;
    refuse(option, fmt::format("{} … {}", duration_text(least), duration_text(most)), text);
}

std::vector<std::string> list_value(std::string_view option, std::string_view text) {
    std::vector<std::string> parts;
    if (text.empty()) return parts;
    const std::string_view whole = text;
    while (true) {
        const std::size_t comma = text.find(',');
        parts.emplace_back(text.substr(0, comma));
        if (parts.back().empty()) refuse(option, "a list with commas between its parts, such as a,b", whole);
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace lido::cli
