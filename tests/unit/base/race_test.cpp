#include "lido/base/race.hpp"

#include "lido/base/sleep.hpp"
#include "support/virtual_scheduler.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

struct counted {
    explicit counted(int& living) : count(living) { ++count; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --count; }
    int& count;
};

task<int> after(duration wait, int value, int& living) {
    const counted alive(living);
    const time_point when = scheduler::current()->now() + wait;
    co_await sleep_until(when);  // virtual time
    co_return value;
}

task<int> throwing() {
    throw std::runtime_error("test");
    co_return 0;
}

task<std::pair<int, duration>> first_of(duration one, duration other, int& living) {
    const time_point begun = scheduler::current()->now();
    race<int> both;
    both.start(0, after(one, 1, living));
    both.start(1, after(other, 2, living));
    const auto ended = co_await both.next(never);
    const int value = both.take(*ended);
    co_return std::pair(value, scheduler::current()->now() - begun);
}

class race_test : public testing::Test {
protected:
    void TearDown() override {
        EXPECT_EQ(living_, 0);
        EXPECT_EQ(group_.armed_timers(), 0U);
    }
    virtual_group group_{1};
    virtual_scheduler& here_ = group_.at(0);
    int living_ = 0;
};

TEST_F(race_test, gives_what_ends_first_and_destroys_the_other) {
    const auto one = here_.start(first_of(2s, 1s, living_));
    here_.advance(1s);
    ASSERT_TRUE(one.done());
    EXPECT_EQ(one.take(), std::pair(2, duration(1s)));
}

TEST_F(race_test, gives_what_ended_at_once) {
    const auto one = here_.start(first_of(0s, 1s, living_));
    here_.run_until_idle();
    ASSERT_TRUE(one.done());
    EXPECT_EQ(one.take().first, 1);
}

TEST_F(race_test, goes_on_with_nothing_when_the_time_comes_and_can_wait_again) {
    struct patient {
        static task<int> run(int& living) {
            race<int> one;
            one.start(0, after(3s, 7, living));
            const auto early = co_await one.next(scheduler::current()->now() + 1s);
            EXPECT_FALSE(early.has_value());
            EXPECT_EQ(one.running(), 1U);
            const auto late = co_await one.next(never);
            EXPECT_EQ(late, 0U);
            const int value = one.take(0);
            EXPECT_TRUE(one.is_free(0));
            co_return value;
        }
    };
    const auto one = here_.start(patient::run(living_));
    here_.advance(1s);
    EXPECT_FALSE(one.done());
    here_.advance(2s);
    EXPECT_EQ(one.take(), 7);
}

TEST_F(race_test, destroys_all_with_its_owner) {
    const auto one = here_.start(first_of(2s, 1s, living_));
    here_.run_until_idle();
    EXPECT_EQ(living_, 2);
    one.cancel();
    here_.run_until_idle();
    EXPECT_TRUE(one.cancelled());
    EXPECT_EQ(living_, 0);
}

TEST_F(race_test, hands_on_what_a_task_throws) {
    struct catching {
        static task<bool> run() {
            race<int> one;
            one.start(0, throwing());
            const auto ended = co_await one.next(never);
            EXPECT_EQ(ended, 0U);
            bool thrown = false;
            try {
                static_cast<void>(one.take(0));
            } catch (const std::runtime_error&) {
                thrown = true;
            }
            co_return thrown;
        }
    };
    const auto one = here_.start(catching::run());
    here_.run_until_idle();
    EXPECT_TRUE(one.take());
}

}  // namespace
}  // namespace lido::test
