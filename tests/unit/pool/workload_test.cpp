// Goal: advice on sizes holds: what it predicts is what a queue does, on loads of three kinds.
#include "lido/pool/workload.hpp"

#include "support/made_up_queue.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::duration;
using lido::histogram;
using lido::random_source;
using lido::pool::erlang_c;
using lido::pool::expected_wait;
using lido::pool::measured_times;
using lido::pool::workload;
using lido::test::made_up_queue;

TEST(workload, erlangs_formula_gives_the_values_of_the_tables) {
    // One server: the chance to wait is the load. Two: 2ρ² / (1 + ρ).
    EXPECT_NEAR(erlang_c(1, 0.7), 0.7, 1e-12);
    EXPECT_NEAR(erlang_c(2, 1.0), 1.0 / 3.0, 1e-12);
    EXPECT_NEAR(erlang_c(10, 8.0), 0.4092, 5e-5);
    EXPECT_EQ(erlang_c(5, 5.0), 1.0);
    EXPECT_EQ(erlang_c(0, 0.5), 1.0);
    EXPECT_EQ(erlang_c(5, 0.0), 0.0);
    EXPECT_LT(erlang_c(100'000, 99'000.0), 1.0) << "neither overflows nor is stuck";
}

TEST(workload, times_are_read_from_a_histogram) {
    random_source random(1);
    histogram steady;
    histogram scattered;
    for (int i = 0; i < 100'000; ++i) {
        steady.record(10ms);
        scattered.record(lido::test::exponential(random, 10ms));
    }
    EXPECT_LT(measured_times::of(steady).variation, 0.01);
    EXPECT_NEAR(measured_times::of(scattered).variation, 1.0, 0.03);
    EXPECT_EQ(measured_times::of(histogram()).mean, 0ns);
}

struct kind {
    const char* name;
    double variation;
    std::function<duration(random_source&, duration)> service;
};

/// Runs a queue with that many servers: what it recorded.
workload record(const kind& of, std::size_t servers, double concurrency, duration mean, std::uint64_t seed) {
    random_source random(seed);
    const auto between = duration(std::llround(static_cast<double>(mean.count()) / concurrency));
    made_up_queue queue;
    const lido::time_point start{1000h};
    queue.run({.until_next = [&](auto) { return lido::test::exponential(random, between); },
               .service = [&](auto) { return of.service(random, mean); }},
              start, start + 500s, servers, 1h, [](const auto&, std::size_t now) { return now; });
    histogram service;
    histogram wait;
    histogram response;
    for (const auto& each : queue.visits()) {
        service.record(each.served);
        wait.record(each.waited);
        response.record(each.waited + each.served);
    }
    workload seen;
    seen.length = 500s;
    seen.requests = queue.visits().size();
    seen.pool_size = servers;
    seen.service = measured_times::of(service);
    seen.wait = measured_times::of(wait);
    seen.response = measured_times::of(response);
    return seen;
}

TEST(workload, the_advised_size_meets_the_target_and_half_of_it_does_not) {
    const std::vector<kind> kinds{
        {"constant", 0.0, [](random_source&, duration mean) { return mean; }},
        {"exponential", 1.0,
         [](random_source& random, duration mean) { return lido::test::exponential(random, mean); }},
        {"heavy tailed", 2.0,
         [](random_source& random, duration mean) { return lido::test::heavy_tailed(random, mean, 2.0); }}};
    for (const kind& each : kinds) {
        for (const double concurrency : {4.0, 12.0, 40.0}) {
            for (const duration target : {1ms + 0ns, 5ms + 0ns, 20ms + 0ns}) {
                SCOPED_TRACE(std::string(each.name) + ", " + std::to_string(concurrency));
                const workload seen = record(each, 400, concurrency, 50ms, 1);
                EXPECT_NEAR(seen.concurrency(), concurrency, concurrency * 0.05);
                EXPECT_NEAR(seen.service.variation, each.variation, 0.2);
                const auto advice = lido::pool::advise(seen, target).value();
                const workload then = record(each, advice.max_size, concurrency, 50ms, 2);
                EXPECT_LE(then.wait.mean, target * 6 / 5) << advice.max_size << " connections";
                const workload half = record(each, advice.max_size / 2, concurrency, 50ms, 2);
                EXPECT_GT(half.wait.mean, target * 6 / 5) << advice.max_size / 2 << " connections";
                EXPECT_LE(advice.wait, target);
                EXPECT_GT(advice.wait_with_half, target);
            }
        }
    }
}

workload closed(std::size_t users, std::size_t size, duration service, duration wait, duration thinking) {
    workload seen;
    seen.length = 100s;
    seen.users = users;
    seen.pool_size = size;
    seen.service = {.mean = service, .variation = 0.5, .max = 4 * service};
    seen.wait = {.mean = wait};
    const double cycle = std::chrono::duration<double>(service + wait + thinking).count();
    seen.requests = static_cast<std::uint64_t>(100.0 * static_cast<double>(users) / cycle);
    return seen;
}

