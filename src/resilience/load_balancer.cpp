#include "lido/resilience/load_balancer.hpp"

#include "lido/base/assert.hpp"
#include "resilience/check_setting.hpp"

#include <array>
#include <limits>

namespace lido::resilience {
namespace {

using endpoints_view = std::span<const endpoint_view>;
using choice = std::optional<std::size_t>;

bool can_serve(const endpoint_view& endpoint) noexcept {
    return endpoint.healthy && endpoint.weight > 0.0;
}

/// Those that a choice is made of: the primaries that can serve, or else the backups that can.
class candidates {
public:
    explicit candidates(endpoints_view endpoints) noexcept : endpoints_(endpoints) {
        std::array<std::size_t, 2> counts{};
        std::array<double, 2> weights{};
        for (const endpoint_view& each : endpoints) {
            if (!can_serve(each)) continue;
            ++counts[static_cast<std::size_t>(each.role)];
            weights[static_cast<std::size_t>(each.role)] += each.weight;
        }
        role_ = counts[0] > 0 ? endpoint_role::primary : endpoint_role::backup;
        count_ = counts[static_cast<std::size_t>(role_)];
        weight_ = weights[static_cast<std::size_t>(role_)];
    }

    [[nodiscard]] bool contains(std::size_t position) const noexcept {
        const endpoint_view& endpoint = endpoints_[position];
        return can_serve(endpoint) && endpoint.role == role_;
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] double weight() const noexcept { return weight_; }

    /// The position of the candidate number `number`, which is below `count`.
    [[nodiscard]] std::size_t position_of(std::size_t number) const noexcept {
        std::size_t position = 0;
        while (!contains(position) || number-- > 0) ++position;
        return position;
    }

    [[nodiscard]] choice any(random_source& random) const noexcept {
        if (count_ == 0) return std::nullopt;
        return position_of(random.below(count_));
    }

    /// The one with the lowest cost; each of several lowest has the same chance.
    template <class Cost>
    [[nodiscard]] choice cheapest(const Cost& cost, random_source& random) const noexcept {
        choice best;
        double lowest = std::numeric_limits<double>::infinity();
        std::size_t equal = 0;
        for (std::size_t i = 0; i < endpoints_.size(); ++i) {
            if (!contains(i)) continue;
            const double own = cost(endpoints_[i]);
            if (own > lowest) continue;
            equal = own < lowest ? 1 : equal + 1;
            lowest = own;
            if (random.below(equal) == 0) best = i;
        }
        return best;
    }

private:
    endpoints_view endpoints_;
    endpoint_role role_ = endpoint_role::primary;
    std::size_t count_ = 0;
    double weight_ = 0.0;
};

/// What the load would be with the next call, for its weight.
double load_of(const endpoint_view& endpoint) noexcept {
    return (endpoint.load + 1.0) / endpoint.weight;
}

double distance_of(const endpoint_view& endpoint) noexcept {
    // More than any measured latency can come to, and still ordered by load.
    constexpr double unknown = 1e30;
    if (endpoint.latency > duration::zero()) return static_cast<double>(endpoint.latency.count()) * load_of(endpoint);
    return endpoint.load == 0 ? 0.0 : unknown * load_of(endpoint);
}

struct named {
    balancing strategy;
    std::string_view name;
};

constexpr std::array names{
    named{balancing::round_robin, "round_robin"},
    named{balancing::weighted_round_robin, "weighted_round_robin"},
    named{balancing::random, "random"},
    named{balancing::weighted_random, "weighted_random"},
    named{balancing::two_random_choices, "two_random_choices"},
    named{balancing::least_loaded, "least_loaded"},
    named{balancing::primary_backup, "primary_backup"},
    named{balancing::nearest, "nearest"},
};

}  // namespace

choice choose_random(endpoints_view endpoints, random_source& random) noexcept {
    return candidates(endpoints).any(random);
}

choice choose_weighted_random(endpoints_view endpoints, random_source& random) noexcept {
    const candidates among(endpoints);
    choice last;
    double left = random.unit() * among.weight();
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        if (!among.contains(i)) continue;
        last = i;
        left -= endpoints[i].weight;
        if (left < 0.0) break;
    }
    // Rounding may leave a crumb behind the last one: it is its.
    return last;
}

