#include "lido/http/request.hpp"

#include "http/authority.hpp"
#include "http/grammar.hpp"
#include "http/trailer_rules.hpp"

#include <fmt/format.h>

namespace lido::http {
namespace {

[[nodiscard]] error invalid(std::string what, std::string remedy) {
    return {errc::invalid_argument, std::move(what), std::move(remedy)};
}

/// The characters of a target are looked at only as far as they could break out of the request line or make two readers
/// disagree (RFC 9112 §3): the server decides the rest.
[[nodiscard]] result<void> check_target_characters(std::string_view target) {
    for (std::size_t i = 0; i < target.size(); ++i) {
        const auto byte = static_cast<unsigned char>(target[i]);
        if (byte > 0x20 && byte < 0x7F && byte != '#') continue;
        return invalid(
            fmt::format("request target has byte 0x{:02X} at position {}", byte, i),
            byte == '#' ? "leave out the fragment" : "percent-encode white space, control and non-ASCII characters");
    }
    return {};
}

[[nodiscard]] result<void> check_target(const method& method, std::string_view target) {
    if (method == method::connect) {
        if (is_authority(target) && has_port(target)) return {};
        return invalid("target of CONNECT is not host:port", "give host and port, such as shop.example:443");
    }
    if (target == "*" && method == method::options) return {};
    if (!target.starts_with('/')) {
        return invalid("request target does not begin with a slash", "give a path such as /outfits?size=38");
    }
    return check_target_characters(target);
}

}  // namespace

request::request(http::method method, std::string target) : method_(method), target_(std::move(target)) {}

request& request::header(std::string_view name, std::string_view value) & {
    keep(headers_.add(name, value));
    return *this;
}

request& request::body(std::string content) & {
    body_ = std::move(content);
    source_.reset();
    return *this;
}

request& request::body(std::string content, std::string_view content_type) & {
    keep(headers_.set("Content-Type", content_type));
    return body(std::move(content));
}

request& request::body(std::shared_ptr<body_source> source) & {
    body_.reset();
    source_ = std::move(source);
    return *this;
}

request& request::body(std::shared_ptr<body_source> source, std::string_view content_type) & {
    keep(headers_.set("Content-Type", content_type));
    return body(std::move(source));
}

request& request::trailer(std::string_view name, std::string_view value) & {
    keep(trailers_.add(name, value));
    keep(headers_.add("Trailer", name));
    return *this;
}

request& request::trailers_from(trailer_maker make) & {
    trailer_maker_ = std::move(make);
    return *this;
}

result<headers> request::make_trailers() const {
    http::headers all = trailers_;
    if (!trailer_maker_) return all;
    const result<http::headers> made = trailer_maker_();
    if (!made) return made.error();
    if (result<void> checked = check_trailers(*made); !checked) return std::move(checked).error();
    for (const field& each : *made) {
        if (result<void> added = all.add(each.name, each.value); !added) return std::move(added).error();
    }
    return all;
}

request& request::timeout(duration value) & {
    if (value <= duration::zero()) keep(invalid("request timeout is not positive", "give a time-out above zero"));
    timeout_ = value;
    return *this;
}

request& request::read_timeout(duration value) & {
    if (value <= duration::zero()) keep(invalid("request read_timeout is not positive", "give a time-out above zero"));
    read_timeout_ = value;
    return *this;
}

result<void> request::validate() const {
    if (mistake_) return *mistake_;
    if (result<void> checked = check_target(method_, target_); !checked) return checked;
    if (has_body() && (method_ == method::trace || method_ == method::connect)) {
        return invalid(fmt::format("{} request with a body", method_.text()), "send it without a body");
    }
    if (has_trailers()) {
        if (!has_body()) return invalid("request without a body has trailers", "send them as headers");
        if (headers_.contains("Content-Length")) {
            return invalid("request with trailers has a Content-Length", "leave it out: Lido frames the body itself");
        }
        if (result<void> checked = check_trailers(trailers_); !checked) return checked;
    }
    return check_framing();
}

/// The fields that say where a request ends and whom it is for: wrong ones would let a request hide in another.
result<void> request::check_framing() const {
    const std::optional<std::uint64_t> size = source_ != nullptr ? source_->size() : body().size();
    bool host_seen = false;
    bool length_seen = false;
    for (const field& each : headers_) {
        if (same_name(each.name, "Transfer-Encoding")) {
            return invalid("request has a Transfer-Encoding", "leave it out: Lido frames the body itself");
        }
        if (same_name(each.name, "Content-Length")) {
            if (length_seen || !size || parse_decimal(each.value, *size) != size) {
                return invalid("Content-Length contradicts the request's body", "leave it out: Lido computes it");
            }
            length_seen = true;
        }
        if (same_name(each.name, "Expect")) {
            if (!is_word(each.value, "100-continue")) {
                return invalid("Expect header is not 100-continue", "leave it out: there is no other expectation");
            }
            if (!has_body()) return invalid("request without a body has an Expect header", "leave it out");
        }
        if (!same_name(each.name, "Host")) continue;
        if (host_seen) return invalid("request has two Host headers", "send one, or none: Lido adds it");
        if (!is_authority(each.value)) {
            return invalid("Host header is no host with an optional port", "give it as in shop.example:8080");
        }
        host_seen = true;
    }
    return {};
}

void request::keep(result<void> outcome) {
    if (!outcome && !mistake_) mistake_ = std::move(outcome).error();
}

}  // namespace lido::http
