#include "command_error.hpp"
#include "command_line.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/database_url.hpp"
#include "lido/sql/pool.hpp"
#include "output.hpp"
#include "setters.hpp"
#include "sql/settle.hpp"
#include "sql/url_options.hpp"
#include "subcommand.hpp"
#include "wait_for.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lido::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t pings = 21;

struct checked {
    lido::sql::server_report report;
    duration connect{};
    duration latency{};  // the median of some
};

/// A pool of PostgreSQL's is for the primary unless its URL says otherwise; here any server will do, because what it is
/// is the question.
std::string for_any_role(const std::string& url) {
    const auto parsed = lido::sql::database_url::parse(url);
    if (!parsed || parsed->kind != lido::sql::database_kind::postgres) return url;
    if (parsed->option("role") || parsed->option("target_session_attrs")) return url;
    return sql::with_option(url, "role=any");
}

double in_milliseconds(duration of) {
    return std::chrono::duration<double, std::milli>(of).count();
}

/// Nothing when a signal came.
std::optional<checked> look(lido::sql::pool& db, watch& where) {
    checked found;
    const auto begin = clock::now();
    auto report = wait_for(where, db.report());
    if (where.signal() != 0) return std::nullopt;
    if (!report) throw command_error(exit_failed, in_words_of_options(report.error()));
    found.connect = clock::now() - begin;
    found.report = std::move(*report);
    std::vector<duration> times;
    for (std::size_t i = 0; i < pings; ++i) {
        const auto sent = clock::now();
        const auto answer = wait_for(where, db.query("SELECT 1"));
        if (where.signal() != 0) return std::nullopt;
        if (!answer) throw command_error(exit_failed, in_words_of_options(answer.error()));
        if (i > 0) times.push_back(clock::now() - sent);  // the first may have opened another connection
    }
    std::sort(times.begin(), times.end());
    found.latency = times[times.size() / 2];
    return found;
}

std::string in_text(const std::string& url, const checked& found) {
    const std::int64_t remaining = found.report.remaining_connections;
    std::string text = fmt::format("{}\n", url);
    const auto row = [&text](std::string_view name, const std::string& value) {
        text += fmt::format("  {:<12} {}\n", name, value);
    };
    row("version", found.report.version);
    row("role", found.report.role);
    row("TLS", found.report.tls);
    row("connect", fmt::format("{:.2f} ms", in_milliseconds(found.connect)));
    row("latency", fmt::format("{:.3f} ms", in_milliseconds(found.latency)));
    row("connections", remaining < 0 ? std::string("no limit told") : fmt::format("{} more", remaining));
    return text;
}

std::string in_json(const std::string& url, const checked& found) {
    boost::json::object root;
    root["url"] = url;
    root["version"] = found.report.version;
    root["role"] = found.report.role;
    root["tls"] = found.report.tls;
    root["connect_ms"] = in_milliseconds(found.connect);
    root["latency_ms"] = in_milliseconds(found.latency);
    if (found.report.remaining_connections >= 0) {
        root["remaining_connections"] = found.report.remaining_connections;
    } else {
        root["remaining_connections"] = nullptr;
    }
    return boost::json::serialize(root) + "\n";
}

}  // namespace

int run_check(const std::vector<std::string>& arguments) {
    command_line line("check URL [OPTIONS]",
                      "Connects to a database and says what it is: version, role, TLS, how long connecting and a "
                      "statement take, and how many connections it still takes. A server of any role will do, unless "
                      "the URL says which, as by ?role=primary. URL: "
                      "postgresql://user@host/database, mysql://user@host/database, sqlite:FILE or sqlite::memory:.");
    std::string url;
    bool as_json = false;
    duration timeout = 10s;
    line.option("--timeout", "TIME", "for connecting, and for each statement (10s)", time_into(timeout, 1ms, 10min));
    line.option("--output", "FORM", "text or json (text)", one_of<bool>(as_json, {{"text", false}, {"json", true}}));
    line.positional("URL", "the database", text_into(url));
    line.example("lido check sqlite:shop.db?mode=ro", "is the file there, and can it be read?");
    if (line.parse(arguments) == command_line::outcome::help_wanted) {
        print_output(line.help());
        return exit_good;
    }
    if (url.empty()) throw usage_error("the URL of a database is missing, such as sqlite:file.db");
    lido::sql::pool_settings settings;
    settings.statement_timeout = timeout;
    settings.connections.connect_timeout = timeout;
    settings.connections.acquire_timeout = timeout + 1s;  // so that it is the connect that tells why
    settings.connections.max_size = 1;
    settings.connections.down_fail_fast = 0s;
    watch where;
    runtime io;
    auto db = lido::sql::pool::open(io, sql::for_a_look(for_any_role(url), true), settings);
    if (!db) throw usage_error(in_words_of_options(db.error()));
    const std::optional<checked> found = look(*db, where);
    sql::settle(*db, where);
    if (!found) return exit_signal + where.signal();
    const std::string shown = lido::sql::database_url::parse(url).value().to_text();
    print_output(as_json ? in_json(shown, *found) : in_text(shown, *found));
    return exit_good;
}

}  // namespace lido::cli
