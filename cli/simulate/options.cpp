#include "simulate/options.hpp"

#include "command_error.hpp"
#include "command_line.hpp"
#include "lido/base/random.hpp"
#include "lido/http/profiles.hpp"
#include "output.hpp"
#include "setters.hpp"
#include "simulate/user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_users = 100'000;
constexpr std::size_t most_connections = 100'000;

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

void set_pool_size(options& asked, std::string_view option, const std::string& value) {
    if (value == "auto") {
        asked.pool_size.reset();
        return;
    }
    const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    const std::string remedy = "leave it out for auto = max(10, 2 × users)";
    if (!digits || value.size() > 6 || std::stoul(value) < 1 || std::stoul(value) > most_connections) {
        throw usage_error(fmt::format("{} must be 1 … {} or auto, got {}; {}", option, most_connections,
                                      value.empty() ? "''" : value, remedy));
    }
    asked.pool_size = std::stoul(value);
}

void declare_load(command_line& line, options& asked) {
    line.group("Load");
    line.option("--num-users", "N", "simulated users at once (1)", [&](auto option, const std::string& value) {
        asked.num_users = count_value(option, value, 1, most_users);
    });
    line.option("--duration", "TIME", "how long, such as 10s, 250ms, 1m30s (10s)",
                time_into(asked.run_time, 1ms, 24h * 30));
    line.option("--cycles", "N", "passes of each user through its actions, instead of --duration",
                [&](auto option, const std::string& value) {
                    asked.cycles = count_value(option, value, 1, 1'000'000'000'000);
                });
    line.option("--think-time", "TIME",
                "pause of a user after each action, on average; drawn from half to one and a half (0)",
                time_into(asked.think_time, 0s, 24h));
    line.option("--seed", "N", "of everything random: same seed, same choices (random)",
                [&](auto option, const std::string& value) { asked.seed = count_value(option, value, 0, UINT64_MAX); });
    line.option("--threads", "N", "I/O threads of the simulation (1)", [&](auto option, const std::string& value) {
        asked.threads = static_cast<std::uint32_t>(count_value(option, value, 1, 256));
    });
}

void declare_pool(command_line& line, options& asked) {
    line.group("Pool");
    line.option("--pool-size", "N|auto", "connections at most; auto: max(10, 2 × users), of a database 10 (auto)",
                [&](auto option, const std::string& value) { set_pool_size(asked, option, value); });
    line.option("--profile", "NAME",
                "ready-made settings to begin with: high-throughput, low-latency or batch; options beside it win",
                one_of<std::optional<http::client_settings>>(asked.profile,
                                                             {{"high-throughput", http::profiles::high_throughput()},
                                                              {"low-latency", http::profiles::low_latency()},
                                                              {"batch", http::profiles::batch()}}));
    line.option("--sizing", "HOW",
                "fixed: up to the pool's size; adaptive: as the load needs, by-load; or by-waiting, by-response-time "
                "(fixed)",
                one_of<pool::sizing>(asked.sizing, {{"fixed", pool::fixed_sizing{}},
                                                    {"adaptive", pool::adaptive_sizing::by_load()},
                                                    {"by-load", pool::adaptive_sizing::by_load()},
                                                    {"by-waiting", pool::adaptive_sizing::by_waiting()},
                                                    {"by-response-time", pool::adaptive_sizing::by_response_time()}}));
    line.option("--when-full", "WHAT",
                "when all are in use: wait, overflow (open one more, close it on return) or fail (wait)",
                one_of<pool::when_full>(asked.when_full, {{"wait", pool::when_full::wait},
                                                          {"overflow", pool::when_full::overflow},
                                                          {"fail", pool::when_full::fail}}));
    line.option("--warm-up", "N", "connections opened before the users start, to each region (0)",
                [&](auto option, const std::string& value) {
                    asked.warm_up = count_value(option, value, 0, most_connections);
                });
    line.flag("--per-user-pools", "the old way: a pool for each user", asked.per_user_pools);
    line.flag("--compare",
              "one after the other: a shared pool, a pool for each user, and a new connection for each "
              "request; each for the whole duration; side by side",
              asked.compare);
}

