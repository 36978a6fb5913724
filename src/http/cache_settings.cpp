#include "lido/http/cache_settings.hpp"

#include "http/grammar.hpp"

#include <fmt/format.h>

#include <optional>

namespace lido::http {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t least_bytes = 4096;
constexpr std::size_t most_bytes = std::size_t{64} * 1024 * 1024 * 1024;
constexpr std::size_t most_names = 32;

error out_of_range(std::string_view field, const std::string& value, const std::string& range) {
    return {errc::invalid_argument, fmt::format("cache setting {} = {} is out of range {}", field, value, range),
            fmt::format("choose {} within {}", field, range)};
}

std::optional<error> check_count(std::string_view field, std::size_t value, std::size_t lowest, std::size_t highest) {
    if (value >= lowest && value <= highest) return std::nullopt;
    return out_of_range(field, fmt::format("{}", value), fmt::format("{} ... {}", lowest, highest));
}

std::optional<error> check_duration(std::string_view field, duration value, duration highest) {
    if (value >= duration::zero() && value <= highest) return std::nullopt;
    return out_of_range(field, to_text(value), fmt::format("0 ... {}", to_text(highest)));
}

}  // namespace

result<void> cache_settings::validate() const {
    for (const std::optional<error>& problem : {
             check_count("max_bytes", max_bytes, least_bytes, most_bytes),
             check_count("max_entries", max_entries, 1, 10'000'000),
             check_count("max_body_bytes", max_body_bytes, 0, most_bytes),
             check_count("max_variants", max_variants, 1, 1'000),
             check_count("max_revalidations", max_revalidations, 0, 1'000),
             check_count("credential_headers", credential_headers.size(), 0, most_names),
             check_duration("stale_if_error", stale_if_error, 720h),
             check_duration("revalidation_pause", revalidation_pause, 1h),
         }) {
        if (problem) return *problem;
    }
    for (const std::string& name : credential_headers) {
        if (is_token(name)) continue;
        return error(errc::invalid_argument, "cache setting credential_headers has a name that is no token",
                     "use names of header fields, such as X-Api-Key");
    }
    return {};
}

}  // namespace lido::http
