// Asio has fences, which GCC's ThreadSanitizer does not know; what this file tests is ordered by atomics and locks too.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif
#include "lido/asio.hpp"

#include "lido/net/runtime.hpp"
#include "lido/net/socket.hpp"
#include "support/work.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using lido::asio_runtime;
using lido::errc;
using lido::operation;
using lido::result;
using lido::runtime;
using lido::task;
using lido::test::delay;

struct lives {
    explicit lives(std::atomic<int>& to_count) : count(&to_count) { ++*count; }
    lives(const lives&) = delete;
    lives& operator=(const lives&) = delete;
    ~lives() { --*count; }
    std::atomic<int>* count;
};

task<result<int>> answer(int value) {
    co_return value;
}
task<result<int>> answer_after(lido::duration how_long, std::atomic<int>& living) {
    const lives local(living);
    co_await delay(how_long);
    co_return 42;
}
task<result<std::unique_ptr<int>>> boxed(int value) {
    co_await delay(1ms);
    co_return std::make_unique<int>(value);
}
task<result<void>> refused() {
    co_return lido::error(errc::pool_closed, "the test's pool");
}

template <class T>
operation<T> on(lido::scheduler_group& group, task<result<T>> body) {
    return {group, std::move(body)};
}

TEST(asio, a_coroutine_awaits_an_operation_and_goes_on_on_its_own_executor) {
    runtime io;
    asio::io_context context;
    std::string log;
    const auto body = [&]() -> asio::awaitable<void> {
        const auto first = co_await lido::async(on(io, answer(7)), asio::use_awaitable);
        log += std::to_string(*first);
        EXPECT_TRUE(context.get_executor().running_in_this_thread());
        EXPECT_EQ(lido::scheduler::current(), nullptr);
        const auto second = co_await lido::async(on(io, boxed(8)), asio::use_awaitable);
        log += std::to_string(**second);
        const auto third = co_await lido::async(on(io, refused()), asio::use_awaitable);
        log += third.error().what();
    };
    asio::co_spawn(context, body(), asio::detached);
    context.run();  // returns only because the operations kept it from running out of work
    EXPECT_EQ(log, "78the test's pool");
}

TEST(asio, a_future_gets_the_result) {
    runtime io;
    EXPECT_EQ(lido::async(on(io, answer(7)), asio::use_future).get().value(), 7);
    EXPECT_EQ(*lido::async(on(io, boxed(8)), asio::use_future).get().value(), 8);
    EXPECT_TRUE(lido::async(on(io, refused()), asio::use_future).get().error() == errc::pool_closed);
}

TEST(asio, a_callback_with_an_executor_is_called_there_and_one_without_on_the_runtime) {
    runtime io;
    asio::io_context context;
    bool on_context = false;
    lido::async(on(io, boxed(1)), asio::bind_executor(context, [&](const result<std::unique_ptr<int>>& outcome) {
                    on_context = outcome.has_value() && context.get_executor().running_in_this_thread();
                }));
    EXPECT_EQ(context.run(), 1U);
    EXPECT_TRUE(on_context);
    std::promise<lido::scheduler_group*> group;
    lido::async(on(io, answer(1)), [&](const result<int>&) { group.set_value(&lido::scheduler::current()->group()); });
    EXPECT_EQ(group.get_future().get(), &io);
}

TEST(asio, a_handler_may_be_movable_only_and_is_never_called_inside_the_call) {
    asio::io_context context;
    asio_runtime io(context.get_executor());
    int value = 0;
    auto handler = [&value, &io, box = std::make_unique<int>(3)](result<int> outcome) {
        value = *outcome + *box;
        io.stop();
    };
    lido::async(on(io, answer(4)), asio::bind_executor(context, std::move(handler)));
    EXPECT_EQ(value, 0);
    context.run();
    EXPECT_EQ(value, 7);
}

