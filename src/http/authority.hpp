// Lido: host and port as they stand in a request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lido::http {

/// `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2): a name or an IPv4 address of unreserved characters,
/// sub-delimiters and percent-encodings, or an IPv6 address in brackets; a port of 1 to 5 digits, at most 65535.
/// Neither user information nor an empty host.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

/// The one way in which Lido writes a host: a name in lower case without its final dot; an IPv4 address; an IPv6
/// address in its shortest form (RFC 5952) without brackets, with its zone if it has one ("fe80::1%eth0"). Nothing when
/// `text`, with or without brackets, is none of these. Cost: one pass.
[[nodiscard]] std::optional<std::string> canonical_host(std::string_view text);

/// Does an authority say its port?
[[nodiscard]] bool has_port(std::string_view authority) noexcept;

}  // namespace lido::http
