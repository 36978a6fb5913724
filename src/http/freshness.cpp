#include "http/freshness.hpp"

#include "http/grammar.hpp"
#include "resilience/http_date.hpp"

#include <algorithm>

namespace lido::http {
namespace {

using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::sys_seconds;

/// The years that dates can name do not all fit into nanoseconds.
duration bounded(seconds value) noexcept {
    return std::clamp(value, seconds(0), longest_delta);
}

sys_seconds date_of(const field_range& fields, sys_seconds now) noexcept {
    const std::string_view text = trim(fields.find("Date").value_or(""));
    return resilience::parse_http_date(text, now).value_or(now);
}

/// The first of a list; as if absent when that is no number (§5.1).
duration age_value(const field_range& fields) noexcept {
    const std::string_view text = fields.find("Age").value_or("");
    return parse_delta_seconds(trim(text.substr(0, text.find(',')))).value_or(seconds(0));
}

duration lifetime_of(const field_range& fields, const cache_directives& said, sys_seconds now) noexcept {
    if (said.max_age) return *said.max_age;
    const std::optional<std::string_view> expires = fields.find("Expires");
    if (!expires) return duration::zero();
    const std::optional<sys_seconds> when = resilience::parse_http_date(trim(*expires), now);
    if (!when) return duration::zero();
    return bounded(*when - date_of(fields, now));
}

}  // namespace

freshness freshness_of(const field_range& fields, const cache_directives& said, time_point sent, time_point received,
                       wall_time wall) noexcept {
    const auto now = floor<seconds>(wall);
    const duration apparent = bounded(now - date_of(fields, now));
    const duration corrected = age_value(fields) + std::max(received - sent, duration::zero());
    return {
        .lifetime = lifetime_of(fields, said, now), .initial_age = std::max(apparent, corrected), .received = received};
}

cache_decision decide(const freshness& stored, const cache_directives& said, const cache_directives& asked,
                      time_point now) noexcept {
    const duration stale_for = stored.staleness(now);
    if (said.no_cache || asked.no_cache) return cache_decision::validate;
    if (asked.max_age && stored.age(now) > *asked.max_age) return cache_decision::validate;
    if (asked.min_fresh && -stale_for < *asked.min_fresh) return cache_decision::validate;
    if (stale_for < duration::zero()) return cache_decision::use;
    if (said.must_revalidate) return cache_decision::validate;
    if (asked.max_stale && stale_for <= *asked.max_stale) return cache_decision::use_stale;
    const seconds grace = said.stale_while_revalidate.value_or(seconds(0));
    if (grace > seconds(0) && stale_for <= grace) return cache_decision::use_stale_and_revalidate;
    return cache_decision::validate;
}

duration error_window(const cache_directives& said, duration window) noexcept {
    if (said.no_store || said.no_cache || said.must_revalidate) return duration::zero();
    return said.stale_if_error ? duration(*said.stale_if_error) : window;
}

bool may_replace_failure(const freshness& stored, const cache_directives& said, const cache_directives& asked,
                         duration window, time_point now) noexcept {
    if (said.no_store || said.no_cache || said.must_revalidate || asked.no_cache) return false;
    duration allowed = error_window(said, window);
    if (asked.stale_if_error) {
        allowed = std::max<duration>(allowed, *asked.stale_if_error);
    } else {
        const bool too_old = asked.max_age && stored.age(now) > *asked.max_age;
        const bool too_stale = asked.min_fresh && -stored.staleness(now) < *asked.min_fresh;
        if ((too_old || too_stale) && !asked.max_stale) return false;
    }
    const duration stale_for = stored.staleness(now);
    return stale_for < duration::zero() || (allowed > duration::zero() && stale_for <= allowed);
}

}  // namespace lido::http
