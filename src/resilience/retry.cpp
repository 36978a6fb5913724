#include "lido/resilience/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lido::resilience {
namespace {

constexpr duration longest_wait = std::chrono::hours(24);

error out_of_range(std::string_view name, const std::string& value, std::string_view range) {
    return {errc::invalid_argument, fmt::format("retry setting {} = {} is out of range {}", name, value, range),
            fmt::format("set {} within {}", name, range)};
}

bool is_within_a_day(duration value) noexcept {
    return value >= duration::zero() && value <= longest_wait;
}

/// RFC 9110 §5.6.2. The same test as http::method's, which stands in a layer above this one.
bool is_token(std::string_view text) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != std::string_view::npos;
    });
}

/// What a failure says about the server.
enum class reach : std::uint8_t {
    not_reached,    ///< the request provably did not get to the server
    maybe_reached,  ///< it may have acted on the request
    final,          ///< another attempt would end the same way, or is not wanted
};

/// Without a default, so that the compiler asks about every new code.
reach reach_of(errc failure) noexcept {
    switch (failure) {
        case errc::connect_failed:
        case errc::connect_timeout:
        case errc::resolve_failed:
            return reach::not_reached;
        case errc::read_timeout:
        case errc::write_timeout:
        case errc::connection_closed:
        case errc::maybe_executed:
        case errc::protocol_error:
            return reach::maybe_reached;
        // A pool or policy that refuses is overloaded or told to: trying again makes it worse.
        case errc::acquire_timeout:
        case errc::queue_full:
        case errc::pool_exhausted:
        case errc::pool_closed:
        case errc::pool_paused:
        case errc::would_deadlock:
        case errc::circuit_open:
        case errc::rate_limited:
        // The next attempt meets the same certificate, limit, argument or deadline.
        case errc::tls_failed:
        case errc::timeout:
        case errc::limit_exceeded:
        case errc::cancelled:
        case errc::invalid_argument:
        case errc::check_failed:
        case errc::reset_failed:
            return reach::final;
    }
    return reach::final;
}

bool lists_method(const retry_settings& settings, std::string_view method) noexcept {
    return std::find(settings.methods.begin(), settings.methods.end(), method) != settings.methods.end();
}

bool lists_status(const retry_settings& settings, int status) noexcept {
    return std::find(settings.statuses.begin(), settings.statuses.end(), status) != settings.statuses.end();
}

bool is_retriable(const retry_settings& settings, const attempt_outcome& outcome) noexcept {
    if (outcome.failure) {
        switch (reach_of(*outcome.failure)) {
            case reach::not_reached:
                return true;
            case reach::maybe_reached:
                return lists_method(settings, outcome.method);
            case reach::final:
                return false;
        }
    }
    return lists_status(settings, outcome.status) && lists_method(settings, outcome.method);
}

duration own_wait(const retry_settings& settings, unsigned attempt, double random_share) noexcept {
    const int doublings = static_cast<int>(std::min(attempt > 0 ? attempt - 1 : 0U, 1000U));
    const double cap = std::chrono::duration<double>(settings.max_backoff).count();
    // `min` comes before the conversion: a double beyond the range of integers must not become one.
    const double wait = std::min(std::ldexp(settings.backoff_factor, doublings), cap);
    const double kept = 1.0 - settings.jitter * std::clamp(random_share, 0.0, 1.0);
    const auto rounded = std::chrono::duration_cast<duration>(std::chrono::duration<double>(wait * kept));
    return std::min(rounded, settings.max_backoff);
}

/// The wait that the server asks for; zero when it does not, or says "now", which leaves it to our own back-off.
duration server_wait(const retry_settings& settings, const attempt_outcome& outcome) noexcept {
    if (!settings.respect_retry_after || !outcome.retry_after) return duration::zero();
    return std::max(*outcome.retry_after, duration::zero());
}

std::optional<duration> decide(const retry_settings& settings, const attempt_outcome& outcome, unsigned attempt,
                               time_point now, time_point deadline, double random_share) {
    if (attempt > settings.max_retries || !is_retriable(settings, outcome)) return std::nullopt;
    duration wait = server_wait(settings, outcome);
    if (wait > settings.max_retry_after) return std::nullopt;
    if (wait == duration::zero()) wait = own_wait(settings, attempt, random_share);
    if (deadline_after(now, wait) > deadline) return std::nullopt;
    return wait;
}

}  // namespace

result<void> retry_settings::validate() const {
    if (max_retries > 100) return out_of_range("max_retries", fmt::format("{}", max_retries), "0 … 100");
    if (!(backoff_factor >= 0.0 && backoff_factor <= 3600.0)) {
        return out_of_range("backoff_factor", fmt::format("{}", backoff_factor), "0 … 3600");
    }
    if (!is_within_a_day(max_backoff)) return out_of_range("max_backoff", to_text(max_backoff), "0 s … 24 h");
    if (!(jitter >= 0.0 && jitter <= 1.0)) return out_of_range("jitter", fmt::format("{}", jitter), "0 … 1");
    for (const int status : statuses) {
        if (status < 100 || status > 599) return out_of_range("statuses", fmt::format("{}", status), "100 … 599");
    }
    for (const std::string& method : methods) {
        if (is_token(method)) continue;
        return error(errc::invalid_argument, fmt::format("retry setting methods has '{}', which is no method", method),
                     "use names of methods such as GET, without spaces");
    }
    if (!is_within_a_day(max_retry_after)) {
        return out_of_range("max_retry_after", to_text(max_retry_after), "0 s … 24 h");
    }
    return {};
}

std::optional<duration> next_attempt(const retry_settings& settings, const attempt_outcome& outcome, unsigned attempt,
                                     time_point now, time_point deadline, double random_share,
                                     retry_observer* watcher) {
    const std::optional<duration> wait = decide(settings, outcome, attempt, now, deadline, random_share);
    if (watcher == nullptr) return wait;
    if (wait) {
        watcher->tried_again(outcome, attempt, *wait);
    } else if (outcome.failure || lists_status(settings, outcome.status)) {
        watcher->gave_up(outcome, attempt);
    }
    return wait;
}

}  // namespace lido::resilience
