// Any bytes as values that a database wrote: time stamps, UUIDs, arrays, bytea, and a cell of each type. What is taken
// is the same when it is printed and read again, and a number that comes out is the one that was written.
#include "lido/base/assert.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/value.hpp"
#include "sql/array_literal.hpp"
#include "sql/postgres/row_decoding.hpp"
#include "sql/postgres/text_parameters.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lido::sql;

void check_timestamp(std::string_view text) {
    const auto when = parse_timestamp(text);
    if (!when) return;
    LIDO_ASSERT(*when >= std::chrono::sys_days(std::chrono::year(1) / 1 / 1));
    LIDO_ASSERT(*when < std::chrono::sys_days(std::chrono::year(10000) / 1 / 1));
    const auto again = parse_timestamp(to_text(*when));
    LIDO_ASSERT(again.has_value() && *again == *when);
}

void check_uuid(std::string_view text) {
    const auto made = uuid::parse(text);
    if (!made) return;
    const std::string printed = made->to_text();
    LIDO_ASSERT(printed.size() == text.size());
    for (std::size_t i = 0; i < printed.size(); ++i) {
        LIDO_ASSERT(printed[i] == text[i] || printed[i] == (text[i] | 0x20));
    }
}

void check_array(std::string_view text) {
    const auto elements = parse_array_literal(text);
    if (!elements) return;
    const auto again = parse_array_literal(to_array_literal(*elements));
    LIDO_ASSERT(again.has_value() && *again == *elements);
}

/// The text as one element, in pieces as several: what goes out comes back.
void check_array_of(std::string_view text) {
    std::vector<std::optional<std::string>> elements{std::string(text), std::nullopt};
    while (!text.empty()) {
        const std::string_view piece = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), piece.size() + 1));
        elements.emplace_back(std::string(piece));
    }
    const auto again = parse_array_literal(to_array_literal(elements));
    LIDO_ASSERT(again.has_value() && *again == elements);
}

void check_bytea(std::string_view text) {
    std::string decoded;
    if (lido::postgres::decode_bytea(text, decoded)) LIDO_ASSERT(decoded.size() <= text.size());
    const auto raw = std::as_bytes(std::span<const char>(text));
    const auto written = lido::postgres::to_parameter_text(value(bytes(raw.begin(), raw.end())));
    LIDO_ASSERT(written.has_value() && lido::postgres::decode_bytea(*written, decoded) && decoded == text);
}

/// Every conversion of a cell: either an error, or something that its text says.
void check_cell(const cell& one, std::string_view text) {
    if (const auto whole = one.as<std::int64_t>()) {
        const auto printed = one.as<std::string>();
        LIDO_ASSERT(printed.has_value());
        if (const auto narrow = one.as<std::int16_t>()) LIDO_ASSERT(*narrow == *whole);
        if (const auto plain = one.as<std::uint64_t>())
            LIDO_ASSERT(*whole >= 0 && *plain == static_cast<std::uint64_t>(*whole));
        const auto real = one.as<double>();
        LIDO_ASSERT(real.has_value() || !one.text().empty() || text == "t" || text == "f");
    }
    if (const auto flag = one.as<bool>()) {
        const std::string shown = one.text().empty() ? one.to_text() : std::string(one.text());
        LIDO_ASSERT(shown == "t" || shown == "f" || shown == "1" || shown == "0" || shown == "true" ||
                    shown == "false");
    }
    if (const auto view = one.as<std::string_view>()) LIDO_ASSERT(*view == one.text());
    if (const auto many = one.as<std::vector<std::optional<std::string>>>()) {
        const auto same = parse_array_literal(one.text());
        LIDO_ASSERT(same.has_value() && *many == *same);
    }
    static_cast<void>(one.as<timestamp>());
    static_cast<void>(one.as<uuid>());
    static_cast<void>(one.as<std::vector<std::int64_t>>());
    const auto maybe = one.as<std::optional<bytes>>();
    LIDO_ASSERT(!one.is_null() || (maybe.has_value() && !*maybe));
    LIDO_ASSERT(one.is_null() || !one.to_text().empty() || one.text().empty());
}

void check_cells(std::string_view text) {
    constexpr std::array<std::uint32_t, 9> types{16, 17, 20, 21, 23, 26, 700, 701, 25};
    rows made;
    for (const std::uint32_t type : types) made.add_column(std::to_string(type));
    made.add_column("raw");
    made.add_column("nothing");
    for (const std::uint32_t type : types) lido::postgres::add_cell(type, text, made);
    made.add_bytes(text);
    made.add_null();
    LIDO_ASSERT(made.size() == 1);
    for (std::size_t i = 0; i < made.column_count(); ++i) check_cell(made[0][i], text);
    // The type "text" is what came; whatever cannot be read as its type is as well.
    LIDO_ASSERT(made[0][8].text() == text && made[0][9].text() == text);
    for (const std::size_t whole : {2U, 3U, 4U, 5U}) {
        const auto number = made[0][whole].as<std::int64_t>();
        const auto from_text = made[0][8].as<std::int64_t>();
        LIDO_ASSERT(number.has_value() == from_text.has_value());
        if (number) LIDO_ASSERT(*number == *from_text);
    }
    const auto real = made[0][7].as<double>();
    const auto same = made[0][8].as<double>();
    LIDO_ASSERT(real.has_value() == same.has_value());
    if (real) LIDO_ASSERT(*real == *same || (std::isnan(*real) && std::isnan(*same)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_timestamp(text);
    check_uuid(text);
    check_array(text);
    check_array_of(text);
    check_bytea(text);
    check_cells(text);
    return 0;
}
