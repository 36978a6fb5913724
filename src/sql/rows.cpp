#include "lido/sql/rows.hpp"

#include "lido/base/assert.hpp"
#include "sql/array_literal.hpp"
#include "sql/hexadecimal.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace lido::sql {

using detail::cell_kind;

namespace {

/// The whole text as a number, without white space, sign of plus or anything behind it.
template <class T>
std::optional<T> parse_whole(std::string_view text) noexcept {
    T number{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string_view name_of_kind(cell_kind kind) noexcept {
    switch (kind) {
        case cell_kind::null:
            return "NULL";
        case cell_kind::boolean:
            return "a boolean";
        case cell_kind::integer:
            return "an integer";
        case cell_kind::real:
            return "a real number";
        case cell_kind::text:
            return "text";
        case cell_kind::bytes:
            return "bytes";
    }
    return "unknown";
}

}  // namespace

// ---- cell -----------------------------------------------------------------------------------------------------------

std::string_view cell::text() const noexcept {
    if (stored_.kind != cell_kind::text && stored_.kind != cell_kind::bytes) return {};
    return std::string_view(rows_->text_).substr(stored_.place.begin, stored_.place.size);
}

/// Never says what the value is: it may be a secret of the user's.
error cell::mismatch(std::string_view wanted) const {
    return {lido::errc::invalid_argument,
            fmt::format("column {}: {} is not {}", rows_->column_name(column_), name_of_kind(stored_.kind), wanted),
            is_null() ? "read it as std::optional" : "read it as another type"};
}

result<bool> cell::to_bool() const {
    if (stored_.kind == cell_kind::boolean || stored_.kind == cell_kind::integer) {
        if (stored_.integer == 0 || stored_.integer == 1) return stored_.integer == 1;
        return mismatch("0 or 1");
    }
    const std::string_view word = text();
    if (word == "t" || word == "true" || word == "1") return true;
    if (word == "f" || word == "false" || word == "0") return false;
    return mismatch("true or false");
}

result<std::int64_t> cell::to_integer(std::int64_t lowest, std::int64_t highest) const {
    std::optional<std::int64_t> number;
    if (stored_.kind == cell_kind::integer || stored_.kind == cell_kind::boolean) number = stored_.integer;
    if (stored_.kind == cell_kind::text) number = parse_whole<std::int64_t>(text());
    if (!number || *number < lowest || *number > highest) {
        return mismatch(fmt::format("an integer within {} … {}", lowest, highest));
    }
    return *number;
}

result<std::uint64_t> cell::to_unsigned(std::uint64_t highest) const {
    std::optional<std::uint64_t> number;
    const bool stored = stored_.kind == cell_kind::integer || stored_.kind == cell_kind::boolean;
    if (stored && stored_.integer >= 0) number = static_cast<std::uint64_t>(stored_.integer);
    if (stored_.kind == cell_kind::text) number = parse_whole<std::uint64_t>(text());
    if (!number || *number > highest) return mismatch(fmt::format("an integer within 0 … {}", highest));
    return *number;
}

result<double> cell::to_real() const {
    std::optional<double> number;
    if (stored_.kind == cell_kind::real) number = stored_.real;
    if (stored_.kind == cell_kind::integer) number = static_cast<double>(stored_.integer);
    if (stored_.kind == cell_kind::text) {
        const std::string_view word = text();
        // PostgreSQL writes these words; from_chars wants its own.
        if (word == "NaN") number = std::nan("");
        if (word == "Infinity") number = HUGE_VAL;
        if (word == "-Infinity") number = -HUGE_VAL;
        if (!number) number = parse_whole<double>(word);
    }
    if (!number) return mismatch("a number");
    return *number;
}

result<std::string_view> cell::to_view() const {
    if (stored_.kind == cell_kind::text || stored_.kind == cell_kind::bytes) return text();
    return mismatch("text");
}

result<std::string> cell::to_string() const {
    switch (stored_.kind) {
        case cell_kind::text:
        case cell_kind::bytes:
            return std::string(text());
        case cell_kind::integer:
            return fmt::format("{}", stored_.integer);
        case cell_kind::real:
            return fmt::format("{}", stored_.real);
        case cell_kind::boolean:
            return std::string(stored_.integer == 1 ? "true" : "false");
        case cell_kind::null:
            break;
    }
    return mismatch("text");
}

result<bytes> cell::to_bytes() const {
    if (stored_.kind != cell_kind::bytes && stored_.kind != cell_kind::text) return mismatch("bytes");
    const std::span<const char> from(text());
    const auto raw = std::as_bytes(from);
    return bytes(raw.begin(), raw.end());
}

result<timestamp> cell::to_timestamp() const {
    if (stored_.kind != cell_kind::text) return mismatch("a time stamp");
    auto parsed = parse_timestamp(text());
    if (!parsed) return std::move(parsed).error().with_context(mismatch("a time stamp").what());
    return *parsed;
}

result<uuid> cell::to_uuid() const {
    if (stored_.kind == cell_kind::bytes && stored_.place.size == sizeof(uuid::octets)) {
        uuid made;
        const std::string_view raw = text();
        for (std::size_t i = 0; i < raw.size(); ++i) made.octets.at(i) = static_cast<std::uint8_t>(raw[i]);
        return made;
    }
    auto parsed = uuid::parse(text());
    if (!parsed) return mismatch("a UUID");
    return *parsed;
}

result<std::vector<std::optional<std::string>>> cell::to_elements() const {
    if (stored_.kind != cell_kind::text) return mismatch("an array");
    auto parsed = parse_array_literal(text());
    if (!parsed) return std::move(parsed).error().with_context(fmt::format("column {}", rows_->column_name(column_)));
    return parsed;
}

std::string cell::to_text() const {
    if (is_null()) return "NULL";
    if (stored_.kind != cell_kind::bytes) return to_string().value();
    std::string shown = "\\x";
    for (const char each : text()) append_hexadecimal(shown, static_cast<std::uint8_t>(each));
    return shown;
}

// ---- row ------------------------------------------------------------------------------------------------------------

std::size_t row::size() const noexcept {
    return rows_->column_count();
}

cell row::operator[](std::size_t column) const noexcept {
    return {*rows_, column, rows_->cells_[number_ * rows_->column_count() + column]};
}

result<cell> row::at(std::string_view column) const {
    const auto found = rows_->find_column(column);
    if (!found) return found.error();
    return (*this)[*found];
}

// ---- rows -----------------------------------------------------------------------------------------------------------

result<std::size_t> rows::find_column(std::string_view name) const {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < column_count(); ++i) {
        if (column_name(i) != name) continue;
        if (found) {
            return error(lido::errc::invalid_argument, fmt::format("the result has several columns named {}", name),
                         "give each column a name of its own (AS), or use its number");
        }
        found = i;
    }
    if (!found) {
        return error(lido::errc::invalid_argument, fmt::format("the result has no column named {}", name),
                     fmt::format("it has: {}", fmt::join(names(), ", ")));
    }
    return *found;
}

void rows::clear_rows() noexcept {
    cells_.clear();
    text_.clear();
}

void rows::add_place(cell_kind kind, std::string_view of) {
    LIDO_ASSERT(text_.size() + of.size() <= std::numeric_limits<std::uint32_t>::max());
    detail::stored_cell& made = add_cell(kind);
    made.place = {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(of.size())};
    text_.append(of);
}

rows detail::single_text(const std::optional<std::string>& of, const std::string& column) {
    rows one;
    one.add_column(column);
    if (of) {
        one.add_text(*of);
    } else {
        one.add_null();
    }
    return one;
}

}  // namespace lido::sql