TEST(workload, a_record_with_waits_gives_the_same_advice_as_one_without) {
    // Forty callers who rest for 50 ms, with enough connections and with far too few.
    const auto free = lido::pool::advise(closed(40, 80, 10ms, 0ms, 50ms), 1ms).value();
    const auto crowded = lido::pool::advise(closed(40, 4, 10ms, 40ms, 50ms), 1ms).value();
    EXPECT_EQ(free.max_size, crowded.max_size);
    EXPECT_GT(free.max_size, 7U);
}

TEST(workload, callers_who_never_rest_get_a_connection_each) {
    const auto advice = lido::pool::advise(closed(16, 4, 10ms, 30ms, 0ms), 1ms).value();
    EXPECT_EQ(advice.max_size, 16U);
    EXPECT_EQ(advice.wait, 0ns);
    EXPECT_EQ(advice.wait_with_half, duration::max());
    EXPECT_EQ(advice.max_waiters, 16U);
}

TEST(workload, times_follow_from_what_was_measured) {
    workload seen = closed(40, 80, 10ms, 0ms, 50ms);
    seen.connect = {.mean = 2ms, .p99 = 30ms};
    const auto advice = lido::pool::advise(seen, 5ms).value();
    EXPECT_EQ(advice.acquire_timeout, 100ms);
    EXPECT_EQ(advice.read_timeout, 200ms) << "four times 40 ms, and round";
    EXPECT_EQ(advice.connect_timeout, 500ms);
    EXPECT_LE(advice.min_size, advice.max_size);
    EXPECT_EQ(advice.min_size, 7U);
    EXPECT_GE(advice.reasons.size(), 6U);
    EXPECT_NE(advice.reasons.front().find("Little's law"), std::string::npos);
}

TEST(workload, a_wait_that_no_clock_can_hold_is_one_without_bound) {
    workload seen;
    seen.length = 720h;
    seen.requests = 1;
    seen.service = {.mean = 720h, .variation = 1000.0};
    seen.arrival_variation = 1000.0;
    EXPECT_EQ(expected_wait(seen, 0), duration::max());
    EXPECT_EQ(expected_wait(seen, 1), duration::max()) << "as many as are in use on average";
    EXPECT_EQ(expected_wait(seen, 2), duration::max());
    EXPECT_LT(expected_wait(seen, 100), duration::max());
}

TEST(workload, the_utilisation_is_the_share_of_the_pool_that_is_in_use) {
    workload seen = closed(4, 8, 10ms, 0ms, 10ms);
    EXPECT_NEAR(seen.utilisation(), 0.25, 0.001);
    seen.pool_size = 1;
    EXPECT_EQ(seen.utilisation(), 1.0) << "never more than all";
    seen.pool_size = 0;
    EXPECT_EQ(seen.utilisation(), 0.0);
    seen.length = 0s;
    EXPECT_EQ(seen.arrival_rate(), 0.0);
}

TEST(workload, advice_from_a_run_with_failures_says_so) {
    workload seen = closed(4, 4, 10ms, 0ms, 10ms);
    seen.failed = seen.requests / 100;
    EXPECT_EQ(lido::pool::advise(seen, 5ms).value().reasons.back().find("requests failed"), std::string::npos);
    seen.failed += 1;
    EXPECT_NE(lido::pool::advise(seen, 5ms).value().reasons.back().find("requests failed"), std::string::npos);
}

TEST(workload, what_cannot_be_is_refused_by_name) {
    const auto said = [](const std::function<void(workload&)>& change, duration target = 5ms) {
        workload seen = closed(4, 4, 10ms, 0ms, 10ms);
        change(seen);
        const auto advice = lido::pool::advise(seen, target);
        return advice ? std::string() : advice.error().message();
    };
    EXPECT_EQ(said([](auto&) {}), "");
    EXPECT_NE(said([](auto& w) { w.length = 0s; }).find("length"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.requests = 0; }).find("requests"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.failed = w.requests + 1; }).find("failed"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.pool_size = 0; }).find("pool_size"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.service.mean = 0s; }).find("service.mean"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.wait.p99 = -1s; }).find("wait.p99"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.response.variation = std::nan(""); }).find("response.variation"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.arrival_variation = -1.0; }).find("arrival_variation"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.length = 366 * 24h; }).find("length"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.length = 1ms, w.requests = 1'000'001; }).find("requests"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.users = 10'000'001; }).find("users"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.pool_size = 1'000'001; }).find("pool_size"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.arrival_variation = 1001.0; }).find("arrival_variation"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.connect.max = 31 * 24h; }).find("connect.max"), std::string::npos);
    EXPECT_NE(said([](auto& w) { w.service.variation = 1001.0; }).find("service.variation"), std::string::npos);
    EXPECT_NE(said([](auto&) {}, 0ns).find("target wait"), std::string::npos);
    EXPECT_NE(said([](auto&) {}, 2h).find("target wait"), std::string::npos);
    const auto endless = [](auto& w) {
        w.users = 0;
        w.requests = 100'000'000;
        w.service.mean = 1h;
    };
    EXPECT_NE(said(endless).find("100000 connections"), std::string::npos);
}

}  // namespace
