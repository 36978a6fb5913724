#include "sql/mysql/ok_packet.hpp"

#include <cstddef>

namespace lido::mysql {
namespace {

/// Of a length-encoded integer, by its first byte; 0: none begins so.
std::size_t size_of_integer(unsigned char first) noexcept {
    if (first < 0xfb) return 1;
    switch (first) {
        case 0xfc:
            return 3;
        case 0xfd:
            return 4;
        case 0xfe:
            return 9;
        default:
            return 0;
    }
}

}  // namespace

std::optional<unsigned> flags_of_ok(std::span<const unsigned char> packet) noexcept {
    if (packet.empty() || packet[0] != 0) return std::nullopt;
    std::size_t at = 1;
    for (int skipped = 0; skipped < 2; ++skipped) {  // affected rows, and the last insert id
        if (at >= packet.size()) return std::nullopt;
        const std::size_t size = size_of_integer(packet[at]);
        if (size == 0) return std::nullopt;
        at += size;
    }
    if (at + 2 > packet.size()) return std::nullopt;
    return unsigned{packet[at]} | unsigned{packet[at + 1]} << 8U;
}

}  // namespace lido::mysql
