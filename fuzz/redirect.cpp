// Any bytes as a URL and as a Location, with a line feed between. A URL that is taken is the same when it is printed
// and read again. What is followed is what RFC 3986 says, leads to http or https, can be sent, never goes from https to
// http, and takes no secret to another origin.
#include "http/redirect.hpp"

#include "http/authority.hpp"
#include "http/request_writer.hpp"
#include "lido/base/assert.hpp"
#include "support/uri_reference.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace lido::http;

void check_can_be_sent(const parsed_url& url) {
    request what(method::get, url.target);
    request_target_context context;
    const std::string host = url.origin.host_field();
    context.host = host;
    std::string text;
    const auto written = append_request(text, what, context);
    LIDO_ASSERT(written.has_value());
    LIDO_ASSERT(text.find("\r\n\r\n") == text.size() - 4);
    for (const char c : text) LIDO_ASSERT((c >= ' ' && c != 0x7F) || c == '\r' || c == '\n');
}

/// A URL that was taken: the same text for the same URL, the same URL for its text.
void check_url(const parsed_url& url) {
    LIDO_ASSERT(canonical_host(url.origin.host) == url.origin.host);
    LIDO_ASSERT(url.origin.port != 0 && url.target.starts_with('/'));
    const auto again = parse_url(url.origin.to_text() + url.target);
    LIDO_ASSERT(again.has_value() && again->origin == url.origin && again->target == url.target);
    check_can_be_sent(url);
}

response found_at(unsigned status, std::string_view location) {
    response::parts parts;
    parts.status = static_cast<std::uint16_t>(status);
    parts.text = "Location" + std::string(location);
    parts.places.push_back({0, 8, 8, static_cast<std::uint32_t>(location.size())});
    parts.header_count = 1;
    return response(std::move(parts));
}

request with_secrets() {
    request made(method::post, "/");
    made.body("content", "text/plain");
    made.header("Cookie", "a=b").header("Accept", "text/html").header("Host", "other.example");
    made.secret_header("X-Api-Key", lido::secret("hidden"));
    made.header("Authorization", "Basic bWU6aGlkZGVu");
    return made;
}

void check_followed(const parsed_url& from, std::string_view location, unsigned status) {
    const auto next = redirect(with_secrets(), from, found_at(status, location), redirect_settings::follow(), 0);
    if (!next) return;
    LIDO_ASSERT(next->has_value());
    const request& what = **next;
    const auto to = parse_url(what.target());
    LIDO_ASSERT(to.has_value());
    LIDO_ASSERT(to->origin.secure || !from.origin.secure);
    const bool same = to->origin == from.origin;
    for (const char* name : {"Cookie", "Authorization", "X-Api-Key", "Host"}) {
        LIDO_ASSERT(what.headers().contains(name) == same);
    }
    LIDO_ASSERT(what.headers().contains("Accept"));
    const bool keeps_body = status == 307 || status == 308;
    LIDO_ASSERT(what.has_body() == keeps_body && what.headers().contains("Content-Type") == keeps_body);
    LIDO_ASSERT(what.method() == (keeps_body ? method::post : method::get));
}

void check_resolved(const parsed_url& base, std::string_view reference, const parsed_url& to) {
    check_url(to);
    const auto parts = lido::fuzz::split_reference(reference);
    LIDO_ASSERT(to.target == lido::fuzz::resolved_target(base.target, parts));
    if (!parts.has_scheme) LIDO_ASSERT(to.origin.secure == base.origin.secure);
    if (!parts.has_scheme && !parts.has_authority) LIDO_ASSERT(to.origin == base.origin);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t middle = text.find('\n');
    const auto base = parse_url(text.substr(0, middle));
    if (!base) return 0;
    check_url(*base);
    const auto onward = resolve_reference(*base, "/a/./b/../c?d#e");
    LIDO_ASSERT(onward.has_value() && onward->origin == base->origin && onward->target == "/a/c?d");
    if (middle == std::string_view::npos) return 0;
    const std::string_view reference = text.substr(middle + 1);
    if (const auto to = resolve_reference(*base, reference)) check_resolved(*base, reference, *to);
    for (const unsigned status : {302U, 303U, 308U}) check_followed(*base, reference, status);
    return 0;
}
