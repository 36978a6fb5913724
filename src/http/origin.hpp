// Lido: whom a URL names, and what it asks of it.
#pragma once

#include "lido/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lido::http {

/// Scheme, host and port: requests to the same one may share connections (RFC 6454 §4).
struct origin {
    bool secure = false;
    std::string host;  ///< as `canonical_host` writes it; an IPv6 literal keeps its zone
    std::uint16_t port = 80;

    [[nodiscard]] friend bool operator==(const origin&, const origin&) = default;
    /// "http://127.0.0.1:8080"; the scheme's own port is left out. The same text for the same origin.
    [[nodiscard]] std::string to_text() const;
    /// What the Host field says: the host without its zone, in brackets where it needs them, and the port unless it is
    /// the scheme's own.
    [[nodiscard]] std::string host_field() const;
};

/// An absolute URL, taken apart.
struct parsed_url {
    http::origin origin;
    /// Path and query, at least "/". The fragment is dropped; it is not for the server.
    std::string target;
};

/// Errors: `invalid_argument` saying what about the URL is wrong. User and password are refused: a URL ends up in logs.
[[nodiscard]] result<parsed_url> parse_url(std::string_view text);

}  // namespace lido::http
