// Lido: turns of a rate limiter whose callers went away.
#pragma once

#include "lido/base/time.hpp"
#include "lido/resilience/rate_limiter.hpp"

#include <vector>

namespace lido::upstream {

/// A turn can be given back only while no later one is out. Callers that wait together and go away together do so in
/// any order, so those that cannot be given back yet are kept until the later ones have come back, or their time is
/// over. No more of them than turns that fit into the limiter's `max_wait`.
class abandoned_turns {
public:
    void add(const resilience::rate_reservation& turn, resilience::rate_limiter& of, time_point now);

private:
    std::vector<resilience::rate_reservation> kept_;  // by their numbers
};

}  // namespace lido::upstream
