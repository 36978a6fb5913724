// Lido: what a server says about a cookie.
#pragma once

#include "http/origin.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lido::http {

/// A cookie as it is kept.
struct cookie {
    std::string name;
    std::string value;
    std::string domain;  ///< lower case, no dot at either end; of a host-only one the host
    std::string path;    ///< begins with a slash
    bool host_only = true;
    bool secure = false;
    /// `time_point::max()`: as long as the jar.
    std::chrono::system_clock::time_point expires = std::chrono::system_clock::time_point::max();
};

/// Says whether a domain belongs to nobody in particular, see `cookie_jar_settings`; may be empty.
using public_suffix_check = std::function<bool(std::string_view domain)>;

/// Reads a Set-Cookie that came from `from` (RFC 6265 §5.2, §5.3). Nothing: it has to be ignored, for it is malformed,
/// for a domain that `from` does not belong to, or Secure without being secured. One that has expired takes away its
/// like. Pure.
[[nodiscard]] std::optional<cookie> parse_set_cookie(std::string_view text, const parsed_url& from,
                                                     std::chrono::system_clock::time_point now,
                                                     const public_suffix_check& is_public_suffix);

/// Does a host belong to a domain: is it the same, or a name below it (RFC 6265 §5.1.3)? An address belongs to itself.
[[nodiscard]] bool domain_matches(std::string_view host, std::string_view domain) noexcept;
/// Is a path the cookie's, or below it (RFC 6265 §5.1.4)?
[[nodiscard]] bool path_matches(std::string_view path, std::string_view cookie_path) noexcept;
/// A target without its query.
[[nodiscard]] std::string_view path_of(std::string_view target) noexcept;

}  // namespace lido::http
