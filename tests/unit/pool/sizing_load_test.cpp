// Goal: each preset under steps, ramps, bursts and slow servers, on virtual time: the size follows the load without
// swinging, stays within its limits, and returns to its minimum afterwards. Method: the policy by itself on a made-up
// queue, many seeds; and the real pool, with the ledger that decides and the cache that hides leases from it.
#include "pool/adaptive_size.hpp"
#include "support/made_up_queue.hpp"
#include "support/pool_load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>
#include <string>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::random_source;
using lido::time_point;
using lido::pool::adaptive_size;
using lido::pool::adaptive_sizing;
using lido::test::made_up_queue;

constexpr time_point start{1000h};

enum class queue_kind : bool { made_up, pool };

struct preset {
    const char* name;
    adaptive_sizing rules;
    std::size_t lowest;
    std::size_t highest;
    duration service;  // what its connections are used for
    std::uint64_t seeds;
    queue_kind queue = queue_kind::made_up;
};

std::ostream& operator<<(std::ostream& to, const preset& which) {
    return to << which.name;
}

/// What is wanted of a pool over time, in connections in use on average, and how much slower than usual the server is.
struct demand {
    std::function<double(double)> concurrency;  // by the time in intervals
    std::function<double(double)> slowness = [](double) { return 1.0; };
    double intervals = 0.0;
};

enum class arrivals : bool { regular, random };

double intervals_at(const preset& which, time_point begin, time_point now) {
    return std::chrono::duration<double>(now - begin) / std::chrono::duration<double>(which.rules.interval);
}

/// What comes of `wanted` from `begin` on.
made_up_queue::load load_of(const preset& which, const demand& wanted, arrivals how, time_point begin,
                            random_source& random) {
    const auto times = [](duration of, double factor) {
        return duration(static_cast<duration::rep>(static_cast<double>(of.count()) * factor));
    };
    made_up_queue::load offered;
    offered.until_next = [=, &which, &wanted, &random](time_point now) {
        const double wish = wanted.concurrency(intervals_at(which, begin, now));
        if (wish <= 0.0) return which.rules.interval / 50;  // looks again soon
        const duration mean = times(which.service, 1.0 / wish);
        return how == arrivals::regular ? mean : lido::test::exponential(random, mean);
    };
    offered.service = [=, &which, &wanted, &random](time_point now) {
        if (wanted.concurrency(intervals_at(which, begin, now)) <= 0.0) {
            return which.queue == queue_kind::pool ? duration(0) : duration(1);
        }
        const duration mean = times(which.service, wanted.slowness(intervals_at(which, begin, now)));
        return how == arrivals::regular ? mean : lido::test::exponential(random, mean);
    };
    return offered;
}

time_point end_of(const preset& which, const demand& wanted, time_point begin) {
    return begin + duration(static_cast<duration::rep>(static_cast<double>(which.rules.interval.count()) *
                                                       (wanted.intervals + 0.5)));
}

/// The size after each interval, as the real pool has it.
std::vector<std::size_t> sizes_of_pool(const preset& which, const demand& wanted, arrivals how, std::uint64_t seed) {
    lido::test::virtual_group group(2);
    lido::test::fake_world world;
    std::vector<std::size_t> sizes;
    lido::pool::settings settings;
    settings.min_size = which.lowest;
    settings.max_size = which.highest;
    settings.max_waiters = 1'000'000;
    settings.sizing = which.rules;
    settings.max_lifetime = lido::pool::settings::forever;
    settings.check_after_idle = lido::pool::settings::forever;
    settings.keep_alive = lido::pool::settings::forever;
    auto pool = std::make_unique<lido::test::fake_pool>(group, settings, lido::test::fake_connector(world));
    lido::test::pool_load callers(group, *pool);
    random_source random(seed);
    const time_point begin = group.now();
    const auto offered = load_of(which, wanted, how, begin, random);
    callers.come(offered, end_of(which, wanted, begin), which.rules.interval, [&] {
        const lido::pool::statistics seen = pool->statistics();
        sizes.push_back(seen.wanted_size);
        // Z1: what is above the limit was there when it was lowered, and goes when it comes back.
        EXPECT_LE(seen.idle + seen.connecting, std::max(seen.wanted_size, which.lowest));
    });
    EXPECT_EQ(callers.first_problem(), "");
    EXPECT_LE(world.peak_live(), which.highest);
    group.at(0).enter([&] { pool.reset(); });  // on a thread without a scheduler it would wait for the virtual ones
    group.advance(1min);
    EXPECT_EQ(world.live(), 0U);
    return sizes;
}

