// Lido: what borrowers did with connections, and whether they got into each other's way.
#pragma once

#include "lido/base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace lido::test {

/// One lease as its borrower saw it: begun after it was granted, ended before it was returned. What overlaps here has
/// overlapped in truth.
struct held {
    std::uint64_t connection = 0;
    time_point begin{};
    time_point end{};
};

/// Sweeps over the history in the order of time. Returns what is wrong, empty when nothing is: a connection held by two
/// at once, or more than `most` connections held at once.
[[nodiscard]] inline std::string find_overlap(const std::vector<held>& history, std::size_t most) {
    struct edge {
        time_point when;
        bool begins;
        std::uint64_t connection;
    };
    std::vector<edge> edges;
    edges.reserve(history.size() * 2);
    for (const held& each : history) {
        edges.push_back({each.begin, true, each.connection});
        edges.push_back({each.end, false, each.connection});
    }
    // Of equal times the end comes first: the clock is coarser than the pool is quick.
    std::sort(edges.begin(), edges.end(), [](const edge& left, const edge& right) {
        return left.when != right.when ? left.when < right.when : !left.begins && right.begins;
    });
    std::unordered_map<std::uint64_t, int> holders;
    std::size_t in_use = 0;
    for (const edge& each : edges) {
        int& count = holders[each.connection];
        if (each.begins) {
            // A lease that begins and ends at one time has ended before it began, and counts zero or less.
            if (++count > 1) return "connection " + std::to_string(each.connection) + " held by two at once";
            if (count == 1 && ++in_use > most) return std::to_string(in_use) + " connections held at once";
        } else if (count-- == 1) {
            --in_use;
        }
    }
    return {};
}

}  // namespace lido::test
