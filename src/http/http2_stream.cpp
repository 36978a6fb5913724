#include "http/http2_stream.hpp"

#include "http/grammar.hpp"
#include "http/http2_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace lido::http {
namespace {

/// Bodies up to this size stay in one string with the head.
constexpr std::size_t max_inline_body_bytes = 4 * 1024;
/// The most memory that is set aside because a server announced a length, before the bytes are there.
constexpr std::uint64_t max_reserved_body_bytes = std::uint64_t{16} * 1024 * 1024;
/// What each field counts for beside its name and value (RFC 9113 §6.5.2).
constexpr std::size_t field_overhead = 32;
constexpr std::size_t usual_field_count = 16;
constexpr std::uint64_t largest_size = std::uint64_t{1} << 62U;

[[nodiscard]] error above_limit(std::string_view what, std::string_view limit, std::uint64_t value) {
    return {errc::limit_exceeded, fmt::format("{} exceeds {} = {}", what, limit, value),
            fmt::format("raise http_limits::{} if the server is right to send that much", limit)};
}

[[nodiscard]] error broken(std::string what) {
    return {errc::protocol_error, std::move(what)};
}

}  // namespace

http2_stream::~http2_stream() {
    if (session_ != nullptr) session_->give_up(*this);
}

void http2_stream::go_in_pieces(bool response, bool request) {
    pieces_ = std::make_unique<pieces>();
    pieces_->keeps_body = response;
    pieces_->takes_content = request;
}

response http2_stream::head() const {
    response::parts made = parts_;
    made.places.resize(made.header_count);  // the trailers may be there already
    return response(std::move(made));
}

std::size_t http2_stream::take_data(std::span<char> space) noexcept {
    if (!has_data()) return 0;
    const std::string_view data = pieces_->data();
    const std::size_t moved = std::min(space.size(), data.size());
    std::memcpy(space.data(), data.data(), moved);
    pieces_->taken += moved;
    if (session_ != nullptr && !is_over()) session_->note_taken(*this, moved);
    return moved;
}

/// The next fields are a head, interim or final.
void http2_stream::begin_head(std::size_t text_hint) {
    phase_ = phase::head;
    field_bytes_ = 0;
    expected_size_.reset();
    parts_.status = 0;
    parts_.text.clear();
    parts_.places.clear();
    parts_.text.reserve(text_hint);
    parts_.places.reserve(usual_field_count);
}

void http2_stream::begin_trailers() noexcept {
    phase_ = phase::trailers;
    field_bytes_ = 0;
}

/// Takes in one field that nghttp2 has found to be well-formed and in its place (RFC 9113 §8.2, §8.3). The error is
/// why the stream has to be reset.
std::optional<error> http2_stream::add_field(std::string_view name, std::string_view value) {
    if (name.starts_with(':')) {
        const auto status = parse_decimal(value, 599);
        if (name != ":status" || value.size() != 3 || !status || *status < 100) {
            return broken("response with a status that is none");
        }
        parts_.status = static_cast<std::uint16_t>(*status);
        return std::nullopt;
    }
    const bool trailing = phase_ == phase::trailers;
    field_bytes_ += name.size() + value.size() + field_overhead;
    const std::size_t most = trailing ? limits_.max_trailer_bytes : limits_.max_head_bytes;
    if (field_bytes_ > most) {
        return above_limit(trailing ? "trailers of the response" : "head of the response",
                           trailing ? "max_trailer_bytes" : "max_head_bytes", most);
    }
    if (parts_.places.size() >= limits_.max_header_count) {
        return above_limit("number of fields of the response", "max_header_count", limits_.max_header_count);
    }
    if (name == "content-length") {
        if (trailing) return broken("content-length among the trailers of a response");
        expected_size_ = parse_decimal(value, largest_size);
    }
    std::string& text = parts_.text;
    const auto at = static_cast<std::uint32_t>(text.size());
    const auto name_size = static_cast<std::uint32_t>(name.size());
    parts_.places.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
    text.append(name).append(value);
    return std::nullopt;
}

/// All fields of a head are there. The error is why the stream has to be reset.
std::optional<error> http2_stream::end_head() {
    if (parts_.status < 200) {
        told_to_continue_ = told_to_continue_ || parts_.status == 100;
        if (++interim_ <= limits_.max_interim_responses) return std::nullopt;
        return above_limit("number of interim responses", "max_interim_responses", limits_.max_interim_responses);
    }
    phase_ = phase::body;
    parts_.version = http::version::http_2;
    parts_.header_count = static_cast<std::uint32_t>(parts_.places.size());
    parts_.inline_body = static_cast<std::uint32_t>(parts_.text.size());
    const std::uint64_t announced = expected_size_.value_or(0);
    if (is_to_head_ || parts_.status == 304) return std::nullopt;
    if (announced > limits_.max_body_bytes) {
        return above_limit("response body", "max_body_bytes", limits_.max_body_bytes);
    }
    if (keeps_body()) return std::nullopt;
    if (announced > max_inline_body_bytes) parts_.body.reserve(std::min(announced, max_reserved_body_bytes));
    return std::nullopt;
}

/// What was taken is not moved out of the way before it is the larger part, so that each byte is moved once at most.
void http2_stream::keep_data(std::string_view data) {
    std::string& incoming = pieces_->incoming;
    if (pieces_->taken >= incoming.size() - pieces_->taken) {
        incoming.erase(0, std::exchange(pieces_->taken, 0));
    }
    incoming.append(data);
}

/// Takes in a piece of the body. The error is why the stream has to be reset.
std::optional<error> http2_stream::add_data(std::string_view data) {
    body_size_ += data.size();
    if (body_size_ > limits_.max_body_bytes) {
        return above_limit("response body", "max_body_bytes", limits_.max_body_bytes);
    }
    if (keeps_body()) {
        keep_data(data);
        return std::nullopt;
    }
    if (body_size_ <= max_inline_body_bytes) {
        parts_.text.append(data);
        parts_.inline_body_size += static_cast<std::uint32_t>(data.size());
        return std::nullopt;
    }
    if (parts_.inline_body_size != 0) {
        parts_.body.append(parts_.text, parts_.inline_body, parts_.inline_body_size);
        parts_.text.resize(parts_.inline_body);
        parts_.inline_body_size = 0;
    }
    parts_.body.append(data);
    return std::nullopt;
}

}  // namespace lido::http
