// Goal: worlds in which the simulator once found a fault of the ledger are run for ever. Each seed says what it was; a
// fault that changes the drawing of worlds makes a seed worthless, so the rules behind them are unit tests as well.
#include "sim/runner.hpp"

#include <gtest/gtest.h>

namespace {

using namespace lido::sim;

void run_seed(std::uint64_t seed) {
    const world_config config = draw_world(seed);
    std::string said;
    EXPECT_TRUE(survives([&] { run(config, draw_choices(config, 2000)); }, &said)) << said;
}

// A connection that waits for its successor was closed for its lifetime although the lifetime had been prolonged.
TEST(regressions, settings_that_change_during_a_replacement) {
    run_seed(4);
}

// A limit of idle connections below the minimum: connects went round in circles.
TEST(regressions, a_minimum_raised_above_the_limit_of_idle_ones) {
    run_seed(162);
}

// A fresh connection behind a stale one among those that wait for their successors was not found.
TEST(regressions, a_fresh_connection_among_those_that_go) {
    run_seed(378);
}

// A refusal found a shared connection past its lifetime, and nobody opened its successor.
TEST(regressions, a_refusal_that_changes_what_is_wanted) {
    run_seed(562);
}

// A warm-up and a short idle time-out: idle connections were closed while others were opened for the warm-up.
TEST(regressions, a_warm_up_with_a_short_idle_time_out) {
    run_seed(2315);
}

// The order of lending was turned round under idle connections, and the freshest was no longer at an end of its list.
TEST(regressions, the_order_of_lending_is_turned_round) {
    run_seed(4997);
}

// The last idle connection was closed to make room elsewhere while the server was down, and nobody looked when those
// who wait had to be refused.
TEST(regressions, the_last_idle_one_makes_room_while_the_server_is_down) {
    run_seed(1874);
}

}  // namespace
