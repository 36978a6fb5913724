#include "lido/base/timer_wheel.hpp"

#include "lido/base/random.hpp"
#include "lido/base/scheduler.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::never;
using lido::random_source;
using lido::time_point;

constexpr time_point origin = time_point(1000h);

/// Timers by number, as the ledger has them.
struct table {
    using handle = std::uint32_t;
    static constexpr handle none = ~handle{0};
    std::vector<lido::timer_links<handle>>* all;
    [[nodiscard]] lido::timer_links<handle>& links(handle which) const { return (*all)[which]; }
};

/// A wheel with its timers, and beside it the same in the plainest form: what the wheel does must follow from that.
class checked_wheel {
public:
    explicit checked_wheel(std::size_t timers) : links_(timers), armed_(timers) {}

    void arm(std::uint32_t which, time_point when) {
        wheel_.arm(nodes(), which, when);
        armed_[which] = when == never ? std::nullopt : std::optional(expectation{when, now_});
    }
    void disarm(std::uint32_t which) {
        wheel_.disarm(nodes(), which);
        armed_[which].reset();
    }

    /// Advances and compares; `on_due` runs inside for each that fired. Returns how many did.
    std::size_t advance(time_point now, const std::function<void(std::uint32_t)>& on_due = {}) {
        std::size_t fired = 0;
        std::int64_t last_tick = 0;
        now_ = now;
        wheel_.advance(nodes(), now, [&](std::uint32_t which) {
            ++fired;
            ASSERT_TRUE(armed_[which]) << "fired without being armed";
            ASSERT_LE(armed_[which]->when, now) << "fired early";
            ASSERT_FALSE(links_[which].armed);
            const auto tick = std::max(tick_of(armed_[which]->when - 1ns), tick_of(armed_[which]->since));
            ASSERT_GE(tick, last_tick) << "fired out of order";
            last_tick = tick;
            armed_[which].reset();
            if (on_due) on_due(which);
        });
        check();
        return fired;
    }

    /// Nobody is late by more than a tick, nobody is lost, and the wheel wakes early enough for the first.
    void check() const {
        std::size_t count = 0;
        time_point earliest = never;
        for (const auto& each : armed_) {
            if (!each) continue;
            ++count;
            const time_point due = std::max(each->when, each->since);
            ASSERT_GT(due + 1ms, now_) << "late by a tick or more";
            earliest = std::min(earliest, due);
        }
        ASSERT_EQ(wheel_.size(), count);
        if (count == 0) {
            ASSERT_EQ(wheel_.next_wake(), never);
        } else {
            ASSERT_LE(wheel_.next_wake(), earliest + 1ms);
        }
    }

    [[nodiscard]] time_point next_wake() const { return wheel_.next_wake(); }
    [[nodiscard]] time_point now() const { return now_; }
    [[nodiscard]] bool armed(std::uint32_t which) const { return armed_[which].has_value(); }
    [[nodiscard]] std::size_t size() const { return wheel_.size(); }

private:
    struct expectation {
        time_point when;
        time_point since;  // the last advance before it was armed: nothing fires before the next
    };
    [[nodiscard]] table nodes() { return {&links_}; }
    [[nodiscard]] static std::int64_t tick_of(time_point when) { return (when - origin) / 1ms; }

    std::vector<lido::timer_links<std::uint32_t>> links_;
    std::vector<std::optional<expectation>> armed_;
    lido::timer_wheel<table> wheel_{origin};
    time_point now_ = origin;
};

/// A length of time of any magnitude up to `longest`, often exactly at a power of two milliseconds or one beside it.
duration any_duration(random_source& random, unsigned magnitudes) {
    const auto bits = static_cast<unsigned>(random.below(magnitudes));
    const auto whole = std::chrono::milliseconds(std::int64_t{1} << bits);
    switch (random.below(6)) {
        case 0:
            return 0ns;
        case 1:
            return whole;
        case 2:
            return whole - 1ms;
        case 3:
            return whole + 1ns;
        case 4:
            return random.up_to(2ms);
        default:
            return random.up_to(whole);
    }
}

