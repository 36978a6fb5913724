#include "command_error.hpp"
#include "did_you_mean.hpp"
#include "output.hpp"
#include "subcommand.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>

namespace lido::cli {
namespace {

constexpr std::array<subcommand, 8> table{{
    {"simulate", "simulated users on an HTTP service or a database, through one pool", run_simulate},
    {"fetch", "responses of HTTP servers, and what the pool did for them", run_fetch},
    {"tune", "the size of a pool, its limits and time-outs, from a recorded load", run_tune},
    {"sql", "one statement on a database, and its result", run_sql},
    {"check", "what a database is, and how fast it answers", run_check},
    {"demo-server", "the demo service: a small outfit shop to try things on", run_demo_server},
    {"help", "this text, or that of a subcommand: lido help simulate", run_help},
    {"version", "the version, also as lido --version", run_version},
}};

std::string unknown(std::string_view name) {
    std::vector<std::string_view> names;
    names.reserve(table.size());
    for (const subcommand& each : table) names.push_back(each.name);
    const std::string_view nearest = did_you_mean(name, names);
    const std::string remedy = nearest.empty() ? "lido help lists them" : fmt::format("did you mean {}?", nearest);
    return fmt::format("there is no subcommand '{}'; {}", name, remedy);
}

int run_named(const std::vector<std::string>& arguments) {
    if (arguments.empty()) throw usage_error("a subcommand is missing; lido help lists them");
    const std::string& name = arguments.front();
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    if (name == "--help" || name == "-h") return run_help(rest);
    if (name == "--version" || name == "-V") return run_version(rest);
    const subcommand* const found = find_subcommand(name);
    if (found == nullptr) throw usage_error(unknown(name));
    try {
        return found->run(rest);
    } catch (const command_error& failure) {
        throw command_error(failure.code(), fmt::format("{}: {}", name, failure.what()));
    }
}

}  // namespace

std::span<const subcommand> subcommands() noexcept {
    return table;
}

const subcommand* find_subcommand(std::string_view name) noexcept {
    for (const subcommand& each : table) {
        if (each.name == name) return &each;
    }
    return nullptr;
}

int run_command(const std::vector<std::string>& arguments) {
    const bool named = !arguments.empty() && find_subcommand(arguments.front()) != nullptr;
    try {
        return run_named(arguments);
    } catch (const command_error& failure) {
        print_error(fmt::format("lido{}{}", named ? " " : ": ", failure.what()));
        return failure.code();
    } catch (const std::exception& failure) {
        print_error(fmt::format("lido{}{}: {}", named ? " " : "", named ? arguments.front() : "", failure.what()));
        return exit_failed;
    }
}

int run_help(const std::vector<std::string>& arguments) {
    if (!arguments.empty()) {
        const subcommand* const found = find_subcommand(arguments.front());
        if (found == nullptr) throw usage_error(unknown(arguments.front()));
        if (found->run != run_help && found->run != run_version) return found->run({"--help"});
    }
    std::string text = "usage: lido SUBCOMMAND [OPTIONS]\n\n";
    for (const subcommand& each : table) text += fmt::format("  {:<12} {}\n", each.name, each.summary);
    text += "\nlido help SUBCOMMAND lists its options.\n";
    print_output(text);
    return exit_good;
}

int run_version(const std::vector<std::string>&) {
    print_output("lido " LIDO_VERSION "\n");
    return exit_good;
}

}  // namespace lido::cli
