// Goal: what `lido tune` advises holds where it is used: a real pool with the advised size keeps the target wait, one
// with half of it does not. Method: three loads on a pool in virtual time; the record is that pool's own, made with
// more connections than anybody needs.
#include "lido/pool/workload.hpp"
#include "support/pool_load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::histogram;
using lido::random_source;
using lido::pool::measured_times;
using lido::pool::workload;
using lido::test::made_up_queue;
using lido::test::pool_load;
using lido::test::pool_world;

constexpr std::size_t plenty = 200;
constexpr duration length = 200s;

lido::pool::settings of_size(std::size_t size) {
    lido::pool::settings made;
    made.max_size = size;
    made.max_waiters = 1'000'000;
    made.acquire_timeout = 1h;
    made.check_after_idle = lido::pool::settings::forever;
    return made;
}

lido::pool::settings as_advised(const lido::pool::sizing_advice& what) {
    lido::pool::settings made = of_size(what.max_size);
    made.min_size = what.min_size;
    made.max_waiters = what.max_waiters;
    made.acquire_timeout = what.acquire_timeout;
    return made;
}

class advice : public pool_world {
protected:
    using run_function = std::function<void(pool_load&, random_source&, lido::time_point end)>;

    /// What the pool recorded, as `lido simulate --record` does.
    workload record(const lido::pool::settings& with, std::size_t users, const run_function& load, std::uint64_t seed) {
        open(with);
        random_source random(seed);
        pool_load callers(group_, *pool_);
        load(callers, random, group_.now() + length);
        histogram service;
        histogram response;
        histogram gaps;
        std::vector<lido::time_point> came;
        for (const auto& each : callers.visits()) {
            service.record(each.served);
            response.record(each.waited + each.served);
            came.push_back(each.came);
        }
        std::ranges::sort(came);
        for (std::size_t i = 1; i < came.size(); ++i) gaps.record(came[i] - came[i - 1]);
        const lido::pool::statistics seen = pool_->statistics();
        workload made;
        made.length = length;
        made.requests = callers.visits().size();
        made.users = users;
        made.pool_size = with.max_size;
        made.peak_in_use = seen.peak_in_use;
        made.arrival_variation = measured_times::of(gaps).variation;
        made.service = measured_times::of(service);
        made.wait = measured_times::of(seen.wait);
        made.response = measured_times::of(response);
        // Who waits twenty times the target is refused, which hardly happens.
        EXPECT_LE(static_cast<double>(seen.refused), 0.001 * static_cast<double>(seen.acquires))
            << callers.first_problem();
        pool_.reset();
        return made;
    }

    void expect_to_hold(duration target, std::size_t users, const run_function& load) {
        const workload seen = record(of_size(plenty), users, load, 1);
        EXPECT_LT(seen.wait.mean, target / 20) << "recorded with enough connections";
        const auto advised = lido::pool::advise(seen, target).value();
        ASSERT_LT(advised.max_size, plenty / 2);
        const workload full = record(as_advised(advised), users, load, 2);
        const workload half = record(of_size(advised.max_size / 2), users, load, 2);
        EXPECT_LE(full.wait.mean, target * 6 / 5) << advised.max_size << " connections";
        EXPECT_GT(half.wait.mean, target * 6 / 5) << advised.max_size / 2 << " connections";
        RecordProperty("size", std::to_string(advised.max_size));
        RecordProperty("expected_wait_us", std::to_string(advised.wait / 1us));
        RecordProperty("wait_us", std::to_string(full.wait.mean / 1us));
        RecordProperty("wait_with_half_us", std::to_string(half.wait.mean / 1us));
    }

    static run_function at_random(double concurrency, duration mean,
                                  std::function<duration(random_source&, duration)> service) {
        return [=](pool_load& callers, random_source& random, lido::time_point end) {
            const auto between = duration(static_cast<duration::rep>(static_cast<double>(mean.count()) / concurrency));
            const made_up_queue::load offered{
                .until_next = [&](auto) { return lido::test::exponential(random, between); },
                .service = [&](auto) { return service(random, mean); }};
            callers.come(offered, end, length, [] {});
        };
    }
};

TEST_F(advice, holds_where_every_call_takes_the_same_time) {
    for (const duration target : {1ms + 0ns, 5ms + 0ns, 20ms + 0ns}) {
        expect_to_hold(target, 0, at_random(12.0, 50ms, [](random_source&, duration mean) { return mean; }));
    }
}

TEST_F(advice, holds_where_some_calls_take_very_long) {
    for (const duration target : {1ms + 0ns, 5ms + 0ns, 20ms + 0ns}) {
        expect_to_hold(target, 0, at_random(12.0, 50ms, [](random_source& random, duration mean) {
                           return lido::test::heavy_tailed(random, mean, 2.0);
                       }));
    }
}

TEST_F(advice, holds_for_a_number_of_users_who_rest_between_their_calls) {
    for (const duration target : {2ms + 0ns, 10ms + 0ns}) {
        expect_to_hold(target, 60, [](pool_load& callers, random_source& random, lido::time_point end) {
            const made_up_queue::load offered{.until_next = {},
                                              .service = [&](auto) { return lido::test::exponential(random, 20ms); }};
            callers.stay(
                60, [&] { return lido::test::exponential(random, 80ms); }, offered, end);
        });
    }
}

}  // namespace
