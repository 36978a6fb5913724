#include "support/http1_differences.hpp"

#include "http/grammar.hpp"
#include "lido/http/headers.hpp"

#include <algorithm>
#include <string>

namespace lido::fuzz {
namespace {

/// One response, read twice.
struct comparison {
    const http1_reading& ours;
    const http1_reading& theirs;
    other_parser who;
    std::string_view text;
};

/// Who takes what Lido refuses.
enum class taken_by : std::uint8_t { http_parser, beast, both };

[[nodiscard]] bool covers(taken_by these, other_parser who) noexcept {
    if (these == taken_by::both) return true;
    return (these == taken_by::beast) == (who == other_parser::beast);
}

// ---- what the bytes have in them ------------------------------------------------------------------------------------

[[nodiscard]] bool has_bare_line_end(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
        if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
    }
    return false;
}

/// A tab, and nothing but blanks between it and its line's end.
[[nodiscard]] bool has_tab_at_end_of_line(std::string_view text) noexcept {
    for (std::size_t at = text.find('\t'); at != std::string_view::npos; at = text.find('\t', at + 1)) {
        const std::size_t end = text.find_first_not_of(" \t", at);
        if (end != std::string_view::npos && text.substr(end, 2) == "\r\n") return true;
    }
    return false;
}

/// Where the word, given in lower case, stands in the text from `from` on; also in an interim response, or in one that
/// was refused, of which a reading has no fields.
[[nodiscard]] std::size_t find_word(std::string_view text, std::string_view lower_word, std::size_t from = 0) noexcept {
    const auto is_same = [](char left, char right) { return http::to_lower(left) == right; };
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(from);
    const auto found = std::search(begin, text.end(), lower_word.begin(), lower_word.end(), is_same);
    return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

[[nodiscard]] bool mentions(std::string_view text, std::string_view lower_word) noexcept {
    return find_word(text, lower_word) != std::string_view::npos;
}

/// Does what is behind the word, wherever it stands, pass the test?
template <class Test>
[[nodiscard]] bool any_behind(std::string_view text, std::string_view lower_word, Test&& test) {
    for (std::size_t at = find_word(text, lower_word); at != std::string_view::npos;
         at = find_word(text, lower_word, at + lower_word.size())) {
        if (test(text.substr(at + lower_word.size()))) return true;
    }
    return false;
}

[[nodiscard]] bool has_longer_name(std::string_view text, std::string_view lower_begin) {
    return any_behind(text, lower_begin, [](std::string_view behind) { return !behind.starts_with(':'); });
}

/// "HTTP/1.1 204" and the end of the line, without the space that belongs behind the status.
[[nodiscard]] bool has_status_line_without_reason(std::string_view text) {
    return any_behind(text, "http/1.", [](std::string_view behind) {
        constexpr std::size_t status_end = std::string_view("1 204").size();
        return behind.size() > status_end && behind[status_end] == '\r';
    });
}

[[nodiscard]] bool has_repeated_length(std::string_view text) {
    static constexpr std::string_view name = "content-length:";
    return any_behind(text, name, [](std::string_view behind) {
        const bool is_list = behind.substr(0, behind.find('\n')).find(',') != std::string_view::npos;
        return is_list || mentions(behind, name);
    });
}

// ---- where Lido refuses ---------------------------------------------------------------------------------------------

struct stricter {
    const char* name;
    std::string_view words;  ///< how Lido's error begins
    taken_by whom;
};

constexpr stricter all_stricter[] = {
    {"begin", "response does not begin with an HTTP/1.x status line", taken_by::http_parser},
    {"version", "HTTP version is neither 1.0 nor 1.1", taken_by::http_parser},
    {"status", "status line is too short", taken_by::http_parser},
    {"status", "status line has no status of three digits behind one space", taken_by::http_parser},
    {"status", "status is not 100 to 599", taken_by::both},
    {"line end", "line feed without carriage return", taken_by::http_parser},
    {"line end", "carriage return without line feed", taken_by::http_parser},
    {"line end", "chunk line ends without carriage return", taken_by::both},
    {"control character", "control character", taken_by::http_parser},
    {"folding", "folded header field", taken_by::both},
    {"name", "white space in or behind a header name", taken_by::http_parser},
    {"transfer coding", "Transfer-Encoding is not \"chunked\" alone", taken_by::both},
    {"transfer coding", "Transfer-Encoding is given twice", taken_by::http_parser},
    {"transfer coding", "Transfer-Encoding in HTTP/1.0", taken_by::both},
    {"length", "Content-Length is no decimal number below 2^63", taken_by::both},
    {"chunk", "chunk is longer than its size", taken_by::http_parser},
    {"chunk", "chunk size is followed by something malformed", taken_by::both},
    {"chunk", "chunk size is missing or not hexadecimal", taken_by::http_parser},
    {"chunk", "chunk size has too many digits", taken_by::both},
    {"trailer", "trailer field ", taken_by::both},
    {"switching", "server switched protocols unasked", taken_by::both},
};

/// To http_parser a body of chunks lasts until the end where it does not know the coding: whatever Lido misses in the
/// chunks is nothing to it.
[[nodiscard]] const char* where_http_parser_sees_no_chunks(std::string_view text) noexcept {
    if (has_longer_name(text, "transfer-encoding")) return "longer name";
    return mentions(text, "transfer-encoding") && has_tab_at_end_of_line(text) ? "tab behind a value" : nullptr;
}

[[nodiscard]] const char* where_lido_is_stricter(const comparison& of) {
    for (const stricter& each : all_stricter) {
        if (std::string_view(of.ours.refusal).starts_with(each.words) && covers(each.whom, of.who)) return each.name;
    }
    if (of.who == other_parser::beast) return nullptr;
    // A line whose end Lido still waits for has ended for who takes a part of one.
    if (of.ours.cut_off && has_bare_line_end(of.text)) return "line end";
    return where_http_parser_sees_no_chunks(of.text);
}

// ---- where another refuses, or reads something else -----------------------------------------------------------------

[[nodiscard]] const char* where_http_parser_differs(std::string_view text) {
    const bool has_framing = mentions(text, "content-length") || mentions(text, "transfer-encoding");
    if (has_framing && has_tab_at_end_of_line(text)) return "tab behind a value";
    if (has_longer_name(text, "transfer-encoding") || has_longer_name(text, "content-length")) return "longer name";
    return has_repeated_length(text) ? "repeated length" : nullptr;
}

[[nodiscard]] const char* where_beast_differs(const comparison& of) {
    if (of.theirs.refusal == "bad status" && has_status_line_without_reason(of.text)) return "no reason";
    if (of.theirs.refusal == "bad value" && mentions(of.text, "connection:")) return "connection options";
    return nullptr;
}

/// Lido may close what others would use again, and never the other way round.
[[nodiscard]] bool keeps_what_another_closes(const http1_reading& ours, const http1_reading& theirs) {
    return ours.keep_alive && !theirs.keep_alive;
}

[[nodiscard]] bool is_same_framing(const http1_reading& ours, const http1_reading& theirs) {
    return ours.body == theirs.body && ours.consumed == theirs.consumed;
}

[[nodiscard]] bool is_same(const http1_reading& ours, const http1_reading& theirs) {
    return ours.status == theirs.status && ours.minor == theirs.minor && ours.reason == theirs.reason &&
           ours.fields == theirs.fields && is_same_framing(ours, theirs);
}

}  // namespace

const char* name_of(other_parser who) noexcept {
    return who == other_parser::beast ? "Beast" : "http_parser";
}

const char* find_difference(const http1_reading& ours, const http1_reading& theirs, other_parser who,
                            std::string_view text) {
    const comparison of{ours, theirs, who, text};
    if (!ours.accepted) return theirs.accepted ? where_lido_is_stricter(of) : "none";
    if (theirs.accepted && is_same_framing(ours, theirs) && keeps_what_another_closes(ours, theirs)) return nullptr;
    if (theirs.accepted && is_same(ours, theirs)) return "none";
    return who == other_parser::beast ? where_beast_differs(of) : where_http_parser_differs(text);
}

}  // namespace lido::fuzz
