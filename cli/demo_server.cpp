#include "command_error.hpp"
#include "command_line.hpp"
#include "demo_server/server.hpp"
#include "output.hpp"
#include "subcommand.hpp"
#include "values.hpp"
#include "watch.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace lido::cli {
namespace {

using namespace std::chrono_literals;

command_line::setter rate(double& target) {
    return [&target](std::string_view option, const std::string& value) {
        target = number_value(option, value, 0.0, 1.0);
    };
}

command_line::setter time(duration& target) {
    return [&target](std::string_view option, const std::string& value) {
        target = duration_value(option, value, 0s, 1h);
    };
}

command_line::setter file(std::string& target) {
    return [&target](std::string_view option, const std::string& value) {
        static_cast<void>(read_file(option, value));
        target = value;
    };
}

void declare(command_line& line, demo::server_options& options) {
    line.option("--port", "N", "port on 127.0.0.1; 0: a free one (0)", [&](auto option, const std::string& value) {
        options.port = static_cast<std::uint16_t>(count_value(option, value, 0, 65535));
    });
    line.option("--tls-cert", "FILE", "PEM file of a certificate; with --tls-key: https",
                file(options.certificate_file));
    line.option("--tls-key", "FILE", "PEM file of its key", file(options.key_file));
    line.group("Misbehaviour");
    line.option("--latency", "TIME", "wait before every answer, to the millisecond (0)", time(options.latency));
    line.option("--error-rate", "SHARE", "share of requests answered with 503, 0 … 1 (0)", rate(options.error_rate));
    line.option("--slow-rate", "SHARE", "share of requests answered after --slow-time (0)", rate(options.slow_rate));
    line.option("--slow-time", "TIME", "see --slow-rate (1s)", time(options.slow_time));
    line.option("--close-rate", "SHARE", "share of answers after which the connection is closed unannounced (0)",
                rate(options.close_rate));
    line.option("--seed", "N", "of the dice for all of these (0)", [&](auto option, const std::string& value) {
        options.seed = count_value(option, value, 0, UINT64_MAX);
    });
    line.example("lido demo-server --port 8080 --latency 5ms --error-rate 0.01",
                 "answers after 5 ms, one request in a hundred with 503");
}

}  // namespace

int run_demo_server(const std::vector<std::string>& arguments) {
    command_line line(
        "demo-server [OPTIONS]",
        "The demo service: a small outfit shop over HTTP/1.1 on 127.0.0.1, to try things on. GET /outfits, "
        "GET /outfits/7, POST /outfits/7/ratings with {\"stars\": 4}, GET /healthz. Ctrl-C ends it.");
    demo::server_options options;
    declare(line, options);
    if (line.parse(arguments) == command_line::outcome::help_wanted) {
        print_output(line.help());
        return exit_good;
    }
    if (options.certificate_file.empty() != options.key_file.empty()) {
        throw usage_error("--tls-cert and --tls-key belong together; give both or none");
    }
    raise_descriptor_limit();
    watch where;
    runtime io;
    const demo::server shop(io, where, options);
    print_output(fmt::format("demo service listening on {}\n", shop.url()));
    while (where.signal() == 0) {
        static_cast<void>(where.wait(never));
        if (const auto failure = shop.failure()) {
            throw command_error(exit_failed, in_words_of_options(*failure));
        }
    }
    return exit_good;
}

}  // namespace lido::cli