void declare_retries(command_line& line, options& asked) {
    line.group("Retries");
    line.option("--max-retries", "N", "further attempts of a request (3)", [&](auto option, const std::string& value) {
        asked.retry.max_retries = static_cast<unsigned>(count_value(option, value, 0, 100));
    });
    line.option("--backoff-factor", "F", "the n-th retry waits F × 2^(n-1) seconds (0.3)",
                [&](auto option, const std::string& value) {
                    asked.retry.backoff_factor = number_value(option, value, 0.0, 3600.0);
                });
    line.option("--retry-share", "F",
                "retries for each request of the last ten seconds, over all users and beside ten a second (0.2)",
                [&](auto option, const std::string& value) {
                    asked.retry_budget.share = number_value(option, value, 0.0, 10.0);
                });
    line.option("--retry-statuses", "LIST", "statuses that are tried again (429,500,502,503,504)",
                [&](auto option, const std::string& value) {
                    asked.retry.statuses.clear();
                    for (const std::string& part : list_value(option, value)) {
                        asked.retry.statuses.push_back(static_cast<int>(count_value(option, part, 100, 599)));
                    }
                });
    line.option(
        "--retry-methods", "LIST",
        "methods that are tried again after a status, or when they may have reached the server "
        "(HEAD,GET,PUT,DELETE,OPTIONS,TRACE,POST)",
        [&](auto option, const std::string& value) {
            asked.retry.methods = list_value(option, upper(value));
            for (const std::string& part : asked.retry.methods) {
                if (http::method::parse(part)) continue;
                throw usage_error(fmt::format("{} has '{}', which is no method; use names such as GET", option, part));
            }
        });
}

/// Regions are told apart by their origins; what stands behind those is the request.
void set_regions(options& asked, std::string_view option, const std::string& value) {
    for (const std::string& part : list_value(option, value)) {
        const target_url url = split_url(part);
        if (asked.policies.regions.empty()) {
            asked.url = url;
        } else if (url.target != asked.url->target) {
            throw usage_error(fmt::format("{} must have the same path everywhere, got '{}' and '{}'", option,
                                          asked.url->target, url.target));
        }
        if (std::ranges::find(asked.policies.regions, url.origin) != asked.policies.regions.end()) {
            throw usage_error(fmt::format("{} has {} twice; leave one", option, url.origin));
        }
        asked.policies.regions.push_back(url.origin);
    }
    if (asked.policies.regions.empty()) {
        throw usage_error(
            fmt::format("{} is empty; write such as http://127.0.0.1:8081,http://127.0.0.1:8082", option));
    }
}

void declare_policies(command_line& line, options& asked) {
    line.group("Regions and policies");
    line.option("--regions", "URL,URL,…", "the service in several regions, instead of URL",
                [&](auto option, const std::string& value) { set_regions(asked, option, value); });
    line.option(
        "--strategy", "NAME",
        "round-robin, weighted-round-robin, random, weighted-random, two-random-choices, least-loaded, "
        "primary-backup or nearest (two-random-choices)",
        [&](auto option, const std::string& value) { asked.policies.strategy = strategy_value(option, value); });
    line.option(
        "--rate-limit", "N/s|N/min", "requests let through; others wait in turn, 5s at most",
        [&](auto option, const std::string& value) { asked.policies.rate_limit = rate_limit_value(option, value); });
    line.option("--circuit-breaker", "WHAT",
                "off, default, or what differs, with commas between: failures=5 timeout=30s reset=60s successes=3 "
                "probes=3 rate=0.5 window=100",
                [&](auto option, const std::string& value) { asked.policies.breaker = breaker_value(option, value); });
    line.option("--hedge", "pN", "send a request again that takes longer than N percent do, such as p95",
                [&](auto option, const std::string& value) { asked.policies.hedge = hedge_value(option, value); });
}

void declare_times(command_line& line, options& asked) {
    line.group("Time-outs");
    line.option("--connect-timeout", "TIME", "for opening a connection (5s)",
                time_into(asked.connect_timeout, 1ms, 10min));
    line.option("--read-timeout", "TIME", "for the server's silence (30s)", time_into(asked.read_timeout, 1ms, 1h));
    line.option("--acquire-timeout", "TIME", "for waiting for a connection (30s)",
                time_into(asked.acquire_timeout, 1ms, 1h));
    line.option("--timeout", "TIME", "for a request with all its retries (60s)", time_into(asked.timeout, 1ms, 24h));
}

void declare_request(command_line& line, options& asked) {
    line.group("Request (with a URL)");
    asked.request.declare(line);
    line.group("Connection (with a URL)");
    asked.connection.declare(line);
}

void declare_output(command_line& line, options& asked) {
    line.group("Output");
    line.option("--output", "FORM", "text or json (text)",
                one_of<output_form>(asked.output, {{"text", output_form::text}, {"json", output_form::json}}));
    line.option("--report", "FILE", "write the report to a file as well",
                [&](auto, const std::string& value) { asked.report_file = value; });
    line.option("--record", "FILE", "write what was measured of the load to a file, for lido tune",
                [&](auto, const std::string& value) { asked.record_file = value; });
    line.flag("--log-requests", "one line on standard error for each attempt", asked.log_requests);
    line.option("--slow", "TIME", "requests that take longer are reported on standard error (5s)",
                time_into(asked.slow, 1ms, 24h));
}