TEST(asio, deferred_and_as_tuple_work_too) {
    runtime io;
    auto later = lido::async(on(io, answer(5)), asio::deferred);
    EXPECT_EQ(std::move(later)(asio::use_future).get().value(), 5);
    asio::io_context context;
    int value = 0;
    const auto body = [&]() -> asio::awaitable<void> {
        const auto [outcome] = co_await lido::async(on(io, answer(6)), asio::as_tuple(asio::use_awaitable));
        value = *outcome;
    };
    asio::co_spawn(context, body(), asio::detached);
    context.run();
    EXPECT_EQ(value, 6);
}

TEST(asio, every_type_of_cancellation_destroys_the_operation) {
    runtime io;
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total, asio::cancellation_type::all}) {
        asio::io_context context;
        asio::cancellation_signal signal;
        std::atomic<int> living{0};
        bool cancelled = false;
        auto handler = [&](const result<int>& outcome) {
            cancelled = !outcome && outcome.error() == errc::cancelled;
            EXPECT_EQ(living, 0);
        };
        lido::async(on(io, answer_after(1h, living)),
                    asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, handler)));
        asio::post(context, [&] { signal.emit(type); });
        context.run();
        EXPECT_TRUE(cancelled);
    }
}

TEST(asio, cancellation_before_and_after_the_end_does_nothing_and_none_is_none) {
    runtime io;
    asio::io_context context;
    asio::cancellation_signal signal;
    std::atomic<int> living{0};
    int value = 0;
    auto handler = [&](const result<int>& outcome) { value = outcome ? *outcome : -1; };
    signal.emit(asio::cancellation_type::all);
    lido::async(on(io, answer_after(5ms, living)),
                asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, handler)));
    signal.emit(asio::cancellation_type::none);
    context.run();
    EXPECT_EQ(value, 42);
    signal.emit(asio::cancellation_type::all);
}

TEST(asio, a_race_against_a_timer_cancels_the_loser) {
    using namespace asio::experimental::awaitable_operators;
    runtime io;
    asio::io_context context;
    std::atomic<int> living{0};
    std::size_t winner = 99;
    const auto body = [&]() -> asio::awaitable<void> {
        asio::steady_timer timer(context, 5ms);
        auto operation = lido::async(on(io, answer_after(1h, living)), asio::use_awaitable);
        auto race = std::move(operation) || timer.async_wait(asio::use_awaitable);
        const auto outcome = co_await std::move(race);
        winner = outcome.index();
    };
    asio::co_spawn(context, body(), asio::detached);
    context.run();
    EXPECT_EQ(winner, 1U);
    EXPECT_EQ(living, 0);
}

TEST(asio, cancellation_from_the_contexts_threads_at_any_moment_ends_each_exactly_once) {
    runtime io({.threads = 2});
    asio::thread_pool pool(2);
    std::atomic<int> living{0};
    std::atomic<int> ended{0};
    constexpr int rounds = 1000;
    for (int i = 0; i < rounds; ++i) {
        const auto strand = asio::make_strand(pool);
        const auto signal = std::make_shared<asio::cancellation_signal>();
        asio::post(strand, [&, i, strand, signal] {
            auto handler = [&ended, signal](const result<int>&) { ++ended; };
            lido::async(on(io, answer_after(i % 2 * 1ms, living)),
                        asio::bind_cancellation_slot(signal->slot(), asio::bind_executor(strand, handler)));
            asio::post(strand, [signal] { signal->emit(asio::cancellation_type::terminal); });
        });
    }
    pool.join();
    EXPECT_EQ(ended, rounds);
    EXPECT_EQ(living, 0);
}

