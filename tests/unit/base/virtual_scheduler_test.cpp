#include "support/virtual_scheduler.hpp"

#include "support/work.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::time_point;
using lido::test::delay;
using lido::test::function_timer;
using lido::test::function_work;
using lido::test::virtual_group;
using lido::test::virtual_scheduler;

TEST(virtual_scheduler, runs_work_in_the_order_of_posting_and_what_it_posts_after_that) {
    virtual_scheduler scheduler;
    std::string log;
    function_work third{[&] { log += "3"; }};
    function_work first{[&] {
        log += "1";
        scheduler.post(third);
    }};
    function_work second{[&] { log += "2"; }};
    scheduler.post(first);
    scheduler.post(second);
    EXPECT_EQ(log, "");
    EXPECT_EQ(scheduler.run_until_idle(), 3U);
    EXPECT_EQ(log, "123");
    EXPECT_EQ(scheduler.run_until_idle(), 0U);
}

TEST(virtual_scheduler, holds_back_one_post_when_told_to) {
    virtual_group group;
    std::string log;
    function_work first{[&] { log += "1"; }};
    function_work second{[&] { log += "2"; }};
    group.hold_next_post();
    group.at(0).post(first);
    group.at(0).post(second);
    EXPECT_EQ(group.run_until_idle(), 1U);
    group.deliver_held();
    EXPECT_EQ(log, "2");
    EXPECT_EQ(group.run_until_idle(), 1U);
    EXPECT_EQ(log, "21");
}

TEST(virtual_scheduler, is_the_current_scheduler_only_while_something_runs) {
    virtual_scheduler scheduler;
    function_work check{[&] { EXPECT_TRUE(scheduler.is_current()); }};
    scheduler.post(check);
    EXPECT_EQ(lido::scheduler::current(), nullptr);
    scheduler.run_until_idle();
    EXPECT_EQ(lido::scheduler::current(), nullptr);
    EXPECT_EQ(scheduler.enter([] { return lido::scheduler::current(); }), &scheduler);
    EXPECT_EQ(&scheduler.group().pick(), &scheduler);
}

TEST(virtual_scheduler, moves_time_only_when_told_and_from_timer_to_timer) {
    virtual_scheduler scheduler;
    const time_point start = scheduler.now();
    std::vector<duration> seen;
    function_timer late{[&] { seen.push_back(scheduler.now() - start); }};
    function_work between{[&] { seen.push_back(scheduler.now() - start); }};
    function_timer early{[&] {
        seen.push_back(scheduler.now() - start);
        scheduler.post(between);
    }};
    scheduler.arm(late, start + 30ms);
    scheduler.arm(early, start + 10ms + 1ns);
    scheduler.run_until_idle();
    EXPECT_EQ(scheduler.now(), start);
    scheduler.advance(10ms);
    EXPECT_TRUE(seen.empty());
    scheduler.advance(1h);
    EXPECT_EQ(seen, (std::vector<duration>{10ms + 1ns, 10ms + 1ns, 30ms}));
    EXPECT_EQ(scheduler.now(), start + 1h + 10ms);
}

TEST(virtual_scheduler, fires_timers_of_one_time_in_the_order_of_arming_and_rearming_puts_last) {
    virtual_scheduler scheduler;
    std::string log;
    function_timer first{[&] { log += "1"; }};
    function_timer second{[&] { log += "2"; }};
    function_timer third{[&] { log += "3"; }};
    const time_point when = scheduler.now() + 1s;
    for (function_timer* each : {&first, &second, &third}) scheduler.arm(*each, when);
    scheduler.arm(first, when);
    scheduler.disarm(second);
    scheduler.disarm(second);
    scheduler.advance(1s);
    EXPECT_EQ(log, "31");
}

TEST(virtual_scheduler, fires_a_timer_armed_for_the_past_without_moving_time) {
    virtual_scheduler scheduler;
    bool fired = false;
    function_timer overdue{[&] { fired = true; }};
    const time_point before = scheduler.now();
    scheduler.arm(overdue, before - 1s);
    scheduler.run_until_idle();
    EXPECT_TRUE(fired);
    EXPECT_EQ(scheduler.now(), before);
}

TEST(virtual_scheduler, arming_for_never_disarms) {
    virtual_group group;
    function_timer silent{[] { FAIL(); }};
    group.at(0).arm(silent, group.now() + 1s);
    group.at(0).arm(silent, lido::never);
    EXPECT_EQ(group.next_timer(), lido::never);
    group.advance(24h);
}

TEST(virtual_scheduler, a_group_shares_one_clock_and_one_order_and_picks_in_turn) {
    virtual_group group(2);
    std::string log;
    function_work on_second{[&] {
        EXPECT_TRUE(group.at(1).is_current());
        log += "b";
    }};
    function_work on_first{[&] {
        EXPECT_TRUE(group.at(0).is_current());
        log += "a";
        group.at(1).post(on_second);
    }};
    group.at(0).post(on_first);
    group.run_until_idle();
    EXPECT_EQ(log, "ab");
    group.advance(5s);
    EXPECT_EQ(group.at(0).now(), group.at(1).now());
    EXPECT_EQ(&group.pick(), &group.at(0));
    EXPECT_EQ(&group.pick(), &group.at(1));
    EXPECT_EQ(&group.pick(), &group.at(0));
    EXPECT_EQ(group.at(1).enter([&] { return &group.here_or_pick(); }), &group.at(1));
}

lido::task<int> answer_after(duration how_long) {
    co_await delay(how_long);
    co_return 42;
}

lido::task<> fail_after(duration how_long) {
    co_await delay(how_long);
    throw std::runtime_error("broken");
}

TEST(virtual_scheduler, runs_a_started_task_and_keeps_its_outcome) {
    virtual_scheduler scheduler;
    const auto answer = scheduler.start(answer_after(10s));
    const auto failure = scheduler.start(fail_after(5s));
    scheduler.advance(9s);
    EXPECT_FALSE(answer.done());
    EXPECT_TRUE(failure.done());
    EXPECT_THROW(failure.take(), std::runtime_error);
    scheduler.advance(1s);
    ASSERT_TRUE(answer.done());
    EXPECT_EQ(answer.take(), 42);
}

TEST(virtual_scheduler, cancels_a_started_task) {
    virtual_group group;
    const auto answer = group.at(0).start(answer_after(10s));
    group.run_until_idle();
    answer.cancel();
    EXPECT_FALSE(answer.done());
    group.run_until_idle();
    EXPECT_TRUE(answer.done());
    EXPECT_TRUE(answer.cancelled());
    EXPECT_EQ(group.armed_timers(), 0U);
}

}  // namespace
