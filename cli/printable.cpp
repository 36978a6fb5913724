#include "printable.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace lido::cli {
namespace {

/// How many bytes a sequence has that begins with this one; 0: none does.
std::size_t length_of(std::uint8_t first) noexcept {
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/// The second byte of the longer ones is narrower than the others: no surrogates, nothing above U+10FFFF, and nothing
/// that a shorter sequence could say.
bool second_fits(std::uint8_t first, std::uint8_t second) noexcept {
    switch (first) {
        case 0xE0:
            return second >= 0xA0;
        case 0xED:
            return second <= 0x9F;
        case 0xF0:
            return second >= 0x90;
        case 0xF4:
            return second <= 0x8F;
        default:
            return true;
    }
}

/// The size of the character that `text`, which is not empty, begins with; 0 when that is none.
std::size_t character_at(std::string_view text) noexcept {
    const auto octet = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::size_t size = length_of(octet(0));
    if (size == 0 || size > text.size()) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((octet(i) & 0xC0U) != 0x80U) return 0;
    }
    return size == 1 || second_fits(octet(0), octet(1)) ? size : 0;
}

/// Those that turn the direction of what follows them: U+061C, U+200E, U+200F, U+202A … U+202E, U+2066 … U+2069.
bool turns_direction(std::string_view character) noexcept {
    const auto octet = [character](std::size_t i) { return static_cast<std::uint8_t>(character[i]); };
    if (character == "\xD8\x9C") return true;
    if (character.size() != 3 || octet(0) != 0xE2) return false;
    if (octet(1) == 0x80) return octet(2) == 0x8E || octet(2) == 0x8F || (octet(2) >= 0xAA && octet(2) <= 0xAE);
    return octet(1) == 0x81 && octet(2) >= 0xA6 && octet(2) <= 0xA9;
}

bool is_control(std::string_view character) noexcept {
    const auto first = static_cast<std::uint8_t>(character[0]);
    if (character.size() == 1) return first < 0x20 || first == 0x7F;
    if (first == 0xC2 && static_cast<std::uint8_t>(character[1]) < 0xA0) return true;
    return turns_direction(character);
}

/// Goes through the characters; `on_bad` gets the bytes that are none.
template <class Good, class Bad>
void for_each_character(std::string_view text, const Good& on_good, const Bad& on_bad) {
    while (!text.empty()) {
        const std::size_t size = character_at(text);
        if (size == 0) {
            on_bad(text.substr(0, 1));
        } else {
            on_good(text.substr(0, size));
        }
        text.remove_prefix(size == 0 ? 1 : size);
    }
}

}  // namespace

std::string in_one_line(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    const auto escape = [&shown](std::string_view bytes) {
        for (const char each : bytes) shown += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(each));
    };
    const auto show = [&](std::string_view character) {
        if (is_control(character)) {
            escape(character);
        } else {
            shown += character;
        }
    };
    for_each_character(text, show, escape);
    return shown;
}

std::string with_valid_utf8(std::string_view text) {
    std::string made;
    made.reserve(text.size());
    for_each_character(
        text, [&made](std::string_view character) { made += character; },
        [&made](std::string_view) { made += "\xEF\xBF\xBD"; });
    return made;
}

}  // namespace lido::cli
