#include "http/response_reader.hpp"

#include "http/chunk_line.hpp"
#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace lido::http {
namespace {

/// Bodies up to this size that arrive together with their head stay in one string with it.
constexpr std::size_t max_inline_body_bytes = 4 * 1024;

/// The most memory that is set aside because a server announced a length, before the bytes are there.
constexpr std::uint64_t max_reserved_body_bytes = std::uint64_t{16} * 1024 * 1024;

constexpr unsigned continue_status = 100;
constexpr unsigned switching_protocols = 101;
constexpr unsigned no_content = 204;
constexpr unsigned not_modified = 304;

[[nodiscard]] error body_too_large(std::uint64_t max) {
    return {errc::limit_exceeded, fmt::format("response body exceeds max_body_bytes = {}", max),
            "raise http_limits::max_body_bytes if the server is right to send that much"};
}

}  // namespace

void response_reader::reset(const method& request_method, const http_limits& limits, bool expect_upgrade) {
    limits_ = &limits;
    phase_ = phase::head;
    state_ = read_state::need_more;
    to_head_ = request_method == method::head;
    to_connect_ = request_method == method::connect;
    expect_upgrade_ = expect_upgrade;
    started_ = false;
    keep_alive_ = false;
    line_feed_next_ = false;
    interim_ = 0;
    remaining_ = 0;
    extension_bytes_ = 0;
    space_ = 0;
    text_.clear();
    line_.clear();
    body_.clear();
    inline_body_size_ = 0;
    header_count_ = 0;
    taken_ = false;
    told_to_continue_ = false;
    taken_bytes_ = 0;
    error_.reset();
    head_.reset(limits, to_connect_);
}

response_reader::feed_result response_reader::feed(std::string_view data) {
    if (state_ != read_state::need_more || data.empty()) return {state_, 0};
    drop_space();
    started_ = true;
    std::size_t consumed = 0;
    while (state_ == read_state::need_more && consumed < data.size()) consumed += read_some(data.substr(consumed));
    if (state_ == read_state::complete) keep_alive_ = end_is_certain() && consumed == data.size();
    return {state_, consumed};
}

/// Takes at least one byte, or fails; never goes behind the end of the phase that it begins in, except that a head may
/// take its small body with it.
std::size_t response_reader::read_some(std::string_view data) {
    switch (phase_) {
        case phase::head:
            return read_head(data);
        case phase::sized_body:
        case phase::chunk_data:
            return read_body(data);
        case phase::body_until_close:
            return read_until_close(data);
        case phase::chunk_line:
            return read_chunk_line(data);
        case phase::chunk_end:
            return read_chunk_end(data);
        case phase::trailers:
            return read_trailers(data);
        case phase::done:
            break;
    }
    return 0;
}

std::size_t response_reader::read_head(std::string_view data) {
    std::size_t consumed = data.size();
    head_parser::outcome found = head_parser::outcome::need_more;
    if (text_.empty()) {
        // The usual case: the whole head lies in the caller's buffer, and is read where it is.
        found = head_.parse(data);
        if (found == head_parser::outcome::complete) return end_of_head(data, head_.end());
        if (found == head_parser::outcome::need_more) text_.assign(data);
    } else {
        found = parse_kept(data, consumed);
        if (found == head_parser::outcome::complete) {
            end_of_head({}, text_.size());
            return consumed;
        }
    }
    if (found == head_parser::outcome::failed) fail(head_.take_error());
    return consumed;
}

/// Puts `data` behind what there is of a head or of trailers, and goes on reading there. When complete, `text_` ends
/// with it, and `consumed` says how much of `data` belonged to it.
head_parser::outcome response_reader::parse_kept(std::string_view data, std::size_t& consumed) {
    const std::size_t before = text_.size();
    consumed = std::min(data.size(), head_.max_text() - before);
    text_.append(data.substr(0, consumed));
    const head_parser::outcome found = head_.parse(text_);
    if (found == head_parser::outcome::complete) {
        consumed = head_.end() - before;
        text_.resize(head_.end());
    }
    return found;
}

