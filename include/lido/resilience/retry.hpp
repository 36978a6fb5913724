// Lido: whether to try again, and when.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::resilience {

/// When a request is tried again. The semantics are those of urllib3's `Retry`, which the first seed document uses.
struct retry_settings {
    /// Further attempts after the first. 0 … 100; 0: none.
    unsigned max_retries = 3;
    /// The n-th retry waits backoff_factor × 2^(n-1) seconds. 0 … 3600; 0: no wait.
    double backoff_factor = 0.3;
    /// No wait is longer than this. 0 … 24 h.
    duration max_backoff = std::chrono::seconds(120);
    /// A random share of up to this is taken off each wait of our own, so that callers that failed together do not come
    /// back together. 0 … 1.
    double jitter = 0.1;
    /// Response statuses that are tried again; 100 … 599 each.
    std::vector<int> statuses{429, 500, 502, 503, 504};
    /// Methods whose requests are tried again after a status of the list, or after they may have reached the server.
    /// A request that provably did not reach the server is tried again whatever its method.
    std::vector<std::string> methods{"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE", "POST"};
    /// Obey the server's `Retry-After`, up to `max_retry_after`; a longer one ends the retries. 0 … 24 h.
    bool respect_retry_after = true;
    duration max_retry_after = std::chrono::minutes(2);

    [[nodiscard]] result<void> validate() const;
};

/// How an attempt ended, as far as retrying is concerned.
struct attempt_outcome {
    std::string_view method;
    /// The response's status; 0 when there was none.
    int status = 0;
    /// Why there was no response.
    std::optional<errc> failure;
    /// The server's Retry-After, already turned into a wait.
    std::optional<duration> retry_after;
};

/// Told what is decided about a request's next attempt. Derive from it and override what matters; each default does
/// nothing.
class retry_observer {
public:
    virtual ~retry_observer() = default;

    /// After attempt number `attempt` the next one follows, `wait` later.
    virtual void tried_again(const attempt_outcome& outcome, unsigned attempt, duration wait) noexcept {
        static_cast<void>(outcome);
        static_cast<void>(attempt);
        static_cast<void>(wait);
    }
    /// Attempt number `attempt` failed and was the last: there are no more, or there is no time, or it would be of no
    /// use.
    virtual void gave_up(const attempt_outcome& outcome, unsigned attempt) noexcept {
        static_cast<void>(outcome);
        static_cast<void>(attempt);
    }

protected:
    retry_observer() = default;
    retry_observer(const retry_observer&) = default;
    retry_observer& operator=(const retry_observer&) = default;
};

/// Decides after attempt number `attempt` (1 is the first) at `now`: the wait before the next attempt, or nothing when
/// this was the last. Never a wait that would end after `deadline`. Pure: `random_share` in [0, 1) is the jitter's
/// dice. `watcher`, if there is one, is told.
///
/// | how the attempt ended                                               | tried again                         |
/// |----------------------------------------------------------------------|-------------------------------------|
/// | a status of `statuses`                                              | if the method is one of `methods`   |
/// | connect_failed, connect_timeout, resolve_failed: not reached        | always                              |
/// | read_timeout, write_timeout, connection_closed, maybe_executed,     | if the method is one of `methods`:  |
/// | protocol_error: the server may have acted                           | list POST only if twice does no harm |
/// | the pool or a policy refused (acquire_timeout, queue_full,          | never: more load makes it worse     |
/// | pool_exhausted, pool_closed, circuit_open …)                        |                                     |
/// | tls_failed, timeout, limit_exceeded, cancelled, invalid_argument …  | never: it would end the same way    |
///
/// The wait is the server's `retry_after` when there is one, else backoff_factor × 2^(attempt-1) s, at most
/// `max_backoff`, less the jitter. A `retry_after` of zero, which a date in the past is too, leaves it to the back-off,
/// as urllib3 does. Methods are compared with regard to case (RFC 9110 §9.1).
[[nodiscard]] std::optional<duration> next_attempt(const retry_settings& settings, const attempt_outcome& outcome,
                                                   unsigned attempt, time_point now, time_point deadline,
                                                   double random_share, retry_observer* watcher = nullptr);

/// The wait of a `Retry-After` field: delta-seconds, or an HTTP-date (RFC 9110 §10.2.3) against `wall_now`. Nothing
/// when it is malformed; zero for a date in the past.
[[nodiscard]] std::optional<duration> parse_retry_after(std::string_view value,
                                                        std::chrono::system_clock::time_point wall_now);

}  // namespace lido::resilience
