// Lido: an HTTP response.
#pragma once

#include "lido/http/headers.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::http {

enum class version : std::uint8_t {
    http_1_0,
    http_1_1,
    http_2,
};

/// Where a response comes from.
enum class response_source : std::uint8_t {
    network,    ///< from the server, for this request
    cache,      ///< stored, and fresh
    validated,  ///< stored, and the server said just now that it still holds (304)
    stale,      ///< stored, and no longer fresh: the server failed, or is asked anew in the background
};

/// A complete response: a head, a body, and trailers if there were any.
///
/// Held as the raw text and an index into it, so it costs two allocations (three with a body above 4 KiB) and moving it
/// is cheap. Every view it gives is valid until it is moved, changed or destroyed; from a temporary, `body` and
/// `header` give strings. Distinct objects may be used from different threads, one object by many readers.
class response {
public:
    /// What a protocol's reader fills in. Places count from the beginning of `text`.
    struct parts {
        http::version version = http::version::http_1_1;
        response_source source = response_source::network;
        std::uint16_t status = 0;                 ///< 100 to 599
        std::uint32_t reason = 0;                 ///< where the reason phrase begins in `text`
        std::uint32_t reason_size = 0;            ///< in bytes; 0 when there is none
        std::string text;                         ///< the head, and behind it a small body or the trailers
        std::vector<detail::field_place> places;  ///< the header fields, then the trailer fields
        std::uint32_t header_count = 0;           ///< how many of `places` are header fields
        std::uint32_t inline_body = 0;            ///< where a body in `text` begins
        std::uint32_t inline_body_size = 0;       ///< in bytes; 0: the body is in `body`
        std::uint32_t age_seconds = 0;            ///< of a stored response
        std::string body;
        bool decoded = false;         ///< a content coding was undone
        std::uint32_t redirects = 0;  ///< that led here
        std::string url;              ///< where they led
    };

    response() noexcept = default;
    explicit response(parts&& filled) noexcept : parts_(std::move(filled)) {}
    response(const response&) = default;
    response& operator=(const response&) = default;
    /// What is moved from is empty, as if default-constructed.
    response(response&& other) noexcept : parts_(std::move(other.parts_)) { other.forget(); }
    response& operator=(response&& other) noexcept {
        if (this == &other) return *this;
        parts_ = std::move(other.parts_);
        other.forget();
        return *this;
    }
    ~response() = default;

    /// 100 to 599; 0 only when default-constructed or moved from.
    [[nodiscard]] unsigned status() const noexcept { return parts_.status; }
    /// Is the status 200 to 299?
    [[nodiscard]] bool is_success() const noexcept { return parts_.status / 100 == 2; }
    /// The reason phrase, often empty; not to be decided by (RFC 9112 §4).
    [[nodiscard]] std::string_view reason() const noexcept {
        return {parts_.text.data() + parts_.reason, parts_.reason_size};
    }
    [[nodiscard]] http::version version() const noexcept { return parts_.version; }

    /// Did it come from the server or from a cache (`client_settings::cache`)?
    [[nodiscard]] response_source source() const noexcept { return parts_.source; }
    /// Is it older than its server allows without asking again? Only with a cache or a
    /// fallback; see `response_source::stale`.
    [[nodiscard]] bool is_stale() const noexcept { return parts_.source == response_source::stale; }
    /// For who answers with something old.
    void mark_stale() noexcept { parts_.source = response_source::stale; }
    /// How long ago the server made or confirmed it, for one from a cache; its field Age says the same. Otherwise 0.
    [[nodiscard]] std::chrono::seconds age() const noexcept { return std::chrono::seconds(parts_.age_seconds); }

    /// How many redirects led here (`client_settings::redirects`).
    [[nodiscard]] std::size_t redirects() const noexcept { return parts_.redirects; }
    /// The URL that they led to, without a fragment; empty when there were none.
    [[nodiscard]] const std::string& url() const noexcept { return parts_.url; }
    /// Was a content coding undone (`client_settings::decoding`)? Then Content-Encoding and Content-Length, which speak
    /// of the content as it was sent, are not among the headers any more.
    [[nodiscard]] bool was_decoded() const noexcept { return parts_.decoded; }

    /// The header fields in the order in which they came.
    [[nodiscard]] field_range headers() const noexcept {
        return {parts_.text.data(), std::span(parts_.places).first(parts_.header_count)};
    }
    /// The value of the first header field of that name, case aside.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const& noexcept {
        return headers().find(name);
    }
    [[nodiscard]] std::optional<std::string> header(std::string_view name) &&;

    /// The trailer fields of a chunked body (RFC 9110 §6.5): validated, bounded, and never mixed with the headers.
    [[nodiscard]] field_range trailers() const noexcept {
        return {parts_.text.data(), std::span(parts_.places).subspan(parts_.header_count)};
    }

    /// The content, without transfer coding; empty for HEAD, 204 and 304.
    [[nodiscard]] std::string_view body() const& noexcept;
    [[nodiscard]] std::string body() && { return take_body(); }
    /// Moves the body out, or copies it when it is small; afterwards it is empty here.
    [[nodiscard]] std::string take_body();

    /// For those who undo content codings: what the body was before, see `was_decoded`.
    void set_decoded(std::string body);
    /// For those who follow redirects.
    void set_redirects(std::size_t count, std::string url);

private:
    /// Makes it as if default-constructed, after a move: cheaper than to assign an empty one, and responses are moved
    /// often.
    void forget() noexcept {
        parts_.version = http::version::http_1_1;
        parts_.source = response_source::network;
        parts_.status = 0;
        parts_.reason = parts_.reason_size = 0;
        parts_.header_count = parts_.inline_body = parts_.inline_body_size = 0;
        parts_.age_seconds = parts_.redirects = 0;
        parts_.decoded = false;
        parts_.text.clear();
        parts_.places.clear();
        parts_.body.clear();
        parts_.url.clear();
    }

    parts parts_;
};

}  // namespace lido::http
