// Any bytes as a response, read by Lido and by two other parsers. Where one of them sees something else than Lido, the
// difference has to be one of those that support/http1_differences.cpp names and docs/design/http1.md explains; an
// unknown one aborts. The first byte chooses the request.
#include "lido/base/assert.hpp"
#include "support/http1_differences.hpp"
#include "support/http1_readings.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

using namespace lido::fuzz;

std::string shown(const http1_reading& of) {
    if (!of.accepted) return "refused: " + of.refusal;
    std::string text = fmt::format("{} HTTP/1.{} '{}'", of.status, of.minor, of.reason);
    for (const auto& [name, value] : of.fields) text += fmt::format(" [{}={}]", name, value);
    return text + fmt::format(" body '{}' of {}{}", of.body, of.consumed, of.keep_alive ? ", stays" : "");
}

void compare(const http1_reading& ours, const http1_reading& theirs, other_parser who, std::string_view text) {
    const char* const known = find_difference(ours, theirs, who, text);
    if (known != nullptr) return;
    std::fprintf(stderr, "an unknown difference\nours:   %s\n%s: %s\n", shown(ours).c_str(), name_of(who),
                 shown(theirs).c_str());
    LIDO_ASSERT(known != nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const lido::http::method request = (data[0] & 1U) != 0 ? lido::http::method::head : lido::http::method::get;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const http1_reading ours = read_by_lido(text, request);
    compare(ours, read_by_http_parser(text, request), other_parser::http_parser, text);
    compare(ours, read_by_beast(text, request), other_parser::beast, text);
    return 0;
}
