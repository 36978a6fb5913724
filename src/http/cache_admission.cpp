#include "http/cache_admission.hpp"

#include <algorithm>
#include <array>

namespace lido::http {
namespace {

constexpr std::array<std::string_view, 6> own_business = {"Range",         "If-Range",          "If-Match",
                                                          "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"};

/// Those that RFC 9110 §15.1 calls heuristically cacheable, without 206 and 501, and the redirections that may be
/// stored when they say for how long.
constexpr std::array<unsigned, 12> known_statuses = {200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414};

constexpr std::array<errc, 15> replaceable = {
    errc::acquire_timeout, errc::queue_full,        errc::pool_exhausted, errc::pool_paused,  errc::would_deadlock,
    errc::connect_failed,  errc::connect_timeout,   errc::resolve_failed, errc::read_timeout, errc::write_timeout,
    errc::timeout,         errc::connection_closed, errc::protocol_error, errc::circuit_open, errc::rate_limited};

}  // namespace

bool concerns_cache(const request& what, const cache_directives& asked) noexcept {
    const bool reads = what.method() == method::get || what.method() == method::head;
    if (!reads || what.has_body() || asked.no_store) return false;
    return std::none_of(own_business.begin(), own_business.end(),
                        [&](std::string_view name) { return what.header(name).has_value(); });
}

bool may_store(const response& from, const cache_directives& said, bool has_credentials) noexcept {
    if (said.no_store || (said.is_private && !has_credentials)) return false;
    if (from.header("Set-Cookie")) return false;
    return std::find(known_statuses.begin(), known_statuses.end(), from.status()) != known_statuses.end();
}

bool worth_storing(const response& from, const cache_directives& said, const freshness& time,
                   duration default_error_window) noexcept {
    const bool fresh = !said.no_cache && time.lifetime > time.initial_age;
    const bool can_be_validated = from.header("ETag") || from.header("Last-Modified");
    const bool graced = said.stale_while_revalidate && *said.stale_while_revalidate > std::chrono::seconds(0) &&
                        !said.no_cache && !said.must_revalidate;
    return fresh || can_be_validated || graced || error_window(said, default_error_window) > duration::zero();
}

bool is_failure_status(unsigned status) noexcept {
    return status == 500 || (status >= 502 && status <= 504);
}

bool is_replaceable_failure(const error& failure) noexcept {
    return std::any_of(replaceable.begin(), replaceable.end(), [&](errc each) { return failure == each; });
}

bool invalidates(const method& of, unsigned status) noexcept {
    return !is_safe(of) && status >= 200 && status < 400;
}

}  // namespace lido::http
