#include "http/head_parser.hpp"

#include "http/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace lido::http {
namespace {

constexpr std::string_view version_prefix = "HTTP/1.";
/// "HTTP/1.1 200\r\n": the shortest status line.
constexpr std::size_t shortest_status_line = 14;
/// A day: what a peer promises beyond it is of no use.
constexpr std::uint64_t longest_keep_alive_seconds = 86'400;
constexpr std::size_t transfer_encoding_size = std::string_view("transfer-encoding").size();
constexpr auto largest_length = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

[[nodiscard]] error protocol_error(std::string what) {
    return {errc::protocol_error, std::move(what)};
}

[[nodiscard]] error over_limit(std::string_view what, std::string_view limit, std::size_t value) {
    return {errc::limit_exceeded, fmt::format("{} exceeds {} = {}", what, limit, value),
            fmt::format("raise http_limits::{} if the server is right to send that much", limit)};
}

[[nodiscard]] std::uint32_t narrow(std::ptrdiff_t offset) noexcept {
    return static_cast<std::uint32_t>(offset);
}

/// Is the text, as far as it goes, the beginning of a status line?
[[nodiscard]] bool may_begin_response(std::string_view text) noexcept {
    if (text.size() < version_prefix.size()) return version_prefix.starts_with(text);
    return std::memcmp(text.data(), version_prefix.data(), version_prefix.size()) == 0;
}

/// Can a field of a head whose name has that size be one that this parser acts upon? Most can not, which is quick to
/// see.
[[nodiscard]] constexpr bool may_matter(std::uint32_t name_size) noexcept {
    constexpr std::uint32_t sizes = 1U << 7U | 1U << 10U | 1U << 14U | 1U << 16U | 1U << 17U;
    return name_size < 32 && (sizes >> name_size & 1U) != 0;
}

/// What is wrong with a control character that is no line end.
[[nodiscard]] const char* wrong_control(char found) noexcept {
    if (found == '\r') return "carriage return without line feed";
    return found == '\n' ? "line feed without carriage return" : "control character";
}

/// What is wrong with a name that stops at `found` instead of at its colon.
[[nodiscard]] const char* wrong_name(const char* line, const char* found) noexcept {
    if (!is_blank(*found)) return *found == '\r' ? "header field without a colon" : "header name is no token";
    return found == line ? "folded header field" : "white space in or behind a header name";
}

}  // namespace

void head_parser::reset(const http_limits& limits, bool ignore_framing_of_success) noexcept {
    limits_ = &limits;
    line_start_ = 0;
    searched_ = 0;
    max_end_ = limits.max_head_bytes;
    part_ = part::status_line;
    ignore_framing_of_success_ = ignore_framing_of_success;
    status_ = 0;
    reason_size_ = 0;
    facts_ = {};
    places_.clear();
    error_.reset();
}

void head_parser::begin_trailers(std::size_t offset) noexcept {
    line_start_ = offset;
    searched_ = offset;
    max_end_ = offset + limits_->max_trailer_bytes;
    part_ = part::trailer_fields;
}

head_parser::outcome head_parser::parse(std::string_view text) {
    if (part_ == part::status_line && !may_begin_response(text)) {
        return fail(protocol_error("response does not begin with an HTTP/1.x status line"));
    }
    // Of a line that was incomplete before, only the new bytes can end it.
    if (searched_ > line_start_ && std::memchr(text.data() + searched_, '\n', text.size() - searched_) == nullptr) {
        return settle_incomplete(text);
    }
    step taken = step::line;
    if (part_ == part::status_line) taken = parse_status_line(text);
    if (taken == step::line) taken = parse_field_lines(text);
    switch (taken) {
        case step::section_end:
            if (part_ == part::header_fields && !check_framing()) return outcome::failed;
            return outcome::complete;
        case step::incomplete:
            return settle_incomplete(text);
        case step::malformed:
            return settle_malformed(text);
        default:
            return outcome::failed;
    }
}

head_parser::step head_parser::malformed(const char* problem) noexcept {
    problem_ = problem;
    return step::malformed;
}

