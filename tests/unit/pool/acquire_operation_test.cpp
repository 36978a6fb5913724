#include "lido/pool/acquire_operation.hpp"

#include "lido/net/runtime.hpp"
#include "support/pool_world.hpp"

#include <atomic>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::result;
using lido::runtime;
using lido::pool::settings;
using lido::test::fake_connector;
using lido::test::fake_lease;
using lido::test::fake_pool;
using lido::test::fake_world;
using lido::test::outcome_kind;
using lido::test::pool_world;
using lido::test::step_kind;

class acquire_operation : public pool_world {};

TEST_F(acquire_operation, started_with_a_function_calls_it_once) {
    open({.max_size = 1});
    int calls = 0;
    fake_lease kept;
    pool_->acquire().start([&](result<fake_lease> outcome) {
        ++calls;
        kept = std::move(outcome).value();
    });
    EXPECT_EQ(calls, 0);
    run();
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(kept.valid());
}

TEST_F(acquire_operation, started_with_a_stop_token_can_be_cancelled) {
    open({.max_size = 1});
    const auto held = take();
    std::stop_source stop;
    std::optional<result<fake_lease>> outcome;
    pool_->acquire().start([&](result<fake_lease> given) { outcome.emplace(std::move(given)); }, stop.get_token());
    run();
    EXPECT_FALSE(outcome.has_value());
    stop.request_stop();
    run();
    ASSERT_TRUE(outcome.has_value());
    EXPECT_TRUE(outcome->error() == errc::cancelled);
    EXPECT_EQ(pool_->statistics().waiting, 0U);
}

TEST_F(acquire_operation, becomes_an_operation_like_any_other) {
    open();
    const auto asked = group_.at(0).start(pool_->acquire().as_operation());
    run();
    EXPECT_TRUE(asked.take().has_value());
}

TEST_F(acquire_operation, waited_for_on_a_scheduler_is_refused) {
    open();
    EXPECT_TRUE(pool_->acquire().wait().error() == errc::would_deadlock);
}

// On real threads.

class real_acquire : public testing::Test {
protected:
    fake_world world_;
    runtime io_{{.threads = 2}};
};

TEST_F(real_acquire, blocks_a_plain_thread_until_a_connection_is_there) {
    fake_pool pool(io_, {.max_size = 1}, fake_connector(world_));
    auto first = pool.acquire().wait().value();
    std::promise<int> second;
    std::thread other([&] { second.set_value(pool.acquire().wait().value()->number == 1U ? 1 : 0); });
    while (pool.statistics().waiting == 0) std::this_thread::yield();
    first.release();
    EXPECT_EQ(second.get_future().get(), 1);
    other.join();
}

TEST_F(real_acquire, refuses_a_plain_thread_at_its_deadline) {
    fake_pool pool(io_, {.max_size = 1}, fake_connector(world_));
    const auto held = pool.acquire().wait();
    const auto began = lido::clock::now();
    EXPECT_TRUE(pool.acquire({.timeout = 20ms}).wait().error() == errc::acquire_timeout);
    EXPECT_GE(lido::clock::now() - began, 20ms);
}

TEST_F(real_acquire, refuses_a_plain_thread_at_once_where_it_is_not_to_wait) {
    fake_pool pool(io_, {.max_size = 1, .on_full = lido::pool::when_full::fail}, fake_connector(world_));
    const auto held = pool.acquire().wait();
    EXPECT_TRUE(pool.acquire().wait().error() == errc::pool_exhausted);
    EXPECT_TRUE(pool.acquire({.timeout = 500us}).wait().error() == errc::pool_exhausted);
}

TEST_F(real_acquire, tells_a_plain_thread_that_it_would_wait_for_itself) {
    fake_pool pool(io_, {.max_size = 1}, fake_connector(world_));
    const auto held = pool.acquire({.holder = 7}).wait();
    EXPECT_TRUE(pool.acquire({.holder = 7}).wait().error() == errc::would_deadlock);
}

