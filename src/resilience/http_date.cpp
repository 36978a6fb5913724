#include "resilience/http_date.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace lido::resilience {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> day_names{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 7> long_day_names{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                         "Friday", "Saturday", "Sunday"};

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Takes a text apart from the left. After the first mistake every further step fails too, so that a format is a
/// plain list of steps with one look at the end.
class scanner {
public:
    explicit scanner(std::string_view text) noexcept : rest_(text) {}

    void literal(std::string_view wanted) noexcept {
        if (rest_.substr(0, wanted.size()) == wanted) {
            rest_.remove_prefix(wanted.size());
        } else {
            ok_ = false;
        }
    }

    /// Exactly `digits` digits.
    int number(std::size_t digits) noexcept {
        int value = 0;
        if (rest_.size() < digits) ok_ = false;
        for (std::size_t i = 0; ok_ && i < digits; ++i) {
            if (!is_digit(rest_[i])) ok_ = false;
            value = value * 10 + (rest_[i] - '0');
        }
        if (ok_) rest_.remove_prefix(digits);
        return ok_ ? value : 0;
    }

    /// The position of the name that comes next. No name of a table may be the beginning of another one.
    template <std::size_t Count>
    unsigned one_of(const std::array<std::string_view, Count>& names) noexcept {
        for (unsigned i = 0; i < Count; ++i) {
            if (rest_.substr(0, names[i].size()) != names[i]) continue;
            rest_.remove_prefix(names[i].size());
            return i;
        }
        ok_ = false;
        return 0;
    }

    [[nodiscard]] bool next_is(char wanted) const noexcept { return !rest_.empty() && rest_.front() == wanted; }
    [[nodiscard]] bool complete() const noexcept { return ok_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool ok_ = true;
};

struct date_time {
    int year = 0;
    unsigned month = 0;  ///< 0 is January
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
};

void time_of_day(scanner& in, date_time& out) noexcept {
    out.hour = in.number(2);
    in.literal(":");
    out.minute = in.number(2);
    in.literal(":");
    out.second = in.number(2);
}

std::optional<sys_seconds> to_time(const date_time& from) noexcept {
    const std::chrono::year_month_day day{std::chrono::year(from.year), std::chrono::month(from.month + 1),
                                          std::chrono::day(static_cast<unsigned>(from.day))};
    // 60 is a leap second.
    if (!day.ok() || from.hour > 23 || from.minute > 59 || from.second > 60) return std::nullopt;
    return std::chrono::sys_days(day) + std::chrono::hours(from.hour) + std::chrono::minutes(from.minute) +
           seconds(from.second);
}

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<sys_seconds> parse_imf_date(std::string_view text) noexcept {
    scanner in(text);
    date_time date;
    in.one_of(day_names);
    in.literal(", ");
    date.day = in.number(2);
    in.literal(" ");
    date.month = in.one_of(month_names);
    in.literal(" ");
    date.year = in.number(4);
    in.literal(" ");
    time_of_day(in, date);
    in.literal(" GMT");
    return in.complete() ? to_time(date) : std::nullopt;
}

/// "Sunday, 06-Nov-94 08:49:37 GMT". Of the years that end so, the last one that is not more than 50 years ahead (RFC
/// 9110 §5.6.7).
std::optional<sys_seconds> parse_rfc_850_date(std::string_view text, sys_seconds now) noexcept {
    scanner in(text);
    date_time date;
    in.one_of(long_day_names);
    in.literal(", ");
    date.day = in.number(2);
    in.literal("-");
    date.month = in.one_of(month_names);
    in.literal("-");
    const int two_digits = in.number(2);
    in.literal(" ");
    time_of_day(in, date);
    in.literal(" GMT");
    if (!in.complete()) return std::nullopt;
    const int this_year = int{std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(now)).year()};
    date.year = this_year - this_year % 100 + two_digits;
    if (date.year > this_year + 50) date.year -= 100;
    if (date.year + 100 <= this_year + 50) date.year += 100;
    return to_time(date);
}

/// "Sun Nov  6 08:49:37 1994"
std::optional<sys_seconds> parse_asctime_date(std::string_view text) noexcept {
    scanner in(text);
    date_time date;
    in.one_of(day_names);
    in.literal(" ");
    date.month = in.one_of(month_names);
    in.literal(" ");
    if (in.next_is(' ')) {
        in.literal(" ");
        date.day = in.number(1);
    } else {
        date.day = in.number(2);
    }
    in.literal(" ");
    time_of_day(in, date);
    in.literal(" ");
    date.year = in.number(4);
    return in.complete() ? to_time(date) : std::nullopt;
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text, sys_seconds now) {
    std::optional<sys_seconds> when = parse_imf_date(text);
    if (!when) when = parse_rfc_850_date(text, now);
    if (!when) when = parse_asctime_date(text);
    return when;
}

}  // namespace lido::resilience
