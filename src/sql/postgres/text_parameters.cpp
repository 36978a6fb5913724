#include "sql/postgres/text_parameters.hpp"

#include "sql/array_literal.hpp"
#include "sql/hexadecimal.hpp"

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

result<void> text_parameters::fill(const sql::parameters& from) {
    if (from.size() > most_parameters) {
        return wrong(
            fmt::format("a statement has {} parameters, PostgreSQL takes at most {}", from.size(), most_parameters),
            "send them as an array, or in several statements");
    }
    values_.clear();
    lengths_.clear();
    formats_.clear();
    texts_.clear();
    texts_.reserve(from.size());  // so that they do not move
    for (const sql::value& each : from) {
        const char* value = nullptr;
        int length = 0;
        int format = 0;
        if (const auto* plain = std::get_if<std::string>(&each.get()); plain != nullptr) {
            if (has_zero_byte(*plain)) return zero_byte();
            value = plain->c_str();
        } else if (const auto* raw = std::get_if<sql::bytes>(&each.get()); raw != nullptr) {
            // libpq takes a null pointer for NULL, whatever the length.
            value = raw->empty() ? "" : reinterpret_cast<const char*>(raw->data());
            length = static_cast<int>(raw->size());
            format = 1;
        } else if (!each.is_null()) {
            auto text = to_parameter_text(each);
            if (!text) return std::move(text).error();
            value = texts_.emplace_back(std::move(*text)).c_str();
        }
        values_.push_back(value);
        lengths_.push_back(length);
        formats_.push_back(format);
    }
    return {};
}

}  // namespace lido::postgres
