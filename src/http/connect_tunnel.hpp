// Lido: a tunnel through an HTTP proxy.
#pragma once

#include "http/proxy.hpp"
#include "lido/base/task.hpp"
#include "lido/http/limits.hpp"
#include "lido/net/endpoint.hpp"
#include "lido/net/stream.hpp"

#include <string>

namespace lido::http {

/// "Basic bWU6aGlkZGVu", what Proxy-Authorization says (RFC 7617); empty for a proxy without credentials.
[[nodiscard]] secret proxy_authorization(const proxy& by);

/// Asks the proxy at the other end of `through` for a tunnel to `target` (RFC 9110 §9.3.6); afterwards the stream is
/// that tunnel. The proxy's answer is bounded by `limits`, which must outlive the task; a byte behind it is refused,
/// because nobody at the other end can have spoken yet. Errors: `connect_failed`, `connect_timeout`, saying what the
/// proxy answered and never a credential.
[[nodiscard]] task<result<void>> connect_tunnel(net::stream& through, const proxy& by, net::endpoint target,
                                                const http_limits& limits, time_point deadline);

}  // namespace lido::http
