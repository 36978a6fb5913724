// Lido: how old a stored response is, how long it is fresh, and what that means for a request.
#pragma once

#include "http/cache_control.hpp"
#include "lido/base/time.hpp"
#include "lido/http/headers.hpp"

#include <chrono>

namespace lido::http {

using wall_time = std::chrono::system_clock::time_point;

/// A stored response in time. Only what the server's dates say is reckoned by the wall clock, once, on arrival; from
/// then on the steady clock counts, so that setting the wall clock makes nothing younger.
struct freshness {
    duration lifetime{};     ///< how long it is fresh, from its making by the server on
    duration initial_age{};  ///< how old it was when it came
    time_point received{};

    /// RFC 9111 §4.2.3: current_age.
    [[nodiscard]] duration age(time_point now) const noexcept { return initial_age + (now - received); }
    /// How long it has been stale; negative while it is fresh, zero from the moment at which it is not (§4.2).
    [[nodiscard]] duration staleness(time_point now) const noexcept { return age(now) - lifetime; }
    [[nodiscard]] bool is_fresh(time_point now) const noexcept { return staleness(now) < duration::zero(); }
};

/// The freshness of a response that was asked for at `sent` and was there at `received`, when the wall clock showed
/// `wall` (§4.2.1, §4.2.3). Explicit lifetimes only, `max-age` before `Expires`: what a server says nothing about is
/// stale at once. A date that is malformed is one in the past; a Date that is, is the moment of arrival.
[[nodiscard]] freshness freshness_of(const field_range& fields, const cache_directives& said, time_point sent,
                                     time_point received, wall_time wall) noexcept;

/// What is to be done with a stored response that fits a request.
enum class cache_decision : std::uint8_t {
    use,                       ///< fresh enough
    use_stale,                 ///< the request takes it though it is stale (max-stale)
    use_stale_and_revalidate,  ///< stale, within the response's stale-while-revalidate
    validate,                  ///< ask the server whether it still holds
};

/// RFC 9111 §4, §5.2.1; RFC 5861 §3. The limits that the directives name are included: a response that has been stale
/// for exactly as long as allowed may be used.
[[nodiscard]] cache_decision decide(const freshness& stored, const cache_directives& said,
                                    const cache_directives& asked, time_point now) noexcept;

/// May it stand in for the answer of a server that failed (RFC 5861 §4, RFC 9111 §4.2.4)? `window` is how long after
/// its end a response may that says nothing of it itself. Never what must be validated: `no-store`, `no-cache`,
/// `must-revalidate`; nor when the request asks for something fresher without permitting it.
[[nodiscard]] bool may_replace_failure(const freshness& stored, const cache_directives& said,
                                       const cache_directives& asked, duration window, time_point now) noexcept;

/// The longest time after its freshness during which a response may replace a failure, whatever requests say: zero when
/// never.
[[nodiscard]] duration error_window(const cache_directives& said, duration window) noexcept;

}  // namespace lido::http
