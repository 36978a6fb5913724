#include "http/trailer_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lido::http {
namespace {

constexpr auto forbidden = std::to_array<std::string_view>(
    {// Framing and routing.
     "Content-Length", "Transfer-Encoding", "Host", "Trailer", "TE", "Connection", "Keep-Alive", "Proxy-Connection",
     "Upgrade", "Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP",
     // Modifiers of requests.
     "Cache-Control", "Expect", "Max-Forwards", "Pragma", "Range", "If-Match", "If-None-Match", "If-Modified-Since",
     "If-Unmodified-Since", "If-Range",
     // Authentication, and what takes its place.
     "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Cookie", "Set-Cookie",
     // Control of responses.
     "Age", "Date", "Expires", "Location", "Retry-After", "Vary", "Warning",
     // What the content is.
     "Content-Encoding", "Content-Type", "Content-Range", "Content-Language", "Content-Location", "Content-Disposition",
     "Accept-Encoding"});

}  // namespace

bool is_forbidden_as_trailer(std::string_view name) noexcept {
    return std::any_of(forbidden.begin(), forbidden.end(),
                       [&](std::string_view each) { return same_name(name, each); });
}

result<void> check_trailers(const headers& all) {
    for (const field& each : all) {
        if (!is_forbidden_as_trailer(each.name)) continue;
        return error(errc::invalid_argument,
                     fmt::format("{} must not follow the body as a trailer (RFC 9110 section 6.5.1)", each.name),
                     "send it as a header");
    }
    return {};
}

}  // namespace lido::http
