// Lido: where a server sends a request next, and what of it goes along.
#pragma once

#include "http/origin.hpp"
#include "lido/base/result.hpp"
#include "lido/http/redirect_settings.hpp"
#include "lido/http/request.hpp"
#include "lido/http/response.hpp"

#include <optional>
#include <string_view>

namespace lido::http {

/// Decides about the response to a request that was made to `from` after `followed` redirects: nothing means that it is
/// the answer; otherwise the request that follows, with an absolute URL for its target. Pure.
///
/// Followed are 301, 302, 303, 307 and 308 with a Location (RFC 9110 §15.4). 303, and 301 and 302 after POST, ask by
/// GET (HEAD stays HEAD) and leave body and Content-* fields behind; the others keep method and body, and are not
/// followed when the body cannot be had again. To another origin (scheme, host, port) go neither Authorization, Cookie
/// and Proxy-Authorization, nor a Host of the caller's, nor what the caller has marked as secret.
///
/// Errors: `limit_exceeded` for one redirect too many; `protocol_error` for a Location that is no URI reference, names
/// user or password or another scheme than http and https, for several that differ, and for https to http unless
/// allowed. No error has the query of a URL in it.
[[nodiscard]] result<std::optional<request>> redirect(const request& what, const parsed_url& from, const response& came,
                                                      const redirect_settings& settings, unsigned followed);

/// `reference` as seen from `base`, an absolute URL (RFC 3986 §5), without its fragment. Errors: `protocol_error`.
[[nodiscard]] result<parsed_url> resolve_reference(const parsed_url& base, std::string_view reference);

}  // namespace lido::http