void declare(command_line& line, options& asked, database_load& database) {
    line.group("Argument");
    line.positional("URL", "http or https; left out: the built-in demo service", [&](auto, const std::string& value) {
        if (asked.policies.regions.empty()) asked.url = split_url(value);
    });
    declare_load(line, asked);
    declare_pool(line, asked);
    declare_retries(line, asked);
    declare_policies(line, asked);
    declare_times(line, asked);
    declare_request(line, asked);
    database.declare(line);
    declare_output(line, asked);
    line.example("lido simulate --num-users 10 --compare", "what sharing a pool is worth, on the demo service");
    line.example("lido simulate http://127.0.0.1:8080/ --num-users 50 --output json",
                 "fifty users on a service of yours, the report as JSON");
    line.example("lido simulate --sql sqlite:shop.db --statement 'select * from outfit'",
                 "users over a database; sqlite::memory: with --setup needs none at hand");
}

/// A profile says what no option has said.
void apply_profile(const command_line& line, options& asked) {
    if (!asked.profile) return;
    const http::client_settings& chosen = *asked.profile;
    const auto choose = [&line](const char* option, auto& target, const auto& value) {
        if (!line.given(option)) target = value;
    };
    choose("--pool-size", asked.pool_size, std::optional(chosen.max_connections_per_origin));
    choose("--sizing", asked.sizing, chosen.sizing);
    choose("--connect-timeout", asked.connect_timeout, chosen.connect_timeout);
    choose("--read-timeout", asked.read_timeout, chosen.read_timeout);
    choose("--acquire-timeout", asked.acquire_timeout, chosen.acquire_timeout);
    choose("--timeout", asked.timeout, chosen.timeout);
    choose("--max-retries", asked.retry.max_retries, chosen.retry.max_retries);
    choose("--backoff-factor", asked.retry.backoff_factor, chosen.retry.backoff_factor);
}

/// What is told to a demo service that has requests of its own, or to a database, would go unheard.
void check_of_http(const command_line& line, const options& asked) {
    for (const auto& names : {request_options::names(), connection_options::names()}) {
        for (const char* option : names) {
            if (asked.url || !line.given(option)) continue;
            throw usage_error(
                fmt::format("{} needs a URL; {}", option,
                            asked.database ? "a database has --statement" : "the demo service has its own requests"));
        }
    }
    asked.connection.check_together();
    if (!asked.connection.unix_socket.empty() && line.given("--regions")) {
        throw usage_error("--unix-socket and --regions exclude each other; one socket leads to one service");
    }
}

/// `--sql` and what belongs to it.
void check_of_database(const command_line& line, options& asked, database_load& database) {
    if (!line.given("--sql")) {
        for (const char* option : database_load::names()) {
            if (line.given(option)) throw usage_error(fmt::format("{} needs --sql URL; leave it out", option));
        }
        return;
    }
    for (const char* option : {"URL", "--regions", "--strategy", "--rate-limit", "--circuit-breaker", "--hedge",
                               "--profile", "--max-retries", "--backoff-factor", "--retry-share", "--retry-statuses",
                               "--retry-methods", "--read-timeout"}) {
        if (line.given(option)) throw usage_error(fmt::format("{} is for HTTP; leave it out with --sql", option));
    }
    database.check_together(line);
    if (database.is_private() && (asked.per_user_pools || asked.compare)) {
        throw usage_error("--sql sqlite::memory: is seen by one pool only; name a file to compare");
    }
    // A statement is run once: whether it may be run again only its author knows.
    asked.retry.max_retries = 0;
    asked.database = std::move(database);
}

