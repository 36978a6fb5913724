// Lido: the fields of a packet of the MySQL protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lido::mysql {

/// Reads a packet field by field; numbers are little-endian. Whatever is not there is zero or empty, and `is_complete`
/// then says so; no byte behind the packet is ever read.
class packet_body {
public:
    explicit packet_body(std::string_view packet) noexcept : rest_(packet) {}

    /// Of so many bytes, at most 8.
    [[nodiscard]] std::uint64_t number(std::size_t size) noexcept {
        std::uint64_t made = 0;
        unsigned shift = 0;
        for (const char each : bytes(size)) {
            made |= std::uint64_t{static_cast<unsigned char>(each)} << shift;
            shift += 8;
        }
        return made;
    }
    [[nodiscard]] std::uint8_t byte() noexcept { return static_cast<std::uint8_t>(number(1)); }
    [[nodiscard]] std::uint16_t number16() noexcept { return static_cast<std::uint16_t>(number(2)); }
    [[nodiscard]] std::uint32_t number32() noexcept { return static_cast<std::uint32_t>(number(4)); }
    /// A number whose first byte says how long it is. The one that means NULL is none.
    [[nodiscard]] std::uint64_t length() noexcept {
        const std::uint8_t first = byte();
        if (first < 0xfb) return first;
        if (first == 0xfc) return number(2);
        if (first == 0xfd) return number(3);
        if (first == 0xfe) return number(8);
        fail();
        return 0;
    }
    /// A text with its length before it.
    [[nodiscard]] std::string_view text() noexcept {
        const std::uint64_t size = length();
        if (size > rest_.size()) return fail();
        return bytes(static_cast<std::size_t>(size));
    }
    [[nodiscard]] std::string_view bytes(std::size_t size) noexcept {
        if (size > rest_.size()) return fail();
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    /// All that is left.
    [[nodiscard]] std::string_view rest() noexcept { return bytes(rest_.size()); }

    /// The next byte is this one; it is not taken.
    [[nodiscard]] bool is_next(std::uint8_t what) const noexcept {
        return !rest_.empty() && static_cast<std::uint8_t>(rest_.front()) == what;
    }
    [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    /// Everything that was asked for was there, and nothing more.
    [[nodiscard]] bool is_complete() const noexcept { return !failed_ && rest_.empty(); }

private:
    std::string_view fail() noexcept {
        failed_ = true;
        rest_ = {};
        return {};
    }

    std::string_view rest_;
    bool failed_ = false;
};

/// Its lowest `size` bytes, at most 8.
inline void append_number(std::string& to, std::uint64_t number, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        to.push_back(static_cast<char>(number & 0xffU));
        number >>= 8U;
    }
}

/// A number as `packet_body::length` reads it.
inline void append_length(std::string& to, std::uint64_t number) {
    if (number < 0xfb) return append_number(to, number, 1);
    if (number <= 0xffff) {
        to.push_back('\xfc');
        return append_number(to, number, 2);
    }
    if (number <= 0xff'ffff) {
        to.push_back('\xfd');
        return append_number(to, number, 3);
    }
    to.push_back('\xfe');
    append_number(to, number, 8);
}

inline void append_text(std::string& to, std::string_view text) {
    append_length(to, text.size());
    to.append(text);
}

}  // namespace lido::mysql
