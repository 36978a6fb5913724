// Lido: the characters of HTTP, and how to find them fast.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace lido::http {

namespace detail {

[[nodiscard]] consteval std::array<bool, 256> make_token_table() {
    std::array<bool, 256> table{};
    for (const char c :
         std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}

inline constexpr std::array<bool, 256> token_table = make_token_table();

}  // namespace detail

/// A character of a token (RFC 9110 §5.6.2).
[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
    return detail::token_table[static_cast<unsigned char>(c)];
}

/// A control character that no field may have: all but tab (RFC 9110 §5.5).
[[nodiscard]] constexpr bool is_forbidden_control(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7F;
}

[[nodiscard]] constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}
[[nodiscard]] constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// The first byte that is not part of a token, or `end`. Reads nothing at or behind `end`.
[[nodiscard]] inline const char* find_non_token(const char* at, const char* end) noexcept {
#ifdef __SSE2__
    // Letters, digits and "-" by the vector, the rare rest by the table.
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i letter = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        const __m128i digit = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
        const __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
        const __m128i is_number = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
        const __m128i is_dash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
        const auto known =
            static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_letter, is_number), is_dash)));
        if (known == 0xFFFFU) {
            at += 16;
            continue;
        }
        at += std::countr_one(known);
        if (!is_token_char(*at)) return at;
        ++at;
    }
#endif
    while (at != end && is_token_char(*at)) ++at;
    return at;
}

/// The first control character but tab, or `end`. Reads nothing at or behind `end`.
[[nodiscard]] inline const char* find_control(const char* at, const char* end) noexcept {
#ifdef __SSE2__
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
        const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
        const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
        if (found != 0) return at + std::countr_zero(found);
        at += 16;
    }
#endif
    while (at != end && !is_forbidden_control(*at)) ++at;
    return at;
}

/// A token: at least one character, all of them token characters.
[[nodiscard]] inline bool is_token(std::string_view text) noexcept {
    return !text.empty() && find_non_token(text.data(), text.data() + text.size()) == text.data() + text.size();
}

/// Is `text`, in whatever case, the given word of lower-case letters and dashes? It must have no carriage return, which
/// would pass for a dash: letters and the dash are compared with the bit set that tells lower from upper case.
template <std::size_t Size>
[[nodiscard]] bool is_word(std::string_view text, const char (&lower_word)[Size]) noexcept {
    constexpr std::size_t length = Size - 1;
    if (text.size() != length) return false;
    if constexpr (length < sizeof(std::uint64_t)) {
        for (std::size_t i = 0; i < length; ++i) {
            if (static_cast<char>(text[i] | 0x20) != lower_word[i]) return false;
        }
        return true;
    } else {
        const auto same_at = [&](std::size_t offset) {
            std::uint64_t left = 0;
            std::uint64_t right = 0;
            std::memcpy(&left, text.data() + offset, sizeof left);
            std::memcpy(&right, lower_word + offset, sizeof right);
            return (left | 0x2020202020202020U) == right;
        };
        for (std::size_t i = 0; i + sizeof(std::uint64_t) < length; i += sizeof(std::uint64_t)) {
            if (!same_at(i)) return false;
        }
        return same_at(length - sizeof(std::uint64_t));
    }
}

/// Without blanks at both ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// A number of decimal digits alone, at most `max`; nothing for anything else.
[[nodiscard]] constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t max) noexcept {
    if (text.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (digit > max || value > (max - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

/// Calls `visit(element)` for each element between the commas of a list (RFC 9110 §5.6.1), trimmed, empty ones
/// included.
template <class Visit>
constexpr void for_each_element(std::string_view list, Visit&& visit) {
    while (true) {
        const std::size_t comma = list.find(',');
        visit(trim(list.substr(0, comma)));
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

}  // namespace lido::http