TEST_F(real_acquire, serves_many_plain_threads_one_after_the_other) {
    fake_pool pool(io_, {.max_size = 3}, fake_connector(world_));
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> served{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 12; ++i) {
        threads.emplace_back([&] {
            for (int k = 0; k < 200; ++k) {
                auto lease = pool.acquire().wait().value();
                const int now = ++inside;
                int seen = most.load();
                while (seen < now && !most.compare_exchange_weak(seen, now)) {
                }
                ++served;
                --inside;
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(served, 2400);
    EXPECT_LE(most, 3);
    EXPECT_LE(world_.peak_live(), 3U);
    EXPECT_EQ(pool.statistics().served, 2400U);
}

TEST_F(real_acquire, works_in_a_coroutine_of_another_runtime) {
    runtime elsewhere;
    fake_pool pool(io_, {.max_size = 1}, fake_connector(world_));
    const auto body = [&]() -> lido::task<bool> {
        bool stayed = true;
        for (int i = 0; i < 100; ++i) {
            auto lease = (co_await pool.acquire()).value();
            stayed = stayed && &lido::scheduler::current()->group() == &elsewhere;
        }
        co_return stayed;
    };
    EXPECT_TRUE(elsewhere.run(body()));
}

/// A coroutine that belongs to nobody and begins at once.
struct on_its_own {
    struct promise_type {
        [[nodiscard]] on_its_own get_return_object() const noexcept { return {}; }
        [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
        [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    };
};

TEST_F(real_acquire, works_in_a_coroutine_that_belongs_to_no_runtime_and_goes_on_in_the_pools) {
    fake_pool pool(io_, {.max_size = 1}, fake_connector(world_));
    const auto outcome = std::make_shared<std::promise<bool>>();
    const auto body = [](fake_pool& from, runtime& io, std::shared_ptr<std::promise<bool>> told) -> on_its_own {
        auto lease = (co_await from.acquire()).value();
        const bool there = lease.valid() && &lido::scheduler::current()->group() == &io;
        lease.release();
        told->set_value(there);
    };
    body(pool, io_, outcome);
    EXPECT_TRUE(outcome->get_future().get());
}

TEST_F(real_acquire, ends_with_all_connections_closed_when_the_pool_goes_on_a_plain_thread) {
    {
        fake_pool pool(io_, {.max_size = 5}, fake_connector(world_));
        EXPECT_EQ(pool.warm_up(5).wait().value(), 5U);
        EXPECT_EQ(world_.live(), 5U);
    }
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ(world_.begun(step_kind::close), 5U);
}

TEST_F(real_acquire, waits_for_a_close_that_hangs_only_as_long_as_a_close_may_take) {
    const auto began = lido::clock::now();
    {
        fake_pool pool(io_, {.close_timeout = 20ms}, fake_connector(world_));
        pool.acquire().wait().value().release();
        world_.let(step_kind::close, outcome_kind::pending);
    }
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_GE(lido::clock::now() - began, 20ms);
}

TEST_F(real_acquire, does_not_block_an_io_thread_when_the_pool_goes_there) {
    auto pool = std::make_unique<fake_pool>(io_, settings{.close_timeout = 300ms}, fake_connector(world_));
    EXPECT_EQ(pool->warm_up(2).wait().value(), 2U);
    world_.let(step_kind::close, outcome_kind::pending);
    const auto body = [&]() -> lido::task<std::size_t> {
        const std::size_t before = world_.live();
        pool.reset();
        co_return before - world_.live();
    };
    EXPECT_EQ(io_.run(body()), 0U);
    while (world_.live() > 0) std::this_thread::yield();
}

TEST_F(real_acquire, refuses_blocked_threads_when_the_pool_is_closed) {
    fake_pool pool(io_, {.max_size = 1}, fake_connector(world_));
    auto held = pool.acquire().wait().value();
    std::vector<std::future<bool>> blocked;
    for (int i = 0; i < 4; ++i) {
        blocked.push_back(
            std::async(std::launch::async, [&] { return pool.acquire().wait().error() == errc::pool_closed; }));
    }
    while (pool.statistics().waiting < 4) std::this_thread::yield();
    auto closing = std::async(std::launch::async, [&] { return pool.close(10s).wait().value(); });
    for (auto& each : blocked) EXPECT_TRUE(each.get());
    held.release();
    EXPECT_EQ(closing.get(), 0U);
}

}  // namespace