/// status-line = HTTP-version SP 3DIGIT SP [ reason-phrase ] CRLF (RFC 9112 §4). The second space may be missing, as
/// many servers leave it out with an empty phrase.
head_parser::step head_parser::parse_status_line(std::string_view text) {
    if (text.size() < shortest_status_line) return malformed("status line is too short");
    const char* const line = text.data();
    const char* const end = line + text.size();
    if (line[7] != '0' && line[7] != '1') return malformed("HTTP version is neither 1.0 nor 1.1");
    if (line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) {
        return malformed("status line has no status of three digits behind one space");
    }
    if (line[9] < '1' || line[9] > '5') return malformed("status is not 100 to 599");
    if (line[12] != ' ' && line[12] != '\r') return malformed("status has more than three digits");
    const char* const phrase = line + (line[12] == ' ' ? 13 : 12);
    const char* const stop = find_control(phrase, end);
    if (stop == end || (*stop == '\r' && stop + 1 == end)) return step::incomplete;
    if (*stop != '\r' || stop[1] != '\n') return malformed(wrong_control(*stop));

    version_ = line[7] == '0' ? http::version::http_1_0 : http::version::http_1_1;
    status_ = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    reason_ = narrow(phrase - line);
    reason_size_ = narrow(stop - phrase);
    line_start_ = static_cast<std::size_t>(stop + 2 - line);
    if (!within_limits(line_start_)) return step::failed;
    part_ = part::header_fields;
    return step::line;
}

/// field-line = field-name ":" OWS field-value OWS CRLF (RFC 9112 §5), as many as there are, and the empty line behind
/// them. The end of a line is looked for first, so that finding the next one does not wait for the parts of this one.
head_parser::step head_parser::parse_field_lines(std::string_view text) {
    const char* const base = text.data();
    const char* const end = base + text.size();
    while (true) {
        const char* const line = base + line_start_;
        const char* const stop = find_control(line, end);
        if (end - stop < 2) return stop == end || *stop == '\r' ? step::incomplete : malformed(wrong_control(*stop));
        if (*stop != '\r' || stop[1] != '\n') return malformed(wrong_control(*stop));
        if (stop == line) {
            line_start_ += 2;
            return within_limits(line_start_) ? step::section_end : step::failed;
        }
        const char* const colon = find_non_token(line, stop);
        if (colon == stop || *colon != ':' || colon == line) return malformed(wrong_name(line, colon));
        const char* value = colon + 1;
        while (is_blank(*value)) ++value;
        const char* value_end = stop;
        while (value_end > value && is_blank(value_end[-1])) --value_end;

        line_start_ = static_cast<std::size_t>(stop + 2 - base);
        if (line_start_ > max_end_ || places_.size() == limits_->max_header_count) return over_field_limit();
        places_.push_back({narrow(line - base), narrow(colon - line), narrow(value - base), narrow(value_end - value)});
        const std::string_view behind(value_end, static_cast<std::size_t>(stop - value_end));
        const bool looked_at = part_ == part::trailer_fields || may_matter(places_.back().name_size);
        if (looked_at && !note_field(places_.back().in(base), behind)) return step::failed;
    }
}

head_parser::step head_parser::over_field_limit() {
    if (within_limits(line_start_)) {
        fail(over_limit("number of header fields", "max_header_count", limits_->max_header_count));
    }
    return step::failed;
}

/// `behind` are the blanks between the field's value and the end of its line.
bool head_parser::note_field(const field& added, std::string_view behind) {
    return part_ == part::trailer_fields ? note_trailer(added) : note_header(added, behind);
}

bool head_parser::note_header(const field& added, std::string_view behind) {
    if (is_word(added.name, "content-length")) return note_content_length(added.value);
    if (is_word(added.name, "transfer-encoding")) return note_transfer_encoding(added.value);
    if (is_word(added.name, "connection")) {
        note_close(added.value);
        note_http_1_0_keep_alive(added.value, behind);
    }
    if (is_word(added.name, "proxy-connection")) note_close(added.value);
    if (is_word(added.name, "keep-alive")) note_keep_alive(added.value);
    return true;
}

/// A field in the trailers that would have framed the message means that somebody on the way reads it differently.
bool head_parser::note_trailer(const field& added) {
    if (is_word(added.name, "connection") || is_word(added.name, "proxy-connection")) note_close(added.value);
    // To some parsers a name that only begins like this one is this one, and the message's end is in doubt.
    if (is_word(added.name.substr(0, transfer_encoding_size), "transfer-encoding")) facts_.close = true;
    const bool framing = is_word(added.name, "content-length") || is_word(added.name, "transfer-encoding") ||
                         is_word(added.name, "trailer");
    if (!framing) return true;
    fail(protocol_error(fmt::format("trailer field {} is not allowed", added.name)));
    return false;
}

/// One number, or the same one several times, in one line or several (RFC 9110 §8.6).
bool head_parser::note_content_length(std::string_view value) {
    if (ignore_framing_of_success_ && status_ / 100 == 2) return true;
    if (!facts_.content_length) {
        facts_.content_length = parse_decimal(value, largest_length);
        if (facts_.content_length) return true;
    }
    const char* problem = nullptr;
    for_each_element(value, [&](std::string_view element) {
        const std::optional<std::uint64_t> length = parse_decimal(element, largest_length);
        if (!length) {
            problem = "Content-Length is no decimal number below 2^63";
        } else if (facts_.content_length && *facts_.content_length != *length) {
            problem = "Content-Length values differ";
        } else {
            facts_.content_length = length;
        }
    });
    if (problem == nullptr) return true;
    fail(protocol_error(problem));
    return false;
}

