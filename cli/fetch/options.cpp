#include "fetch/options.hpp"

#include "command_error.hpp"
#include "command_line.hpp"
#include "output.hpp"
#include "setters.hpp"
#include "target_url.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::cli::fetch {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_repeats = 10'000'000;
constexpr std::size_t most_parallel = 10'000;

void declare(command_line& line, options& asked) {
    line.group("Arguments");
    line.positionals("URL", "http or https", [&](auto, const std::string& value) { asked.urls.push_back(value); });
    line.group("Request");
    asked.request.declare(line);
    line.flag("-L, --location", "follow redirects, ten at most; credentials stay with the server they were meant for",
              asked.follow);
    line.group("Connection");
    asked.connection.declare(line);
    line.option("--connect-timeout", "TIME", "for opening a connection (10s)",
                time_into(asked.client.connect_timeout, 1ms, 10min));
    line.option("--timeout", "TIME", "for the whole response (60s until its head)",
                [&](auto option, const auto& value) { asked.timeout = duration_value(option, value, 1ms, 24h); });
    line.group("Output");
    line.option("-o, --output", "FILE",
                "write the bodies to a file; -: to standard output, also binary ones to a terminal",
                text_into(asked.output_file));
    line.flag("-i, --include", "the status line and the header fields, too", asked.with_head);
    line.flag("-f, --fail", "exit with 22, and write no body, at a status of 400 or more", asked.fail);
    line.flag("--stats", "connections, protocol and times by phase, on standard error", asked.statistics);
    line.group("Several requests, through one pool");
    line.option("--repeat", "N", "each URL so many times (1)", count_into(asked.repeat, 1, most_repeats));
    line.option("--parallel", "N", "so many at once (1)", count_into(asked.parallel, 1, most_parallel));
    line.example("lido fetch -i https://shop.example/outfits", "a page with its head");
    line.example("lido fetch --repeat 100 --parallel 10 --stats -o /dev/null http://127.0.0.1:8080/",
                 "a hundred requests, ten at a time: how many connections did they need?");
}

void check_together(const command_line& line, options& asked) {
    if (asked.urls.empty()) throw usage_error("a URL is missing; lido help fetch says what else there is");
    asked.connection.check_together();
    asked.connection.apply(asked.client);
    asked.request.complete(line);
    if (asked.follow) asked.client.redirects = http::redirect_settings::follow();
    asked.client.max_connections_per_origin = asked.parallel;
    asked.client.max_waiters_per_origin = std::max<std::size_t>(asked.parallel, 1024);
    // One sees what happens, not what became of it in the end.
    asked.client.retry.max_retries = 0;
    asked.client.down_fail_fast = 0s;
    if (auto valid = asked.client.validate(); !valid) throw usage_error(in_words_of_options(valid.error()));
    for (const std::string& url : asked.urls) {
        if (auto valid = request_of(asked, split_url(url).target).validate(); !valid) {
            throw usage_error(in_words_of_options(valid.error()));
        }
    }
}

}  // namespace

std::optional<options> read_options(const std::vector<std::string>& arguments) {
    command_line line(
        "fetch [OPTIONS] URL...",
        "Sends requests through one pool of connections and writes the bodies of the responses to standard "
        "output. For looking into what a pool does, and for looking at a server.");
    options asked;
    declare(line, asked);
    if (line.parse(arguments) == command_line::outcome::help_wanted) {
        print_output(line.help());
        return std::nullopt;
    }
    check_together(line, asked);
    return asked;
}

http::request request_of(const options& asked, const std::string& url) {
    http::request made = asked.request.to(url, "application/x-www-form-urlencoded");
    if (asked.timeout) made.timeout(*asked.timeout);
    return made;
}

}  // namespace lido::cli::fetch