void random_walk(std::uint64_t seed, duration begin, unsigned timer_magnitudes, unsigned gap_magnitudes) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", from " << lido::to_text(begin));
    constexpr std::uint32_t timers = 40;
    random_source random(seed);
    checked_wheel wheel(timers);
    const auto any_timer = [&] { return static_cast<std::uint32_t>(random.below(timers)); };
    const auto any_time = [&] {
        if (random.below(50) == 0) return never - 1h;
        if (random.below(50) == 0) return never;
        if (random.below(20) == 0) return wheel.now() - random.up_to(10s);
        return lido::deadline_after(wheel.now(), any_duration(random, timer_magnitudes));
    };
    wheel.advance(origin + begin);
    for (int step = 0; step < 3000 && !testing::Test::HasFatalFailure(); ++step) {
        if (wheel.now() > origin + 24h * 365 * 200) return;  // 292 years are the end of 64-bit nanoseconds
        switch (random.below(8)) {
            case 0:
                wheel.disarm(any_timer());
                break;
            case 1:
            case 2:
            case 3:
            case 4:
                wheel.arm(any_timer(), any_time());
                break;
            case 5:
                wheel.advance(std::max(wheel.now(), std::min(wheel.next_wake(), wheel.now() + 24h)));
                break;
            default:
                wheel.advance(wheel.now() + any_duration(random, gap_magnitudes), [&](std::uint32_t which) {
                    switch (random.below(4)) {
                        case 0:
                            wheel.arm(which, any_time());
                            break;
                        case 1:
                            wheel.arm(any_timer(), any_time());
                            break;
                        case 2:
                            wheel.disarm(any_timer());
                            break;
                        default:
                            break;
                    }
                });
        }
        wheel.check();
    }
}

TEST(timer_wheel, does_what_a_sorted_list_would_do_over_long_random_sequences) {
    for (std::uint64_t seed = 1; seed <= 60 && !HasFatalFailure(); ++seed) {
        random_walk(seed, 0ms, 12, 10);
        random_walk(seed, 0ms, 38, 28);
        random_walk(seed, 0ms, 42, 37);
    }
}

TEST(timer_wheel, does_the_same_around_the_boundary_of_every_level_and_of_the_whole) {
    for (unsigned bits = 6; bits <= 42; bits += 6) {
        for (std::int64_t before = -3; before <= 70; before += 7) {
            const auto begin = std::max(0ms, std::chrono::milliseconds((std::int64_t{1} << bits) - before));
            random_walk(bits, begin, 14, 8);
            random_walk(bits + 100, begin, 40, 10);
            if (HasFatalFailure()) return;
        }
    }
}

TEST(timer_wheel, reaches_every_timer_below_two_years_in_seven_wakes_at_most) {
    random_source random(7);
    for (int round = 0; round < 20'000; ++round) {
        checked_wheel wheel(1);
        wheel.advance(origin + any_duration(random, 38));
        const time_point when = wheel.now() + std::min<duration>(any_duration(random, 37), 24h * 365 * 2);
        wheel.arm(0, when);
        int wakes = 0;
        while (wheel.armed(0)) {
            ASSERT_LT(wakes++, 7);
            const time_point wake = wheel.next_wake();
            ASSERT_LE(wake, std::max(when, wheel.now()) + 1ms);
            wheel.advance(wake);
        }
        ASSERT_EQ(wheel.next_wake(), never);
    }
}

TEST(timer_wheel, reaches_a_timer_beyond_its_horizon) {
    checked_wheel wheel(2);
    wheel.advance(origin + 5h + 3ms);
    wheel.arm(0, never - 1h);
    wheel.arm(1, wheel.now() + 24h * 365 * 100);
    int wakes = 0;
    while (wheel.armed(1)) {
        ASSERT_LT(wakes++, 60);
        wheel.advance(wheel.next_wake());
    }
    EXPECT_TRUE(wheel.armed(0));
    EXPECT_LE(wheel.now(), origin + 5h + 4ms + 24h * 365 * 100);
}

