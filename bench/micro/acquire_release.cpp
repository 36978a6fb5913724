// Nanoseconds to borrow an idle connection and to give it back, in the three ways of Lido, beside a plain pool.
#include "lido/net/runtime.hpp"
#include "null_connector.hpp"
#include "plain_pool.hpp"

#include <benchmark/benchmark.h>

#include <thread>

namespace {

using lido::bench::null_pool;

lido::task<> borrow_often(null_pool& pool, benchmark::State& state) {
    const auto batch = state.max_iterations;
    while (state.KeepRunningBatch(batch)) {
        for (auto i = batch; i > 0; --i) {
            auto lease = co_await pool.acquire();
            benchmark::DoNotOptimize(&**lease);
        }
    }
}

void co_await_on_its_scheduler(benchmark::State& state) {
    lido::runtime io;
    null_pool pool(io, {.max_size = 8}, {});
    static_cast<void>(pool.warm_up(8).wait().value());
    io.run(borrow_often(pool, state));
}
BENCHMARK(co_await_on_its_scheduler)->MeasureProcessCPUTime()->UseRealTime();

void try_acquire_on_a_plain_thread(benchmark::State& state) {
    lido::runtime io;
    null_pool pool(io, {.max_size = 8}, {});
    static_cast<void>(pool.warm_up(8).wait().value());
    for (auto _ : state) {
        auto lease = pool.try_acquire();
        benchmark::DoNotOptimize(&**lease);
    }
}
BENCHMARK(try_acquire_on_a_plain_thread);

void wait_on_a_plain_thread(benchmark::State& state) {
    lido::runtime io;
    null_pool pool(io, {.max_size = 8}, {});
    static_cast<void>(pool.warm_up(8).wait().value());
    for (auto _ : state) {
        auto lease = pool.acquire().wait();
        benchmark::DoNotOptimize(&**lease);
    }
}
BENCHMARK(wait_on_a_plain_thread);

void plain_mutex_and_vector(benchmark::State& state) {
    lido::bench::plain_pool pool(8);
    std::thread([] {}).join();  // from now on locks are real ones
    for (auto _ : state) {
        const std::size_t taken = pool.acquire();
        benchmark::DoNotOptimize(taken);
        pool.release(taken);
    }
}
BENCHMARK(plain_mutex_and_vector);

}  // namespace
