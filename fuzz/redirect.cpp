// Any bytes as a URL and as a Location, with a line feed between. What is followed is a URL that this program takes
// itself, leads to http or https, and can be sent.
#include "http/redirect.hpp"

#include "http/request_writer.hpp"
#include "lido/base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t middle = text.find('\n');
    const auto base = parse_url(text.substr(0, middle));
    if (!base) return 0;
    check_can_be_sent(*base);
    // The same text for the same URL.
    const auto again = parse_url(base->origin.to_text() + base->target);
    LIDO_ASSERT(again.has_value() && again->origin == base->origin && again->target == base->target);
    if (middle == std::string_view::npos) return 0;
    const auto to = resolve_reference(*base, text.substr(middle + 1));
    if (!to) return 0;
    check_can_be_sent(*to);
    LIDO_ASSERT(!to->target.starts_with("/../"));
    return 0;
}
