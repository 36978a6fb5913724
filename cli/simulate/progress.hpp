// Lido: how a simulation gets on, while it does.
#pragma once

#include "console.hpp"
#include "simulate/report.hpp"

#include <string>

namespace lido::cli::simulate {

/// How a leg stands.
struct leg_progress {
    std::string title;  ///< "shared pool (1 of 3)"; empty when there is one leg
    duration elapsed{};
    duration planned{};             ///< zero when the run ends by the number of cycles
    std::uint64_t cycles_done = 0;  ///< of all users
    std::uint64_t cycles_planned = 0;
    tally interval;  ///< the last second
    duration interval_length{};
    std::uint64_t requests = 0;  ///< since the beginning of the leg
    std::uint64_t failed = 0;
    pool_report pool;
};

/// The line on a terminal, at most `width` columns; what matters less is left out where they are few.
[[nodiscard]] std::string live_text(const leg_progress& now, std::size_t width, bool colour);

/// The line where there is no terminal, once for each statistics interval.
[[nodiscard]] std::string interval_text(const leg_progress& now);

}  // namespace lido::cli::simulate