/// A head is there: at the front of `data`, or, when that is empty, in `text_`. Says how much of `data` was taken.
std::size_t response_reader::end_of_head(std::string_view data, std::size_t head_size) {
    if (status() / 100 == 1 && !(status() == switching_protocols && expect_upgrade_)) {
        skip_interim_response();
        return head_size;
    }
    header_count_ = static_cast<std::uint32_t>(head_.places().size());
    begin_body();
    if (data.empty()) return head_size;
    std::size_t taken = head_size;
    if (phase_ == phase::sized_body &&
        remaining_ <= std::min<std::uint64_t>(max_inline_body_bytes, data.size() - head_size)) {
        inline_body_ = static_cast<std::uint32_t>(head_size);
        inline_body_size_ = static_cast<std::uint32_t>(remaining_);
        taken += inline_body_size_;
        remaining_ = 0;
        finish();
    }
    text_.assign(data.data(), taken);
    return taken;
}

void response_reader::skip_interim_response() {
    if (status() == switching_protocols) return fail({errc::protocol_error, "server switched protocols unasked"});
    if (++interim_ > limits_->max_interim_responses) {
        return fail({errc::limit_exceeded,
                     fmt::format("interim responses exceed max_interim_responses = {}", limits_->max_interim_responses),
                     "raise http_limits::max_interim_responses if the server is right to send that many"});
    }
    if (status() == continue_status) told_to_continue_ = true;
    text_.clear();
    head_.reset(*limits_, to_connect_);
}

/// Decides how long the body is (RFC 9112 §6.3).
void response_reader::begin_body() {
    const head_facts& facts = head_.facts();
    if (has_no_body()) return finish();
    if (facts.chunked) {
        phase_ = phase::chunk_line;
        return;
    }
    if (!facts.content_length) {
        phase_ = phase::body_until_close;
        return;
    }
    if (*facts.content_length > limits_->max_body_bytes) return fail(body_too_large(limits_->max_body_bytes));
    remaining_ = *facts.content_length;
    phase_ = phase::sized_body;
    if (remaining_ == 0) finish();
}

bool response_reader::has_no_body() const noexcept {
    return to_head_ || status() == no_content || status() == not_modified || status() == switching_protocols ||
           (to_connect_ && status() / 100 == 2);
}

std::size_t response_reader::read_body(std::string_view data) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), remaining_));
    if (body_.empty() && phase_ == phase::sized_body) reserve_body();
    body_.append(data.substr(0, size));
    remaining_ -= size;
    if (remaining_ == 0) end_of_piece();
    return size;
}

void response_reader::reserve_body() {
    body_.reserve(static_cast<std::size_t>(std::min(remaining_, max_reserved_body_bytes)));
}

/// The body or the chunk is there to its last byte.
void response_reader::end_of_piece() {
    if (phase_ == phase::sized_body) return finish();
    phase_ = phase::chunk_end;
}

std::size_t response_reader::read_until_close(std::string_view data) {
    if (data.size() > limits_->max_body_bytes - body_.size()) {
        fail(body_too_large(limits_->max_body_bytes));
    } else {
        body_.append(data);
    }
    return data.size();
}

std::size_t response_reader::read_chunk_line(std::string_view data) {
    const std::size_t line_feed = data.find('\n');
    const bool ended = line_feed != std::string_view::npos;
    const std::string_view piece = data.substr(0, ended ? line_feed + 1 : data.size());
    const std::size_t longest = max_chunk_size_digits + (limits_->max_chunk_extension_bytes - extension_bytes_) + 2;
    if (line_.size() + piece.size() > longest) {
        line_.append(piece.substr(0, longest));
        refuse_long_chunk_line();
    } else if (!ended) {
        line_.append(piece);
    } else if (line_.empty()) {
        begin_chunk(piece);
    } else {
        line_.append(piece);
        begin_chunk(line_);
        line_.clear();
    }
    return piece.size();
}

