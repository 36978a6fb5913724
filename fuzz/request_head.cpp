// Any bytes as method, target, names and values of a request: each line is one, the first byte of a line says what.
// Either it is refused, or nothing but what may stand in a request comes out, in as many lines as there should be.
#include "http/request_writer.hpp"
#include "lido/base/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace lido::http;

/// The part of a line before the zero byte, and the one behind it. Everything else may be in them, line feeds too,
/// which are written as 0xFF here.
std::pair<std::string, std::string> split(std::string_view line) {
    std::string text(line);
    std::replace(text.begin(), text.end(), '\xFF', '\n');
    const std::size_t middle = text.find('\0');
    if (middle == std::string::npos) return {text, ""};
    return {text.substr(0, middle), text.substr(middle + 1)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    request what(method::get, "/");
    std::size_t fields = 0;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty()) continue;
        const auto [first, second] = split(line.substr(1));
        switch (line.front()) {
            case 'm':
                if (const auto parsed = method::parse(first)) what.set_method(*parsed);
                break;
            case 't':
                what.set_target(first);
                break;
            case 'b':
                what.body(first);
                break;
            case 's':
                what.secret_header(first, lido::secret(second));
                break;
            case 'a':
                if (const auto by = credentials::basic(first, lido::secret(second))) what.authorize(*by);
                break;
            default:
                what.header(first, second);
                break;
        }
    }
    fields = what.headers().size();
    request_target_context context;
    context.host = "shop.example:81";
    std::string out;
    const auto written = append_request(out, what, context);
    if (!written) {
        LIDO_ASSERT(out.empty());
        return 0;
    }
    const std::size_t end = out.find("\r\n\r\n");
    LIDO_ASSERT(end != std::string::npos);
    const std::string_view head = std::string_view(out).substr(0, end + 2);
    std::size_t lines = 0;
    for (std::size_t i = 0; i < head.size(); ++i) {
        const auto byte = static_cast<unsigned char>(head[i]);
        if (byte == '\n') {
            LIDO_ASSERT(i > 0 && head[i - 1] == '\r');
            ++lines;
        } else if (byte == '\r') {
            LIDO_ASSERT(i + 1 < head.size() && head[i + 1] == '\n');
        } else {
            LIDO_ASSERT((byte >= 0x20 && byte != 0x7F) || byte == '\t');
        }
    }
    // The request line, Host, the fields, and at most Content-Length.
    LIDO_ASSERT(lines >= 1 + std::max<std::size_t>(fields, 1) && lines <= 1 + fields + 2);
    const std::string_view first_line = head.substr(0, head.find("\r\n"));
    LIDO_ASSERT(std::count(first_line.begin(), first_line.end(), ' ') == 2);
    return 0;
}
