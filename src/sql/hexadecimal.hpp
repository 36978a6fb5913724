// Lido: bytes as hexadecimal digits.
#pragma once

#include <cstdint>
#include <string>

namespace lido::sql {

/// 0 … 15, or -1 for what is no hexadecimal digit.
[[nodiscard]] constexpr int hexadecimal_digit(char of) noexcept {
    if (of >= '0' && of <= '9') return of - '0';
    if (of >= 'a' && of <= 'f') return of - 'a' + 10;
    if (of >= 'A' && of <= 'F') return of - 'A' + 10;
    return -1;
}

inline void append_hexadecimal(std::string& to, std::uint8_t octet) {
    constexpr char digits[] = "0123456789abcdef";
    to.push_back(digits[octet / 16]);
    to.push_back(digits[octet % 16]);
}

}  // namespace lido::sql
