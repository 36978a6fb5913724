#include "command_error.hpp"
#include "command_line.hpp"
#include "console.hpp"
#include "lido/pool/workload.hpp"
#include "output.hpp"
#include "setters.hpp"
#include "simulate/figures.hpp"
#include "simulate/record.hpp"
#include "simulate/run.hpp"
#include "subcommand.hpp"
#include "values.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

namespace lido::cli {
namespace {

using namespace std::chrono_literals;
using namespace simulate;

struct tune_options {
    std::string file;
    std::string url;
    std::string num_users = "20";
    std::string run_time = "5s";
    std::string think_time = "50ms";
    duration target = 5ms;
    bool as_json = false;
};

void declare(command_line& line, tune_options& asked) {
    line.group("Argument");
    line.positional("FILE", "a record that lido simulate --record has written", text_into(asked.file));
    line.group("Instead of a record: a short run, with a connection for each user");
    line.option("--url", "URL", "http or https", text_into(asked.url));
    line.option("--num-users", "N", "simulated users at once (20)", text_into(asked.num_users));
    line.option("--duration", "TIME", "how long (5s)", text_into(asked.run_time));
    line.option("--think-time", "TIME", "pause of a user after each request, on average (50ms)",
                text_into(asked.think_time));
    line.group("Advice");
    line.option("--target-wait", "TIME", "the mean wait for a connection that is good enough (5ms)",
                [&](auto option, const std::string& value) { asked.target = duration_value(option, value, 1us, 1h); });
    line.option("--output", "FORM", "text or json (text)", [&](auto option, const std::string& value) {
        if (value != "text" && value != "json") {
            throw usage_error(fmt::format("{} must be text or json, got '{}'", option, value));
        }
        asked.as_json = value == "json";
    });
    line.example("lido simulate --num-users 50 --think-time 20ms --record load.json && lido tune load.json",
                 "records a load, and says what pool it needs");
    line.example("lido tune --url http://127.0.0.1:8080/ --target-wait 1ms", "the same in one step");
}

void check_together(const command_line& line, const tune_options& asked) {
    if (asked.file.empty() == asked.url.empty()) {
        throw usage_error(asked.file.empty() ? "a FILE is missing, or --url; lido simulate --record writes one"
                                             : "FILE and --url exclude each other; leave one");
    }
    for (const char* option : {"--num-users", "--duration", "--think-time"}) {
        if (asked.url.empty() && line.given(option)) {
            throw usage_error(fmt::format("{} needs --url; a record says itself how it was made", option));
        }
    }
}

pool::workload from_file(const std::string& path) {
    std::error_code failure;
    const auto size = std::filesystem::file_size(path, failure);
    if (!failure && size > most_record_bytes) {
        throw command_error(exit_failed,
                            fmt::format("{} is no record: it has more than {} bytes", path, most_record_bytes));
    }
    if (std::filesystem::exists(path, failure) && !std::filesystem::is_regular_file(path, failure)) {
        throw usage_error(fmt::format("FILE must be an ordinary file, {} is none", path));
    }
    auto read = read_workload(read_file("FILE", path));
    if (read) return std::move(read).value();
    throw command_error(exit_failed, fmt::format("{}: {}", path, in_words_of_options(read.error())));
}

/// A run in which nobody waits shows the load itself.
pool::workload from_run(const tune_options& asked) {
    const options run =
        read_options({asked.url, "--num-users", asked.num_users, "--duration", asked.run_time, "--think-time",
                      asked.think_time, "--pool-size", asked.num_users, "--max-retries", "0"})
            .value();
    raise_descriptor_limit();
    watch where;
    runtime io({run.threads});
    console screen;
    const surroundings around{io, where, screen, run, run.url.value().origin, {}, true};
    const leg_report leg = run_leg(around, way::shared_pool);
    if (where.signal() != 0) throw command_error(exit_code(exit_signal + where.signal()), "ended by a signal");
    const tally& counts = leg.counts;
    if (counts.requests() == 0) {
        throw command_error(exit_failed, "not one request ended in time; give it a longer --duration");
    }
    if (counts.succeeded() == 0) {
        throw command_error(
            exit_failed, fmt::format("not one of {} requests succeeded: {}", counts.requests(), counts.main_cause()));
    }
    return workload_of(run, leg);
}

std::string in_text(const pool::sizing_advice& advice, duration target) {
    std::string told = fmt::format("For a mean wait of at most {}:\n\n", in_milliseconds(target));
    const auto row = [&told](std::string_view name, const std::string& value) {
        told += fmt::format("  {:<16} {}\n", name, value);
    };
    row("max_size", grouped(advice.max_size));
    row("min_size", grouped(advice.min_size));
    row("max_waiters", grouped(advice.max_waiters));
    row("acquire_timeout", to_text(advice.acquire_timeout));
    row("connect_timeout", to_text(advice.connect_timeout));
    row("read_timeout", to_text(advice.read_timeout));
    told += "\nBecause:\n\n";
    for (const std::string& reason : advice.reasons) told += fmt::format("- {}\n", reason);
    return told;
}

std::string in_json(const pool::sizing_advice& advice, duration target) {
    const auto milliseconds = [](duration value) {
        return value == duration::max() ? std::string("null") : fmt::format("{:.6g}", seconds_of(value) * 1000.0);
    };
    std::string reasons;
    for (const std::string& reason : advice.reasons) {
        reasons +=
            fmt::format("{}{}", reasons.empty() ? "" : ", ", boost::json::serialize(boost::json::string(reason)));
    }
    return fmt::format(
        R"({{"target_wait_ms": {}, "max_size": {}, "min_size": {}, "max_waiters": {}, "acquire_timeout_ms": {}, )"
        R"("connect_timeout_ms": {}, "read_timeout_ms": {}, "expected_wait_ms": {}, "expected_wait_with_half_ms": {}, )"
        R"("utilisation": {:.4f}, "reasons": [{}]}})"
        "\n",
        milliseconds(target), advice.max_size, advice.min_size, advice.max_waiters,
        milliseconds(advice.acquire_timeout), milliseconds(advice.connect_timeout), milliseconds(advice.read_timeout),
        milliseconds(advice.wait), milliseconds(advice.wait_with_half), advice.utilisation, reasons);
}

}  // namespace

int run_tune(const std::vector<std::string>& arguments) {
    command_line line(
        "tune FILE|--url URL [OPTIONS]",
        "Says what size, limits and time-outs a pool needs for a recorded load, and why: Little's law for "
        "the connections in use, Allen and Cunneen's approximation for the waits.");
    tune_options asked;
    declare(line, asked);
    if (line.parse(arguments) == command_line::outcome::help_wanted) {
        print_output(line.help());
        return exit_good;
    }
    check_together(line, asked);
    const pool::workload record = asked.file.empty() ? from_run(asked) : from_file(asked.file);
    const auto advice = pool::advise(record, asked.target);
    if (!advice) throw command_error(exit_failed, in_words_of_options(advice.error()));
    print_output(asked.as_json ? in_json(*advice, asked.target) : in_text(*advice, asked.target));
    return exit_good;
}

}  // namespace lido::cli
