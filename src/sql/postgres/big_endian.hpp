// Lido: numbers as PostgreSQL's protocol has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace lido::postgres {

inline void append_number16(std::string& to, std::uint16_t number) {
    to.push_back(static_cast<char>(number >> 8U));
    to.push_back(static_cast<char>(number & 0xffU));
}

/// Over what is there already.
inline void put_number32(std::string& to, std::size_t at, std::uint32_t number) {
    for (std::size_t i = 0; i < 4; ++i) to[at + i] = static_cast<char>(number >> (24U - 8U * i) & 0xffU);
}

inline void append_number32(std::string& to, std::uint32_t number) {
    to.append(4, '\0');
    put_number32(to, to.size() - 4, number);
}

}  // namespace lido::postgres
