// Nanoseconds per decision of each policy: what a call pays when all of them are on. The time is passed in, so that no
// clock is read here.
#include "lido/resilience/bulkhead.hpp"
#include "lido/resilience/circuit_breaker.hpp"
#include "lido/resilience/hedge.hpp"
#include "lido/resilience/load_balancer.hpp"
#include "lido/resilience/outlier_ejection.hpp"
#include "lido/resilience/peak_ewma.hpp"
#include "lido/resilience/rate_limiter.hpp"
#include "lido/resilience/retry_budget.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace lido::resilience;
using namespace std::chrono_literals;

const lido::time_point start{100h};

/// The time of the next call, 10 µs after the one before.
class ticking {
public:
    lido::time_point next() noexcept { return now_ += 10us; }

private:
    lido::time_point now_ = start;
};

void retry_budget_request_and_spend(benchmark::State& state) {
    retry_budget budget;
    ticking time;
    for (auto step : state) {
        const auto now = time.next();
        budget.note_request(now);
        benchmark::DoNotOptimize(budget.try_spend(now));
    }
}
BENCHMARK(retry_budget_request_and_spend);

void circuit_breaker_admit_and_report(benchmark::State& state) {
    circuit_breaker_settings settings;
    settings.window = state.range(0) == 0 ? breaker_window::count : breaker_window::time;
    circuit_breaker breaker(settings, start);
    ticking time;
    for (auto step : state) {
        const auto now = time.next();
        const auto admission = breaker.admit(now);
        breaker.report(*admission.permit, call_outcome::success, now);
    }
    state.SetLabel(state.range(0) == 0 ? "window of count" : "window of time");
}
BENCHMARK(circuit_breaker_admit_and_report)->Arg(0)->Arg(1);

void rate_limiter_reserve(benchmark::State& state) {
    rate_limiter_settings settings;
    settings.per_second = 1e6;
    settings.per_minute = 6e7;
    rate_limiter limiter(settings);
    ticking time;
    for (auto step : state) benchmark::DoNotOptimize(limiter.reserve(time.next()));
}
BENCHMARK(rate_limiter_reserve);

void bulkhead_enter_and_leave(benchmark::State& state) {
    bulkhead places;
    for (auto step : state) {
        benchmark::DoNotOptimize(places.enter());
        benchmark::DoNotOptimize(places.leave());
    }
}
BENCHMARK(bulkhead_enter_and_leave);

void hedge_record_and_delay(benchmark::State& state) {
    hedge hedging;
    ticking time;
    for (auto step : state) {
        const auto now = time.next();
        hedging.record(1ms, now);
        benchmark::DoNotOptimize(hedging.delay(0, now));
    }
}
BENCHMARK(hedge_record_and_delay);

void load_balancer_choose(benchmark::State& state) {
    const auto strategy = static_cast<balancing>(state.range(0));
    lido::random_source random(1);
    load_balancer balancer({.strategy = strategy});
    std::vector<endpoint_view> endpoints(static_cast<std::size_t>(state.range(1)));
    for (auto& each : endpoints) {
        each.load = static_cast<std::uint32_t>(random.below(10));
        each.latency = random.up_to(10ms);
    }
    for (auto step : state) benchmark::DoNotOptimize(balancer.choose(endpoints, random));
    state.SetLabel(std::string(name_of(strategy)));
}
BENCHMARK(load_balancer_choose)->ArgsProduct({benchmark::CreateDenseRange(0, 7, 1), {3, 30}});

void outlier_ejection_report(benchmark::State& state) {
    outlier_ejection watch({}, 10, start);
    lido::random_source random(1);
    ticking time;
    for (auto step : state) {
        const auto now = time.next();
        benchmark::DoNotOptimize(watch.report(3, true, now, random));
        benchmark::DoNotOptimize(watch.sweep(now, random));
    }
}
BENCHMARK(outlier_ejection_report);

void peak_ewma_record_and_value(benchmark::State& state) {
    peak_ewma average;
    ticking time;
    for (auto step : state) {
        const auto now = time.next();
        average.record(1ms, now);
        benchmark::DoNotOptimize(average.value(now));
    }
}
BENCHMARK(peak_ewma_record_and_value);

}  // namespace
