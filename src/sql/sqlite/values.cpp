#include "sql/sqlite/values.hpp"

#include "lido/sql/error.hpp"
#include "sql/sqlite/error.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace lido::sqlite {
namespace {

int bind_text(sqlite3_stmt* to, int place, std::string_view text, sqlite3_destructor_type lifetime) {
    return sqlite3_bind_text64(to, place, text.data() == nullptr ? "" : text.data(), text.size(), lifetime,
                               SQLITE_UTF8);
}

/// "2026-11-21 18:04:05.000001": what SQLite's date functions read; UTC.
std::string written(sql::timestamp of) {
    std::string text = sql::to_text(of);
    if (text.ends_with("+00")) text.resize(text.size() - 3);
    return text;
}

/// Binds a value of each kind; an array has no form in SQLite.
struct binder {
    sqlite3_stmt* to;
    int place;

    int operator()(sql::null_value) const { return sqlite3_bind_null(to, place); }
    int operator()(bool of) const { return sqlite3_bind_int64(to, place, of ? 1 : 0); }
    int operator()(std::int64_t of) const { return sqlite3_bind_int64(to, place, of); }
    int operator()(double of) const { return sqlite3_bind_double(to, place, of); }
    int operator()(const std::string& of) const { return bind_text(to, place, of, SQLITE_STATIC); }
    int operator()(const sql::bytes& of) const {
        if (of.empty()) return sqlite3_bind_zeroblob(to, place, 0);
        return sqlite3_bind_blob64(to, place, of.data(), of.size(), SQLITE_STATIC);
    }
    int operator()(sql::timestamp of) const { return bind_text(to, place, written(of), SQLITE_TRANSIENT); }
    int operator()(const sql::uuid& of) const { return bind_text(to, place, of.to_text(), SQLITE_TRANSIENT); }
    int operator()(const sql::json& of) const { return bind_text(to, place, of.text, SQLITE_STATIC); }
    int operator()(const sql::array&) const { return SQLITE_MISMATCH; }
};

std::string_view view(const void* data, int size) {
    if (data == nullptr || size <= 0) return {};
    return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

}  // namespace

result<void> bind(sqlite3_stmt* to, const sql::parameters& with) {
    const auto wanted = static_cast<std::size_t>(sqlite3_bind_parameter_count(to));
    if (wanted != with.size()) {
        return error(sql::errc::syntax_error,
                     fmt::format("the statement has {} placeholders, {} values were given", wanted, with.size()),
                     "give one value for each ?");
    }
    for (std::size_t i = 0; i < with.size(); ++i) {
        if (std::holds_alternative<sql::array>(with[i].get())) {
            return error(lido::errc::invalid_argument, fmt::format("value {} is an array, which SQLite has not", i + 1),
                         "give it as JSON text and use json_each");
        }
        const int code = std::visit(binder{to, static_cast<int>(i) + 1}, with[i].get());
        if (code != SQLITE_OK) return error_of(sqlite3_db_handle(to), code, fmt::format("bind value {}", i + 1));
    }
    return {};
}

std::vector<std::string> column_names(sqlite3_stmt* of) {
    const int count = sqlite3_column_count(of);
    std::vector<std::string> names;
    names.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        const char* name = sqlite3_column_name(of, i);
        names.emplace_back(name == nullptr ? "" : name);
    }
    return names;
}

void add_columns(sqlite3_stmt* of, sql::rows& into) {
    if (into.column_count() != 0) return;
    for (std::string& each : column_names(of)) into.add_column(std::move(each));
}

// The values are "unprotected" in SQLite's words, which matters only where a connection is used by several threads at
// once; ours are opened without a mutex of their own, and the engine lets one call in at a time.
void add_row(sqlite3_stmt* of, sql::rows& into) {
    const int count = sqlite3_data_count(of);
    for (int i = 0; i < count; ++i) {
        sqlite3_value* const value = sqlite3_column_value(of, i);
        switch (sqlite3_value_type(value)) {
            case SQLITE_INTEGER:
                into.add(static_cast<std::int64_t>(sqlite3_value_int64(value)));
                break;
            case SQLITE_FLOAT:
                into.add(sqlite3_value_double(value));
                break;
            case SQLITE_TEXT: {
                const void* text = sqlite3_value_text(value);
                into.add_text(view(text, sqlite3_value_bytes(value)));
                break;
            }
            case SQLITE_BLOB: {
                const void* data = sqlite3_value_blob(value);
                into.add_bytes(view(data, sqlite3_value_bytes(value)));
                break;
            }
            default:
                into.add_null();
        }
    }
}

}  // namespace lido::sqlite
