#include "lido/base/operation.hpp"

#include "lido/net/runtime.hpp"
#include "support/virtual_scheduler.hpp"
#include "support/work.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::operation;
using lido::result;
using lido::runtime;
using lido::task;
using lido::test::delay;
using lido::test::virtual_group;

/// Counts how many of its kind live, so that nothing is destroyed twice or forgotten.
class counted {
public:
    explicit counted(std::atomic<int>& living) : living_(&living) { ++*living_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --*living_; }

private:
    std::atomic<int>* living_;
};

task<result<int>> answer(int value) {
    co_return value;
}
task<result<int>> answer_after(lido::duration how_long, std::atomic<int>& living) {
    const counted local(living);
    co_await delay(how_long);
    co_return 42;
}
task<result<std::unique_ptr<int>>> boxed(int value) {
    co_return std::make_unique<int>(value);
}
task<result<int>> refused() {
    co_return lido::error(errc::pool_closed, "the test's pool");
}
task<result<void>> done() {
    co_return {};
}
task<result<int>> throwing() {
    throw std::runtime_error("broken");
    co_return 0;
}

template <class T>
operation<T> on(lido::scheduler_group& group, task<result<T>> body) {
    return {group, std::move(body)};
}

TEST(operation, waited_for_by_a_plain_thread_gives_its_outcome) {
    runtime io;
    EXPECT_EQ(on(io, answer(7)).wait().value(), 7);
    EXPECT_EQ(*on(io, boxed(8)).wait().value(), 8);
    EXPECT_TRUE(on(io, done()).wait().has_value());
    EXPECT_TRUE(on(io, refused()).wait().error() == errc::pool_closed);
    EXPECT_THROW((void)on(io, throwing()).wait(), std::runtime_error);
}

TEST(operation, waited_for_on_an_io_thread_is_refused) {
    runtime io;
    const auto body = [](runtime& where) -> task<result<int>> { co_return on(where, answer(1)).wait(); };
    const auto outcome = io.run(body(io));
    EXPECT_TRUE(outcome.error() == errc::would_deadlock);
}

TEST(operation, started_with_a_function_calls_it_once_on_its_runtime) {
    runtime io;
    std::promise<std::pair<int, lido::scheduler_group*>> called;
    on(io, answer(7)).start([&](result<int> outcome) {
        called.set_value({outcome.value(), &lido::scheduler::current()->group()});
    });
    const auto [value, group] = called.get_future().get();
    EXPECT_EQ(value, 7);
    EXPECT_EQ(group, &io);
}

TEST(operation, awaited_within_its_runtime_stays_on_the_scheduler) {
    runtime io({.threads = 2});
    const auto where = []() -> task<result<lido::scheduler*>> { co_return lido::scheduler::current(); };
    const auto body = [&]() -> task<bool> {
        lido::scheduler* const here = lido::scheduler::current();
        bool same = true;
        for (int i = 0; i < 10; ++i) {
            const auto there = co_await on(io, where());
            same = same && *there == here && lido::scheduler::current() == here;
        }
        co_return same;
    };
    EXPECT_TRUE(io.run(body()));
}

