#include "lido/pool/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

namespace lido::pool {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_connections = 100'000;
constexpr double most_requests_per_second = 1e9;
/// A pool that is busier than this has no room for what the record has not shown.
constexpr double highest_utilisation = 0.9;

double seconds(duration value) noexcept {
    return std::chrono::duration<double>(value).count();
}

duration from_seconds(double value) noexcept {
    const double ticks = value * static_cast<double>(duration(1s).count());
    return ticks >= static_cast<double>(duration::max().count()) / 2 ? duration::max()
                                                                     : duration(std::llround(std::max(ticks, 0.0)));
}

/// "12.3 ms": three digits, for sentences.
std::string text_of(duration value) {
    if (value == duration::max()) return "without bound";
    const double amount = seconds(value);
    if (amount < 1e-3) return fmt::format("{:.3g} us", amount * 1e6);
    if (amount < 1.0) return fmt::format("{:.3g} ms", amount * 1e3);
    return fmt::format("{:.3g} s", amount);
}

/// What callers would ask for if nobody had to wait. In a record with waits the known callers came less often than they
/// wished: the time that they spend neither waiting nor served stays what it is (the response time law of interactive
/// systems, Denning and Buzen, 1978).
double wished_rate(const workload& load) noexcept {
    const double rate = load.arrival_rate();
    if (load.users == 0) return rate;
    const auto users = static_cast<double>(load.users);
    const double thinking = std::max(users / rate - seconds(load.wait.mean) - seconds(load.service.mean), 0.0);
    return std::max(rate, users / (seconds(load.service.mean) + thinking));
}

double wished_load(const workload& load) noexcept {
    return wished_rate(load) * seconds(load.service.mean);
}

/// A round number that is not smaller: 1, 2 or 5 times a power of ten of milliseconds.
duration rounded_up(duration value) noexcept {
    for (duration step = 1ms;; step *= 10) {
        for (const int factor : {1, 2, 5}) {
            if (step * factor >= value) return step * factor;
        }
    }
}

error cannot_be(std::string_view what, const std::string& value, std::string_view range) {
    return {errc::invalid_argument, fmt::format("workload: {} = {} is not {}", what, value, range),
            "record the run again"};
}

std::optional<error> check_times(std::string_view name, const measured_times& times) {
    constexpr duration longest = 24h * 30;
    for (const auto& [part, value] : {std::pair<const char*, duration>{"mean", times.mean},
                                      {"p50", times.p50},
                                      {"p95", times.p95},
                                      {"p99", times.p99},
                                      {"max", times.max}}) {
        if (value >= 0ns && value <= longest) continue;
        return cannot_be(fmt::format("{}.{}", name, part), text_of(value), "0 ... 30 days");
    }
    if (!(times.variation >= 0.0 && times.variation <= 1000.0)) {
        return cannot_be(fmt::format("{}.variation", name), fmt::format("{}", times.variation), "0 ... 1000");
    }
    return std::nullopt;
}

std::size_t smallest_size(const workload& load, duration target) {
    const double offered = wished_load(load);
    auto size = static_cast<std::size_t>(std::max(1.0, std::ceil(offered / highest_utilisation)));
    while (size <= most_connections && expected_wait(load, size) > target) ++size;
    return load.users == 0 ? size : std::min(size, load.users);
}

void choose_times(const workload& load, duration target, sizing_advice& advice) {
    advice.acquire_timeout = rounded_up(std::max({100ms + 0ns, 20 * target, 20 * advice.wait}));
    const duration longest = std::max(load.service.max, load.service.p99);
    advice.read_timeout = rounded_up(std::clamp<duration>(4 * std::max(longest, 25ms + 0ns), 100ms, 1h));
    advice.connect_timeout =
        load.connect.p99 == 0ns ? duration(5s) : rounded_up(std::clamp<duration>(4 * load.connect.p99, 250ms, 10s));
    const double each = std::max(seconds(load.service.mean), 1e-9);
    const double served = static_cast<double>(advice.max_size) / each * seconds(advice.acquire_timeout);
    const double most = load.users == 0 ? 1e6 : static_cast<double>(load.users);
    advice.max_waiters = static_cast<std::size_t>(std::clamp(std::ceil(std::min(served, most)), 1.0, 1e6));
}

void explain(const workload& load, duration target, sizing_advice& advice) {
    auto& say = advice.reasons;
    const double offered = wished_load(load);
    say.push_back(
        fmt::format("{:.4g} requests per second, each holding a connection for {}: {:.3g} in use on average "
                    "(Little's law, L = λ S).",
                    load.arrival_rate(), text_of(load.service.mean), load.concurrency()));
    if (offered > load.concurrency() * 1.02) {
        say.push_back(
            fmt::format("The {} callers waited {} each time; without that they would ask {:.4g} times per "
                        "second and keep {:.3g} connections in use (response time law).",
                        load.users, text_of(load.wait.mean), wished_rate(load), offered));
    }
    say.push_back(
        fmt::format("The variation of arrivals is {:.2f}, that of the times held {:.2f}: waits are {:.2f} times "
                    "those of a queue M/M/c (Allen and Cunneen's approximation for G/G/c).",
                    load.arrival_variation, load.service.variation,
                    (std::pow(load.arrival_variation, 2) + std::pow(load.service.variation, 2)) / 2));
    if (load.users != 0 && advice.max_size == load.users) {
        say.push_back(
            fmt::format("{} callers never use more than {} connections; with a connection for each nobody "
                        "waits.",
                        load.users, load.users));
    } else {
        say.push_back(
            fmt::format("{} connections make the mean wait {} (target {}) at {:.0f} % utilisation; half as many "
                        "would make it {}.",
                        advice.max_size, text_of(advice.wait), text_of(target), advice.utilisation * 100.0,
                        text_of(advice.wait_with_half)));
    }
    say.push_back(fmt::format("min_size {}: what is in use on average stays open.", advice.min_size));
    say.push_back(fmt::format("acquire_timeout {}: twenty times the target; who waits longer waits for a fault.",
                              text_of(advice.acquire_timeout)));
    say.push_back(fmt::format("max_waiters {}: more could not be served within that time.", advice.max_waiters));
    say.push_back(fmt::format("read_timeout {}: four times the longest time that a connection was held ({}).",
                              text_of(advice.read_timeout), text_of(load.service.max)));
    if (load.failed * 100 > load.requests) {
        say.push_back(
            fmt::format("{} of {} requests failed; find out why before relying on this.", load.failed, load.requests));
    }
}

}  // namespace

