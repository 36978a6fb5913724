// Lido: the field Cache-Control.
#pragma once

#include "lido/http/headers.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace lido::http {

/// What the Cache-Control of a request or of a response demands of a private cache (RFC 9111 §5.2, RFC 5861). What
/// concerns shared caches only (`public`, `s-maxage`, `proxy-revalidate`) is not in it, nor is what permits less care
/// than this cache takes anyway (`immutable`, `must-understand`, and the names of fields behind `no-cache` and
/// `private`, which are taken as if they stood alone).
struct cache_directives {
    bool no_store = false;
    bool no_cache = false;
    bool must_revalidate = false;
    bool is_private = false;
    bool only_if_cached = false;
    std::optional<std::chrono::seconds> max_age;
    std::optional<std::chrono::seconds> min_fresh;
    std::optional<std::chrono::seconds> max_stale;  ///< without a number: `longest_delta`
    std::optional<std::chrono::seconds> stale_if_error;
    std::optional<std::chrono::seconds> stale_while_revalidate;

    friend bool operator==(const cache_directives&, const cache_directives&) = default;
};

/// The greatest delta-seconds; greater ones count as this (RFC 9111 §1.2.2). 68 years.
inline constexpr std::chrono::seconds longest_delta{2'147'483'648};

/// Adds what one field line says.
///
/// In doubt a response is rather stale than fresh: of a directive that is repeated with different values the stricter
/// one counts; a number that is missing or malformed is the strictest there is; a directive that only forbids counts
/// whatever stands behind its name; what hides behind a quote that is never closed is read too. Numbers in quotes and
/// any case of letters are taken (§5.2). Unknown directives and garbage are passed over up to the next comma. Any bytes
/// are allowed; one pass, no allocation.
void read_cache_control(std::string_view line, cache_directives& into) noexcept;

/// All lines of that name together; in a request without one, `Pragma: no-cache` counts as `no-cache` (§5.4).
[[nodiscard]] cache_directives response_cache_control(const field_range& fields) noexcept;
[[nodiscard]] cache_directives request_cache_control(const field_range& fields) noexcept;

/// delta-seconds, at most `longest_delta`; nothing when it is no number.
[[nodiscard]] std::optional<std::chrono::seconds> parse_delta_seconds(std::string_view text) noexcept;

}  // namespace lido::http
