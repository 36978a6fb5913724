// Lido's simulator: runs of many seeds, and what becomes of one that fails.
#pragma once

#include "sim/world.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lido::sim {

/// Calls `work` in a process of its own, because an oracle that finds something ends the process. True when it came to
/// its end; what it wrote to standard error is then in `said`, when that is given.
bool survives(const std::function<void()>& work, std::string* said = nullptr);

/// Delta debugging (Zeller and Hildebrandt, 2002): a part of the choices that still fails, and from which nothing more
/// can be left out. Takes at most `attempts` runs.
[[nodiscard]] std::vector<choice> shrink(const world_config& config, std::vector<choice> failing, int attempts = 3000);

/// The choices as a test that can be pasted into regressions_test.cpp.
[[nodiscard]] std::string as_test(const world_config& config, const std::vector<choice>& choices);

/// A run that tells each event and each action on standard error.
void narrate(const world_config& config, const std::vector<choice>& choices);

struct search_result {
    std::uint64_t seeds = 0;
    std::uint64_t steps = 0;
    std::optional<std::uint64_t> failed;  ///< the first seed that failed
};

/// Runs the seeds `first` … until `may_go_on(seeds, steps)` says no.
[[nodiscard]] search_result search(std::uint64_t first, std::size_t choices,
                                   const std::function<bool(std::uint64_t, std::uint64_t)>& may_go_on);

/// For a seed that failed: its shrunk run, what the oracle said, and the story, as one text.
[[nodiscard]] std::string report(std::uint64_t seed, std::size_t choices);

}  // namespace lido::sim
