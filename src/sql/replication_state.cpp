#include "lido/sql/replication_state.hpp"

#include <algorithm>
#include <iterator>

namespace lido::sql {

void log_numbers::add(std::uint64_t first, std::uint64_t last) {
    auto next = ranges_.upper_bound(first);
    if (next != ranges_.begin()) {
        const auto before = std::prev(next);
        // Overlaps or touches; `first` is at least 1 where it does not overlap.
        if (before->second >= first || before->second == first - 1) {
            first = before->first;
            last = std::max(last, before->second);
            next = before;
        }
    }
    while (next != ranges_.end() && (next->first <= last || next->first - 1 == last)) {
        last = std::max(last, next->second);
        next = ranges_.erase(next);
    }
    ranges_.emplace_hint(next, first, last);
}

bool log_numbers::covers(const log_numbers& other) const noexcept {
    return std::all_of(other.ranges_.begin(), other.ranges_.end(), [this](const auto& wanted) {
        const auto after = ranges_.upper_bound(wanted.first);
        return after != ranges_.begin() && std::prev(after)->second >= wanted.second;
    });
}

bool covers(const log_position& one, const log_position& other) noexcept {
    return std::all_of(other.begin(), other.end(), [&one](const auto& wanted) {
        const auto mine = one.find(wanted.first);
        return mine != one.end() && mine->second.covers(wanted.second);
    });
}

}  // namespace lido::sql
