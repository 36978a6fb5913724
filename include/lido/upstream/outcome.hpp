// Lido: how an attempt at an endpoint ended.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace lido::upstream {

/// How an attempt ended, as far as the policies are concerned.
///
/// | outcome   | means                                             | counts as | made again                |
/// |-----------|---------------------------------------------------|-----------|---------------------------|
/// | success   | answered                                          | success   | no                        |
/// | failed    | the endpoint's fault                              | failure   | if the call is repeatable |
/// | unsure    | the endpoint's fault, and it may have acted       | failure   | no                        |
/// | unreached | nothing was sent: no connection could be made     | failure   | always                    |
/// | refused   | nothing was sent: our own pool refused, or the    | nothing   | always; by our own pool:  |
/// |           | server, having done nothing (429)                 |           | elsewhere only            |
/// | ignored   | the caller's own fault, or the caller went away   | nothing   | no                        |
enum class outcome : std::uint8_t { success, failed, unsure, unreached, refused, ignored };

/// "unreached": the name as it stands in this header; stable, for metrics and reports.
[[nodiscard]] std::string_view name_of(outcome value) noexcept;

/// The end of an attempt.
struct attempt_end {
    upstream::outcome what = outcome::ignored;
    /// The server asked not to be asked again before this has passed.
    std::optional<duration> retry_after;
    /// Made again, if at all, at an endpoint that this call has not tried: our own pool was full, and to come back to
    /// it would make its queue longer than it may be.
    bool only_elsewhere = false;
};

/// What an error of a pool or of a connection says about the endpoint. `may_have_acted`: the request was sent, at least
/// in part, and doing it twice does harm.
///
/// connect_failed, connect_timeout, resolve_failed, tls_failed: unreached. acquire_timeout, queue_full, pool_exhausted,
/// pool_paused: refused. cancelled, invalid_argument, limit_exceeded, would_deadlock, pool_closed: ignored. All
/// others: failed, or unsure.
[[nodiscard]] outcome outcome_of(const error& failure, bool may_have_acted) noexcept;

}  // namespace lido::upstream