TEST(operation, awaited_from_another_runtime_runs_on_its_own_and_comes_back) {
    runtime home;
    runtime away;
    const auto where = []() -> task<result<lido::scheduler_group*>> { co_return &lido::scheduler::current()->group(); };
    const auto body = [&]() -> task<> {
        for (int i = 0; i < 200; ++i) {
            const auto there = co_await on(away, where());
            EXPECT_EQ(*there, &away);
            EXPECT_EQ(&lido::scheduler::current()->group(), &home);
        }
        auto box = co_await on(away, boxed(5));
        EXPECT_EQ(**box, 5);
        bool thrown = false;
        try {
            const auto never_seen = co_await on(away, throwing());
            ADD_FAILURE() << never_seen.has_value();
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        EXPECT_TRUE(thrown);
    };
    home.run(body());
}

TEST(operation, a_million_that_complete_at_once_need_no_stack) {
    virtual_group group;
    const auto body = [&]() -> task<int> {
        int total = 0;
        for (int i = 0; i < 1'000'000; ++i) {
            const auto one = co_await on(group, answer(1));
            total += *one;
        }
        co_return total;
    };
    const auto outcome = group.at(0).start(body());
    group.run_until_idle();
    EXPECT_EQ(outcome.take(), 1'000'000);
}

struct cancellation : testing::Test {
    void start(task<result<int>> body, std::stop_token token) {
        on(group, std::move(body)).start([this](result<int> value) { outcomes.push_back(std::move(value)); }, token);
    }
    virtual_group group;
    std::atomic<int> living{0};
    std::vector<result<int>> outcomes;
    std::stop_source stop;
};

TEST_F(cancellation, requested_before_the_start_never_runs_the_body) {
    stop.request_stop();
    start(throwing(), stop.get_token());
    EXPECT_TRUE(outcomes.empty());
    group.run_until_idle();
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_TRUE(outcomes[0].error() == errc::cancelled);
}

TEST_F(cancellation, requested_between_start_and_first_run_is_seen_too_late_only_if_the_body_ends_at_once) {
    start(answer(1), stop.get_token());
    start(answer_after(1s, living), stop.get_token());
    stop.request_stop();
    group.run_until_idle();
    ASSERT_EQ(outcomes.size(), 2U);
    EXPECT_EQ(*outcomes[0], 1);
    EXPECT_TRUE(outcomes[1].error() == errc::cancelled);
}

TEST_F(cancellation, requested_while_suspended_destroys_the_body_before_the_function_is_called) {
    int living_at_call = -1;
    on(group, answer_after(1s, living)).start([&](result<int>) { living_at_call = living; }, stop.get_token());
    group.run_until_idle();
    EXPECT_EQ(living, 1);
    stop.request_stop();
    group.run_until_idle();
    EXPECT_EQ(living_at_call, 0);
    EXPECT_EQ(group.armed_timers(), 0U);
}

TEST_F(cancellation, requested_after_the_end_or_twice_does_nothing) {
    start(answer_after(1s, living), stop.get_token());
    group.advance(1s);
    ASSERT_EQ(outcomes.size(), 1U);
    stop.request_stop();
    stop.request_stop();
    group.run_until_idle();
    EXPECT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(*outcomes[0], 42);
}

TEST_F(cancellation, requested_by_the_body_itself_takes_effect_at_its_next_suspension) {
    const auto body = [](std::stop_source& source, std::atomic<int>& count) -> task<result<int>> {
        source.request_stop();
        const auto inner = co_await answer_after(1s, count);
        co_return *inner;
    };
    start(body(stop, living), stop.get_token());
    group.run_until_idle();
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_TRUE(outcomes[0].error() == errc::cancelled);
    EXPECT_EQ(living, 0);
}

TEST(operation, cancelled_from_other_threads_at_any_moment_ends_exactly_once) {
    runtime io({.threads = 2});
    std::atomic<int> living{0};
    std::atomic<int> calls{0};
    std::atomic<int> cancelled{0};
    constexpr int rounds = 3000;
    for (int i = 0; i < rounds; ++i) {
        std::stop_source stop;
        std::promise<void> called;
        std::thread other;
        if (i % 4 == 0) {
            other = std::thread([&stop] { stop.request_stop(); });
        }
        on(io, answer_after(i % 2 == 0 ? 1ms : 0ms, living))
            .start(
                [&](const result<int>& outcome) {
                    ++calls;
                    if (!outcome) ++cancelled;
                    called.set_value();
                },
                stop.get_token());
        if (i % 4 == 1 || i % 4 == 2) stop.request_stop();
        called.get_future().get();
        if (other.joinable()) other.join();
    }
    EXPECT_EQ(calls, rounds);
    EXPECT_EQ(living, 0);
    EXPECT_GT(cancelled, 0);
}

TEST(operation, whose_awaiting_side_on_another_runtime_is_destroyed_is_cancelled) {
    runtime away;
    std::atomic<int> living{0};
    for (int i = 0; i < 300; ++i) {
        runtime home;
        std::stop_source stop;
        std::promise<void> begun;
        const auto body = [&]() -> task<> {
            const counted local(living);
            begun.set_value();
            const auto value = co_await on(away, answer_after(i % 3 == 0 ? 0ms : i % 3 * 1ms, living));
            EXPECT_EQ(*value, 42);
        };
        home.spawn(body(), 0, stop.get_token());
        begun.get_future().get();
        stop.request_stop();
        // The awaiting runtime ends here, whether the operation's end is on its way to it or not.
    }
    while (living != 0) std::this_thread::yield();
}

TEST(operation, awaited_by_a_coroutine_without_a_scheduler_resumes_it_on_the_runtime) {
    runtime io;
    std::promise<lido::scheduler_group*> resumed_on;
    const auto body = [&]() -> lido::detail::detached {
        const auto value = co_await on(io, answer(3));
        EXPECT_EQ(*value, 3);
        resumed_on.set_value(&lido::scheduler::current()->group());
    };
    body().handle.resume();
    EXPECT_EQ(resumed_on.get_future().get(), &io);
}

TEST(operation, as_a_task_can_be_part_of_a_larger_one) {
    virtual_group group;
    const auto outcome = group.at(0).start(on(group, answer(4)));
    group.run_until_idle();
    EXPECT_EQ(*outcome.take(), 4);
}

TEST(block_on, on_a_scheduler_thread_aborts_instead_of_waiting_for_itself) {
    virtual_group group;
    const auto wait_here = [&] { group.at(0).enter([&] { (void)lido::block_on(group.at(0), answer(1)); }); };
    EXPECT_DEATH(wait_here(), "assertion failed");
}

}  // namespace
