#include "sim/choice.hpp"

#include <fmt/format.h>

namespace lido::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::array<const char*, event_count> event_names{
    "acquire", "cancel",      "cancel_again", "release", "release_again", "answer",         "late_answer",
    "advance", "sleep",       "tick",         "lost",    "capacity",      "pause",          "resume",
    "resize",  "reconfigure", "retire_all",   "warm_up", "drain",         "close_one_idle", "allow"};

constexpr std::array<const char*, fault_count> fault_names{
    "connect_fails",  "connect_hangs",   "check_fails", "check_hangs", "reset_fails", "close_hangs",      "no_capacity",
    "returned_dirty", "returned_broken", "double_use",  "cancels",     "losses",      "capacity_changes", "resizes",
    "pauses",         "retires",         "drains",      "sleeps",      "kept",        "closes_idle"};

template <class Value, std::size_t Count>
Value one_of(random_source& random, const std::array<Value, Count>& values) {
    return values[random.below(Count)];
}

using durations = std::array<duration, 4>;
constexpr duration forever = pool::settings::forever;

void draw_sizes(pool::settings& drawn, random_source& random) {
    drawn.max_size = one_of(random, std::array<std::size_t, 8>{1, 1, 2, 2, 3, 3, 5, 8});
    if (random.below(50) == 0) drawn.max_size = 100;
    drawn.min_size = random.below(2) == 0 ? 0 : random.below(drawn.max_size + 1);
    if (random.below(3) == 0) drawn.max_idle = drawn.min_size + random.below(3);
    drawn.max_waiters = one_of(random, std::array<std::size_t, 4>{1, 3, 8, 20});
    drawn.on_full = one_of(random, std::array{pool::when_full::wait, pool::when_full::wait, pool::when_full::overflow,
                                              pool::when_full::fail});
    drawn.max_overflow = one_of(random, std::array<std::size_t, 3>{1, 2, 5});
    drawn.order = random.below(2) == 0 ? pool::idle_order::last_in_first_out : pool::idle_order::first_in_first_out;
    drawn.nested = random.below(2) == 0 ? pool::nested_acquire::refuse : pool::nested_acquire::allow;
    drawn.max_concurrent_connects = one_of(random, std::array<std::size_t, 4>{1, 2, 4, 100});
    drawn.max_uses = one_of(random, std::array<std::uint64_t, 4>{0, 0, 1, 3});
}

void draw_times(pool::settings& drawn, random_source& random) {
    drawn.down_fail_fast = one_of(random, durations{0s, 100ms, 1s, 1h});
    drawn.priority_ageing = one_of(random, durations{0s, 10ms, 5s, 1h});
    drawn.idle_timeout = one_of(random, durations{forever, 10ms, 1s, 10min});
    drawn.max_lifetime = one_of(random, durations{forever, 50ms, 10s, 30min});
    drawn.lifetime_jitter = one_of(random, std::array{0.0, 0.1, 0.5});
    drawn.check_after_idle = one_of(random, durations{0s, 5ms, 1s, forever});
    drawn.keep_alive = one_of(random, durations{forever, 20ms, 1s, 2min});
    drawn.check_timeout = one_of(random, durations{1ms, 100ms, 5s, 5s});
    drawn.connect_timeout = one_of(random, durations{1ms, 100ms, 1s, 10s});
    drawn.close_timeout = one_of(random, durations{1ms, 100ms, 2s, 2s});
    drawn.leak_after = one_of(random, durations{forever, 1ms, 1s, 1min});
    drawn.back_off.initial = one_of(random, durations{0s, 1ms, 100ms, 1s});
    drawn.back_off.factor = one_of(random, std::array{1.0, 2.0, 10.0});
    drawn.back_off.maximum = drawn.back_off.initial + one_of(random, durations{0s, 10ms, 5s, 5s});
}

}  // namespace

const char* name_of(event what) noexcept {
    return event_names[static_cast<std::size_t>(what)];
}

pool::settings draw_settings(random_source& random) {
    pool::settings drawn;
    draw_sizes(drawn, random);
    draw_times(drawn, random);
    return drawn;
}

