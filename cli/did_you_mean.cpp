#include "did_you_mean.hpp"

#include <algorithm>
#include <vector>

namespace lido::cli {
namespace {

/// The distance of Damerau and Levenshtein, restricted: no part is changed twice.
std::size_t distance(std::string_view left, std::string_view right) {
    const std::size_t width = right.size() + 1;
    std::vector<std::size_t> cells((left.size() + 1) * width);
    const auto at = [&](std::size_t row, std::size_t column) -> std::size_t& { return cells[row * width + column]; };
    for (std::size_t row = 0; row <= left.size(); ++row) at(row, 0) = row;
    for (std::size_t column = 0; column < width; ++column) at(0, column) = column;
    for (std::size_t row = 1; row <= left.size(); ++row) {
        for (std::size_t column = 1; column < width; ++column) {
            const std::size_t replace = left[row - 1] == right[column - 1] ? 0 : 1;
            std::size_t least = at(row - 1, column - 1) + replace;
            least = std::min({least, at(row - 1, column) + 1, at(row, column - 1) + 1});
            if (row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1]) {
                least = std::min(least, at(row - 2, column - 2) + 1);
            }
            at(row, column) = least;
        }
    }
    return cells.back();
}

}  // namespace

std::string_view did_you_mean(std::string_view given, std::span<const std::string_view> names) {
    constexpr std::size_t longest = 64;
    if (given.size() > longest) return {};
    std::string_view nearest;
    std::size_t least = given.size() / 3 + 1;
    for (const std::string_view name : names) {
        const std::size_t changes = distance(given, name);
        if (changes >= least) continue;
        least = changes;
        nearest = name;
    }
    return nearest;
}

}  // namespace lido::cli
