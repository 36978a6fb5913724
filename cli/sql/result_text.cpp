#include "sql/result_text.hpp"

#include "console.hpp"
#include "printable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace lido::cli::sql {
namespace {

void add_padded(std::string& to, std::string_view text, std::size_t width) {
    to += text;
    to.append(width - std::min(width, columns_of(text)), ' ');
}

/// Also where JSON allows them, but a terminal acts on them: DEL, and the controls of Unicode's second row.
void escape_controls(std::string& json) {
    for (std::size_t i = 0; i < json.size(); ++i) {
        const auto first = static_cast<std::uint8_t>(json[i]);
        const bool is_of_second_row =
            first == 0xC2 && i + 1 < json.size() && static_cast<std::uint8_t>(json[i + 1]) < 0xA0;
        if (first != 0x7F && !is_of_second_row) continue;
        const auto code = static_cast<std::uint8_t>(json[is_of_second_row ? i + 1 : i]);
        const std::string escaped = fmt::format("\\u{:04x}", code);
        json.replace(i, is_of_second_row ? 2 : 1, escaped);
        i += escaped.size() - 1;
    }
}

std::string quoted_json(std::string_view text) {
    std::string made = boost::json::serialize(boost::json::string(with_valid_utf8(text)));
    escape_controls(made);
    return made;
}

/// Numbers stay numbers, as far as the database said that they are; JSON has no NaN.
std::string as_json(const lido::sql::cell& of) {
    if (of.is_null()) return "null";
    const auto text = of.as<std::string>();
    if (!of.text().empty() || (text && text->empty())) return quoted_json(of.to_text());
    if (text && (*text == "true" || *text == "false")) return *text;
    if (const auto number = of.as<std::int64_t>()) return fmt::format("{}", *number);
    if (const auto real = of.as<double>(); real && std::isfinite(*real)) return fmt::format("{}", *real);
    return quoted_json(of.to_text());
}

std::string quoted_csv(const std::string& text) {
    if (!text.empty() && text.find_first_of("\",\r\n") == std::string::npos) return text;
    std::string made = "\"";
    for (const char each : text) {
        if (each == '"') made += '"';
        made += each;
    }
    return made + "\"";
}

void add_csv_row(const lido::sql::row& from, std::string& to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (i > 0) to += ",";
        if (!from[i].is_null()) to += quoted_csv(from[i].to_text());
    }
    to += "\r\n";
}

void add_json_row(const lido::sql::row& from, std::string& to) {
    to += '[';
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (i > 0) to += ",";
        to += as_json(from[i]);
    }
    to += ']';
}

}  // namespace

void result_text::take_columns(const lido::sql::rows& from, std::string& to) {
    if (begun_ || from.column_count() == 0) return;
    begun_ = true;
    for (std::size_t i = 0; i < from.column_count(); ++i) names_.push_back(from.column_name(i));
    switch (form_) {
        case result_form::json:
            to += "{\"columns\":[";
            for (std::size_t i = 0; i < names_.size(); ++i) to += (i == 0 ? "" : ",") + quoted_json(names_[i]);
            to += "],\"rows\":[";
            break;
        case result_form::csv:
            for (std::size_t i = 0; i < names_.size(); ++i) to += (i == 0 ? "" : ",") + quoted_csv(names_[i]);
            to += "\r\n";
            break;
        case result_form::table:
            for (std::string& each : names_) {
                each = in_one_line(each);
                widths_.push_back(columns_of(each));
            }
            break;
    }
}

void result_text::add_table_line(const std::string* cells, std::string& to) const {
    std::string made;
    for (std::size_t i = 0; i < widths_.size(); ++i) {
        if (i > 0) made += "  ";
        add_padded(made, cells[i], widths_[i]);
    }
    made.resize(made.find_last_not_of(' ') + 1);
    to += made + "\n";
}

void result_text::release_held(std::string& to) {
    if (widths_are_fixed_) return;
    widths_are_fixed_ = true;
    add_table_line(names_.data(), to);
    std::vector<std::string> rules;
    rules.reserve(widths_.size());
    for (const std::size_t width : widths_) rules.emplace_back(width, '-');
    add_table_line(rules.data(), to);
    for (std::size_t at = 0; at < held_.size(); at += widths_.size()) add_table_line(held_.data() + at, to);
    held_.clear();
}

void result_text::add_table_row(const lido::sql::row& from, std::string& to) {
    std::vector<std::string> cells;
    cells.reserve(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) cells.push_back(in_one_line(from[i].to_text()));
    if (widths_are_fixed_) {
        add_table_line(cells.data(), to);
        return;
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
        widths_[i] = std::max(widths_[i], columns_of(cells[i]));
        held_bytes_ += cells[i].size();
        held_.push_back(std::move(cells[i]));
    }
    if (held_.size() >= rows_looked_at * widths_.size() || held_bytes_ >= bytes_looked_at) release_held(to);
}

std::string result_text::add(const lido::sql::rows& more) {
    std::string text;
    take_columns(more, text);
    affected_ += more.affected();
    for (const lido::sql::row each : more) {
        switch (form_) {
            case result_form::json:
                if (rows_ > 0) text += ",";
                add_json_row(each, text);
                break;
            case result_form::csv:
                add_csv_row(each, text);
                break;
            case result_form::table:
                add_table_row(each, text);
                break;
        }
        ++rows_;
    }
    return text;
}

std::string result_text::finish() {
    std::string text;
    switch (form_) {
        case result_form::json:
            if (!begun_) text += "{\"columns\":[],\"rows\":[";
            return text + fmt::format("],\"affected\":{}}}\n", affected_);
        case result_form::csv:
            return text;
        case result_form::table:
            break;
    }
    if (!begun_) return fmt::format("{} {} changed\n", affected_, affected_ == 1 ? "row" : "rows");
    release_held(text);
    return text + fmt::format("({} {})\n", rows_, rows_ == 1 ? "row" : "rows");
}

}  // namespace lido::cli::sql
