#include "lido/http/limits.hpp"

#include <fmt/format.h>

#include <limits>
#include <string_view>

namespace lido::http {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1024} * 1024;

[[nodiscard]] result<void> check_range(std::string_view name, std::uint64_t value, std::uint64_t min,
                                       std::uint64_t max) {
    if (value >= min && value <= max) return {};
    return error(errc::invalid_argument, fmt::format("http_limits::{} = {} is out of range", name, value),
                 fmt::format("set it to {} to {}", min, max));
}

}  // namespace

result<void> http_limits::validate() const {
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    struct range {
        std::string_view name;
        std::uint64_t value;
        std::uint64_t min;
        std::uint64_t max;
    };
    const range ranges[] = {
        {"max_head_bytes", max_head_bytes, 128, 16 * mebibyte},
        {"max_start_line_bytes", max_start_line_bytes, 32, std::uint64_t{64} * 1024},
        {"max_header_count", max_header_count, 1, 10'000},
        {"max_body_bytes", max_body_bytes, 0, largest},
        {"max_chunk_extension_bytes", max_chunk_extension_bytes, 0, mebibyte},
        {"max_trailer_bytes", max_trailer_bytes, 2, 16 * mebibyte},
        {"max_interim_responses", max_interim_responses, 0, 1'000},
        {"max_proxy_answer_bytes", max_proxy_answer_bytes, 128, 16 * mebibyte},
    };
    for (const range& each : ranges) {
        if (result<void> checked = check_range(each.name, each.value, each.min, each.max); !checked) return checked;
    }
    if (max_start_line_bytes > max_head_bytes) {
        return error(errc::invalid_argument,
                     fmt::format("http_limits::max_start_line_bytes = {} is above max_head_bytes = {}",
                                 max_start_line_bytes, max_head_bytes),
                     "raise max_head_bytes or lower max_start_line_bytes");
    }
    return {};
}

}  // namespace lido::http
