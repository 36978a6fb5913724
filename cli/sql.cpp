#include "command_error.hpp"
#include "command_line.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/pool.hpp"
#include "output.hpp"
#include "sql/parameter.hpp"
#include "sql/result_text.hpp"
#include "subcommand.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <string>
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
    duration timeout = 30s;
};

void declare(command_line& line, sql_options& asked) {
    line.group("Arguments");
    line.positional("URL", "the database", [&](std::string_view, const std::string& value) { asked.url = value; });
    line.positional("STATEMENT", "placeholders are the database's own: ? or $1",
                    [&](std::string_view, const std::string& value) { asked.statement = value; });
    line.group("Options");
    line.repeated(
        "--param", "VALUE",
        "the next placeholder's value: a number when it looks like one, otherwise text; text:5 is text, null: "
        "is NULL",
        [&](std::string_view, const std::string& value) { asked.parameters.push_back(sql::parameter_of(value)); });
    line.option("--output", "FORM", "table, json or csv (table)",
                [&](auto option, const std::string& value) { asked.form = sql::form_value(option, value); });
    line.option("--timeout", "TIME", "for the statement (30s)", [&](auto option, const std::string& value) {
        asked.timeout = duration_value(option, value, 1ms, 24h);
    });
    line.example("lido sql sqlite:shop.db 'select * from outfit where id = ?' --param 7", "one row as a table");
    line.example("lido sql sqlite::memory: 'select 1 as one' --output json", "tries it without any database");
}

}  // namespace

int run_sql(const std::vector<std::string>& arguments) {
    command_line line("sql URL 'STATEMENT' [OPTIONS]",
                      "Runs one statement on a database and prints its result. URL: sqlite:FILE or sqlite::memory:. "
                      "What is printed comes from memory: at most 64 MiB.");
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
    settings.connections.max_size = 1;
    settings.connections.down_fail_fast = 0s;
    runtime io;
    auto db = lido::sql::pool::open(io, asked.url, settings);
    if (!db) throw usage_error(in_words_of_options(db.error()));
    // Whoever runs the command writes the statement; values have --param.
    const auto result =
        db->query_with(lido::sql::trusted_sql(std::move(asked.statement)), std::move(asked.parameters)).wait();
    if (!result) throw command_error(exit_failed, in_words_of_options(result.error()));
    print_output(sql::text_of(*result, asked.form));
    return exit_good;
}

}  // namespace lido::cli
