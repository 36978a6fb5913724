// Lido: numbers as PostgreSQL's protocol has them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lido::postgres {

// Two and four bytes at `at`, over what is there already. Written out, so that a compiler sees the one store that it
// is.

inline char* put_number16(char* at, std::uint16_t number) noexcept {
    at[0] = static_cast<char>(number >> 8U);
    at[1] = static_cast<char>(number & 0xffU);
    return at + 2;
}

inline char* put_number32(char* at, std::uint32_t number) noexcept {
    at[0] = static_cast<char>(number >> 24U);
    at[1] = static_cast<char>(number >> 16U & 0xffU);
    at[2] = static_cast<char>(number >> 8U & 0xffU);
    at[3] = static_cast<char>(number & 0xffU);
    return at + 4;
}

[[nodiscard]] inline std::uint16_t number16_at(const char* at) noexcept {
    const auto octet = [at](unsigned i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])); };
    return static_cast<std::uint16_t>(octet(0) << 8U | octet(1));
}

[[nodiscard]] inline std::uint32_t number32_at(const char* at) noexcept {
    const auto octet = [at](unsigned i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])); };
    return octet(0) << 24U | octet(1) << 16U | octet(2) << 8U | octet(3);
}

/// Makes a text longer by so many bytes, and gives the first of them.
[[nodiscard]] inline char* grow(std::string& text, std::size_t by) {
    const std::size_t before = text.size();
    text.resize(before + by);
    return text.data() + before;
}

/// Copies a text there, and gives the place behind it.
inline char* put_text(char* at, std::string_view text) noexcept {
    return std::copy(text.begin(), text.end(), at);
}

}  // namespace lido::postgres