/// The size after each interval.
std::vector<std::size_t> sizes_under(const preset& which, const demand& wanted, arrivals how, std::uint64_t seed) {
    if (which.queue == queue_kind::pool) return sizes_of_pool(which, wanted, how, seed);
    random_source random(seed);
    const auto offered = load_of(which, wanted, how, start, random);
    adaptive_size policy(which.rules);
    std::vector<std::size_t> sizes;
    made_up_queue queue;
    queue.run(offered, start, end_of(which, wanted, start), which.lowest, which.rules.interval,
              [&](const made_up_queue::interval& seen, std::size_t size) {
                  // An idle pool's loop looks for load fifty times an interval; that is no load.
                  const bool idle = wanted.concurrency(intervals_at(which, start, seen.end)) <= 0.0 && seen.busy < 1us;
                  const std::size_t next = policy.next({.length = which.rules.interval,
                                                        .size = size,
                                                        .busy = seen.busy,
                                                        .lacking = seen.lacking,
                                                        .served = idle ? 0 : seen.served,
                                                        .peak_leases = idle ? 0 : seen.peak_busy},
                                                       which.lowest, which.highest);
                  sizes.push_back(next);
                  return next;
              });
    return sizes;
}

/// How often the size turned from growing to shrinking or back, between two intervals.
int turns(const std::vector<std::size_t>& sizes, double from, double to) {
    int count = 0;
    int direction = 0;
    for (auto i = static_cast<std::size_t>(from) + 1; i < std::min(sizes.size(), static_cast<std::size_t>(to)); ++i) {
        const int now = sizes[i] > sizes[i - 1] ? 1 : sizes[i] < sizes[i - 1] ? -1 : 0;
        if (now == 0) continue;
        if (direction != 0 && now != direction) ++count;
        direction = now;
    }
    return count;
}

std::string told(const std::vector<std::size_t>& sizes) {
    std::string text;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (i == 0 || sizes[i] != sizes[i - 1]) text += std::to_string(i) + ":" + std::to_string(sizes[i]) + " ";
    }
    return text;
}

void expect_limits(const preset& which, const std::vector<std::size_t>& sizes) {
    for (const std::size_t size : sizes) {
        ASSERT_LE(size, which.highest);
        ASSERT_GE(size, which.lowest);
    }
    EXPECT_EQ(sizes.back(), which.lowest) << "back at the minimum after the load\n" << told(sizes);
}

class sizing_under_load : public testing::TestWithParam<preset> {};

TEST_P(sizing_under_load, steps) {
    const preset which = GetParam();
    const demand wanted{.concurrency =
                            [](double at) {
                                return at < 100 ? 8.0 : at < 200 ? 16.0 : at < 300 ? 8.0 : 0.0;
                            },
                        .intervals = 400};
    for (const arrivals how : {arrivals::regular, arrivals::random}) {
        for (std::uint64_t seed = 1; seed <= which.seeds; ++seed) {
            const auto sizes = sizes_under(which, wanted, how, seed);
            expect_limits(which, sizes);
            for (int step = 0; step < 4; ++step) {
                EXPECT_LE(turns(sizes, 100.0 * step, 100.0 * (step + 1)), 2) << "step " << step << '\n' << told(sizes);
            }
            EXPECT_GE(sizes[99], 8U) << told(sizes);
            EXPECT_GE(sizes[199], 16U) << told(sizes);
        }
    }
}

