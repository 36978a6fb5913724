// Lido: the engine of the simulation.
#pragma once

#include "console.hpp"
#include "lido/net/runtime.hpp"
#include "simulate/report.hpp"
#include "watch.hpp"

#include <string>

namespace lido::cli::simulate {

/// Where a leg runs.
struct surroundings {
    runtime& io;
    watch& where;
    console& screen;
    const options& asked;
    std::string origin;    ///< of the service
    std::string title;     ///< of the leg in the progress lines; empty when it is the only one
    bool is_first = true;  ///< leg of the run
};

/// Runs the load in one way, from opening the first connection to closing the last. A signal ends it at once, with the
/// report of what was done until then. Throws `command_error` when the first connection cannot be opened.
[[nodiscard]] leg_report run_leg(const surroundings& around, way how);

}  // namespace lido::cli::simulate