/// "chunked" once: no other coding was asked for (RFC 9112 §6.1, §7).
bool head_parser::note_transfer_encoding(std::string_view value) {
    if (ignore_framing_of_success_ && status_ / 100 == 2) return true;
    if (!is_word(value, "chunked")) {
        fail(protocol_error("Transfer-Encoding is not \"chunked\" alone"));
        return false;
    }
    if (facts_.chunked) {
        fail(protocol_error("Transfer-Encoding is given twice"));
        return false;
    }
    facts_.chunked = true;
    return true;
}

/// "close" ends the connection wherever it stands: between whatever separators, in the trailers, and in
/// Proxy-Connection, which is no field of HTTP's (RFC 9112 appendix C.2.2) but what some parsers obey. Whoever stands
/// between the server and Lido may have closed, so Lido does.
void head_parser::note_close(std::string_view value) noexcept {
    const char* word = value.data();
    const char* const end = word + value.size();
    while (word != end) {
        const char* const stop = find_non_token(word, end);
        if (is_word({word, static_cast<std::size_t>(stop - word)}, "close")) facts_.close = true;
        word = stop == end ? end : stop + 1;
    }
}

/// HTTP/1.0 goes on only where every parser sees that it does: the option alone, in a head, and no tab behind it.
void head_parser::note_http_1_0_keep_alive(std::string_view value, std::string_view behind) noexcept {
    if (is_word(value, "keep-alive") && behind.find('\t') == std::string_view::npos) facts_.keep_alive = true;
}

/// Hints only: what is malformed is as if it were not there.
void head_parser::note_keep_alive(std::string_view value) noexcept {
    for_each_element(value, [this](std::string_view parameter) {
        const std::size_t equals = parameter.find('=');
        if (equals == std::string_view::npos) return;
        const std::string_view name = trim(parameter.substr(0, equals));
        const auto number =
            parse_decimal(trim(parameter.substr(equals + 1)), std::numeric_limits<std::uint32_t>::max());
        if (!number) return;
        if (is_word(name, "timeout")) {
            facts_.keep_alive_seconds = static_cast<std::uint32_t>(std::min(*number, longest_keep_alive_seconds));
        } else if (is_word(name, "max")) {
            facts_.keep_alive_max = static_cast<std::uint32_t>(*number);
        }
    });
}

/// What no single field can tell (RFC 9112 §6.1, §6.3).
bool head_parser::check_framing() {
    if (!facts_.chunked) return true;
    if (facts_.content_length) {
        fail(protocol_error("Content-Length together with Transfer-Encoding"));
        return false;
    }
    if (version_ == http::version::http_1_0) {
        fail(protocol_error("Transfer-Encoding in HTTP/1.0"));
        return false;
    }
    return true;
}

/// The line has no end yet: all right, unless it is too long already.
head_parser::outcome head_parser::settle_incomplete(std::string_view text) {
    searched_ = text.size();
    return within_limits(text.size()) ? outcome::need_more : outcome::failed;
}

/// The line is wrong. That counts once its end is there, and only if it has not passed a limit by then, whichever way
/// the bytes were split.
head_parser::outcome head_parser::settle_malformed(std::string_view text) {
    const void* const found = std::memchr(text.data() + line_start_, '\n', text.size() - line_start_);
    if (found == nullptr) return settle_incomplete(text);
    const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + 1;
    if (!within_limits(line_end)) return outcome::failed;
    if (part_ == part::status_line && line_end < shortest_status_line) problem_ = "status line is too short";
    return fail(protocol_error(fmt::format("{} (line {} of the {})", problem_, places_.size() + 1,
                                           part_ == part::status_line ? "response" : "header fields")));
}

/// May the section reach up to `line_end`?
bool head_parser::within_limits(std::size_t line_end) {
    if (part_ == part::status_line && line_end > limits_->max_start_line_bytes) {
        fail(over_limit("status line", "max_start_line_bytes", limits_->max_start_line_bytes));
        return false;
    }
    if (line_end <= max_end_) return true;
    if (part_ == part::trailer_fields) {
        fail(over_limit("size of the trailers", "max_trailer_bytes", limits_->max_trailer_bytes));
    } else {
        fail(over_limit("size of the response head", "max_head_bytes", limits_->max_head_bytes));
    }
    return false;
}

head_parser::outcome head_parser::fail(lido::error why) {
    error_.emplace(std::move(why));
    return outcome::failed;
}

}  // namespace lido::http
