#include "support/made_up_queue.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numbers>
#include <queue>

namespace lido::test {

void made_up_queue::run(const load& offered, time_point begin, time_point end, std::size_t servers, duration every,
                        const std::function<std::size_t(const interval&, std::size_t)>& resize) {
    std::priority_queue<time_point, std::vector<time_point>, std::greater<>> ends;  // of the services under way
    std::deque<time_point> line;
    interval seen;
    time_point now = begin;
    time_point next_arrival = begin + offered.until_next(begin);
    time_point next_look = begin + every;
    const auto pass = [&](time_point to) {
        seen.busy += (to - now) * static_cast<duration::rep>(ends.size());
        seen.lacking += (to - now) * static_cast<duration::rep>(line.size());
        now = to;
    };
    const auto serve = [&] {
        while (!line.empty() && ends.size() < servers) {
            const duration service = offered.service(now);
            visits_.push_back({line.front(), now - line.front(), service});
            line.pop_front();
            ends.push(now + service);
            ++seen.served;
            seen.peak_busy = std::max(seen.peak_busy, ends.size());
        }
    };
    while (now < end) {
        const time_point done = ends.empty() ? never : ends.top();
        const time_point next = std::min({next_arrival, next_look, done, end});
        pass(next);
        if (next == done) ends.pop();
        if (next == next_arrival) {
            line.push_back(now);
            const duration gap = offered.until_next(now);
            next_arrival = gap > duration::zero() ? now + gap : never;
        }
        if (next == next_look) {
            seen.end = now;
            seen.waiting = line.size();
            servers = resize(seen, servers);
            seen = {};
            seen.peak_busy = ends.size();
            next_look = now + every;
        }
        serve();
    }
}

duration exponential(random_source& random, duration mean) {
    const double drawn = -std::log1p(-random.unit()) * static_cast<double>(mean.count());
    return std::max(duration(1), duration(static_cast<duration::rep>(drawn)));
}

duration heavy_tailed(random_source& random, duration mean, double variation) {
    // Box and Muller's method gives a normal deviate; the parameters follow from mean and variation.
    const double normal =
        std::sqrt(-2.0 * std::log1p(-random.unit())) * std::cos(2.0 * std::numbers::pi * random.unit());
    const double spread = std::log1p(variation * variation);
    const double drawn = static_cast<double>(mean.count()) * std::exp(std::sqrt(spread) * normal - spread / 2.0);
    return std::max(duration(1), duration(static_cast<duration::rep>(drawn)));
}

}  // namespace lido::test
