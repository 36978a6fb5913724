// Goal: never more calls under way than allowed, nobody waits beside a free place, and the counts are right. Method:
// plain cases, and random callers beside a list of those that run and a queue of those that wait.
#include "lido/resilience/bulkhead.hpp"

#include "lido/base/random.hpp"
#include "support/refused_settings.hpp"

#include <gtest/gtest.h>

namespace lido::resilience {
namespace {

using enum bulkhead::admission;

TEST(bulkhead, lets_as_many_run_as_allowed_and_refuses_the_next) {
    bulkhead places({.max_concurrent = 2, .max_waiting = 0});
    EXPECT_EQ(places.enter(), run);
    EXPECT_EQ(places.enter(), run);
    EXPECT_EQ(places.enter(), refuse);
    EXPECT_FALSE(places.leave());
    EXPECT_EQ(places.enter(), run);
}

TEST(bulkhead, has_the_figures_of_resilience4j_by_default) {
    bulkhead places;
    for (int i = 0; i < 25; ++i) EXPECT_EQ(places.enter(), run);
    EXPECT_EQ(places.enter(), refuse);
}

TEST(bulkhead, hands_a_free_place_to_who_waits) {
    bulkhead places({.max_concurrent = 1, .max_waiting = 2});
    EXPECT_EQ(places.enter(), run);
    EXPECT_EQ(places.enter(), wait);
    EXPECT_EQ(places.enter(), wait);
    EXPECT_EQ(places.enter(), refuse);
    EXPECT_TRUE(places.leave());
    EXPECT_EQ(places.enter(), wait) << "one place in the queue is free, none to run";
    EXPECT_TRUE(places.leave());
    EXPECT_TRUE(places.leave());
    EXPECT_FALSE(places.leave());
}

TEST(bulkhead, calls_nobody_who_gave_up) {
    bulkhead places({.max_concurrent = 1, .max_waiting = 1});
    EXPECT_EQ(places.enter(), run);
    EXPECT_EQ(places.enter(), wait);
    places.give_up();
    EXPECT_FALSE(places.leave());
    EXPECT_EQ(places.statistics().given_up, 1);
}

TEST(bulkhead, made_larger_calls_those_that_wait) {
    bulkhead places({.max_concurrent = 1, .max_waiting = 5});
    EXPECT_EQ(places.enter(), run);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(places.enter(), wait);
    EXPECT_EQ(places.resize({.max_concurrent = 3, .max_waiting = 5}), 2);
    EXPECT_EQ(places.resize({.max_concurrent = 10, .max_waiting = 5}), 1);
    EXPECT_EQ(places.resize({.max_concurrent = 20, .max_waiting = 5}), 0);
    EXPECT_EQ(places.statistics().running, 4);
}

TEST(bulkhead, made_smaller_calls_nobody_before_enough_have_left) {
    bulkhead places({.max_concurrent = 3, .max_waiting = 5});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(places.enter(), run);
    EXPECT_EQ(places.enter(), wait);
    EXPECT_EQ(places.enter(), wait);
    EXPECT_EQ(places.resize({.max_concurrent = 1, .max_waiting = 1}), 0);
    EXPECT_EQ(places.enter(), refuse);
    EXPECT_FALSE(places.leave());
    EXPECT_FALSE(places.leave());
    EXPECT_TRUE(places.leave());
    EXPECT_EQ(places.statistics().running, 1);
}

TEST(bulkhead, keeps_its_bounds_whatever_happens) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        random_source random(seed);
        const auto draw = [&] { return bulkhead_settings{1 + random.below(10), random.below(10)}; };
        bulkhead places(draw());
        std::size_t running = 0;
        std::size_t waiting = 0;
        std::uint64_t entered = 0;
        for (int step = 0; step < 10'000; ++step) {
            const auto limits = places.settings();
            switch (random.below(5)) {
                case 0:
                case 1: {
                    ++entered;
                    const auto expected = running < limits.max_concurrent && waiting == 0 ? run
                                          : waiting < limits.max_waiting                  ? wait
                                                                                          : refuse;
                    ASSERT_EQ(places.enter(), expected);
                    if (expected == run) ++running;
                    if (expected == wait) ++waiting;
                    break;
                }
                case 2:
                case 3: {
                    if (running == 0) break;
                    --running;
                    const bool is_called = places.leave();
                    ASSERT_EQ(is_called, waiting > 0 && running < limits.max_concurrent);
                    if (is_called) ++running, --waiting;
                    break;
                }
                default: {
                    if (random.below(2) == 0 && waiting > 0) {
                        places.give_up();
                        --waiting;
                    } else if (random.below(20) == 0) {
                        const std::size_t called = places.resize(draw());
                        running += called;
                        waiting -= called;
                        ASSERT_TRUE(called == 0 || running <= places.settings().max_concurrent);
                    }
                    break;
                }
            }
            const auto& counts = places.statistics();
            ASSERT_EQ(counts.running, running) << "seed " << seed << ", step " << step;
            ASSERT_EQ(counts.waiting, waiting);
            ASSERT_TRUE(waiting == 0 || running >= places.settings().max_concurrent) << "nobody waits in vain";
            // Who waits now came in by the queue, and is neither admitted nor gone.
            ASSERT_EQ(entered, counts.admitted + counts.refused + counts.given_up + counts.waiting);
            ASSERT_GE(counts.peak_running, counts.running);
            ASSERT_GE(counts.peak_waiting, counts.waiting);
        }
    }
}

TEST(bulkhead, settings_are_checked_by_name) {
    EXPECT_TRUE(bulkhead_settings{}.validate());
    EXPECT_TRUE((bulkhead_settings{1, 0}.validate()));
    EXPECT_TRUE((bulkhead_settings{1'000'000, 10'000'000}.validate()));
    const std::pair<bulkhead_settings, const char*> table[] = {
        {{.max_concurrent = 0}, "max_concurrent = 0 is out of range 1 … 1000000"},
        {{.max_concurrent = 1'000'001}, "max_concurrent = 1000001"},
        {{.max_waiting = 10'000'001}, "max_waiting = 10000001"},
    };
    test::expect_each_refused(table);
}

}  // namespace
}  // namespace lido::resilience