TEST_P(sizing_under_load, a_ramp_up_and_down) {
    const preset which = GetParam();
    const demand wanted{.concurrency =
                            [](double at) {
                                if (at < 150) return 1.0 + 15.0 * at / 150.0;
                                return at < 300 ? 16.0 - 15.0 * (at - 150.0) / 150.0 : 0.0;
                            },
                        .intervals = 400};
    for (std::uint64_t seed = 1; seed <= which.seeds; ++seed) {
        const auto sizes = sizes_under(which, wanted, arrivals::random, seed);
        expect_limits(which, sizes);
        EXPECT_LE(turns(sizes, 0, 400), 4) << told(sizes);
        EXPECT_GE(*std::ranges::max_element(sizes), 16U) << told(sizes);
    }
}

TEST_P(sizing_under_load, bursts) {
    const preset which = GetParam();
    // Every fifty intervals the load is four times the usual for five of them.
    const demand wanted{.concurrency =
                            [](double at) {
                                if (at >= 250) return 0.0;
                                return std::fmod(at, 50.0) < 45.0 ? 4.0 : 16.0;
                            },
                        .intervals = 350};
    for (std::uint64_t seed = 1; seed <= which.seeds; ++seed) {
        const auto sizes = sizes_under(which, wanted, arrivals::random, seed);
        expect_limits(which, sizes);
        for (int burst = 0; burst < 5; ++burst) {
            // A burst is two steps: up, and down again.
            EXPECT_LE(turns(sizes, 50.0 * burst, 50.0 * (burst + 1)), 4) << told(sizes);
        }
    }
}

TEST_P(sizing_under_load, a_server_that_is_slow_for_a_while) {
    const preset which = GetParam();
    const demand wanted{.concurrency = [](double at) { return at < 300 ? 5.0 : 0.0; },
                        .slowness = [](double at) { return at >= 100 && at < 200 ? 3.0 : 1.0; },
                        .intervals = 400};
    for (std::uint64_t seed = 1; seed <= which.seeds; ++seed) {
        const auto sizes = sizes_under(which, wanted, arrivals::random, seed);
        expect_limits(which, sizes);
        EXPECT_GE(sizes[199], 15U) << "three times the time, three times the connections\n" << told(sizes);
        EXPECT_LE(turns(sizes, 0, 100), 2) << told(sizes);
        EXPECT_LE(turns(sizes, 100, 200), 2) << told(sizes);
        EXPECT_LE(turns(sizes, 200, 300), 2) << told(sizes);
    }
}

TEST_P(sizing_under_load, more_than_the_highest_size_can_serve) {
    const preset which = GetParam();
    const demand wanted{.concurrency = [](double at) { return at < 60 ? 2.0 * 40.0 : 0.0; }, .intervals = 300};
    const auto sizes = sizes_under(which, wanted, arrivals::random, 1);
    expect_limits(which, sizes);
    EXPECT_EQ(*std::ranges::max_element(sizes), which.highest);
    EXPECT_LE(turns(sizes, 0, 300), 2) << told(sizes);
}

INSTANTIATE_TEST_SUITE_P(presets, sizing_under_load,
                         testing::Values(preset{"by_load", adaptive_sizing::by_load(), 1, 40, 20ms, 20},
                                         preset{"by_load_slow_calls", adaptive_sizing::by_load(), 1, 40, 400ms, 50},
                                         preset{"by_waiting", adaptive_sizing::by_waiting(), 2, 40, 10s, 50},
                                         preset{"by_response_time", adaptive_sizing::by_response_time(), 5, 40, 400ms,
                                                3}),
                         [](const auto& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    real_pools, sizing_under_load,
    testing::Values(preset{"by_load", adaptive_sizing::by_load(), 1, 40, 20ms, 1, queue_kind::pool},
                    preset{"by_load_slow_calls", adaptive_sizing::by_load(), 1, 40, 400ms, 5, queue_kind::pool},
                    preset{"by_waiting", adaptive_sizing::by_waiting(), 2, 40, 10s, 5, queue_kind::pool},
                    preset{"by_response_time", adaptive_sizing::by_response_time(), 5, 40, 4s, 1, queue_kind::pool}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
