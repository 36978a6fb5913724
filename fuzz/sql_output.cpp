// Any bytes as the columns and cells of a result that `lido sql` prints: JSON is JSON and says what the result says,
// CSV is read back as it was, and a table shows no control character to a terminal. Lines of the input are columns and,
// from the first empty one on, cells; the first byte of a cell says its type.
#include "lido/base/assert.hpp"
#include "lido/sql/rows.hpp"
#include "sql/result_text.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using lido::cli::sql::result_form;
using lido::sql::rows;

constexpr std::size_t most_columns = 8;

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
}

/// Line feeds within are written as 0x1F.
std::string unescaped(std::string_view text) {
    std::string made(text);
    std::replace(made.begin(), made.end(), '\x1F', '\n');
    return made;
}

void add_cell(rows& to, std::string_view line) {
    const char kind = line.empty() ? '0' : line.front();
    const std::string text = unescaped(line.substr(std::min<std::size_t>(line.size(), 1)));
    std::int64_t whole = 0;
    double real = 0.0;
    std::memcpy(&whole, text.data(), std::min(text.size(), sizeof whole));
    std::memcpy(&real, &whole, sizeof real);
    switch (kind) {
        case '0':
            return to.add_null();
        case 'i':
            return to.add(whole);
        case 'r':
            return to.add(real);
        case 'b':
            return to.add_bytes(text);
        case 't':
            return to.add(true);
        case 'f':
            return to.add(false);
        default:
            return to.add_text(text);
    }
}

rows read_input(std::string_view text) {
    rows made;
    while (made.column_count() < most_columns && !text.empty()) {
        const std::string_view line = take_line(text);
        if (line.empty()) break;
        made.add_column(unescaped(line));
    }
    if (made.column_count() == 0) return made;
    std::size_t count = 0;
    while (!text.empty()) {
        add_cell(made, take_line(text));
        ++count;
    }
    for (; count % made.column_count() != 0; ++count) made.add_null();
    return made;
}

std::string text_of(const rows& from, result_form form) {
    lido::cli::sql::result_text printer(form);
    std::string text = printer.add(from);
    return text + printer.finish();
}

/// All of it, printed as two results that came one behind the other.
void check_pieces(const rows& from, result_form form) {
    lido::cli::sql::result_text printer(form);
    const std::string once = printer.add(from);
    const std::string twice = once + printer.add(from) + printer.finish();
    LIDO_ASSERT(twice.starts_with(once) && twice.size() >= text_of(from, form).size());
}

/// Boost.JSON 1.81 reads numbers a little inexactly.
bool is_near(double read, double written) {
    return std::abs(read - written) <= 1e-12 * std::abs(written) + 1e-300;
}

void check_json(const rows& from) {
    const std::string text = text_of(from, result_form::json);
    LIDO_ASSERT(text.ends_with('\n') && std::count(text.begin(), text.end(), '\n') == 1);
    boost::system::error_code failure;
    const boost::json::value read = boost::json::parse(text, failure);
    LIDO_ASSERT(!failure);
    const boost::json::object& root = read.as_object();
    LIDO_ASSERT(root.at("columns").as_array().size() == from.column_count());
    const boost::json::array& all = root.at("rows").as_array();
    LIDO_ASSERT(all.size() == from.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        LIDO_ASSERT(all[i].as_array().size() == from.column_count());
        for (std::size_t k = 0; k < from.column_count(); ++k) {
            const boost::json::value& one = all[i].as_array()[k];
            const lido::sql::cell cell = from[i][k];
            LIDO_ASSERT(one.is_null() == cell.is_null());
            if (one.is_number()) LIDO_ASSERT(is_near(one.to_number<double>(), cell.as<double>().value()));
            if (const auto whole = cell.as<std::int64_t>(); whole && one.is_int64())
                LIDO_ASSERT(one.get_int64() == *whole);
            if (one.is_string() && cell.as<std::string>())
                LIDO_ASSERT(one.as_string().empty() == cell.to_text().empty());
        }
    }
}

/// RFC 4180; nothing is an empty field without quotes.
std::vector<std::vector<std::optional<std::string>>> read_csv(std::string_view text) {
    std::vector<std::vector<std::optional<std::string>>> made;
    while (!text.empty()) {
        made.emplace_back();
        for (bool more = true; more;) {
            std::optional<std::string>& field = made.back().emplace_back();
            if (text.starts_with('"')) {
                field.emplace();
                text.remove_prefix(1);
                while (true) {
                    LIDO_ASSERT(!text.empty());
                    if (text.front() == '"' && !text.substr(1).starts_with('"')) break;
                    if (text.front() == '"') text.remove_prefix(1);
                    field->push_back(text.front());
                    text.remove_prefix(1);
                }
                text.remove_prefix(1);
            } else {
                const std::size_t end = text.find_first_of(",\r");
                LIDO_ASSERT(end != std::string_view::npos);
                if (end > 0) field = std::string(text.substr(0, end));
                text.remove_prefix(end);
            }
            more = text.starts_with(',');
            text.remove_prefix(more ? 1 : 0);
        }
        LIDO_ASSERT(text.starts_with("\r\n"));
        text.remove_prefix(2);
    }
    return made;
}

void check_csv(const rows& from) {
    const auto read = read_csv(text_of(from, result_form::csv));
    if (from.column_count() == 0) {
        LIDO_ASSERT(read.empty());
        return;
    }
    LIDO_ASSERT(read.size() == 1 + from.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        LIDO_ASSERT(read[i].size() == from.column_count());
        for (std::size_t k = 0; k < from.column_count(); ++k) {
            if (i == 0) {
                LIDO_ASSERT(read[0][k] == from.column_name(k));
            } else if (from[i - 1][k].is_null()) {
                LIDO_ASSERT(!read[i][k]);
            } else {
                LIDO_ASSERT(read[i][k] == from[i - 1][k].to_text());
            }
        }
    }
}

void check_table(const rows& from) {
    const std::string text = text_of(from, result_form::table);
    for (const char each : text) LIDO_ASSERT(static_cast<unsigned char>(each) >= ' ' || each == '\n');
    LIDO_ASSERT(text.find('\x7f') == std::string::npos);
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    LIDO_ASSERT(lines == (from.column_count() == 0 ? 1 : 3 + from.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const rows from = read_input({reinterpret_cast<const char*>(data), size});
    check_json(from);
    check_csv(from);
    check_table(from);
    for (const result_form form : {result_form::json, result_form::csv, result_form::table}) check_pieces(from, form);
    return 0;
}
