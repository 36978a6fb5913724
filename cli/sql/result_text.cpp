#include "sql/result_text.hpp"

#include "command_error.hpp"
#include "console.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace lido::cli::sql {
namespace {

/// A cell in one line: control characters could change what a terminal shows.
std::string in_one_line(const lido::sql::cell& of) {
    std::string text = of.to_text();
    std::string shown;
    for (const char each : text) {
        const auto octet = static_cast<unsigned char>(each);
        if (octet < 0x20 || octet == 0x7f) {
            shown += fmt::format("\\x{:02x}", octet);
        } else {
            shown += each;
        }
    }
    return shown;
}

void add_padded(std::string& to, std::string_view text, std::size_t width) {
    to += text;
    to.append(width - std::min(width, columns_of(text)), ' ');
}

std::string as_table(const lido::sql::rows& result) {
    if (result.column_count() == 0) return fmt::format("{} rows changed\n", result.affected());
    std::vector<std::size_t> widths;
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < result.column_count(); ++i) widths.push_back(columns_of(result.column_name(i)));
    for (const lido::sql::row each : result) {
        for (std::size_t i = 0; i < each.size(); ++i) {
            cells.push_back(in_one_line(each[i]));
            widths[i] = std::max(widths[i], columns_of(cells.back()));
        }
    }
    std::string text;
    const auto line = [&](const auto& cell_of) {
        std::string made;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            if (i > 0) made += "  ";
            add_padded(made, cell_of(i), widths[i]);
        }
        made.resize(made.find_last_not_of(' ') + 1);
        text += made + "\n";
    };
    line([&](std::size_t i) { return std::string_view(result.column_name(i)); });
    line([&](std::size_t i) { return std::string(widths[i], '-'); });
    for (std::size_t row = 0; row < result.size(); ++row) {
        line([&](std::size_t i) { return std::string_view(cells[row * widths.size() + i]); });
    }
    return text + fmt::format("({} {})\n", result.size(), result.size() == 1 ? "row" : "rows");
}

/// Numbers stay numbers, as far as the database said that they are; JSON has no NaN.
boost::json::value as_json(const lido::sql::cell& of) {
    if (of.is_null()) return nullptr;
    const auto text = of.as<std::string>();
    if (!of.text().empty() || (text && text->empty())) return boost::json::string(of.to_text());
    if (text && (*text == "true" || *text == "false")) return *text == "true";
    if (const auto number = of.as<std::int64_t>()) return *number;
    if (const auto real = of.as<double>(); real && std::isfinite(*real)) return *real;
    return boost::json::string(of.to_text());
}

std::string as_json(const lido::sql::rows& result) {
    boost::json::object root;
    boost::json::array columns;
    for (std::size_t i = 0; i < result.column_count(); ++i) columns.emplace_back(result.column_name(i));
    boost::json::array all;
    for (const lido::sql::row each : result) {
        boost::json::array cells;
        for (std::size_t i = 0; i < each.size(); ++i) cells.push_back(as_json(each[i]));
        all.push_back(std::move(cells));
    }
    root["columns"] = std::move(columns);
    root["rows"] = std::move(all);
    root["affected"] = result.affected();
    return boost::json::serialize(root) + "\n";
}

std::string quoted(const std::string& text) {
    if (!text.empty() && text.find_first_of("\",\r\n") == std::string::npos) return text;
    std::string made = "\"";
    for (const char each : text) {
        if (each == '"') made += '"';
        made += each;
    }
    return made + "\"";
}

std::string as_csv(const lido::sql::rows& result) {
    std::string text;
    for (std::size_t i = 0; i < result.column_count(); ++i) {
        text += (i == 0 ? "" : ",") + quoted(result.column_name(i));
    }
    if (result.column_count() > 0) text += "\r\n";
    for (const lido::sql::row each : result) {
        for (std::size_t i = 0; i < each.size(); ++i) {
            if (i > 0) text += ",";
            if (!each[i].is_null()) text += quoted(each[i].to_text());
        }
        text += "\r\n";
    }
    return text;
}

}  // namespace

result_form form_value(std::string_view option, std::string_view text) {
    if (text == "table") return result_form::table;
    if (text == "json") return result_form::json;
    if (text == "csv") return result_form::csv;
    throw usage_error(fmt::format("{} must be table, json or csv, got '{}'", option, text));
}

std::string text_of(const lido::sql::rows& result, result_form form) {
    switch (form) {
        case result_form::json:
            return as_json(result);
        case result_form::csv:
            return as_csv(result);
        case result_form::table:
            break;
    }
    return as_table(result);
}

}  // namespace lido::cli::sql
