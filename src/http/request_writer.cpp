#include "http/request_writer.hpp"

#include "http/authority.hpp"
#include "http/grammar.hpp"
#include "http/request_defaults.hpp"

#include <charconv>

namespace lido::http {
namespace {

constexpr std::string_view line_end = "\r\n";

[[nodiscard]] error invalid(std::string what, std::string remedy) {
    return {errc::invalid_argument, std::move(what), std::move(remedy)};
}

/// "http://" or "https://" and an authority, which is all that may precede a path.
[[nodiscard]] bool is_absolute_prefix(std::string_view prefix) noexcept {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (prefix.starts_with(scheme)) return is_authority(prefix.substr(scheme.size()));
    }
    return false;
}

[[nodiscard]] result<void> check_context(const request& message, const request_target_context& context) {
    if (!is_authority(context.host)) {
        return invalid("origin is no host with an optional port", "give it as in shop.example:8080");
    }
    if (!context.absolute_prefix.empty() &&
        (message.method() == method::connect || !is_absolute_prefix(context.absolute_prefix))) {
        return invalid("request through a proxy has no absolute http or https target",
                       "give an origin as in http://shop.example");
    }
    return {};
}

/// What the request's own fields already say.
struct own_fields {
    std::optional<std::string_view> host;
    bool content_length = false;
    bool proxy_authorization = false;
    bool connection = false;
    bool closes = false;
    bool expects = false;
};

[[nodiscard]] own_fields look_at(const headers& fields) noexcept {
    own_fields seen;
    for (const field& each : fields) {
        switch (each.name.size()) {
            case 4:
                if (same_name(each.name, "Host")) seen.host = each.value;
                break;
            case 6:
                // Anything but 100-continue has been refused.
                if (same_name(each.name, "Expect")) seen.expects = true;
                break;
            case 10:
                if (!same_name(each.name, "Connection")) break;
                seen.connection = true;
                for_each_element(each.value, [&](std::string_view option) {
                    if (is_word(option, "close")) seen.closes = true;
                });
                break;
            case 14:
                if (same_name(each.name, "Content-Length")) seen.content_length = true;
                break;
            case 19:
                if (same_name(each.name, "Proxy-Authorization")) seen.proxy_authorization = true;
                break;
            default:
                break;
        }
    }
    return seen;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append(line_end);
}

void append_length(std::string& out, std::uint64_t size) {
    char digits[20];
    const auto written = std::to_chars(digits, digits + sizeof digits, size);
    append_field(out, "Content-Length", {digits, static_cast<std::size_t>(written.ptr - digits)});
}

void append_request_line(std::string& out, const request& message, std::string_view absolute_prefix) {
    out.append(message.method().text()).push_back(' ');
    out.append(absolute_prefix);
    // Through a proxy OPTIONS * has an empty path (RFC 9112 §3.2.4).
    if (absolute_prefix.empty() || message.target() != "*") out.append(message.target());
    out.append(" HTTP/1.1").append(line_end);
}

/// Does the method anticipate a body, so that its absence has to be said (RFC 9110 §8.6)?
[[nodiscard]] bool anticipates_body(const method& value) noexcept {
    return value == method::post || value == method::put || value == method::patch;
}

/// How long the body is, or that it comes in chunks.
void append_framing(std::string& out, const request& message) {
    if (message.has_trailers()) {
        append_field(out, "Transfer-Encoding", "chunked");
    } else if (message.source() != nullptr) {
        const std::optional<std::uint64_t> size = message.source()->size();
        if (!size) return append_field(out, "Transfer-Encoding", "chunked");
        append_length(out, *size);
    } else if (message.has_body() || anticipates_body(message.method())) {
        append_length(out, message.body().size());
    }
}

/// The request's own fields, but for a Host, which stands first already.
void append_own_fields(std::string& out, const headers& fields, bool has_host) {
    if (!has_host) {
        out.append(fields.wire_text());
        return;
    }
    for (const field& each : fields) {
        if (!same_name(each.name, "Host")) append_field(out, each.name, each.value);
    }
}

void append_defaults(std::string& out, const headers& own, const headers& defaults) {
    for (const field& each : defaults) {
        if (is_sent_by_default(each, own)) append_field(out, each.name, each.value);
    }
}

}  // namespace

result<void> check_proxy_authorization(const request& message, bool asks_proxy) {
    if (asks_proxy || message.method() == method::connect) return {};
    if (!message.headers().contains("Proxy-Authorization")) return {};
    return invalid("Proxy-Authorization would go to the server, not to a proxy",
                   "set user and password in client setting proxy");
}

result<written_request> append_request(std::string& out, const request& message,
                                       const request_target_context& context) {
    if (result<void> checked = message.validate(); !checked) return std::move(checked).error();
    if (result<void> checked = check_context(message, context); !checked) return std::move(checked).error();
    const bool asks_proxy = !context.absolute_prefix.empty();
    if (result<void> checked = check_proxy_authorization(message, asks_proxy); !checked) {
        return std::move(checked).error();
    }

    const own_fields own = look_at(message.headers());
    append_request_line(out, message, context.absolute_prefix);
    append_field(out, "Host", own.host.value_or(context.host));
    append_own_fields(out, message.headers(), own.host.has_value());
    if (!context.proxy_authorization.empty() && asks_proxy && !own.proxy_authorization) {
        append_field(out, "Proxy-Authorization", context.proxy_authorization);
    }
    if (context.defaults != nullptr) append_defaults(out, message.headers(), *context.defaults);
    if (!own.content_length) append_framing(out, message);
    if (context.close && !own.closes) append_field(out, "Connection", "close");
    out.append(line_end);

    written_request written{message.body(), context.close || own.closes, own.expects};
    written.streams = own.expects || message.source() != nullptr || message.has_trailers();
    if (!written.streams && written.body.size() <= max_copied_body_bytes) {
        out.append(written.body);
        written.body = {};
    }
    return written;
}

}  // namespace lido::http
