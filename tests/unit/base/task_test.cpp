#include "lido/base/task.hpp"

#include "lido/base/result.hpp"
#include "support/virtual_scheduler.hpp"
#include "support/work.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::task;
using lido::test::delay;
using lido::test::virtual_group;
using lido::test::virtual_scheduler;

/// Writes its name into a log when it dies.
class witness {
public:
    witness(std::string& log, std::string name) : log_(&log), name_(std::move(name)) {}
    witness(const witness&) = delete;
    witness& operator=(const witness&) = delete;
    ~witness() { *log_ += name_; }

private:
    std::string* log_;
    std::string name_;
};

task<int> number(int value) {
    co_return value;
}
task<std::unique_ptr<int>> boxed(int value) {
    co_return std::make_unique<int>(value);
}
task<> nothing() {
    co_return;
}
task<int> broken() {
    throw std::runtime_error("broken");
    co_return 0;
}
task<lido::result<void>> success() {
    co_return {};
}
task<lido::result<int>> refusal() {
    co_return lido::error(lido::errc::cancelled, "asked to");
}

template <class T>
T run(task<T> body) {
    virtual_scheduler scheduler;
    const auto outcome = scheduler.start(std::move(body));
    scheduler.run_until_idle();
    return outcome.take();
}

TEST(task, does_nothing_until_it_is_awaited) {
    bool ran = false;
    const auto body = [](bool& flag) -> task<> {
        flag = true;
        co_return;
    };
    { const task<> never_awaited = body(ran); }
    EXPECT_FALSE(ran);
    run(body(ran));
    EXPECT_TRUE(ran);
}

TEST(task, hands_over_values_of_every_kind) {
    EXPECT_EQ(run(number(7)), 7);
    EXPECT_EQ(*run(boxed(8)), 8);
    EXPECT_NO_THROW(run(nothing()));
    EXPECT_TRUE(run(success()).has_value());
    EXPECT_TRUE(run(refusal()).error() == lido::errc::cancelled);
}

TEST(task, hands_over_exceptions_through_every_level) {
    const auto outer = []() -> task<std::string> {
        try {
            co_await broken();
        } catch (const std::runtime_error& error) {
            co_return error.what();
        }
        co_return "not thrown";
    };
    EXPECT_EQ(run(outer()), "broken");
    EXPECT_THROW(run(broken()), std::runtime_error);
}

task<int> slow_number(int value) {
    co_await delay(1ms);
    co_return value;
}

TEST(task, goes_on_after_a_child_that_was_suspended) {
    virtual_scheduler scheduler;
    const auto sum = []() -> task<int> {
        int total = 0;
        for (int i = 0; i < 10; ++i) total += co_await slow_number(i) + co_await number(1);
        co_return total;
    };
    const auto outcome = scheduler.start(sum());
    scheduler.advance(9ms);
    EXPECT_FALSE(outcome.done());
    scheduler.advance(1ms);
    EXPECT_EQ(outcome.take(), 55);
}

task<> witnessed(std::string& log, int depth) {
    const witness local(log, std::to_string(depth));
    if (depth > 0) {
        co_await witnessed(log, depth - 1);
    } else {
        co_await delay(1h);
    }
    log += "unreachable";
}

TEST(task, destroyed_while_suspended_destroys_its_locals_inside_out) {
    virtual_group group;
    std::string log;
    const auto outcome = group.at(0).start(witnessed(log, 3));
    group.run_until_idle();
    EXPECT_EQ(log, "");
    EXPECT_EQ(group.armed_timers(), 1U);
    outcome.cancel();
    group.run_until_idle();
    EXPECT_EQ(log, "0123");
    EXPECT_EQ(group.armed_timers(), 0U);
}

TEST(task, reset_and_assignment_end_it_and_a_moved_from_one_is_not_valid) {
    task<int> first = number(1);
    task<int> second = std::move(first);
    EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): what is tested
    EXPECT_TRUE(second.valid());
    second = number(2);
    EXPECT_EQ(run(std::move(second)), 2);
    task<int> third = number(3);
    third.reset();
    EXPECT_FALSE(third.valid());
    EXPECT_FALSE(task<int>().valid());
}

TEST(task, a_million_awaits_that_complete_at_once_need_no_stack) {
    const auto loop = []() -> task<int> {
        int total = 0;
        for (int i = 0; i < 1'000'000; ++i) total += co_await number(1);
        co_return total;
    };
    EXPECT_EQ(run(loop()), 1'000'000);
}

TEST(task, a_million_awaits_need_no_stack_after_a_suspension_either) {
    virtual_scheduler scheduler;
    const auto loop = []() -> task<int> {
        int total = co_await slow_number(0);
        for (int i = 0; i < 1'000'000; ++i) total += co_await number(1);
        total += co_await slow_number(0);
        co_return total;
    };
    const auto outcome = scheduler.start(loop());
    scheduler.advance(10ms);
    EXPECT_EQ(outcome.take(), 1'000'000);
}

TEST(task, many_suspensions_in_a_row_need_no_stack) {
    virtual_scheduler scheduler;
    const auto loop = []() -> task<int> {
        int total = 0;
        for (int i = 0; i < 100'000; ++i) total += co_await slow_number(1);
        co_return total;
    };
    const auto outcome = scheduler.start(loop());
    scheduler.advance(100s);
    EXPECT_EQ(outcome.take(), 100'000);
}

TEST(task, may_end_on_another_thread_than_the_one_that_made_it) {
    std::vector<task<std::unique_ptr<int>>> made;
    for (int i = 0; i < 200; ++i) made.push_back(boxed(i));
    int sum = 0;
    std::thread([&] {
        for (auto& each : made) sum += *run(std::move(each));
    }).join();
    EXPECT_EQ(sum, 199 * 100);
}

}  // namespace
