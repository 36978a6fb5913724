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

/// What a wait for a connection that took too long says about the endpoint. `pool_full`: the pool had all that it may
/// have, and some were lent (`pool::statistics::is_full`), so it was our own callers who gave none back: refused.
/// Otherwise the endpoint gave none: unreached.
[[nodiscard]] outcome outcome_of_wait_in_vain(bool pool_full) noexcept;

/// What it says about the endpoint that there was no connection to it, for the reason `why`. Nothing was sent.
///
/// acquire_timeout, timeout: a wait in vain. Whatever else an opener calls its failure: unreached. A refusal by our own
/// pool, and the caller's own faults, are what `outcome_of` says.
[[nodiscard]] outcome outcome_without_connection(const error& why, bool pool_full) noexcept;

}  // namespace lido::upstream
