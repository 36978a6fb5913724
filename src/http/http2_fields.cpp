#include "http/http2_fields.hpp"

#include "http/authority.hpp"
#include "http/grammar.hpp"
#include "http/request_defaults.hpp"

#include <charconv>
#include <optional>

namespace lido::http {
namespace {

/// Fields that speak about a connection of HTTP/1.1, and Host, which became ":authority".
[[nodiscard]] bool is_left_out(std::string_view name) noexcept {
    switch (name.size()) {
        case 4:
            return same_name(name, "Host");
        case 7:
            return same_name(name, "Upgrade");
        case 10:
            return same_name(name, "Connection") || same_name(name, "Keep-Alive");
        case 16:
            return same_name(name, "Proxy-Connection");
        case 17:
            return same_name(name, "Transfer-Encoding");
        default:
            return false;
    }
}

/// Not to be remembered by anybody between here and the origin (RFC 7541 §7.1.3).
[[nodiscard]] bool is_secret(std::string_view name) noexcept {
    switch (name.size()) {
        case 13:
            return same_name(name, "Authorization");
        case 19:
            return same_name(name, "Proxy-Authorization");
        default:
            return false;
    }
}

[[nodiscard]] bool is_only_trailers(std::string_view te) noexcept {
    return is_word(trim(te), "trailers");
}

/// Does the method anticipate a body, so that its absence has to be said (RFC 9110 §8.6)?
[[nodiscard]] bool anticipates_body(const method& value) noexcept {
    return value == method::post || value == method::put || value == method::patch;
}

[[nodiscard]] std::uint8_t* bytes_of(std::string_view text) noexcept {
    // nghttp2 only reads them.
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // NOLINT
}

}  // namespace

void http2_fields::add(std::string_view name, std::string_view value, bool secret) {
    value = trim(value);  // RFC 9113 §8.2.1: no blanks around a value, which HTTP/1.1 has readers pass over
    const std::uint8_t flags = secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    fields_.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), flags});
}

result<void> http2_fields::make(const request& what, const request_target_context& context, bool secure) {
    if (result<void> checked = what.validate(); !checked) return checked;
    if (!is_authority(context.host)) {
        return error(errc::invalid_argument, "origin is no host with an optional port",
                     "give it as in shop.example:8080");
    }
    // A proxy is not asked for whole URLs over HTTP/2.
    if (result<void> checked = check_proxy_authorization(what, false); !checked) return checked;
    fields_.clear();
    const bool connects = what.method() == method::connect;
    add(":method", what.method().text());
    if (connects) {
        add(":authority", what.target());
    } else {
        add(":scheme", secure ? "https" : "http");
        add(":authority", what.headers().find("Host").value_or(context.host));
        add(":path", what.target());
    }
    bool has_length = false;
    for (const field& each : what.headers()) {
        if (is_left_out(each.name)) continue;
        if (same_name(each.name, "TE") && !is_only_trailers(each.value)) continue;
        has_length = has_length || same_name(each.name, "Content-Length");
        add(each.name, each.value, is_secret(each.name));
    }
    if (context.defaults != nullptr) {
        for (const field& each : *context.defaults) {
            if (is_left_out(each.name) || !is_sent_by_default(each, what.headers())) continue;
            add(each.name, each.value, is_secret(each.name));
        }
    }
    if (has_length || !(what.has_body() || anticipates_body(what.method()))) return {};
    const std::optional<std::uint64_t> size = what.source() != nullptr ? what.source()->size() : what.body().size();
    if (size) {
        const auto written = std::to_chars(length_.data(), length_.data() + length_.size(), *size);
        add("content-length", {length_.data(), static_cast<std::size_t>(written.ptr - length_.data())});
    }
    return {};
}

void http2_fields::make(const headers& trailers) {
    fields_.clear();
    for (const field& each : trailers) add(each.name, each.value);
}

}  // namespace lido::http
