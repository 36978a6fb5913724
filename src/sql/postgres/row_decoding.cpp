#include "sql/postgres/row_decoding.hpp"

#include "sql/hexadecimal.hpp"

#include <charconv>
#include <cmath>
#include <optional>

namespace lido::postgres {
namespace {

// From pg_type.dat; these never change.
constexpr std::uint32_t type_bool = 16;
constexpr std::uint32_t type_bytea = 17;
constexpr std::uint32_t type_int8 = 20;
constexpr std::uint32_t type_int2 = 21;
constexpr std::uint32_t type_int4 = 23;
constexpr std::uint32_t type_oid = 26;
constexpr std::uint32_t type_float4 = 700;
constexpr std::uint32_t type_float8 = 701;

template <class T>
std::optional<T> parse(std::string_view text) noexcept {
    T number{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<double> parse_real(std::string_view text) noexcept {
    if (text == "NaN") return std::nan("");
    if (text == "Infinity") return HUGE_VAL;
    if (text == "-Infinity") return -HUGE_VAL;
    return parse<double>(text);
}

bool decode_escaped(std::string_view text, std::string& into) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            into.push_back(text[i]);
            continue;
        }
        if (i + 1 < text.size() && text[i + 1] == '\\') {
            into.push_back('\\');
            ++i;
            continue;
        }
        if (i + 3 >= text.size()) return false;
        unsigned octet = 0;
        for (std::size_t digit = i + 1; digit <= i + 3; ++digit) {
            if (text[digit] < '0' || text[digit] > '7') return false;
            octet = octet * 8 + static_cast<unsigned>(text[digit] - '0');
        }
        if (octet > 255) return false;
        into.push_back(static_cast<char>(octet));
        i += 3;
    }
    return true;
}

}  // namespace

bool decode_bytea(std::string_view text, std::string& into) {
    into.clear();
    if (!text.starts_with("\\x")) return decode_escaped(text, into);
    text.remove_prefix(2);
    if (text.size() % 2 != 0) return false;
    into.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = sql::hexadecimal_digit(text[i]);
        const int low = sql::hexadecimal_digit(text[i + 1]);
        if (high < 0 || low < 0) return false;
        into.push_back(static_cast<char>(high * 16 + low));
    }
    return true;
}

void add_cell(std::uint32_t type, std::string_view text, sql::rows& to) {
    switch (type) {
        case type_bool:
            if (text == "t" || text == "f") return to.add(text == "t");
            break;
        case type_int2:
        case type_int4:
        case type_int8:
        case type_oid:
            if (const auto number = parse<std::int64_t>(text)) return to.add(*number);
            break;
        case type_float4:
        case type_float8:
            if (const auto number = parse_real(text)) return to.add(*number);
            break;
        case type_bytea: {
            std::string decoded;
            if (decode_bytea(text, decoded)) return to.add_bytes(decoded);
            break;
        }
        default:
            break;
    }
    to.add_text(text);
}

bool add_row(std::string_view body, const row_shape& shape, sql::rows& to) {
    body_reader from(body);
    if (from.number16() != shape.types.size()) return false;
    for (const std::uint32_t type : shape.types) {
        const std::int32_t size = from.number32();
        if (size == -1) {
            to.add_null();
            continue;
        }
        if (size < 0) return false;
        const std::string_view text = from.bytes(static_cast<std::size_t>(size));
        if (from.failed()) return false;
        add_cell(type, text, to);
    }
    return from.is_complete();
}

}  // namespace lido::postgres
