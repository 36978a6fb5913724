// Lido: reads the lines of an HTTP/1.1 response's head and of its trailers.
#pragma once

#include "lido/base/error.hpp"
#include "lido/http/headers.hpp"
#include "lido/http/limits.hpp"
#include "lido/http/response.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lido::http {

/// What a head says about the body and the connection.
struct head_facts {
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool close = false;       // somewhere, the trailers included
    bool keep_alive = false;  // beyond doubt; only HTTP/1.0 asks
    std::optional<std::uint32_t> keep_alive_seconds;
    std::optional<std::uint32_t> keep_alive_max;
};

/// Reads a status line and fields (RFC 9112 §4, §5), line by line, out of a text that may grow between calls. Copies
/// nothing: it notes where things stand in that text. A line is judged once, when its end is there, so that the outcome
/// does not depend on how the text arrived; only a wrong beginning is refused earlier. Not thread-safe.
class head_parser {
public:
    enum class outcome : std::uint8_t { need_more, complete, failed };

    /// Begins a head at the start of a text. `limits` must stay alive. `ignore_framing_of_success`: the request was a
    /// CONNECT, whose 2xx responses have no body whatever they say (RFC 9110 §9.3.6).
    void reset(const http_limits& limits, bool ignore_framing_of_success) noexcept;

    /// Begins the trailers at `offset` of the text that the head stands in; they are noted behind the header fields.
    void begin_trailers(std::size_t offset) noexcept;

    /// Goes on in `text`: all of the head from its first byte, with more at its end than before. Bytes behind the head
    /// (the trailers) are not looked at.
    outcome parse(std::string_view text);

    /// The offset behind the empty line, when complete.
    [[nodiscard]] std::size_t end() const noexcept { return line_start_; }
    /// The most bytes that `parse` may need to see to come to a verdict.
    [[nodiscard]] std::size_t max_text() const noexcept { return max_end_ + 1; }

    [[nodiscard]] http::version version() const noexcept { return version_; }
    [[nodiscard]] unsigned status() const noexcept { return status_; }
    [[nodiscard]] std::uint32_t reason() const noexcept { return reason_; }
    [[nodiscard]] std::uint32_t reason_size() const noexcept { return reason_size_; }
    [[nodiscard]] const head_facts& facts() const noexcept { return facts_; }
    [[nodiscard]] std::span<const detail::field_place> places() const noexcept { return places_; }
    /// Why it failed; only then, and once.
    [[nodiscard]] lido::error take_error() { return std::move(*error_); }

private:
    enum class part : std::uint8_t { status_line, header_fields, trailer_fields };
    enum class step : std::uint8_t { line, section_end, incomplete, malformed, failed };

    step parse_status_line(std::string_view text);
    step parse_field_lines(std::string_view text);
    step malformed(const char* problem) noexcept;

    step over_field_limit();
    bool note_field(const field& added, std::string_view behind);
    bool note_header(const field& added, std::string_view behind);
    bool note_trailer(const field& added);
    bool note_content_length(std::string_view value);
    bool note_transfer_encoding(std::string_view value);
    void note_close(std::string_view value) noexcept;
    void note_http_1_0_keep_alive(std::string_view value, std::string_view behind) noexcept;
    void note_keep_alive(std::string_view value) noexcept;
    bool check_framing();

    outcome settle_incomplete(std::string_view text);
    outcome settle_malformed(std::string_view text);
    bool within_limits(std::size_t line_end);
    outcome fail(lido::error why);

    const http_limits* limits_ = nullptr;
    std::size_t line_start_ = 0;  // where the line that is next begins
    std::size_t searched_ = 0;    // up to here that line has no end
    std::size_t max_end_ = 0;     // where the last line has to end
    part part_ = part::status_line;
    bool ignore_framing_of_success_ = false;
    http::version version_ = http::version::http_1_1;
    std::uint16_t status_ = 0;
    std::uint32_t reason_ = 0;
    std::uint32_t reason_size_ = 0;
    head_facts facts_;
    const char* problem_ = nullptr;
    std::vector<detail::field_place> places_;
    std::optional<lido::error> error_;
};

}  // namespace lido::http