TEST(timer_wheel, fires_timers_of_one_call_in_the_order_of_their_times) {
    checked_wheel wheel(5);
    std::vector<std::uint32_t> order;
    for (const auto& [which, after] : {std::pair{0U, 70ms}, {1U, 5ms}, {2U, 5s}, {3U, 64ms}, {4U, 6ms}}) {
        wheel.arm(which, origin + after);
    }
    wheel.advance(origin + 1min, [&](std::uint32_t which) { order.push_back(which); });
    EXPECT_EQ(order, (std::vector<std::uint32_t>{1, 4, 3, 0, 2}));
}

TEST(timer_wheel, a_timer_armed_for_the_past_while_firing_waits_for_the_next_tick) {
    checked_wheel wheel(1);
    wheel.arm(0, origin + 1ms);
    const auto again = [&](std::uint32_t which) { wheel.arm(which, origin); };
    EXPECT_EQ(wheel.advance(origin + 10ms, again), 1U);
    EXPECT_EQ(wheel.next_wake(), origin + 11ms);
    EXPECT_EQ(wheel.advance(origin + 11ms), 1U);
}

TEST(timer_wheel, a_timer_that_is_due_can_be_disarmed_or_rearmed_by_another_that_fires_first) {
    checked_wheel wheel(3);
    wheel.arm(0, origin + 1ms);
    wheel.arm(1, origin + 2ms);
    wheel.arm(2, origin + 3ms);
    const auto fired = wheel.advance(origin + 10ms, [&](std::uint32_t which) {
        ASSERT_EQ(which, 0U);
        wheel.disarm(1);
        wheel.arm(2, origin + 1s);
    });
    EXPECT_EQ(fired, 1U);
    EXPECT_EQ(wheel.size(), 1U);
    EXPECT_EQ(wheel.advance(origin + 999ms), 0U);
    EXPECT_EQ(wheel.advance(origin + 1s), 1U);
}

TEST(timer_wheel, time_that_stands_still_or_goes_back_does_no_harm) {
    checked_wheel wheel(1);
    wheel.advance(origin + 100ms);
    wheel.arm(0, origin + 101ms);
    EXPECT_EQ(wheel.advance(origin + 100ms), 0U);
    wheel.advance(origin + 50ms);
    EXPECT_TRUE(wheel.armed(0));
    EXPECT_EQ(wheel.advance(origin + 101ms), 1U);
}

TEST(timer_wheel, arming_for_never_disarms_and_disarming_twice_is_harmless) {
    checked_wheel wheel(1);
    wheel.arm(0, origin + 1ms);
    wheel.arm(0, never);
    EXPECT_EQ(wheel.size(), 0U);
    wheel.disarm(0);
    EXPECT_EQ(wheel.next_wake(), never);
}

TEST(timer_wheel, a_copy_with_its_nodes_goes_its_own_way) {
    std::vector<lido::timer_links<std::uint32_t>> links(3);
    lido::timer_wheel<table> wheel(origin);
    for (std::uint32_t which = 0; which < 3; ++which) wheel.arm({&links}, which, origin + 10ms);
    auto links_copy = links;
    auto copy = wheel;
    copy.disarm({&links_copy}, 1);
    int fired = 0;
    wheel.advance({&links}, origin + 10ms, [&](std::uint32_t) { ++fired; });
    EXPECT_EQ(fired, 3);
    EXPECT_EQ(copy.size(), 2U);
}

TEST(timer_wheel, works_with_pointers_to_timers) {
    int fired = 0;
    struct counting : lido::timer {
        explicit counting(int& to_count)
            : timer([](lido::timer& item) noexcept { ++static_cast<counting&>(item).count; }), count(to_count) {}
        int& count;
    } first{fired}, second{fired};
    lido::timer_wheel<lido::timer_nodes> wheel(origin);
    wheel.arm({}, &first, origin + 5ms);
    wheel.arm({}, &second, origin + 5h);
    wheel.advance({}, origin + 5ms, [](lido::timer* due) { due->fire(*due); });
    EXPECT_EQ(fired, 1);
    wheel.disarm({}, &second);
    EXPECT_EQ(wheel.next_wake(), never);
}

}  // namespace
