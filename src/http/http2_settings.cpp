#include "lido/http/http2_settings.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace lido::http {
namespace {

constexpr std::uint64_t smallest_window = 65'535;  // RFC 9113 §6.9.2: what it is before anybody says something
constexpr std::uint64_t largest_window = std::uint64_t{1} << 30U;

[[nodiscard]] error out_of_range(std::string_view name, const std::string& value, const std::string& range) {
    return {errc::invalid_argument, fmt::format("http2_settings::{} = {} is out of range {}", name, value, range),
            fmt::format("choose {} within {}", name, range)};
}

[[nodiscard]] result<void> check_count(std::string_view name, std::uint64_t value, std::uint64_t lowest,
                                       std::uint64_t highest) {
    if (value >= lowest && value <= highest) return {};
    return out_of_range(name, fmt::format("{}", value), fmt::format("{} ... {}", lowest, highest));
}

[[nodiscard]] result<void> check_duration(std::string_view name, duration value, duration lowest, duration highest) {
    if (value >= lowest && value <= highest) return {};
    return out_of_range(name, to_text(value), fmt::format("{} ... {}", to_text(lowest), to_text(highest)));
}

}  // namespace

result<void> http2_settings::validate() const {
    using namespace std::chrono_literals;
    for (const result<void>& checked : {
             check_count("max_concurrent_streams", max_concurrent_streams, 1, 10'000),
             check_count("stream_window", stream_window, smallest_window, largest_window),
             check_count("connection_window", connection_window, smallest_window, largest_window),
             check_duration("ping_after", ping_after, 100ms, 1h),
             check_duration("ping_timeout", ping_timeout, 10ms, 10min),
             check_count("max_resets_per_second", max_resets_per_second, 1, 1'000'000),
             check_count("max_resets_at_once", max_resets_at_once, 1, 1'000'000),
             check_count("max_control_frames_at_once", max_control_frames_at_once, 10, 1'000'000),
             check_count("max_control_frames_per_second", max_control_frames_per_second, 10, 1'000'000),
         }) {
        if (!checked) return checked;
    }
    return {};
}

}  // namespace lido::http
