#include "command_error.hpp"
#include "command_line.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/pool.hpp"
#include "output.hpp"
#include "setters.hpp"
#include "sink.hpp"
#include "sql/parameter.hpp"
#include "sql/result_text.hpp"
#include "sql/settle.hpp"
#include "sql/statement_text.hpp"
#include "sql/url_options.hpp"
#include "subcommand.hpp"
#include "wait_for.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::cli {
namespace {

using namespace std::chrono_literals;

struct sql_options {
    std::string url;
    std::string statement;
    lido::sql::parameters parameters;
    sql::result_form form = sql::result_form::table;
    duration connect_timeout = 10s;
    duration timeout = 30s;
};

void declare(command_line& line, sql_options& asked) {
    line.group("Arguments");
    line.positional("URL", "the database", text_into(asked.url));
    line.positional("STATEMENT", "placeholders are the database's own: ? or $1", text_into(asked.statement));
    line.group("Options");
    line.repeated(
        "--param", "VALUE",
        "the next placeholder's value: a number when it is written as Lido would write it, otherwise text, as 007 and "
        "1.10 are; text:5 is text, null: is NULL",
        [&](std::string_view, const std::string& value) { asked.parameters.push_back(sql::parameter_of(value)); });
    line.option("--output", "FORM", "table, json or csv (table)",
                one_of<sql::result_form>(asked.form, {{"table", sql::result_form::table},
                                                      {"json", sql::result_form::json},
                                                      {"csv", sql::result_form::csv}}));
    line.option("--connect-timeout", "TIME", "for opening the connection (10s)",
                time_into(asked.connect_timeout, 1ms, 10min));
    line.option("--timeout", "TIME", "for the statement, and for each further piece of a long result (30s)",
                time_into(asked.timeout, 1ms, 24h));
    line.example("lido sql sqlite:shop.db 'select * from outfit where id = ?' --param 7", "one row as a table");
    line.example("lido sql postgresql://me@db/shop 'select * from outfit' --output csv",
                 "a result of any size; PGPASSWORD or ~/.pgpass may have the password");
    line.example("lido sql sqlite::memory: 'select 1 as one' --output json", "tries it without any database");
}

template <class T>
T checked(result<T> outcome) {
    if (!outcome) throw command_error(exit_failed, in_words_of_options(outcome.error()));
    return std::move(outcome).value();
}

/// Writes the result while it comes. A signal ends it, and the statement at the server.
void show(lido::sql::pool& db, sql_options& asked, watch& where) {
    sink out(where, "-");
    sql::result_text text(asked.form);
    const bool in_pieces = sql::brings_rows(asked.statement);
    // Whoever runs the command writes the statement; values have --param.
    lido::sql::trusted_sql statement(std::move(asked.statement));
    if (!in_pieces) {
        auto all = wait_for(where, db.query_with(std::move(statement), std::move(asked.parameters)));
        if (where.signal() != 0) return;
        if (out.write(text.add(checked(std::move(all))))) static_cast<void>(out.write(text.finish()));
        return;
    }
    auto begun = wait_for(where, db.stream_with(std::move(statement), std::move(asked.parameters)));
    if (where.signal() != 0) return;
    lido::sql::row_stream rows = checked(std::move(begun));
    while (true) {
        auto more = wait_for(where, rows.next());
        if (where.signal() != 0) return;
        const lido::sql::rows some = checked(std::move(more));
        if (!out.write(text.add(some))) return;
        if (some.empty()) break;
    }
    static_cast<void>(out.write(text.finish()));
}

}  // namespace

int run_sql(const std::vector<std::string>& arguments) {
    command_line line("sql URL 'STATEMENT' [OPTIONS]",
                      "Runs one statement on a database and prints its result while it comes, however large it is. "
                      "URL: postgresql://user@host/database, mysql://user@host/database, sqlite:FILE or "
                      "sqlite::memory:. Ctrl-C cancels the statement at the server.");
    sql_options asked;
    declare(line, asked);
    if (line.parse(arguments) == command_line::outcome::help_wanted) {
        print_output(line.help());
        return exit_good;
    }
    if (asked.url.empty()) throw usage_error("the URL of a database is missing, such as sqlite:file.db");
    if (asked.statement.empty()) throw usage_error("the statement is missing, such as 'select 1'");

    lido::sql::pool_settings settings;
    settings.statement_timeout = asked.timeout;
    settings.connections.connect_timeout = asked.connect_timeout;
    settings.connections.max_size = 1;
    settings.connections.down_fail_fast = 0s;
    watch where;
    runtime io;
    const bool only_reads = sql::only_reads(asked.statement);
    auto db = lido::sql::pool::open(io, sql::for_a_look(asked.url, only_reads), settings);
    if (!db) throw usage_error(in_words_of_options(db.error()));
    try {
        show(*db, asked, where);
    } catch (const command_error&) {
        sql::settle(*db, where);
        throw;
    }
    sql::settle(*db, where);
    return where.signal() == 0 ? exit_good : exit_signal + where.signal();
}

}  // namespace lido::cli
