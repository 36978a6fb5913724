// Any bytes as method, target, names and values of a request, as its client's defaults, and as what a proxy is told:
// each line is one, the first byte of a line says what. Either it is refused, or nothing but what may stand in a
// request comes out, and whoever reads it finds exactly what was asked for. Credentials for a proxy go to nobody else.
// The same for HTTP/2.
#include "http/http2_fields.hpp"
#include "http/request_writer.hpp"
#include "lido/base/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace lido::http;
using fields_read = std::vector<std::pair<std::string, std::string>>;

/// The part of a line before the zero byte, and the one behind it. Everything else may be in them, line feeds too,
/// which are written as 0xFF here.
std::pair<std::string, std::string> split(std::string_view line) {
    std::string text(line);
    std::replace(text.begin(), text.end(), '\xFF', '\n');
    const std::size_t middle = text.find('\0');
    if (middle == std::string::npos) return {text, ""};
    return {text.substr(0, middle), text.substr(middle + 1)};
}

struct asked {
    request what{method::get, "/"};
    headers defaults;
    std::string host = "shop.example:81";
    std::string prefix;
    std::string proxy_authorization;
    bool close = false;

    void take(char kind, const std::string& first, const std::string& second) {
        switch (kind) {
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
            case 'd':
                static_cast<void>(defaults.add(first, second));
                break;
            case 'o':
                host = first;
                break;
            case 'p':
                prefix = first;
                // This one is made by Lido, from credentials; it is no way in for others.
                proxy_authorization = "Basic bWU6aGlkZGVu";
                break;
            case 'c':
                close = true;
                break;
            default:
                what.header(first, second);
                break;
        }
    }
    [[nodiscard]] request_target_context context() const {
        request_target_context made;
        made.host = host;
        made.absolute_prefix = prefix;
        made.proxy_authorization = proxy_authorization;
        made.defaults = &defaults;
        made.close = close;
        return made;
    }
    [[nodiscard]] bool has(std::string_view name) const { return what.headers().contains(name); }
};

asked read_input(std::string_view text) {
    asked made;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty()) continue;
        const auto [first, second] = split(line.substr(1));
        made.take(line.front(), first, second);
    }
    return made;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

void check_bytes(std::string_view text) {
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        LIDO_ASSERT((byte >= 0x20 && byte != 0x7F) || byte == '\t');
    }
}

/// Takes a line and its end off `text`.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find("\r\n");
    LIDO_ASSERT(end != std::string_view::npos);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    check_bytes(line);
    return line;
}

/// Takes the fields and the empty line behind them off `text`.
fields_read take_fields(std::string_view& text) {
    fields_read made;
    while (true) {
        const std::string_view line = take_line(text);
        if (line.empty()) return made;
        const std::size_t colon = line.find(':');
        LIDO_ASSERT(colon != std::string_view::npos && colon > 0);
        LIDO_ASSERT(line.find_first_of(" \t") > colon);
        made.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
    }
}

/// What a server should find, in this order.
fields_read expected_fields(const asked& from) {
    fields_read made;
    made.emplace_back("Host", trimmed(from.what.header("Host").value_or(from.host)));
    for (const field& each : from.what.headers()) {
        if (!same_name(each.name, "Host")) made.emplace_back(each.name, trimmed(each.value));
    }
    return made;
}

/// Everything that was asked for is there, in its order; what is behind it is a default, or what Lido adds.
void check_fields(const asked& from, const fields_read& found) {
    const fields_read expected = expected_fields(from);
    LIDO_ASSERT(found.size() >= expected.size());
    LIDO_ASSERT(std::equal(expected.begin(), expected.end(), found.begin()));
    std::size_t framing = 0;
    for (std::size_t i = expected.size(); i < found.size(); ++i) {
        const auto& [name, value] = found[i];
        if (name == "Content-Length") {
            ++framing;
            LIDO_ASSERT(value == std::to_string(from.what.body().size()));
        } else if (name == "Connection") {
            LIDO_ASSERT(value == "close");
        } else if (name == "Proxy-Authorization") {
            LIDO_ASSERT(!from.prefix.empty() && value == from.proxy_authorization);
        } else {
            LIDO_ASSERT(from.defaults.contains(name) && !from.has(name));
        }
    }
    LIDO_ASSERT(framing + (from.has("Content-Length") ? 1U : 0U) <= 1);
    LIDO_ASSERT(from.what.body().empty() || from.has("Content-Length") || framing == 1);
    LIDO_ASSERT(std::none_of(found.begin(), found.end(),
                             [](const auto& each) { return same_name(each.first, "Transfer-Encoding"); }));
}

void check_http1(const asked& from) {
    std::string out = "before";
    const auto written = append_request(out, from.what, from.context());
    LIDO_ASSERT(out.starts_with("before"));
    std::string_view text = std::string_view(out).substr(6);
    if (!written) {
        LIDO_ASSERT(text.empty());
        return;
    }
    const std::string_view line = take_line(text);
    LIDO_ASSERT(std::count(line.begin(), line.end(), ' ') == 2);
    const std::string target = from.prefix.empty() || from.what.target() != "*" ? from.what.target() : "";
    LIDO_ASSERT(line == std::string(from.what.method().text()) + " " + from.prefix + target + " HTTP/1.1");
    check_fields(from, take_fields(text));
    LIDO_ASSERT(std::string(text) + std::string(written->body) == from.what.body());
    LIDO_ASSERT(!from.close || written->closes);
    LIDO_ASSERT(!from.has("Proxy-Authorization") || !from.prefix.empty() || from.what.method() == method::connect);
}

void check_http2(const asked& from) {
    http2_fields fields;
    const request_target_context context = from.context();
    if (!fields.make(from.what, context, true)) return;
    bool regular = false;
    for (const nghttp2_nv& each : fields.all()) {
        const std::string_view name(reinterpret_cast<const char*>(each.name), each.namelen);
        const std::string_view value(reinterpret_cast<const char*>(each.value), each.valuelen);
        check_bytes(value);
        const bool pseudo = name.starts_with(':');
        LIDO_ASSERT(!(pseudo && regular));
        regular = !pseudo;
        if (same_name(name, "Proxy-Authorization")) LIDO_ASSERT(from.what.method() == method::connect);
        if (name == ":method") LIDO_ASSERT(value == from.what.method().text());
        if (name == ":path") LIDO_ASSERT(value == from.what.target());
        for (const char c : name.substr(pseudo ? 1 : 0)) {
            LIDO_ASSERT(c > ' ' && c != ':' && static_cast<unsigned char>(c) < 0x7F);
        }
        for (const std::string_view banned : {"Connection", "Transfer-Encoding", "Keep-Alive", "Upgrade", "Host"}) {
            LIDO_ASSERT(!same_name(name, banned));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const asked from = read_input({reinterpret_cast<const char*>(data), size});
    check_http1(from);
    check_http2(from);
    return 0;
}
