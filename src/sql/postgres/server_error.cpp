#include "sql/postgres/server_error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::postgres {
namespace {

std::string_view field(const PGresult* from, int code) {
    const char* const text = PQresultErrorField(from, code);
    return text == nullptr ? std::string_view() : std::string_view(text);
}

bool is_sqlstate(std::string_view text) noexcept {
    return text.size() == 5 && std::all_of(text.begin(), text.end(), [](char each) {
               return (each >= '0' && each <= '9') || (each >= 'A' && each <= 'Z');
           });
}

/// `invalid input syntax for type integer: "12x"` without what stands in quotes.
std::string without_quoted(std::string_view text) {
    std::string shown;
    bool quoted = false;
    for (const char each : text) {
        if (each == '"') {
            if (!quoted) shown += "\"…\"";
            quoted = !quoted;
        } else if (!quoted) {
            shown.push_back(each);
        }
    }
    return shown;
}

std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

std::string remedy_of(sql::errc what) {
    switch (what) {
        case sql::errc::authentication_failed:
            return "check user and password, and pg_hba.conf of the server";
        case sql::errc::too_many_connections:
            return "lower max_size, or raise max_connections of the server";
        case sql::errc::read_only:
            return "write to the primary: name all hosts in the URL and leave role at primary";
        case sql::errc::serialization_failure:
        case sql::errc::deadlock:
            return "run the transaction again from its beginning; transact does that";
        default:
            return {};
    }
}

}  // namespace

server_error read_error(const PGresult* from) {
    server_error made;
    made.state = field(from, PG_DIAG_SQLSTATE);
    made.message = field(from, PG_DIAG_MESSAGE_PRIMARY);
    if (made.message.empty()) made.message = first_line(PQresultErrorMessage(from));
    made.constraint = field(from, PG_DIAG_CONSTRAINT_NAME);
    const std::string_view severity = field(from, PG_DIAG_SEVERITY_NONLOCALIZED);
    made.fatal = severity == "FATAL" || severity == "PANIC";
    // Messages are translated, names of functions are not.
    made.plan_is_stale = made.state == "26000" ||
                         (made.state == "0A000" && field(from, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery");
    return made;
}

server_error read_connect_error(std::string_view text) {
    server_error made;
    made.fatal = true;
    // The last one counts: libpq puts those of earlier attempts before it.
    std::size_t from = 0;
    for (std::size_t at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
        const std::string_view behind = text.substr(at + 3);
        if (behind.size() < 7 || !is_sqlstate(behind.substr(0, 5)) || behind.substr(5, 2) != ": ") continue;
        made.state = behind.substr(0, 5);
        from = at + 3 + 7;
    }
    made.message = first_line(text.substr(from));
    return made;
}

error to_error(const server_error& from) {
    const sql::errc code = sql::errc_of_sqlstate(from.state);
    const bool holds_value = from.state.starts_with("22");
    std::string text =
        fmt::format("PostgreSQL {}: {}", from.state, holds_value ? without_quoted(from.message) : from.message);
    if (!from.constraint.empty() && text.find(from.constraint) == std::string::npos) {
        text += fmt::format(" (constraint {})", from.constraint);
    }
    return {code, std::move(text), remedy_of(code)};
}

}  // namespace lido::postgres
