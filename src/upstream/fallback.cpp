#include "lido/upstream/fallback.hpp"

#include "lido/upstream/outcome.hpp"

#include <fmt/format.h>

namespace lido::upstream {

bool may_fall_back(const error& failure) noexcept {
    return !(failure == errc::maybe_executed) && outcome_of(failure, false) != outcome::ignored;
}

namespace detail {

bool fallback_counts::ask(std::size_t index, bool writes) const noexcept {
    const counted& each = entries_[index];
    if (writes && each.safe_only) return false;
    each.asked.fetch_add(1, std::memory_order_relaxed);
    return true;
}

void fallback_counts::answered(std::size_t index) const noexcept {
    entries_[index].answered.fetch_add(1, std::memory_order_relaxed);
}

std::vector<fallback_statistics> fallback_counts::statistics() const {
    std::vector<fallback_statistics> view;
    view.reserve(entries_.size());
    for (const counted& each : entries_) {
        view.push_back(
            {each.name, each.asked.load(std::memory_order_relaxed), each.answered.load(std::memory_order_relaxed)});
    }
    return view;
}

result<void> check_fallback(std::string_view name, bool has_answer) {
    if (!name.empty() && name.size() <= 100 && has_answer) return {};
    return error(
        errc::invalid_argument,
        fmt::format("service setting fallbacks = '{}' is out of range a name of 1 … 100 characters and an answer",
                    name),
        "give each fallback a name and an answer");
}

}  // namespace detail
}  // namespace lido::upstream
