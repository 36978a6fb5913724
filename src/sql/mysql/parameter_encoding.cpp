#include "sql/mysql/parameter_encoding.hpp"

#include "sql/mysql/column_type.hpp"
#include "sql/mysql/packet_body.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <string_view>
#include <variant>

namespace lido::mysql {
namespace {

column_type type_of(const sql::value& of) noexcept {
    const auto& held = of.get();
    if (std::holds_alternative<sql::null_value>(held)) return column_type::null;
    if (std::holds_alternative<bool>(held)) return column_type::int8;
    if (std::holds_alternative<std::int64_t>(held)) return column_type::int64;
    if (std::holds_alternative<double>(held)) return column_type::real64;
    if (std::holds_alternative<sql::bytes>(held)) return column_type::blob;
    return column_type::string;
}

std::string_view as_text(const sql::bytes& raw) noexcept {
    return {reinterpret_cast<const char*>(raw.data()),
            raw.size()};  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

void append_value(std::string& to, const sql::value& of) {
    const auto& held = of.get();
    if (const bool* const boolean = std::get_if<bool>(&held)) {
        append_number(to, *boolean ? 1 : 0, 1);
    } else if (const auto* const integer = std::get_if<std::int64_t>(&held)) {
        append_number(to, static_cast<std::uint64_t>(*integer), 8);
    } else if (const double* const real = std::get_if<double>(&held)) {
        append_number(to, std::bit_cast<std::uint64_t>(*real), 8);
    } else if (const auto* const text = std::get_if<std::string>(&held)) {
        append_text(to, *text);
    } else if (const auto* const raw = std::get_if<sql::bytes>(&held)) {
        append_text(to, as_text(*raw));
    } else if (const auto* const when = std::get_if<sql::timestamp>(&held)) {
        const std::string written = sql::to_text(*when);
        // The servers take no offset, "+00"; the session's time zone is UTC.
        append_text(to, std::string_view(written).substr(0, written.size() - 3));
    } else if (const auto* const unique = std::get_if<sql::uuid>(&held)) {
        append_text(to, unique->to_text());
    } else if (const auto* const document = std::get_if<sql::json>(&held)) {
        append_text(to, document->text);
    }
}

void append_nulls(std::string& to, const sql::parameters& with) {
    std::uint8_t octet = 0;
    for (std::size_t i = 0; i < with.size(); ++i) {
        if (type_of(with[i]) == column_type::null) octet = static_cast<std::uint8_t>(octet | 1U << i % 8);
        if (i % 8 != 7 && i + 1 < with.size()) continue;
        append_number(to, octet, 1);
        octet = 0;
    }
}

}  // namespace

result<void> check_parameters(const sql::parameters& with) {
    for (std::size_t i = 0; i < with.size(); ++i) {
        if (!std::holds_alternative<sql::array>(with[i].get())) continue;
        return error(lido::errc::invalid_argument, fmt::format("parameter {} is an array", i + 1),
                     "MySQL and MariaDB have no arrays: use JSON, or a placeholder for each element");
    }
    return {};
}

void append_parameters(std::string& to, const sql::parameters& with) {
    if (with.empty()) return;
    append_nulls(to, with);
    constexpr std::uint8_t types_follow = 1;
    append_number(to, types_follow, 1);
    for (const sql::value& each : with) append_number(to, static_cast<std::uint8_t>(type_of(each)), 2);
    for (const sql::value& each : with) append_value(to, each);
}

}  // namespace lido::mysql
