#include "lido/sql/value.hpp"

#include "sql/hexadecimal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace lido::sql {
namespace {

constexpr std::size_t uuid_text_size = 36;

bool is_uuid_dash(std::size_t place) noexcept {
    return place == 8 || place == 13 || place == 18 || place == 23;
}

error not_a_uuid() {
    return {lido::errc::invalid_argument, "not a UUID", "give 8-4-4-4-12 hexadecimal digits"};
}

error not_a_timestamp(std::string_view why) {
    return {lido::errc::invalid_argument, fmt::format("not a time stamp: {}", why),
            "give YYYY-MM-DD[ HH:MM[:SS[.ffffff]]][Z or +HH[:MM]]"};
}

/// Takes parts of a text from its beginning; a failed `take` leaves it as it is.
class text_parts {
public:
    explicit text_parts(std::string_view text) noexcept : rest_(text) {}
    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    [[nodiscard]] bool take(char wanted) noexcept {
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// Exactly `digits` decimal digits.
    [[nodiscard]] bool take_number(std::size_t digits, int& into) noexcept {
        if (rest_.size() < digits) return false;
        into = 0;
        for (const char each : rest_.substr(0, digits)) {
            if (each < '0' || each > '9') return false;
            into = into * 10 + (each - '0');
        }
        rest_.remove_prefix(digits);
        return true;
    }
    /// One to nine digits behind the point, as microseconds; further ones are cut off.
    [[nodiscard]] bool take_fraction(int& microseconds) noexcept {
        microseconds = 0;
        int scale = 100'000;
        std::size_t count = 0;
        while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') {
            microseconds += (rest_[count] - '0') * scale;
            scale /= 10;
            ++count;
        }
        rest_.remove_prefix(count);
        return count >= 1 && count <= 9;
    }

private:
    std::string_view rest_;
};

result<std::chrono::minutes> take_offset(text_parts& from) {
    using namespace std::chrono;
    if (from.empty() || from.take('Z')) return minutes(0);
    const bool west = from.take('-');
    if (!west && !from.take('+')) return not_a_timestamp("something stands behind it");
    int hours_part = 0;
    int minutes_part = 0;
    if (!from.take_number(2, hours_part)) return not_a_timestamp("the offset has no hours");
    const bool colon = from.take(':');
    if ((colon || !from.empty()) && !from.take_number(2, minutes_part)) return not_a_timestamp("the offset is cut off");
    if (hours_part > 15 || minutes_part > 59) return not_a_timestamp("the offset is out of range");
    const minutes offset = hours(hours_part) + minutes(minutes_part);
    return west ? -offset : offset;
}

}  // namespace

result<uuid> uuid::parse(std::string_view text) {
    if (text.size() != uuid_text_size) return not_a_uuid();
    uuid made;
    std::size_t octet = 0;
    for (std::size_t i = 0; i < text.size();) {
        if (is_uuid_dash(i)) {
            if (text[i] != '-') return not_a_uuid();
            ++i;
            continue;
        }
        const int high = hexadecimal_digit(text[i]);
        const int low = hexadecimal_digit(text[i + 1]);
        if (high < 0 || low < 0) return not_a_uuid();
        made.octets.at(octet++) = static_cast<std::uint8_t>(high * 16 + low);
        i += 2;
    }
    return made;
}

std::string uuid::to_text() const {
    std::string text;
    text.reserve(uuid_text_size);
    for (const std::uint8_t each : octets) {
        if (is_uuid_dash(text.size())) text.push_back('-');
        append_hexadecimal(text, each);
    }
    return text;
}

std::size_t value::size() const noexcept {
    struct measure {
        std::size_t operator()(const std::string& of) const noexcept { return of.size(); }
        std::size_t operator()(const sql::bytes& of) const noexcept { return of.size(); }
        std::size_t operator()(const sql::json& of) const noexcept { return of.text.size(); }
        std::size_t operator()(const sql::array& of) const noexcept {
            std::size_t sum = 0;
            for (const value& each : of.elements()) sum += each.size() + 1;
            return sum;
        }
        std::size_t operator()(const sql::uuid&) const noexcept { return 16; }
        std::size_t operator()(timestamp) const noexcept { return 8; }
        std::size_t operator()(double) const noexcept { return 8; }
        std::size_t operator()(std::int64_t) const noexcept { return 8; }
        std::size_t operator()(bool) const noexcept { return 1; }
        std::size_t operator()(null_value) const noexcept { return 0; }
    };
    return std::visit(measure{}, held_);
}

std::string to_text(timestamp of) {
    using namespace std::chrono;
    const auto day = floor<days>(of);
    const year_month_day date(day);
    const hh_mm_ss<microseconds> time(of - day);
    std::string text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   time.hours().count(), time.minutes().count(), time.seconds().count());
    if (time.subseconds().count() != 0) text += fmt::format(".{:06}", time.subseconds().count());
    return text + "+00";
}

result<timestamp> parse_timestamp(std::string_view text) {
    using namespace std::chrono;
    text_parts parts(text);
    int year_number = 0;
    int month_number = 0;
    int day_number = 0;
    if (!parts.take_number(4, year_number) || !parts.take('-') || !parts.take_number(2, month_number) ||
        !parts.take('-') || !parts.take_number(2, day_number)) {
        return not_a_timestamp("the date is cut off");
    }
    const year_month_day date(year(year_number), month(static_cast<unsigned>(month_number)),
                              day(static_cast<unsigned>(day_number)));
    if (!date.ok() || year_number == 0) return not_a_timestamp("there is no such day");
    timestamp when = sys_days(date);
    if (parts.empty()) return when;
    if (!parts.take(' ') && !parts.take('T')) return not_a_timestamp("something stands behind the date");
    int hour = 0;
    int minute = 0;
    int second = 0;
    int fraction = 0;
    if (!parts.take_number(2, hour) || !parts.take(':') || !parts.take_number(2, minute)) {
        return not_a_timestamp("the time is cut off");
    }
    if (parts.take(':') && !parts.take_number(2, second)) return not_a_timestamp("the seconds are cut off");
    if (parts.take('.') && !parts.take_fraction(fraction)) return not_a_timestamp("the fraction is no number");
    if (hour > 23 || minute > 59 || second > 60) return not_a_timestamp("there is no such time of day");
    when += hours(hour) + minutes(minute) + seconds(second) + microseconds(fraction);
    const auto offset = take_offset(parts);
    if (!offset) return offset.error();
    if (!parts.empty()) return not_a_timestamp("something stands behind it");
    when -= *offset;
    // An offset or a leap second leads out of the years at either end.
    if (when < sys_days(year(1) / 1 / 1) || when >= sys_days(year(10000) / 1 / 1)) {
        return not_a_timestamp("it lies outside of the years 1 … 9999");
    }
    return when;
}

}  // namespace lido::sql
