// Lido's simulator: what may happen in a made-up world, and how a world is drawn from a seed.
#pragma once

#include "lido/base/random.hpp"
#include "lido/pool/settings.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lido::sim {

/// What happens next. A choice names no waiter, lease or connection: `pick` is taken modulo whatever there is then. So
/// any part of a list of choices is a list that can be run, which is what makes a failing run easy to shrink.
enum class event : std::uint8_t {
    acquire,        ///< somebody asks; `value` draws priority, deadline, holder, scheduler
    cancel,         ///< one who waits gives up
    cancel_again,   ///< one who has been answered gives up: must do nothing
    release,        ///< a lease comes back; `value` draws the verdict
    release_again,  ///< a lease that came back comes back once more: must do nothing
    answer,         ///< an operation ends; `value` draws how
    late_answer,    ///< an operation that was abandoned ends: must do nothing
    advance,        ///< time passes; the ledger is woken when it asked for it
    sleep,          ///< time passes and nobody is awake; then one tick
    tick,           ///< a tick that nobody asked for: must do nothing
    lost,           ///< a connection is found dead
    capacity,       ///< a peer changes the number of leases it allows
    pause,
    resume,
    resize,
    reconfigure,
    retire_all,
    warm_up,
    drain,
    close_one_idle,  ///< room is wanted elsewhere
    allow,           ///< a budget allows an adaptive sizing more, or less
};
inline constexpr std::size_t event_count = 21;

[[nodiscard]] const char* name_of(event what) noexcept;

struct choice {
    event what;
    std::uint32_t pick;
    std::uint64_t value;
};

/// Things that go wrong in a world, each switched on or off by the seed.
enum class fault : std::uint8_t {
    connect_fails,
    connect_hangs,
    check_fails,
    check_hangs,
    reset_fails,
    close_hangs,
    no_capacity,  ///< a connection comes up and allows no lease
    returned_dirty,
    returned_broken,
    double_use,  ///< returns twice, cancels after the answer, late answers
    cancels,
    losses,
    capacity_changes,
    resizes,
    pauses,
    retires,
    drains,
    sleeps,
    kept,  ///< leases are kept for a while after their borrowers have done with them
    closes_idle,
};
inline constexpr std::size_t fault_count = 20;

/// A world: everything about a run but the choices.
struct world_config {
    std::uint64_t seed = 0;
    pool::settings settings;
    std::uint32_t schedulers = 1;
    std::uint32_t top_capacity = 1;
    std::uint32_t holders = 0;  ///< callers that name themselves; 0: none does
    duration step = {};         ///< the longest time that passes at once
    duration patience = {};     ///< the longest deadline of a caller; zero: the time-out of the settings
    std::uint32_t faults = 0;
    bool adaptive = false;  ///< sizes follow the load

    [[nodiscard]] bool has(fault which) const noexcept { return (faults >> static_cast<unsigned>(which) & 1U) != 0; }
    /// In words, for a report.
    [[nodiscard]] std::string describe() const;
};

/// Swarm testing (Groce et al., 2012): each seed switches features and faults on or off and draws sizes and times, so
/// that rare mixtures come up that one world with everything would drown.
[[nodiscard]] world_config draw_world(std::uint64_t seed);

/// Settings drawn at random, all of them valid.
[[nodiscard]] pool::settings draw_settings(random_source& random);

/// Fixed, or adaptive by any valid rules.
[[nodiscard]] pool::sizing draw_sizing(random_source& random);

/// The choices of a run, without end, from the world's seed.
class choice_source {
public:
    explicit choice_source(const world_config& world);
    [[nodiscard]] choice next() noexcept {
        const std::uint64_t drawn = random_.next();
        const std::uint64_t value = random_.next();
        return {wheel_[drawn % wheel_.size()], static_cast<std::uint32_t>(drawn >> 32), value};
    }

private:
    random_source random_;
    std::array<event, 256> wheel_{};
};

/// The first `count` choices of a world.
[[nodiscard]] std::vector<choice> draw_choices(const world_config& world, std::size_t count);

}  // namespace lido::sim