/// Too many digits, or too long an extension?
void response_reader::refuse_long_chunk_line() {
    if (line_.find(';') > max_chunk_size_digits) return fail({errc::protocol_error, "chunk size is malformed"});
    fail({errc::limit_exceeded,
          fmt::format("chunk extensions exceed max_chunk_extension_bytes = {}", limits_->max_chunk_extension_bytes),
          "raise http_limits::max_chunk_extension_bytes if the server is right to send that much"});
}

/// `line` ends with its line feed.
void response_reader::begin_chunk(std::string_view line) {
    if (!line.ends_with("\r\n")) return fail({errc::protocol_error, "chunk line ends without carriage return"});
    line.remove_suffix(2);
    result<chunk_line> read = parse_chunk_line(line);
    if (!read) return fail(std::move(read).error());
    extension_bytes_ += read->extension_bytes;
    if (extension_bytes_ > limits_->max_chunk_extension_bytes) {
        line_.assign(1, ';');
        return refuse_long_chunk_line();
    }
    if (read->size > limits_->max_body_bytes - body_.size()) return fail(body_too_large(limits_->max_body_bytes));
    remaining_ = read->size;
    phase_ = phase::chunk_data;
    if (remaining_ == 0) {
        phase_ = phase::trailers;
        head_.begin_trailers(text_.size());
    }
}

std::size_t response_reader::read_chunk_end(std::string_view data) {
    if (data.front() != (line_feed_next_ ? '\n' : '\r')) {
        fail({errc::protocol_error, "chunk is longer than its size"});
    } else if (line_feed_next_) {
        phase_ = phase::chunk_line;
    }
    line_feed_next_ = !line_feed_next_;
    return 1;
}

std::size_t response_reader::read_trailers(std::string_view data) {
    const bool untouched = text_.size() == head_.end() && head_.places().size() == header_count_;
    if (untouched && data.starts_with("\r\n")) {
        finish();
        return 2;
    }
    std::size_t consumed = 0;
    const head_parser::outcome found = parse_kept(data, consumed);
    if (found == head_parser::outcome::complete) finish();
    if (found == head_parser::outcome::failed) fail(head_.take_error());
    return consumed;
}

std::span<char> response_reader::body_space(std::size_t wanted) {
    drop_space();
    if (state_ != read_state::need_more) return {};
    std::uint64_t possible = 0;
    if (phase_ == phase::sized_body || phase_ == phase::chunk_data) possible = remaining_;
    if (phase_ == phase::body_until_close) possible = limits_->max_body_bytes - body_.size();
    if (body_.empty() && phase_ == phase::sized_body) reserve_body();
    space_ = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, possible));
    const std::size_t filled = body_.size();
    body_.resize(filled + space_);
    return {body_.data() + filled, space_};
}

read_state response_reader::commit_body(std::size_t received) {
    LIDO_ASSERT(received <= space_);
    body_.resize(body_.size() - (space_ - received));
    space_ = 0;
    if (phase_ == phase::sized_body || phase_ == phase::chunk_data) pass(received);
    return state_;
}

/// So many bytes of a sized body or a chunk are there.
void response_reader::pass(std::size_t received) {
    remaining_ -= received;
    if (remaining_ == 0) end_of_piece();
    if (state_ == read_state::complete) keep_alive_ = end_is_certain();
}

void response_reader::drop_space() noexcept {
    if (space_ == 0) return;
    body_.resize(body_.size() - space_);
    space_ = 0;
}

read_state response_reader::finish_at_eof(stream_end how) {
    drop_space();
    keep_alive_ = false;
    if (state_ != read_state::need_more) return state_;
    if (phase_ == phase::body_until_close && how == stream_end::orderly) {
        finish();
        return state_;
    }
    fail({errc::connection_closed, describe_early_end()});
    return state_;
}

