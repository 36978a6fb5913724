#include "sql/mysql/row_decoding.hpp"

#include "sql/mysql/packet_body.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace lido::mysql {
namespace {

constexpr std::uint8_t null_in_text = 0xfb;
/// The bits of the first two columns of a row in binary form are none of a column.
constexpr std::size_t bits_before = 2;

/// A date or a time as text: at most a sign, twelve digits of hours and what follows them, or a number of 64 bits.
class short_text {
public:
    void add(char mark) noexcept { bytes_[size_++] = mark; }
    /// With zeros before it, up to so many digits.
    void add(std::uint64_t number, std::size_t digits) noexcept {
        std::size_t needed = 1;
        for (std::uint64_t rest = number / 10; rest > 0; rest /= 10) ++needed;
        const std::size_t width = std::max(needed, digits);
        for (std::size_t i = width; i > 0; --i) {
            bytes_[size_ + i - 1] = static_cast<char>('0' + number % 10);
            number /= 10;
        }
        size_ += width;
    }
    void add_date(std::uint64_t year, std::uint64_t month, std::uint64_t day) noexcept {
        add(year, 4);
        add('-');
        add(month, 2);
        add('-');
        add(day, 2);
    }
    void add_time(std::uint64_t hours, std::uint64_t minutes, std::uint64_t seconds) noexcept {
        add(hours, 2);
        add(':');
        add(minutes, 2);
        add(':');
        add(seconds, 2);
    }
    /// A fraction of a second with so many digits; none when there is no such number of digits.
    void add_fraction(std::uint32_t microseconds, std::uint8_t digits) noexcept {
        if (digits == 0 || digits > 6) return;
        add('.');
        add(microseconds, 6);
        size_ -= 6U - digits;
    }
    [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), size_}; }

private:
    std::array<char, 48> bytes_{};
    std::size_t size_ = 0;
};

constexpr std::uint32_t microseconds_of_second = 1'000'000;

struct date_fields {
    std::uint16_t year = 0;
    std::uint8_t month = 0;
    std::uint8_t day = 0;
    std::uint8_t hour = 0;
    std::uint8_t minute = 0;
    std::uint8_t second = 0;
    std::uint32_t microsecond = 0;
};

/// What is zero at the end of a date is left out; a date of nothing is empty.
bool read_date(packet_body& row, date_fields& into) noexcept {
    const std::uint8_t size = row.byte();
    if (size != 0 && size != 4 && size != 7 && size != 11) return false;
    packet_body from(row.bytes(size));
    if (size == 0) return !row.failed();
    into.year = from.number16();
    into.month = from.byte();
    into.day = from.byte();
    if (size > 4) {
        into.hour = from.byte();
        into.minute = from.byte();
        into.second = from.byte();
    }
    if (size > 7) into.microsecond = from.number32();
    return from.is_complete() && into.microsecond < microseconds_of_second;
}

bool add_date(packet_body& row, sql::rows& to) {
    date_fields came;
    if (!read_date(row, came)) return false;
    short_text made;
    made.add_date(came.year, came.month, came.day);
    to.add_text(made.text());
    return true;
}

bool add_datetime(packet_body& row, std::uint8_t decimals, sql::rows& to) {
    date_fields came;
    if (!read_date(row, came)) return false;
    short_text made;
    made.add_date(came.year, came.month, came.day);
    made.add(' ');
    made.add_time(came.hour, came.minute, came.second);
    made.add_fraction(came.microsecond, decimals);
    to.add_text(made.text());
    return true;
}

/// Days are hours in its text, and it may be negative.
bool add_time(packet_body& row, std::uint8_t decimals, sql::rows& to) {
    const std::uint8_t size = row.byte();
    if (size != 0 && size != 8 && size != 12) return false;
    packet_body from(row.bytes(size));
    const bool is_negative = size > 0 && from.byte() != 0;
    const std::uint64_t days = size > 0 ? from.number32() : 0;
    const std::uint64_t hours = (size > 0 ? from.byte() : 0) + 24 * days;
    const std::uint8_t minutes = size > 0 ? from.byte() : std::uint8_t{0};
    const std::uint8_t seconds = size > 0 ? from.byte() : std::uint8_t{0};
    const std::uint32_t microseconds = size > 8 ? from.number32() : 0;
    if (row.failed() || !from.is_complete() || microseconds >= microseconds_of_second) return false;
    short_text made;
    if (is_negative) made.add('-');
    made.add_time(hours, minutes, seconds);
    made.add_fraction(microseconds, decimals);
    to.add_text(made.text());
    return true;
}

/// An integer of so many bytes.
void add_integer(packet_body& row, std::size_t size, bool is_unsigned, sql::rows& to) {
    const std::uint64_t came = row.number(size);
    if (is_unsigned) {
        if (came <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return to.add(static_cast<std::int64_t>(came));
        }
        short_text made;
        made.add(came, 1);
        return to.add_text(made.text());
    }
    const auto above = static_cast<unsigned>(64 - 8 * size);
    to.add(static_cast<std::int64_t>(came << above) >> above);
}

bool add_text(packet_body& row, bool is_binary, sql::rows& to) {
    const std::string_view came = row.text();
    if (row.failed()) return false;
    if (is_binary) {
        to.add_bytes(came);
    } else {
        to.add_text(came);
    }
    return true;
}

/// One that is not NULL.
bool add_value(packet_body& row, const result_column& column, sql::rows& to) {
    switch (column.type) {
        case column_type::int8:
            add_integer(row, 1, column.is_unsigned, to);
            return true;
        case column_type::int16:
        case column_type::year:
            add_integer(row, 2, column.is_unsigned, to);
            return true;
        case column_type::int32:
        case column_type::int24:
            add_integer(row, 4, column.is_unsigned, to);
            return true;
        case column_type::int64:
            add_integer(row, 8, column.is_unsigned, to);
            return true;
        case column_type::real32:
            to.add(double{std::bit_cast<float>(row.number32())});
            return true;
        case column_type::real64:
            to.add(std::bit_cast<double>(row.number(8)));
            return true;
        case column_type::date:
        case column_type::new_date:
            return add_date(row, to);
        case column_type::time:
            return add_time(row, column.decimals, to);
        case column_type::datetime:
        case column_type::timestamp:
            return add_datetime(row, column.decimals, to);
        case column_type::null:
            return false;  // its values have no bytes
        default:
            return add_text(row, column.is_binary, to);
    }
}

}  // namespace

bool add_binary_row(std::string_view packet, const result_shape& shape, sql::rows& to) {
    packet_body row(packet);
    if (row.byte() != 0) return false;
    const std::string_view nulls = row.bytes((shape.columns.size() + bits_before + 7) / 8);
    if (row.failed()) return false;
    std::size_t bit = bits_before;
    for (const result_column& column : shape.columns) {
        const auto octet = static_cast<unsigned char>(nulls[bit / 8]);
        const bool is_null = (octet >> bit % 8 & 1U) != 0;
        ++bit;
        if (is_null) {
            to.add_null();
        } else if (!add_value(row, column, to)) {
            return false;
        }
    }
    return row.is_complete();
}

bool add_text_row(std::string_view packet, const result_shape& shape, sql::rows& to) {
    packet_body row(packet);
    for (std::size_t i = 0; i < shape.columns.size(); ++i) {
        if (row.is_next(null_in_text)) {
            static_cast<void>(row.byte());
            to.add_null();
        } else if (!add_text(row, false, to)) {
            return false;
        }
    }
    return row.is_complete();
}

}  // namespace lido::mysql
