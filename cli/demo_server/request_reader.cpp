#include "demo_server/request_reader.hpp"

#include "lido/http/headers.hpp"
#include "lido/http/method.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace lido::cli::demo {
namespace {

using kind = read_outcome::kind;

read_outcome refused(int status, std::string_view reason) {
    return {kind::refused, status, reason};
}

/// What of the header fields matters here.
struct framing {
    std::optional<std::size_t> length;
    unsigned hosts = 0;
    bool close = false;
    bool keep_alive = false;
    bool coded = false;
};

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_field_value(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
    });
}

bool read_length(std::string_view value, framing& out) noexcept {
    std::size_t length = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (code != std::errc() || end != value.data() + value.size()) return false;
    if (out.length && *out.length != length) return false;
    out.length = length;
    return true;
}

void read_connection(std::string_view value, framing& out) noexcept {
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        const std::string_view option = trimmed(value.substr(0, comma));
        if (http::same_name(option, "close")) out.close = true;
        if (http::same_name(option, "keep-alive")) out.keep_alive = true;
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
}

bool read_field(std::string_view line, framing& out) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name.find_first_of(" \t") != std::string_view::npos || !is_field_value(line)) return false;
    // By length first: most fields are none of these.
    switch (name.size()) {
        case 4:
            if (http::same_name(name, "host")) ++out.hosts;
            return true;
        case 10:
            if (http::same_name(name, "connection")) read_connection(value, out);
            return true;
        case 14:
            return !http::same_name(name, "content-length") || read_length(value, out);
        case 17:
            if (http::same_name(name, "transfer-encoding")) out.coded = true;
            return true;
        default:
            return true;
    }
}

bool read_request_line(std::string_view line, incoming_request& out, std::string_view& version) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return false;
    out.method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    version = line.substr(last + 1);
    out.path = target.substr(0, target.find('?'));
    return !target.empty() && target.find(' ') == std::string_view::npos && is_field_value(target);
}

}  // namespace

read_outcome read_request(std::string_view bytes) {
    const std::size_t head_end = bytes.substr(0, max_head_bytes).find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
        if (bytes.size() >= max_head_bytes) return refused(431, "the head of the request is larger than 16 KiB");
        return {};
    }
    std::string_view head = bytes.substr(0, head_end + 2);
    read_outcome outcome{kind::complete};
    incoming_request& request = outcome.request;
    std::string_view version;
    framing frame;
    for (bool first = true; !head.empty(); first = false) {
        const std::size_t line_end = head.find("\r\n");
        const std::string_view line = head.substr(0, line_end);
        head.remove_prefix(line_end + 2);
        if (line.find_first_of("\r\n") != std::string_view::npos) return refused(400, "a line does not end with CRLF");
        if (first) {
            if (!read_request_line(line, request, version)) return refused(400, "the request line is malformed");
        } else if (!read_field(line, frame)) {
            return refused(400, "a header field is malformed");
        }
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return refused(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (frame.coded) return refused(501, "a transfer coding is not supported; send a Content-Length");
    if (frame.hosts > 1 || (frame.hosts == 0 && version == "HTTP/1.1")) return refused(400, "one Host field is needed");
    const std::size_t length = frame.length.value_or(0);
    if (length > max_body_bytes) return refused(413, "the body is larger than 1 MiB");
    request.size = head_end + 4 + length;
    if (bytes.size() < request.size) return {};
    request.body = bytes.substr(head_end + 4, length);
    request.keep_alive = !frame.close && (version == "HTTP/1.1" || frame.keep_alive);
    return outcome;
}

}  // namespace lido::cli::demo