/// Sends back one byte at a time, on whatever runtime it is used with.
task<result<int>> echo_bytes(int count) {
    auto& loop = static_cast<lido::net::event_loop&>(*lido::scheduler::current());
    std::array<int, 2> pair{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    lido::net::socket left(loop, lido::net::unique_descriptor(pair[0]));
    lido::net::socket right(loop, lido::net::unique_descriptor(pair[1]));
    int received = 0;
    std::array<char, 16> space{};
    for (int i = 0; i < count; ++i) {
        EXPECT_EQ(left.send(std::string_view("x")).status, lido::net::io_status::done);
        while (true) {
            const auto got = right.receive(space);
            if (got.status == lido::net::io_status::done) break;
            EXPECT_TRUE(co_await right.readiness(got.status, lido::never));
        }
        ++received;
        if (i % 10 == 0) co_await delay(1ms);
    }
    co_return received;
}

TEST(asio_runtime, runs_sockets_timers_and_operations_on_a_foreign_context) {
    asio::io_context context;
    asio_runtime io(context.get_executor());
    int received = 0;
    const auto body = [&]() -> asio::awaitable<void> {
        const auto outcome = co_await lido::async(on(io, echo_bytes(100)), asio::use_awaitable);
        received = *outcome;
        io.stop();
    };
    asio::co_spawn(context, body(), asio::detached);
    context.run();
    EXPECT_EQ(received, 100);
}

TEST(asio_runtime, runs_on_a_context_with_several_threads_one_thing_after_the_other) {
    asio::thread_pool pool(3);
    std::atomic<int> inside{0};
    std::atomic<int> ended{0};
    {
        asio_runtime io(pool.get_executor());
        const auto body = [](std::atomic<int>& counter) -> task<result<int>> {
            for (int i = 0; i < 20; ++i) {
                EXPECT_EQ(counter.fetch_add(1), 0);
                counter.fetch_sub(1);
                co_await delay(i % 2 * 1ms);
            }
            co_return 0;
        };
        std::vector<std::future<result<int>>> all;
        for (int i = 0; i < 50; ++i) all.push_back(lido::async(on(io, body(inside)), asio::use_future));
        for (auto& each : all) {
            EXPECT_TRUE(each.get().has_value());
            ++ended;
        }
    }
    pool.join();
    EXPECT_EQ(ended, 50);
}

TEST(asio_runtime, lets_other_threads_wait_for_its_operations) {
    asio::io_context context;
    asio_runtime io(context.get_executor());
    std::thread runner([&] { context.run(); });
    EXPECT_EQ(on(io, answer(7)).wait().value(), 7);
    EXPECT_EQ(on(io, echo_bytes(20)).wait().value(), 20);
    io.stop();
    runner.join();
}

TEST(asio_runtime, may_be_destroyed_before_its_context_ran_at_all) {
    asio::io_context context;
    { const asio_runtime io(context.get_executor()); }
    context.run();
    const auto unused = std::make_unique<asio_runtime>(context.get_executor());
}

TEST(asio_runtime, may_be_destroyed_while_other_threads_run_its_turns) {
    asio::thread_pool pool(2);
    for (int i = 0; i < 200; ++i) {
        std::atomic<int> living{0};
        asio_runtime io(pool.get_executor());
        auto outcome = lido::async(on(io, answer_after(i % 3 * 1ms, living)), asio::use_future);
        if (i % 2 == 0) on(io, answer(1)).start([](const result<int>&) {});
        EXPECT_EQ(*outcome.get(), 42);
    }
    pool.join();
}

TEST(asio_runtime, may_be_stopped_twice_and_by_its_own_work) {
    asio::io_context context;
    asio_runtime io(context.get_executor());
    lido::test::function_work stop{[&] { io.stop(); }};
    io.at(0).post(stop);
    context.run();
    io.stop();
    EXPECT_EQ(io.size(), 1U);
}

TEST(asio_runtime, what_was_posted_after_it_was_stopped_runs_before_it_ends) {
    asio::io_context context;
    int ran = 0;
    lido::scheduler* loop = nullptr;
    lido::test::function_work second{[&] { ran += 10; }};
    lido::test::function_work first{[&] {
        ++ran;
        loop->post(second);
    }};
    {
        asio_runtime io(context.get_executor());
        loop = &io.at(0);
        io.stop();
        loop->post(first);
        context.run();
        EXPECT_EQ(ran, 0) << "it is stopped";
    }
    EXPECT_EQ(ran, 11);
}

TEST(asio_runtime, its_context_may_be_stopped_and_destroyed_after_it) {
    auto context = std::make_unique<asio::io_context>();
    {
        asio_runtime io(context->get_executor());
        context->poll();
        context->stop();
    }
    context.reset();
}

}  // namespace