std::string response_reader::describe_early_end() const {
    if (!started_) return "connection closed before the response";
    switch (phase_) {
        case phase::head:
            return "connection closed within the response head";
        case phase::sized_body:
            return fmt::format("connection closed with {} of {} bytes of the response body missing", remaining_,
                               *head_.facts().content_length);
        case phase::body_until_close:
            return "connection cut within a response body that only its orderly end delimits";
        default:
            return "connection closed within a chunked response body";
    }
}

std::optional<std::uint64_t> response_reader::remaining_body() const noexcept {
    if (state_ == read_state::complete) return 0;
    if (state_ == read_state::need_more && phase_ == phase::sized_body) return remaining_;
    return std::nullopt;
}

std::size_t response_reader::take_body(std::span<char> space) noexcept {
    std::string_view ready = body_;
    if (inline_body_size_ != 0) ready = std::string_view(text_).substr(inline_body_, inline_body_size_);
    const std::size_t size = std::min(space.size(), ready.size() - taken_bytes_);
    std::memcpy(space.data(), ready.data() + taken_bytes_, size);
    taken_bytes_ += size;
    if (taken_bytes_ == ready.size()) {
        taken_bytes_ = 0;
        inline_body_size_ = 0;
        body_.clear();
    }
    return size;
}

std::uint64_t response_reader::body_ahead() const noexcept {
    if (state_ != read_state::need_more || has_body()) return 0;
    if (phase_ == phase::sized_body || phase_ == phase::chunk_data) return remaining_;
    return phase_ == phase::body_until_close ? std::numeric_limits<std::uint64_t>::max() : 0;
}

read_state response_reader::pass_body(std::size_t received) {
    LIDO_ASSERT(received <= body_ahead());
    if (phase_ != phase::body_until_close) pass(received);
    return state_;
}

response response_reader::head() const {
    LIDO_ASSERT(head_complete());
    const auto places = head_.places();
    response::parts parts = head_parts();
    parts.text = text_;
    parts.places.assign(places.begin(), places.begin() + header_count_);
    return response(std::move(parts));
}

response::parts response_reader::head_parts() const {
    response::parts parts;
    parts.version = head_.version();
    parts.status = static_cast<std::uint16_t>(head_.status());
    parts.reason = head_.reason();
    parts.reason_size = head_.reason_size();
    parts.header_count = header_count_;
    return parts;
}

response response_reader::take() {
    LIDO_ASSERT(state_ == read_state::complete && !taken_);
    taken_ = true;
    const auto places = head_.places();
    response::parts parts = head_parts();
    parts.text = std::move(text_);
    parts.places.assign(places.begin(), places.end());
    parts.inline_body = inline_body_;
    parts.inline_body_size = inline_body_size_;
    parts.body = std::move(body_);
    return response(std::move(parts));
}

/// Is it beyond doubt where the response ended, and does the server go on?
bool response_reader::end_is_certain() const noexcept {
    const head_facts& facts = head_.facts();
    if (facts.close || (head_.version() == http::version::http_1_0 && !facts.keep_alive)) return false;
    if (status() == switching_protocols || (to_connect_ && status() / 100 == 2)) return false;
    // A 204 has no body, but a server that announces one may well send it.
    return status() != no_content || (!facts.chunked && facts.content_length.value_or(0) == 0);
}

std::optional<std::chrono::seconds> response_reader::keep_alive_timeout() const noexcept {
    if (!head_.facts().keep_alive_seconds) return std::nullopt;
    return std::chrono::seconds(*head_.facts().keep_alive_seconds);
}

void response_reader::finish() noexcept {
    phase_ = phase::done;
    state_ = read_state::complete;
}

void response_reader::fail(lido::error why) {
    error_.emplace(std::move(why));
    state_ = read_state::failed;
}

}  // namespace lido::http