choice choose_two_random(endpoints_view endpoints, random_source& random) noexcept {
    const candidates among(endpoints);
    if (among.count() < 2) return among.any(random);
    const std::size_t one = random.below(among.count());
    std::size_t other = random.below(among.count() - 1);
    if (other >= one) ++other;
    const std::size_t first = among.position_of(one);
    const std::size_t second = among.position_of(other);
    // Of two equal ones the first, which is any of the two as well.
    return load_of(endpoints[second]) < load_of(endpoints[first]) ? second : first;
}

choice choose_least_loaded(endpoints_view endpoints, random_source& random) noexcept {
    return candidates(endpoints).cheapest(load_of, random);
}

choice choose_nearest(endpoints_view endpoints, double exploration, random_source& random) noexcept {
    const candidates among(endpoints);
    if (random.unit() < exploration) return among.any(random);
    return among.cheapest(distance_of, random);
}

choice choose_first(endpoints_view endpoints) noexcept {
    const candidates among(endpoints);
    if (among.count() == 0) return std::nullopt;
    return among.position_of(0);
}

choice round_robin::choose(endpoints_view endpoints) noexcept {
    const candidates among(endpoints);
    if (among.count() == 0) return std::nullopt;
    std::size_t position = next_ % endpoints.size();
    while (!among.contains(position)) position = (position + 1) % endpoints.size();
    next_ = position + 1;
    return position;
}

choice smooth_weighted_round_robin::choose(endpoints_view endpoints) {
    const candidates among(endpoints);
    if (owed_.size() != endpoints.size()) owed_.assign(endpoints.size(), 0.0);
    choice best;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        if (!among.contains(i)) continue;
        owed_[i] += endpoints[i].weight;
        if (!best || owed_[i] > owed_[*best]) best = i;
    }
    if (best) owed_[*best] -= among.weight();
    return best;
}

std::string_view name_of(balancing strategy) noexcept {
    for (const named& each : names) {
        if (each.strategy == strategy) return each.name;
    }
    return "unknown";
}

std::optional<balancing> balancing_of(std::string_view name) noexcept {
    for (const named& each : names) {
        if (each.name == name) return each.strategy;
    }
    return std::nullopt;
}

result<void> load_balancer_settings::validate() const {
    return setting_check("load balancer")
        .holds(name_of(strategy) != "unknown", "strategy", fmt::format("{}", static_cast<unsigned>(strategy)),
               "the values of `balancing`")
        .number("exploration", exploration, 0.0, 1.0)
        .outcome();
}

load_balancer::load_balancer(const load_balancer_settings& settings, std::size_t first)
    : settings_(settings), round_robin_(first) {
    LIDO_ASSERT(settings.validate());
}

choice load_balancer::choose(endpoints_view endpoints, random_source& random) {
    const choice made = by_strategy(endpoints, random);
    if (!made) {
        ++totals_.none;
        observed_.tell(&load_balancer_observer::found_none);
        return made;
    }
    ++totals_.choices;
    if (endpoints[*made].role == endpoint_role::backup) ++totals_.backups;
    observed_.tell(&load_balancer_observer::chose, *made);
    return made;
}

choice load_balancer::by_strategy(endpoints_view endpoints, random_source& random) {
    switch (settings_.strategy) {
        case balancing::round_robin:
            return round_robin_.choose(endpoints);
        case balancing::weighted_round_robin:
            return weighted_.choose(endpoints);
        case balancing::random:
            return choose_random(endpoints, random);
        case balancing::weighted_random:
            return choose_weighted_random(endpoints, random);
        case balancing::two_random_choices:
            return choose_two_random(endpoints, random);
        case balancing::least_loaded:
            return choose_least_loaded(endpoints, random);
        case balancing::primary_backup:
            return choose_first(endpoints);
        case balancing::nearest:
            break;
    }
    return choose_nearest(endpoints, settings_.exploration, random);
}

}  // namespace lido::resilience
