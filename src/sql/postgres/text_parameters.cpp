#include "sql/postgres/text_parameters.hpp"

#include "sql/array_literal.hpp"
#include "sql/hexadecimal.hpp"
#include "sql/postgres/big_endian.hpp"
#include "sql/postgres/message_writer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <type_traits>
#include <variant>

namespace lido::postgres {
namespace {

constexpr std::size_t most_parameters = 65535;  // a 16-bit count in the protocol

error wrong(std::string what, std::string remedy) {
    return {lido::errc::invalid_argument, std::move(what), std::move(remedy)};
}

bool has_zero_byte(const std::string& text) noexcept {
    return text.find('\0') != std::string::npos;
}

error zero_byte() {
    return wrong("a text parameter has a zero byte, which PostgreSQL cannot hold", "send it as sql::bytes");
}

std::string real_text(double of) {
    if (std::isnan(of)) return "NaN";
    if (std::isinf(of)) return of > 0 ? "Infinity" : "-Infinity";
    return fmt::format("{}", of);
}

std::string hexadecimal_text(const sql::bytes& of) {
    std::string text = "\\x";
    text.reserve(2 + 2 * of.size());
    for (const std::byte each : of) sql::append_hexadecimal(text, static_cast<std::uint8_t>(each));
    return text;
}

result<std::string> array_text(const sql::array& of) {
    std::vector<std::optional<std::string>> elements;
    elements.reserve(of.elements().size());
    for (const sql::value& each : of.elements()) {
        if (each.is_null()) {
            elements.emplace_back();
            continue;
        }
        if (std::holds_alternative<sql::array>(each.get())) {
            return wrong("an array has an array in it", "send one dimension, or JSON");
        }
        auto text = to_parameter_text(each);
        if (!text) return std::move(text).error();
        elements.emplace_back(std::move(*text));
    }
    return sql::to_array_literal(elements);
}

}  // namespace

result<std::string> to_parameter_text(const sql::value& of) {
    return std::visit(
        [](const auto& held) -> result<std::string> {
            using kind = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<kind, sql::null_value>) {
                return std::string();
            } else if constexpr (std::is_same_v<kind, bool>) {
                return std::string(held ? "t" : "f");
            } else if constexpr (std::is_same_v<kind, std::int64_t>) {
                return fmt::format_int(held).str();
            } else if constexpr (std::is_same_v<kind, double>) {
                return real_text(held);
            } else if constexpr (std::is_same_v<kind, std::string>) {
                if (has_zero_byte(held)) return zero_byte();
                return held;
            } else if constexpr (std::is_same_v<kind, sql::bytes>) {
                return hexadecimal_text(held);
            } else if constexpr (std::is_same_v<kind, sql::timestamp>) {
                return sql::to_text(held);
            } else if constexpr (std::is_same_v<kind, sql::uuid>) {
                return held.to_text();
            } else if constexpr (std::is_same_v<kind, sql::json>) {
                if (has_zero_byte(held.text)) return zero_byte();
                return held.text;
            } else {
                return array_text(held);
            }
        },
        of.get());
}

void text_parameters::give_back() noexcept {
    constexpr std::size_t most_kept = std::size_t{64} * 1024;
    if (encoded_.capacity() > most_kept) encoded_ = std::string();
}

result<void> text_parameters::fill(const sql::parameters& from) {
    if (from.size() > most_parameters) {
        return wrong(
            fmt::format("a statement has {} parameters, PostgreSQL takes at most {}", from.size(), most_parameters),
            "send them as an array, or in several statements");
    }
    give_back();
    encoded_.clear();
    const auto count = static_cast<std::uint16_t>(from.size());
    char* at = put_number16(grow(encoded_, 2 + 2 * from.size() + 2), count);
    for (const sql::value& each : from) {
        at = put_number16(at, std::holds_alternative<sql::bytes>(each.get()) ? 1 : 0);
    }
    put_number16(at, count);
    for (const sql::value& each : from) {
        if (auto fits = append(each); !fits) return fits;
        if (encoded_.size() > most_message_bytes) {
            return error(lido::errc::limit_exceeded, "the parameters of a statement are larger than PostgreSQL takes",
                         "send less than 1 GiB at once");
        }
    }
    return {};
}

result<void> text_parameters::append(const sql::value& of) {
    if (of.is_null()) {
        put_number32(grow(encoded_, 4), 0xffff'ffff);
    } else if (const auto* plain = std::get_if<std::string>(&of.get()); plain != nullptr) {
        if (has_zero_byte(*plain)) return zero_byte();
        append_sized(*plain);
    } else if (const auto* raw = std::get_if<sql::bytes>(&of.get()); raw != nullptr) {
        append_sized({reinterpret_cast<const char*>(raw->data()), raw->size()});
    } else if (const auto* whole = std::get_if<std::int64_t>(&of.get()); whole != nullptr) {
        const fmt::format_int text(*whole);
        append_sized({text.data(), text.size()});
    } else {
        const auto text = to_parameter_text(of);
        if (!text) return text.error();
        append_sized(*text);
    }
    return {};
}

void text_parameters::append_sized(std::string_view text) {
    char* const at = put_number32(grow(encoded_, 4 + text.size()), static_cast<std::uint32_t>(text.size()));
    put_text(at, text);
}

}  // namespace lido::postgres
