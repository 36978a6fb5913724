// Lido: which requests concern a cache, and which responses it may keep.
#pragma once

#include "http/cache_control.hpp"
#include "http/freshness.hpp"
#include "lido/http/request.hpp"
#include "lido/http/response.hpp"

namespace lido::http {

/// May the request be answered from a cache, and its answer be put there? A GET or HEAD without a body, without
/// `no-store`, and without fields by which the caller deals with parts or versions himself (Range, If-Match and so on):
/// those go past the cache, both ways.
[[nodiscard]] bool concerns_cache(const request& what, const cache_directives& asked) noexcept;

/// May this response to a GET be stored (RFC 9111 §3)? Stricter than that: only with a status whose meaning is known
/// here, never with Set-Cookie, and `private` only when the request shows for whom it is (`has_credentials`).
[[nodiscard]] bool may_store(const response& from, const cache_directives& said, bool has_credentials) noexcept;

/// Is there any use in storing it: will it be fresh for a moment, can it be validated, or may it replace a failure?
[[nodiscard]] bool worth_storing(const response& from, const cache_directives& said, const freshness& time,
                                 duration default_error_window) noexcept;

/// Is this a status by which a server says that it fails (RFC 5861 §4)? 500, 502, 503, 504.
[[nodiscard]] bool is_failure_status(unsigned status) noexcept;

/// Is this a failure that a stale response may stand in for? The server was not reached, did not answer in time or not
/// in HTTP, or was not asked, because pool or policies refused. Not: a certificate that was not accepted, a mistake of
/// the caller, a response beyond its limits, a client that is closed, or cancelling.
[[nodiscard]] bool is_replaceable_failure(const error& failure) noexcept;

/// May a request of this method change what it names (RFC 9111 §4.4)? All but the safe ones; unknown ones may.
[[nodiscard]] bool invalidates(const method& of, unsigned status) noexcept;

}  // namespace lido::http
