// Lido: HTTP/2 frames for tests, written and read by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::test::h2 {

// RFC 9113 §6.
inline constexpr std::uint8_t data = 0;
inline constexpr std::uint8_t headers = 1;
inline constexpr std::uint8_t priority = 2;
inline constexpr std::uint8_t rst_stream = 3;
inline constexpr std::uint8_t settings = 4;
inline constexpr std::uint8_t push_promise = 5;
inline constexpr std::uint8_t ping = 6;
inline constexpr std::uint8_t goaway = 7;
inline constexpr std::uint8_t window_update = 8;
inline constexpr std::uint8_t continuation = 9;

inline constexpr std::uint8_t end_stream = 1;
inline constexpr std::uint8_t ack = 1;
inline constexpr std::uint8_t end_headers = 4;

inline constexpr std::uint32_t no_error = 0;
inline constexpr std::uint32_t protocol_error = 1;
inline constexpr std::uint32_t internal_error = 2;
inline constexpr std::uint32_t refused_stream = 7;
inline constexpr std::uint32_t cancel = 8;
inline constexpr std::uint32_t enhance_your_calm = 11;

inline constexpr std::uint16_t max_concurrent_streams = 3;

/// A number of four bytes, the highest first.
[[nodiscard]] inline std::string number(std::uint32_t value) {
    return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U), static_cast<char>(value >> 8U),
            static_cast<char>(value)};
}

[[nodiscard]] inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                                       std::string_view payload = {}) {
    std::string made = number(static_cast<std::uint32_t>(payload.size())).substr(1);
    made += static_cast<char>(type);
    made += static_cast<char>(flags);
    return made + number(stream) + std::string(payload);
}

using fields = std::vector<std::pair<std::string, std::string>>;

/// A header block of literals that nobody remembers (RFC 7541 §6.2.2), names and values below 127 bytes.
[[nodiscard]] inline std::string block(const fields& all) {
    std::string made;
    for (const auto& [name, value] : all) {
        made += '\0';
        made += static_cast<char>(name.size());
        made += name;
        made += static_cast<char>(value.size());
        made += value;
    }
    return made;
}

[[nodiscard]] inline std::string head(std::uint32_t stream, const fields& all, std::uint8_t flags = 0) {
    return frame(headers, static_cast<std::uint8_t>(end_headers | flags), stream, block(all));
}

/// SETTINGS with one entry, or none.
[[nodiscard]] inline std::string setting(std::uint16_t name, std::uint32_t value) {
    const std::string entry{static_cast<char>(name >> 8U), static_cast<char>(name)};
    return frame(settings, 0, 0, entry + number(value));
}

/// A frame that was read.
struct seen_frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;

    /// The number of four bytes at a place of the payload.
    [[nodiscard]] std::uint32_t number_at(std::size_t at) const {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<std::uint8_t>(payload.at(at + i));
        return value;
    }
};

inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The frames in `bytes`, which begin with the client's preface or not; a piece at the end is left out.
[[nodiscard]] inline std::vector<seen_frame> read_frames(std::string_view bytes) {
    if (bytes.starts_with(preface)) bytes.remove_prefix(preface.size());
    std::vector<seen_frame> all;
    const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])); };
    while (bytes.size() >= 9) {
        const std::size_t size = at(0) << 16U | at(1) << 8U | at(2);
        if (bytes.size() < 9 + size) break;
        all.push_back({static_cast<std::uint8_t>(at(3)), static_cast<std::uint8_t>(at(4)),
                       (at(5) & 0x7FU) << 24U | at(6) << 16U | at(7) << 8U | at(8),
                       std::string(bytes.substr(9, size))});
        bytes.remove_prefix(9 + size);
    }
    return all;
}

}  // namespace lido::test::h2