pool::sizing draw_sizing(random_source& random) {
    if (random.below(8) == 0) return pool::fixed_sizing{};
    pool::adaptive_sizing rules;
    rules.interval = one_of(random, durations{10ms, 100ms, 1s, 30s});
    rules.grow_above_wait = one_of(random, durations{0ms, 5ms, 5s, pool::adaptive_sizing::not_looked_at});
    rules.grow_above_response = one_of(random, durations{0ms, 10ms, 2s, pool::adaptive_sizing::not_looked_at});
    rules.least_leases = one_of(random, std::array<std::uint64_t, 3>{0, 1, 10});
    rules.grow_above_utilisation = one_of(random, std::array{0.0, 0.5, 0.9, 1.0});
    rules.grow_by = one_of(random, std::array<std::size_t, 3>{1, 2, 5});
    rules.grow_share = one_of(random, std::array{0.0, 0.5, 1.0, 10.0});
    rules.shrink_below_utilisation = one_of(random, std::array{0.0, 0.3, 0.5, 1.0});
    rules.shrink_below_response = one_of(random, durations{0ms, 0ms, 10ms, 500ms});
    rules.shrink_by = one_of(random, std::array<std::size_t, 3>{1, 2, 5});
    rules.shrink_share = one_of(random, std::array{0.0, 0.5, 1.0});
    rules.shrink_after = one_of(random, std::array<std::size_t, 4>{1, 2, 10, 16});
    return rules;
}

world_config draw_world(std::uint64_t seed) {
    random_source random(seed * 2 + 1);
    world_config world;
    world.seed = seed;
    world.settings = draw_settings(random);
    world.schedulers = one_of(random, std::array<std::uint32_t, 4>{1, 1, 2, 3});
    world.top_capacity = one_of(random, std::array<std::uint32_t, 4>{1, 1, 3, 100});
    world.holders = one_of(random, std::array<std::uint32_t, 3>{0, 2, 6});
    world.step = one_of(random, durations{1ms, 30ms, 1s, 20s});
    world.patience = one_of(random, durations{0s, 2ms, 1s, 1h});
    // One world in eight knows no faults at all; in the others each comes up in every second.
    if (random.below(8) != 0) world.faults = static_cast<std::uint32_t>(random.next());
    // Drawn last, and for some seeds only: what was drawn before this came up stays what it was.
    if (seed % 5 == 1) {
        world.adaptive = true;
        world.settings.sizing = draw_sizing(random);
    }
    if (seed % 3 == 1) world.settings.expected_capacity = one_of(random, std::array<std::uint32_t, 3>{1, 3, 100});
    return world;
}

std::string world_config::describe() const {
    std::string text = fmt::format(
        "seed {}: max {}, min {}, {} schedulers, capacity up to {}, {} holders, {} size, faults:", seed,
        settings.max_size, settings.min_size, schedulers, top_capacity, holders, adaptive ? "adaptive" : "fixed");
    for (std::size_t i = 0; i < fault_count; ++i) {
        if (has(static_cast<fault>(i))) text += fmt::format(" {}", fault_names[i]);
    }
    return text;
}

choice_source::choice_source(const world_config& world) : random_(world.seed * 2) {
    std::size_t end = 0;
    const auto put = [&](event what, std::size_t times) {
        for (std::size_t i = 0; i < times && end < wheel_.size(); ++i) wheel_[end++] = what;
    };
    // How much is asked for in relation to what is returned decides whether a world is idle or overloaded.
    const std::size_t load = 30 + random_.below(60);
    const auto rarely = [&](event what, fault which) { put(what, world.has(which) ? 1 + random_.below(3) : 0); };
    put(event::tick, 3);
    put(event::warm_up, 1);
    rarely(event::cancel_again, fault::double_use);
    rarely(event::release_again, fault::double_use);
    rarely(event::late_answer, fault::double_use);
    put(event::cancel, world.has(fault::cancels) ? 8 : 0);
    rarely(event::lost, fault::losses);
    rarely(event::capacity, fault::capacity_changes);
    rarely(event::resize, fault::resizes);
    put(event::reconfigure, world.has(fault::resizes) ? 1 : 0);
    put(event::pause, world.has(fault::pauses) ? 1 : 0);
    put(event::resume, world.has(fault::pauses) ? 4 : 0);
    put(event::retire_all, world.has(fault::retires) ? 1 : 0);
    put(event::sleep, world.has(fault::sleeps) ? 1 : 0);
    put(event::close_one_idle, world.has(fault::closes_idle) ? 1 : 0);
    put(event::allow, world.adaptive ? 2 : 0);
    put(event::advance, 10 + random_.below(20));
    put(event::acquire, load);
    put(event::release, 60);
    put(event::answer, wheel_.size());
}

std::vector<choice> draw_choices(const world_config& world, std::size_t count) {
    choice_source source(world);
    std::vector<choice> drawn;
    drawn.reserve(count + 1);
    for (std::size_t i = 0; i < count; ++i) drawn.push_back(source.next());
    if (world.has(fault::drains))
        drawn.insert(drawn.end() - static_cast<std::ptrdiff_t>(count / 8), {event::drain, 0, world.seed});
    return drawn;
}

}  // namespace lido::sim
