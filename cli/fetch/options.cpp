#include "fetch/options.hpp"

#include "command_error.hpp"
#include "command_line.hpp"
#include "output.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::cli::fetch {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_repeats = 10'000'000;
constexpr std::size_t most_parallel = 10'000;

std::pair<std::string, std::string> split_header(std::string_view option, const std::string& value) {
    const std::size_t colon = value.find(':');
    if (colon == std::string::npos || colon == 0) {
        throw usage_error(fmt::format("{} must be 'Name: value'", option));  // not its value, which may be a secret
    }
    const std::size_t begin = std::min(value.find_first_not_of(" \t", colon + 1), value.size());
    return {value.substr(0, colon), value.substr(begin)};
}

command_line::setter text(std::string& target) {
    return [&target](std::string_view, const std::string& value) { target = value; };
}

command_line::setter time(duration& target, duration least, duration most) {
    return [&target, least, most](std::string_view option, const std::string& value) {
        target = duration_value(option, value, least, most);
    };
}

command_line::setter count(std::size_t& target, std::size_t least, std::size_t most) {
    return [&target, least, most](std::string_view option, const std::string& value) {
        target = count_value(option, value, least, most);
    };
}

struct flags {
    bool http1 = false;
    bool http2 = false;
    bool prior_knowledge = false;
    bool insecure = false;
};

void declare(command_line& line, options& asked, flags& given) {
    line.group("Arguments");
    line.positionals("URL", "http or https", [&](auto, const std::string& value) { asked.urls.push_back(value); });
    line.group("Request");
    line.option("-X, --method", "NAME", "GET, POST ... (GET; POST with --data)", text(asked.method));
    line.repeated("-H, --header", "'K: V'", "a header field; may be given several times",
                  [&](auto option, const std::string& value) { asked.headers.push_back(split_header(option, value)); });
    line.option("-d, --data", "TEXT|@FILE", "the body, or the file that has it",
                [&](auto option, const std::string& value) {
                    asked.data = !value.empty() && value.front() == '@' ? read_file(option, value.substr(1)) : value;
                });
    line.group("Connection");
    line.flag("--http1", "HTTP/1.1 only", given.http1);
    line.flag("--http2", "HTTP/2 over TLS, HTTP/1.1 where the server has no other", given.http2);
    line.flag("--http2-prior-knowledge", "HTTP/2 only, also without TLS", given.prior_knowledge);
    line.option("--cacert", "FILE", "PEM file of the CAs to trust, instead of the system's",
                [&](auto option, const std::string& value) {
                    static_cast<void>(read_file(option, value));
                    asked.client.tls.ca_file = value;
                });
    line.flag("--insecure", "take any certificate of an https server", given.insecure);
    line.option("--proxy", "URL", "http, https or socks5; several, separated by commas, in turn",
                text(asked.client.proxy));
    line.option("--no-proxy", "LIST", "hosts that are reached without it", text(asked.client.no_proxy));
    line.option("--unix-socket", "FILE", "the socket to send everything to", text(asked.client.unix_socket));
    line.option("--connect-timeout", "TIME", "for opening a connection (10s)",
                time(asked.client.connect_timeout, 1ms, 10min));
    line.option("--timeout", "TIME", "for the whole response (60s until its head)",
                [&](auto option, const auto& value) { asked.timeout = duration_value(option, value, 1ms, 24h); });
    line.group("Output");
    line.option("-o, --output", "FILE", "write the bodies to a file", text(asked.output_file));
    line.flag("-i, --include", "the status line and the header fields, too", asked.with_head);
    line.flag("-f, --fail", "exit with 22, and write no body, at a status of 400 or more", asked.fail);
    line.flag("--stats", "connections, protocol and times by phase, on standard error", asked.statistics);
    line.group("Several requests, through one pool");
    line.option("--repeat", "N", "each URL so many times (1)", count(asked.repeat, 1, most_repeats));
    line.option("--parallel", "N", "so many at once (1)", count(asked.parallel, 1, most_parallel));
    line.example("lido fetch -i https://shop.example/outfits", "a page with its head");
    line.example("lido fetch --repeat 100 --parallel 10 --stats -o /dev/null http://127.0.0.1:8080/",
                 "a hundred requests, ten at a time: how many connections did they need?");
}

void check_together(const command_line& line, options& asked, const flags& given) {
    if (asked.urls.empty()) throw usage_error("a URL is missing; lido help fetch says what else there is");
    if (int(given.http1) + int(given.http2) + int(given.prior_knowledge) > 1) {
        throw usage_error("--http1, --http2 and --http2-prior-knowledge exclude each other; leave one");
    }
    if (given.http1) asked.client.http_version = http::http_versions::http1;
    if (given.prior_knowledge) asked.client.http_version = http::http_versions::http2;
    if (given.insecure && line.given("--cacert")) {
        throw usage_error("--insecure and --cacert exclude each other; leave one");
    }
    if (given.insecure) asked.client.tls.verify = net::tls_verify::none;
    if (asked.data && !line.given("--method")) asked.method = "POST";
    if (!http::method::parse(asked.method)) {
        throw usage_error(fmt::format("--method must be a method such as GET, got '{}'", asked.method));
    }
    asked.client.max_connections_per_origin = asked.parallel;
    asked.client.max_waiters_per_origin = std::max<std::size_t>(asked.parallel, 1024);
    // One sees what happens, not what became of it in the end.
    asked.client.retry.max_retries = 0;
    if (auto valid = asked.client.validate(); !valid) throw usage_error(in_words_of_options(valid.error()));
    for (const std::string& url : asked.urls) {
        if (!url.starts_with("http://") && !url.starts_with("https://")) {
            throw usage_error(fmt::format("the URL '{}' has no scheme; write http://{}", url, url));
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
    flags given;
    declare(line, asked, given);
    if (line.parse(arguments) == command_line::outcome::help_wanted) {
        print_output(line.help());
        return std::nullopt;
    }
    check_together(line, asked, given);
    return asked;
}

http::request request_of(const options& asked, const std::string& url) {
    http::request made(http::method::parse(asked.method).value(), url);
    for (const auto& [name, value] : asked.headers) made.header(name, value);
    if (asked.data) {
        const bool typed = made.header("Content-Type").has_value();
        if (typed) {
            made.body(*asked.data);
        } else {
            made.body(*asked.data, "application/x-www-form-urlencoded");
        }
    }
    if (asked.timeout) made.timeout(*asked.timeout);
    return made;
}

}  // namespace lido::cli::fetch
