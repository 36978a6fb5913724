#include "command_error.hpp"
#include "console.hpp"
#include "output.hpp"
#include "simulate/demo_process.hpp"
#include "simulate/options.hpp"
#include "simulate/record.hpp"
#include "simulate/report.hpp"
#include "simulate/run.hpp"
#include "subcommand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace lido::cli {
namespace {

using namespace simulate;

std::string title_of_leg(const options& asked, std::size_t index) {
    if (!asked.compare) return {};
    return fmt::format("{} ({} of {})", title_of(asked.ways()[index]), index + 1, asked.ways().size());
}

std::string name_of_service(const options& asked, const std::string& origin) {
    if (asked.database) return asked.database->name();
    return asked.url ? asked.url->origin + asked.url->target : "the demo service at " + origin;
}

std::vector<leg_report> run_legs(const options& asked, const std::string& origin, watch& where) {
    runtime io({asked.threads});
    console screen;
    std::vector<leg_report> legs;
    const std::vector<way> ways = asked.ways();
    for (std::size_t i = 0; i < ways.size() && where.signal() == 0; ++i) {
        const surroundings around{io, where, screen, asked, origin, title_of_leg(asked, i), i == 0};
        legs.push_back(run_leg(around, ways[i]));
    }
    return legs;
}

void deliver(const options& asked, const std::string& service, const std::vector<leg_report>& legs) {
    const std::string report =
        asked.output == output_form::json ? json_report(asked, service, legs) : text_report(asked, service, legs);
    std::optional<command_error> failure;
    try {
        if (!asked.report_file.empty()) write_file(asked.report_file, report);
    } catch (const command_error& unwritable) {
        // Reported after the other copy is out: one of the two is better than none.
        failure = unwritable;
    }
    print_output(report);
    if (failure) throw command_error(*failure);
}

/// A run in which nothing worked is a failed run, whatever the report says in detail.
void check_success(const std::vector<leg_report>& legs) {
    for (const leg_report& each : legs) {
        const tally& counts = each.counts;
        if (counts.succeeded() != 0) continue;
        if (counts.requests() == 0) {
            throw command_error(exit_failed, fmt::format("not one request ended in time ({} were cut off); give it a "
                                                         "longer --duration, or a shorter --timeout",
                                                         counts.unfinished()));
        }
        throw command_error(
            exit_failed, fmt::format("not one of {} requests succeeded: {}", counts.requests(), counts.main_cause()));
    }
}

}  // namespace

int run_simulate(const std::vector<std::string>& arguments) {
    const std::optional<options> asked = read_options(arguments);
    if (!asked) return exit_good;
    raise_descriptor_limit();
    watch where;
    std::optional<demo_process> demo_service;
    if (!asked->url && !asked->database) demo_service.emplace(where);
    const std::string origin = asked->url ? asked->url->origin : demo_service ? demo_service->url() : std::string();
    std::vector<leg_report> legs;
    if (where.signal() == 0) legs = run_legs(*asked, origin, where);
    // A signal may come before anything is done; the report then says so.
    if (legs.empty()) legs.emplace_back();
    if (demo_service && demo_service->has_ended()) print_error("lido simulate: the demo service ended during the run");
    const std::string service = name_of_service(*asked, origin);
    deliver(*asked, service, legs);
    if (!asked->record_file.empty() && legs.front().counts.requests() > 0) {
        write_file(asked->record_file, workload_text(workload_of(*asked, legs.front())));
    }
    if (where.signal() != 0) return exit_signal + where.signal();
    check_success(legs);
    return exit_good;
}

}  // namespace lido::cli