/// What no option alone can know.
void check_together(const command_line& line, options& asked) {
    apply_profile(line, asked);
    if (line.given("--duration") && line.given("--cycles")) {
        throw usage_error("--duration and --cycles exclude each other; leave one");
    }
    if (line.given("--regions") && line.given("URL")) {
        throw usage_error("URL and --regions exclude each other; a single region is just URL");
    }
    if (asked.per_user_pools && asked.compare) {
        throw usage_error("--per-user-pools and --compare exclude each other; --compare has both ways");
    }
    if (!asked.record_file.empty() && (asked.per_user_pools || asked.compare)) {
        throw usage_error("--record needs one pool for all users; leave --per-user-pools and --compare out");
    }
    // Pauses for a turn or a hedge would be taken for times in which a connection was held.
    for (const char* option : {"--regions", "--rate-limit", "--hedge"}) {
        if (asked.record_file.empty() || !line.given(option)) continue;
        throw usage_error(
            fmt::format("--record needs one pool and nothing that holds requests back; leave {} out", option));
    }
    if (asked.warm_up > asked.effective_pool_size()) {
        throw usage_error(fmt::format("--warm-up must be 0 … {}, the pool's size, got {}; raise --pool-size",
                                      asked.effective_pool_size(), asked.warm_up));
    }
    check_of_http(line, asked);
    asked.request.complete(line);
    if (!line.given("--seed")) asked.seed = random_source::entropy_seed();
    for (const std::string& file : {asked.report_file, asked.record_file}) {
        if (!file.empty()) check_writable(file);
    }
}

/// Everything that the library would refuse later, with a client or a request, is a mistake on the command line.
void check_by_library(const options& asked) {
    if (asked.database) {
        const auto valid = pool_settings_for(asked, way::shared_pool).validate();
        if (!valid) throw usage_error(in_words_of_options(valid.error()));
        return;
    }
    const std::string origin = asked.url ? asked.url->origin : "http://127.0.0.1:80";
    const auto settings = client_settings_for(asked, origin, way::shared_pool).validate();
    if (!settings) throw usage_error(in_words_of_options(settings.error()));
    if (asked.policies.any()) {
        auto client = client_settings_for(asked, origin, way::shared_pool);
        const auto service = service_settings_for(asked, origin, std::move(client)).validate();
        if (!service) throw usage_error(in_words_of_options(service.error()));
    }
    if (!asked.url) return;
    const auto request = url_request(asked).validate();
    if (!request) throw usage_error(in_words_of_options(request.error()));
}

}  // namespace

const char* title_of(way value) noexcept {
    switch (value) {
        case way::shared_pool:
            return "shared pool";
        case way::per_user_pools:
            return "pool per user";
        case way::new_connections:
            return "no keep-alive";
    }
    return "";
}

const char* key_of(way value) noexcept {
    switch (value) {
        case way::shared_pool:
            return "shared_pool";
        case way::per_user_pools:
            return "per_user_pools";
        case way::new_connections:
            return "new_connections";
    }
    return "";
}

std::size_t options::effective_pool_size() const noexcept {
    return pool_size.value_or(database ? 10 : std::max<std::size_t>(10, 2 * num_users));
}

std::vector<way> options::ways() const {
    if (compare) return {way::shared_pool, way::per_user_pools, way::new_connections};
    return {per_user_pools ? way::per_user_pools : way::shared_pool};
}

std::optional<options> read_options(const std::vector<std::string>& arguments) {
    command_line line(
        "simulate [URL] [OPTIONS]",
        "Lets simulated users loose on an HTTP service or a database, all through one pool of connections, and "
        "reports what the pool did and how fast the service was. Without a URL they use the built-in demo service: "
        "each lists the outfits, looks at one, rates it. Ctrl-C ends the run with the report so far.");
    options asked;
    database_load database;
    declare(line, asked, database);
    if (line.parse(arguments) == command_line::outcome::help_wanted) {
        print_output(line.help());
        return std::nullopt;
    }
    check_of_database(line, asked, database);
    check_together(line, asked);
    check_by_library(asked);
    return asked;
}

http::client_settings client_settings_for(const options& asked, const std::string& origin, way how) {
    http::client_settings settings = asked.profile.value_or(http::client_settings());
    settings.base_url = origin;
    settings.sizing = asked.sizing;
    // What a profile has of limits is meant for its own size.
    settings.max_idle_per_origin = std::min(settings.max_idle_per_origin, asked.effective_pool_size());
    if (settings.max_connections != 0) {
        settings.max_connections = std::max(settings.max_connections, asked.effective_pool_size());
    }
    settings.max_connections_per_origin = asked.effective_pool_size();
    // Each user waits for one connection at most.
    settings.max_waiters_per_origin = std::max({std::size_t{1024}, asked.num_users, settings.max_waiters_per_origin});
    settings.when_full = asked.when_full;
    settings.acquire_timeout = asked.acquire_timeout;
    settings.connect_timeout = asked.connect_timeout;
    settings.read_timeout = asked.read_timeout;
    settings.timeout = asked.timeout;
    settings.keep_alive = how != way::new_connections;
    settings.retry = asked.retry;
    settings.retry_budget = asked.retry_budget;
    asked.connection.apply(settings);
    settings.slow_after = asked.slow;
    return settings;
}

}  // namespace lido::cli::simulate
