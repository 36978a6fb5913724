#include "lido/base/time.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace lido {

time_point coarse_now() noexcept {
    timespec value{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &value);
    return time_point(std::chrono::seconds(value.tv_sec) + std::chrono::nanoseconds(value.tv_nsec));
}

std::string to_text(duration value) {
    struct unit {
        long long nanoseconds;
        const char* name;
    };
    static constexpr std::array<unit, 6> units{{{3'600'000'000'000, "h"},
                                                {60'000'000'000, "min"},
                                                {1'000'000'000, "s"},
                                                {1'000'000, "ms"},
                                                {1'000, "us"},
                                                {1, "ns"}}};
    long long rest = std::chrono::duration_cast<std::chrono::nanoseconds>(value).count();
    if (rest == 0) return "0 s";
    std::string text = rest < 0 ? "-" : "";
    const char* separator = "";
    for (const unit& each : units) {
        const long long count = rest / each.nanoseconds;
        rest -= count * each.nanoseconds;
        if (count == 0) continue;
        text += fmt::format("{}{} {}", separator, count < 0 ? -count : count, each.name);
        separator = " ";
    }
    return text;
}

}  // namespace lido
