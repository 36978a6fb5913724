// Lido: which of several endpoints gets the next call.
#pragma once

#include "lido/base/random.hpp"
#include "lido/base/result.hpp"
#include "lido/base/time.hpp"
#include "lido/resilience/detail/observed.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lido::resilience {

/// A backup gets calls only while no primary can.
enum class endpoint_role : std::uint8_t { primary, backup };

/// What a balancer sees of one endpoint at the moment of a choice.
struct endpoint_view {
    /// Its part of the calls, relative to the others'. An endpoint of weight 0 gets none. Finite and not negative; up
    /// to 1,000,000.
    double weight = 1.0;
    /// Leases in use.
    std::uint32_t load = 0;
    /// Measured, see `peak_ewma`; zero: not known.
    duration latency{};
    bool healthy = true;
    endpoint_role role = endpoint_role::primary;
};

// The choices without state. Each returns the position of an endpoint that is healthy, has a weight, and is a primary,
// or, when there is no such one, a backup; nothing when there is none of these either. So failover to backups works the
// same with every one. All are pure, take O(n) for n endpoints (about a nanosecond each) and no memory.

/// Uniformly at random; weights only decide who takes part.
[[nodiscard]] std::optional<std::size_t> choose_random(std::span<const endpoint_view> endpoints,
                                                       random_source& random) noexcept;

/// At random in proportion to the weights.
[[nodiscard]] std::optional<std::size_t> choose_weighted_random(std::span<const endpoint_view> endpoints,
                                                                random_source& random) noexcept;

/// Of two different ones drawn at random the less loaded, by (load + 1) / weight. Nearly as even as the least loaded of
/// all, and callers that decide at the same time do not all run to the same one (Mitzenmacher, "The Power of Two
/// Choices in Randomized Load Balancing", 2001; Envoy's "least request").
[[nodiscard]] std::optional<std::size_t> choose_two_random(std::span<const endpoint_view> endpoints,
                                                           random_source& random) noexcept;

/// The least loaded, by (load + 1) / weight; of equal ones any, at random.
[[nodiscard]] std::optional<std::size_t> choose_least_loaded(std::span<const endpoint_view> endpoints,
                                                             random_source& random) noexcept;

/// The one with the lowest latency × (load + 1) / weight; of equal ones any, at random. One that was never measured
/// comes first while it has no load, so that it will be, and last while it has some. A share `exploration` (0 … 1) of
/// the choices is uniformly random instead, so that one that was slow once is looked at again (Finagle's Peak EWMA
/// balancer).
[[nodiscard]] std::optional<std::size_t> choose_nearest(std::span<const endpoint_view> endpoints, double exploration,
                                                        random_source& random) noexcept;

/// The first of the list.
[[nodiscard]] std::optional<std::size_t> choose_first(std::span<const endpoint_view> endpoints) noexcept;

/// One after the other, weights apart. Knows an endpoint by its position. 8 bytes.
class round_robin {
public:
    /// Begins with number `first`, modulo the number of endpoints: many clients that start together should not all
    /// begin with the same.
    explicit round_robin(std::size_t first = 0) noexcept : next_(first) {}

    [[nodiscard]] std::optional<std::size_t> choose(std::span<const endpoint_view> endpoints) noexcept;

private:
    std::size_t next_;
};

/// In proportion to the weights, and evenly mixed: of weights 5, 1, 1 comes a a b a c a a. Knows an endpoint by its
/// position, begins afresh when their number changes, and allocates then only. The "smooth weighted round robin" of
/// nginx (ngx_http_upstream_round_robin, since 1.3.1).
class smooth_weighted_round_robin {
public:
    [[nodiscard]] std::optional<std::size_t> choose(std::span<const endpoint_view> endpoints);

private:
    /// What each is owed; chosen is who is owed most. The sum stays zero while all take part.
    std::vector<double> owed_;
};

/// The ways to choose; each is documented with its function or class above.
enum class balancing : std::uint8_t {
    round_robin,
    weighted_round_robin,
    random,
    weighted_random,
    two_random_choices,
    least_loaded,
    primary_backup,  ///< the first of the list; backups as always
    nearest,
};

/// All of them, in this order.
inline constexpr std::array all_balancing{
    balancing::round_robin,
    balancing::weighted_round_robin,
    balancing::random,
    balancing::weighted_random,
    balancing::two_random_choices,
    balancing::least_loaded,
    balancing::primary_backup,
    balancing::nearest,
};

/// "two_random_choices": the name as it stands in this header; stable, for settings and reports.
[[nodiscard]] std::string_view name_of(balancing strategy) noexcept;
/// The other way round; nothing when there is no such name.
[[nodiscard]] std::optional<balancing> balancing_of(std::string_view name) noexcept;

/// Settings of a load balancer.
struct load_balancer_settings {
    balancing strategy = balancing::two_random_choices;
    /// Of `nearest`: the share of random choices. 0 … 1.
    double exploration = 0.01;

    /// `invalid_argument`, naming the setting, when it is out of range.
    [[nodiscard]] result<void> validate() const;
};

/// A snapshot of a load balancer. The counters count from its making.
struct load_balancer_statistics {
    std::uint64_t choices = 0;
    std::uint64_t backups = 0;  ///< of these, of a backup
    std::uint64_t none = 0;     ///< no endpoint could be chosen; not in `choices`
};

/// Told what a load balancer chooses. Derive from it and override what matters; each default does nothing.
class load_balancer_observer {
public:
    virtual ~load_balancer_observer() = default;

    virtual void chose(std::size_t position) noexcept { static_cast<void>(position); }
    /// Nobody could be chosen.
    virtual void found_none() noexcept {}

protected:
    load_balancer_observer() = default;
    load_balancer_observer(const load_balancer_observer&) = default;
    load_balancer_observer& operator=(const load_balancer_observer&) = default;
};

/// One of the ways to choose, by setting, with what state it needs.
///
/// A copyable value; not thread-safe. O(n) for n endpoints; allocates only for `weighted_round_robin` when their number
/// changes.
class load_balancer {
public:
    /// `settings` must be valid. `first`: see `round_robin`.
    explicit load_balancer(const load_balancer_settings& settings = {}, std::size_t first = 0);

    /// The position of the endpoint for the next call; nothing when none is healthy and has a weight. The same endpoint
    /// should stand at the same position from call to call.
    [[nodiscard]] std::optional<std::size_t> choose(std::span<const endpoint_view> endpoints, random_source& random);

    [[nodiscard]] const load_balancer_statistics& statistics() const noexcept { return totals_; }
    [[nodiscard]] const load_balancer_settings& settings() const noexcept { return settings_; }

    /// Tells `by` from now on what it does; null: nobody. It must outlive the policy, which calls it within its own
    /// functions: an observer must not call back, block or throw. Copies of the policy have none.
    void watch(load_balancer_observer* by) noexcept { observed_.watch(by); }

private:
    [[nodiscard]] std::optional<std::size_t> by_strategy(std::span<const endpoint_view> endpoints,
                                                         random_source& random);

    load_balancer_settings settings_;
    round_robin round_robin_;
    smooth_weighted_round_robin weighted_;
    load_balancer_statistics totals_;
    detail::observed<load_balancer_observer> observed_;
};

}  // namespace lido::resilience