measured_times measured_times::of(const histogram& from) {
    measured_times made;
    if (from.count() == 0) return made;
    made.mean = from.mean();
    made.p50 = from.quantile(0.50);
    made.p95 = from.quantile(0.95);
    made.p99 = from.quantile(0.99);
    made.max = from.max();
    // The variance, from two thousand slices of equal weight: as exact as the histogram, but for the last slice.
    constexpr int slices = 2000;
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < slices; ++i) {
        const double value = seconds(from.quantile((i + 0.5) / slices));
        sum += value;
        squares += value * value;
    }
    const double mean = sum / slices;
    const double variance = std::max(squares / slices - mean * mean, 0.0);
    made.variation = mean > 0.0 ? std::sqrt(variance) / mean : 0.0;
    return made;
}

double workload::arrival_rate() const noexcept {
    return length <= duration::zero() ? 0.0 : static_cast<double>(requests) / seconds(length);
}

double workload::concurrency() const noexcept {
    return arrival_rate() * seconds(service.mean);
}

double workload::utilisation() const noexcept {
    return pool_size == 0 ? 0.0 : std::min(concurrency() / static_cast<double>(pool_size), 1.0);
}

result<void> workload::validate() const {
    if (length < 1ms || length > 24h * 365) return cannot_be("length", text_of(length), "1 ms ... 365 days");
    if (requests < 1 || arrival_rate() > most_requests_per_second) {
        return cannot_be("requests", fmt::format("{}", requests), "1 ... 10^9 per second");
    }
    if (failed > requests) return cannot_be("failed", fmt::format("{}", failed), "0 ... requests");
    if (users > 10'000'000) return cannot_be("users", fmt::format("{}", users), "0 ... 10,000,000");
    if (pool_size < 1 || pool_size > 1'000'000) {
        return cannot_be("pool_size", fmt::format("{}", pool_size), "1 ... 1,000,000");
    }
    if (!(arrival_variation >= 0.0 && arrival_variation <= 1000.0)) {
        return cannot_be("arrival_variation", fmt::format("{}", arrival_variation), "0 ... 1000");
    }
    if (service.mean <= duration::zero()) return cannot_be("service.mean", text_of(service.mean), "above 0");
    for (const auto& problem : {check_times("service", service), check_times("wait", wait),
                                check_times("response", response), check_times("connect", connect)}) {
        if (problem) return *problem;
    }
    return {};
}

double erlang_c(std::size_t servers, double load) noexcept {
    const auto count = static_cast<double>(servers);
    if (servers == 0 || load >= count) return 1.0;
    if (load <= 0.0) return 0.0;
    // Erlang's B by its recursion, which neither overflows nor cancels, and C from B.
    double blocked = 1.0;
    for (std::size_t i = 1; i <= servers; ++i) blocked = load * blocked / (static_cast<double>(i) + load * blocked);
    return blocked / (1.0 - load / count * (1.0 - blocked));
}

duration expected_wait(const workload& load, std::size_t servers) {
    if (load.users != 0 && servers >= load.users) return duration::zero();
    const double offered = wished_load(load);
    const auto count = static_cast<double>(servers);
    if (servers == 0 || offered >= count) return duration::max();
    const double random = erlang_c(servers, offered) * seconds(load.service.mean) / (count - offered);
    const double variation = std::pow(load.arrival_variation, 2) + std::pow(load.service.variation, 2);
    return from_seconds(random * variation / 2.0);
}

result<sizing_advice> advise(const workload& load, duration target) {
    if (auto valid = load.validate(); !valid) return std::move(valid).error();
    if (target < 1us || target > 1h) {
        return error(errc::invalid_argument,
                     fmt::format("target wait {} is out of range 1 us ... 1 h", text_of(target)),
                     "choose a target wait such as 5 ms");
    }
    sizing_advice advice;
    advice.max_size = smallest_size(load, target);
    if (advice.max_size > most_connections) {
        return error(errc::invalid_argument,
                     fmt::format("this load would need more than {} connections", most_connections),
                     "spread it over several servers, or shorten the time that a connection is held");
    }
    const double offered = wished_load(load);
    advice.min_size = std::min(advice.max_size, static_cast<std::size_t>(std::llround(std::max(offered, 0.0))));
    advice.wait = expected_wait(load, advice.max_size);
    advice.wait_with_half = expected_wait(load, advice.max_size / 2);
    advice.utilisation = std::min(offered / static_cast<double>(advice.max_size), 1.0);
    choose_times(load, target, advice);
    explain(load, target, advice);
    return advice;
}

}  // namespace lido::pool
