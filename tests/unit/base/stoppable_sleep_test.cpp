#include "lido/base/stoppable_sleep.hpp"

#include "support/virtual_scheduler.hpp"

#include <gtest/gtest.h>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

task<void> sleep(time_point until, std::stop_token stop) {
    co_await stoppable_sleep(until, stop);
}

TEST(stoppable_sleep, ends_at_its_time) {
    virtual_group group(1);
    virtual_scheduler& here = group.at(0);
    std::stop_source stop;
    const auto one = here.start(sleep(virtual_group::start + 2s, stop.get_token()));
    here.advance(2s - 1ns);
    EXPECT_FALSE(one.done());
    here.advance(1ns);
    EXPECT_TRUE(one.done());
}

TEST(stoppable_sleep, ends_soon_after_it_is_told_to_and_disarms_its_timer) {
    virtual_group group(1);
    virtual_scheduler& here = group.at(0);
    std::stop_source stop;
    const auto one = here.start(sleep(virtual_group::start + 2s, stop.get_token()));
    here.run_until_idle();
    stop.request_stop();
    here.run_until_idle();
    EXPECT_TRUE(one.done());
    EXPECT_EQ(group.armed_timers(), 0U);
}

TEST(stoppable_sleep, does_not_begin_when_it_was_told_before) {
    virtual_group group(1);
    virtual_scheduler& here = group.at(0);
    std::stop_source stop;
    stop.request_stop();
    const auto one = here.start(sleep(never, stop.get_token()));
    here.run_until_idle();
    EXPECT_TRUE(one.done());
}

TEST(stoppable_sleep, may_be_destroyed_while_its_end_is_on_the_way) {
    virtual_group group(1);
    virtual_scheduler& here = group.at(0);
    std::stop_source stop;
    const auto one = here.start(sleep(virtual_group::start + 2s, stop.get_token()));
    here.run_until_idle();
    one.cancel();
    stop.request_stop();
    here.run_until_idle();
    EXPECT_TRUE(one.done() || one.cancelled());
    EXPECT_EQ(group.armed_timers(), 0U);
}

}  // namespace
}  // namespace lido::test
