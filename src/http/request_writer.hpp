// Lido: an HTTP/1.1 request as bytes.
#pragma once

#include "lido/base/result.hpp"
#include "lido/http/request.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace lido::http {

/// What of a request line depends on whom it is sent to. Views must outlive the call only.
struct request_target_context {
    /// The value of Host: the origin's host, and its port unless it is the scheme's own ("shop.example:8080", "[::1]").
    /// A Host field in the request takes its place.
    std::string_view host;

    /// For a request through a plain proxy: the scheme and authority that make the target absolute,
    /// "http://shop.example" (RFC 9112 §3.2.2). Empty: the target is sent as it is.
    std::string_view absolute_prefix = {};

    /// What Proxy-Authorization says to that proxy, unless the request says it itself. Empty: nothing.
    std::string_view proxy_authorization = {};

    /// Fields that every request of this client carries unless it has one of that name itself; null: none.
    const headers* defaults = nullptr;

    /// Ask the server to close the connection after this exchange.
    bool close = false;
};

/// Bodies up to this size are copied behind the head, so that one send carries both; larger ones stay where they are.
inline constexpr std::size_t max_copied_body_bytes = 16 * 1024;

/// What `append_request` made.
struct written_request {
    /// What is still to be sent after the head, without framing; empty when the body was copied, or comes from a
    /// source. It points into the request.
    std::string_view body;

    /// The request says "Connection: close": the connection is not to be used again.
    bool closes = false;

    /// The body waits until the server asks for it: "Expect: 100-continue".
    bool expects = false;

    /// The body does not follow at once and in one piece: it waits, comes from a source, or has trailers.
    bool streams = false;
};

/// Credentials for a proxy are for whoever reads the request, which is a server unless a proxy is asked for a whole
/// URL, or for a tunnel: whatever the version. Errors: `invalid_argument`.
[[nodiscard]] result<void> check_proxy_authorization(const request& message, bool asks_proxy);

/// Appends the request to `out` (RFC 9112 §3): request line, Host, the request's own fields, the defaults, framing.
/// This is the one place that everything sent passes: it calls `request::validate()` and checks the context as well.
///
/// Content-Length is sent with every body, and "0" without one for POST, PUT and PATCH (RFC 9110 §8.6); a source of
/// unknown size, and a body with trailers, is announced by "Transfer-Encoding: chunked".
///
/// Errors: those of `validate()`, `invalid_argument` for a host or prefix that is none, and for a request with
/// Proxy-Authorization where no proxy would read it: it would go to the server, and CONNECT is for the proxy. `out` is
/// then as it was. Cost:
/// one pass over the request; allocates only where `out` has to grow.
[[nodiscard]] result<written_request> append_request(std::string& out, const request& message,
                                                     const request_target_context& context);

}  // namespace lido::http
