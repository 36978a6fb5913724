// Lido: which versions of HTTP a client speaks.
#pragma once

#include <cstdint>

namespace lido::http {

/// Which versions of HTTP may be spoken on the connections of a client.
enum class http_versions : std::uint8_t {
    automatic,  ///< over TLS what the server chooses by ALPN, HTTP/1.1 elsewhere
    http1,      ///< HTTP/1.1 only
    http2,      ///< HTTP/2 only: over TLS nothing else is offered; in cleartext by prior knowledge (RFC 9113 §3.3)
};

}  // namespace lido::http
