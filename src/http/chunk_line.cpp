#include "http/chunk_line.hpp"

#include "http/grammar.hpp"

namespace lido::http {
namespace {

constexpr int no_digit = -1;

[[nodiscard]] constexpr int hex_digit(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : no_digit;
}

/// Takes a token off the front; says whether there was one.
[[nodiscard]] bool take_token(std::string_view& text) noexcept {
    const char* const stop = find_non_token(text.data(), text.data() + text.size());
    const auto size = static_cast<std::size_t>(stop - text.data());
    text.remove_prefix(size);
    return size > 0;
}

/// Takes a quoted-string (RFC 9110 §5.6.4) off the front, which begins with its quote; says whether it was whole.
[[nodiscard]] bool take_quoted(std::string_view& text) noexcept {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (is_forbidden_control(text[i])) return false;
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return true;
        }
        if (text[i] == '\\' && (++i == text.size() || is_forbidden_control(text[i]))) return false;
    }
    return false;
}

/// chunk-ext = *( ";" chunk-ext-name [ "=" chunk-ext-val ] )
[[nodiscard]] bool is_extension(std::string_view text) noexcept {
    while (!text.empty()) {
        if (text.front() != ';') return false;
        text.remove_prefix(1);
        if (!take_token(text)) return false;
        if (text.empty() || text.front() != '=') continue;
        text.remove_prefix(1);
        const bool quoted = !text.empty() && text.front() == '"';
        if (!(quoted ? take_quoted(text) : take_token(text))) return false;
    }
    return true;
}

}  // namespace

result<chunk_line> parse_chunk_line(std::string_view line) {
    chunk_line read;
    std::size_t digits = 0;
    for (; digits < line.size(); ++digits) {
        const int digit = hex_digit(line[digits]);
        if (digit == no_digit) break;
        if (digits == max_chunk_size_digits) return error(errc::protocol_error, "chunk size has too many digits");
        read.size = read.size << 4U | static_cast<std::uint64_t>(digit);
    }
    if (digits == 0) return error(errc::protocol_error, "chunk size is missing or not hexadecimal");
    line.remove_prefix(digits);
    if (!is_extension(line)) return error(errc::protocol_error, "chunk size is followed by something malformed");
    read.extension_bytes = line.size();
    return read;
}

}  // namespace lido::http
