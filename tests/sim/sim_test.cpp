// Goal: the ledger against the model in made-up worlds, a bounded number of seeds; ./dev sim runs as many as one likes.
#include "sim/runner.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace {

using namespace lido::sim;

TEST(sim, the_ledger_agrees_with_the_model_in_every_world) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const auto enough = [&](std::uint64_t seeds, std::uint64_t) {
        return seeds < 20'000 && std::chrono::steady_clock::now() < end;
    };
    const search_result found = search(1, 2000, enough);
    RecordProperty("worlds", std::to_string(found.seeds));
    RecordProperty("steps", std::to_string(found.steps));
    EXPECT_FALSE(found.failed) << "seed " << *found.failed << '\n' << report(*found.failed, 2000);
    EXPECT_GT(found.seeds, 20U);
}

TEST(sim, short_runs_end_in_rare_states) {
    const search_result found = search(1'000'000, 60, [](std::uint64_t seeds, std::uint64_t) { return seeds < 5'000; });
    EXPECT_FALSE(found.failed) << "seed " << *found.failed << '\n' << report(*found.failed, 60);
}

TEST(sim, the_same_seed_gives_the_same_run) {
    for (std::uint64_t seed = 1; seed <= 10'000; ++seed) {
        const world_config config = draw_world(seed);
        const std::vector<choice> choices = draw_choices(config, 200);
        const run_result first = run(config, choices);
        const run_result second = run(draw_world(seed), draw_choices(config, 200));
        ASSERT_EQ(first.trace, second.trace) << "seed " << seed;
        ASSERT_EQ(first.steps, second.steps) << "seed " << seed;
    }
}

TEST(sim, every_shutdown_is_over_in_time_whatever_goes_wrong) {
    std::string said;
    const bool good = survives(
        [] {
            int shutdowns = 0;
            for (std::uint64_t seed = 2'000'000; shutdowns < 10'000; ++seed) {
                const world_config config = draw_world(seed);
                if (config.has(fault::drains)) continue;
                ++shutdowns;
                lido::random_source random(seed);
                world made_up(config);
                for (const choice& each : draw_choices(config, random.below(120))) made_up.apply(each);
                made_up.shut_down(random.up_to(std::chrono::seconds(10)), random.next());
            }
        },
        &said);
    EXPECT_TRUE(good) << said;
}

TEST(sim, any_part_of_a_run_can_be_run) {
    const world_config config = draw_world(11);
    std::vector<choice> choices = draw_choices(config, 400);
    while (choices.size() > 1) {
        choices.resize(choices.size() / 2);
        EXPECT_TRUE(survives([&] { run(config, choices); }));
    }
}

TEST(sim, a_run_that_fails_is_noticed_and_shrunk) {
    const world_config config = draw_world(3);
    std::string said;
    EXPECT_FALSE(survives([] { disagree("on purpose"); }, &said));
    EXPECT_NE(said.find("on purpose"), std::string::npos);
    const std::vector<choice> choices = draw_choices(config, 50);
    EXPECT_EQ(shrink(config, choices, 3).size(), choices.size()) << "what does not fail is not shortened";
    EXPECT_NE(as_test(config, {choices.front()}).find("run(draw_world(3)"), std::string::npos);
}

}  // namespace
