#include "upstream/abandoned_turns.hpp"

#include <algorithm>

namespace lido::upstream {

void abandoned_turns::add(const resilience::rate_reservation& turn, resilience::rate_limiter& of, time_point now) {
    using resilience::rate_reservation;
    std::erase_if(kept_, [now](const rate_reservation& each) { return each.at <= now; });
    if (!of.cancel(turn)) {
        const auto behind = std::upper_bound(
            kept_.begin(), kept_.end(), turn,
            [](const rate_reservation& one, const rate_reservation& other) { return one.number < other.number; });
        kept_.insert(behind, turn);
        return;
    }
    while (!kept_.empty() && of.give_back(kept_.back())) kept_.pop_back();
}

}  // namespace lido::upstream
