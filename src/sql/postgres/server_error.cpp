#include "sql/postgres/server_error.hpp"

#include "sql/postgres/message_body.hpp"
#include "sql/remedy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

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

bool is_fatal(std::string_view severity) noexcept {
    return severity == "FATAL" || severity == "PANIC";
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

}  // namespace

std::optional<server_error> read_error(std::string_view body) {
    body_reader from(body);
    server_error made;
    std::string_view severity;
    std::string_view translated;
    std::string_view function;
    while (true) {
        const std::string_view code = from.bytes(1);
        if (code.empty()) return std::nullopt;  // the list ends with a zero byte
        if (code.front() == '\0') break;
        const std::string_view text = from.text();
        switch (code.front()) {
            case PG_DIAG_SQLSTATE:
                made.state = text;
                break;
            case PG_DIAG_MESSAGE_PRIMARY:
                made.message = text;
                break;
            case PG_DIAG_CONSTRAINT_NAME:
                made.constraint = text;
                break;
            case PG_DIAG_SEVERITY_NONLOCALIZED:
                severity = text;
                break;
            case PG_DIAG_SEVERITY:
                translated = text;
                break;
            case PG_DIAG_SOURCE_FUNCTION:
                function = text;
                break;
            default:
                break;
        }
    }
    if (!from.is_complete() || !is_sqlstate(made.state)) return std::nullopt;
    if (severity.empty()) severity = translated;  // proxies say it once only, in English
    made.fatal = is_fatal(severity);
    // Messages are translated, names of functions are not.
    made.plan_is_stale = made.state == "26000" || (made.state == "0A000" && function == "RevalidateCachedQuery");
    return made;
}

server_error read_notice(const PGresult* from) {
    server_error made;
    made.state = field(from, PG_DIAG_SQLSTATE);
    made.message = field(from, PG_DIAG_MESSAGE_PRIMARY);
    made.fatal = is_fatal(field(from, PG_DIAG_SEVERITY_NONLOCALIZED));
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

bool had_no_server(const server_error& proxy) noexcept {
    // PgBouncer has one state for all it says, 08P01.
    constexpr std::array<std::string_view, 3> beginnings{"server login has been failing", "query_wait_timeout",
                                                         "pgbouncer cannot connect to server"};
    return std::any_of(beginnings.begin(), beginnings.end(),
                       [&](std::string_view each) { return proxy.message.starts_with(each); });
}

error to_error(const server_error& from) {
    const sql::errc code = sql::errc_of_sqlstate(from.state);
    const bool holds_value = from.state.starts_with("22");
    std::string text =
        fmt::format("PostgreSQL {}: {}", from.state, holds_value ? without_quoted(from.message) : from.message);
    if (!from.constraint.empty() && text.find(from.constraint) == std::string::npos) {
        text += fmt::format(" (constraint {})", from.constraint);
    }
    if (sql::is_outcome_unknown(from.state)) {
        return {lido::errc::maybe_executed, std::move(text), "look in the database whether it took effect"};
    }
    return {code, std::move(text), sql::remedy_of(code)};
}

}  // namespace lido::postgres
