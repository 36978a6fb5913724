// Lido's pool beside others. See docs/design/lease_cache.md for what is compared and how to read it.
#include "competitors.hpp"
#include "ledger_turns.hpp"
#include "lido/base/histogram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/utsname.h>
#include <time.h>

namespace lido::bench {
namespace {

using namespace std::chrono_literals;

struct options {
    int rounds = 7;
    duration cell = 200ms;
    std::string_view only;
};

// ---------------------------------------------------------------------------------------------- measuring

/// Runs `body(stop)` on `threads` threads for `how_long`; returns the time that really passed.
template <class Body>
duration on_threads(unsigned threads, duration how_long, Body&& body) {
    std::atomic<bool> stop{false};
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i) {
        all.emplace_back([&] {
            ++ready;
            while (ready < threads + 1) std::this_thread::yield();
            body(stop);
        });
    }
    while (ready < threads) std::this_thread::yield();
    const time_point begin = clock::now();
    ++ready;
    std::this_thread::sleep_for(how_long);
    stop = true;
    const time_point end = clock::now();
    for (std::thread& each : all) each.join();
    return end - begin;
}

/// Nanoseconds of wall time per acquire and release, over all threads.
template <class Competitor>
double cycle_time(std::size_t slots, unsigned threads, duration how_long) {
    Competitor pool(slots);
    std::atomic<std::uint64_t> cycles{0};
    const duration took = on_threads(threads, how_long, [&](std::atomic<bool>& stop) {
        std::uint64_t mine = 0;
        while (!stop.load(std::memory_order_relaxed)) {
            for (int i = 0; i < 64; ++i) pool.cycle([] {});
            mine += 64;
        }
        cycles += mine;
    });
    return static_cast<double>(took.count()) / static_cast<double>(std::max<std::uint64_t>(cycles, 1));
}

/// How long callers wait when there are fewer slots than threads, each holding its slot as long as a short query takes.
template <class Competitor>
histogram wait_times(std::size_t slots, unsigned threads, duration hold, duration how_long) {
    Competitor pool(slots);
    std::mutex lock;
    histogram all;
    on_threads(threads, how_long, [&](std::atomic<bool>& stop) {
        histogram mine;
        const timespec query{0, static_cast<long>(hold.count())};
        while (!stop.load(std::memory_order_relaxed)) {
            const time_point asked = clock::now();
            pool.cycle([&] {
                mine.record(clock::now() - asked);
                clock_nanosleep(CLOCK_MONOTONIC, 0, &query, nullptr);
            });
        }
        const std::lock_guard held(lock);
        all.merge(mine);
    });
    return all;
}

// ---------------------------------------------------------------------------------------------- tables

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

std::string shown(const std::vector<double>& values) {
    return fmt::format("{:.1f} ({:.1f})", median(values), *std::min_element(values.begin(), values.end()));
}

template <class Competitor>
struct tag {
    using type = Competitor;
};

template <class Function>
void for_each_competitor(Function&& function) {
    function(tag<lido_competitor>{});
    function(tag<plain_competitor>{});
#ifdef LIDO_BENCH_SOCI
    function(tag<soci_competitor>{});
#endif
}

void table_of_cycles(const options& chosen) {
    constexpr std::size_t slots = 8;
    fmt::print(
        "\nacquire + release, {} slots, nothing done with them: ns of wall time per cycle over all threads\n"
        "median (least) of {} interleaved rounds of {}; ratio = the other's median / lido's\n\n",
        slots, chosen.rounds, to_text(chosen.cell));
    fmt::print("{:>8}", "threads");
    for_each_competitor([](auto which) { fmt::print("{:>26}", decltype(which)::type::name); });
    fmt::print("   ratios\n");
    for (const unsigned threads : {1U, 2U, 8U, 32U}) {
        std::vector<std::vector<double>> measured(3);
        for (int round = 0; round < chosen.rounds; ++round) {
            std::size_t column = 0;
            for_each_competitor([&](auto which) {
                using competitor = typename decltype(which)::type;
                measured[column++].push_back(cycle_time<competitor>(slots, threads, chosen.cell));
            });
        }
        fmt::print("{:>8}", threads);
        std::string ratios;
        for (const auto& column : measured) {
            if (column.empty()) continue;
            fmt::print("{:>26}", shown(column));
            if (&column != &measured.front())
                ratios += fmt::format("  {:.2f}", median(column) / median(measured.front()));
        }
        fmt::print(" {}\n", ratios);
        std::fflush(stdout);
    }
}

void table_of_waits(const options& chosen) {
    constexpr duration hold = 200us;
    fmt::print("\nwait for a slot when there are fewer than threads, each held {} by a sleep: microseconds\n\n",
               to_text(hold));
    fmt::print("{:>8}{:>8}  {:<24}{:>10}{:>10}{:>10}{:>10}{:>12}\n", "threads", "slots", "pool", "p50", "p99", "p99.99",
               "max", "p99.99/p50");
    for (const auto& [threads, slots] : {std::pair{8U, 4U}, std::pair{32U, 8U}}) {
        std::map<std::string, histogram> sums;
        for (int round = 0; round < chosen.rounds; ++round) {
            for_each_competitor([&, threads = threads, slots = slots](auto which) {
                using competitor = typename decltype(which)::type;
                sums[competitor::name].merge(wait_times<competitor>(slots, threads, hold, chosen.cell * 2));
            });
        }
        for (const auto& [name, waits] : sums) {
            const auto micro = [](duration value) { return std::chrono::duration<double, std::micro>(value).count(); };
            fmt::print("{:>8}{:>8}  {:<24}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{:>12.1f}\n", threads, slots, name,
                       micro(waits.quantile(0.5)), micro(waits.quantile(0.99)), micro(waits.quantile(0.9999)),
                       micro(waits.max()), micro(waits.quantile(0.9999)) / micro(waits.quantile(0.5)));
        }
        std::fflush(stdout);
    }
}

void table_of_sizes(const options& chosen) {
    fmt::print("\nns of work per acquire + release as the pool grows, median (least) of {}\n\n", chosen.rounds);
    fmt::print("{:>8}{:>28}{:>28}\n", "", "so many idle slots", "so many waiters on one slot");
    for (const std::size_t count : {10U, 100U, 1000U, 10'000U}) {
        std::vector<double> slots;
        std::vector<double> waiters;
        constexpr std::uint64_t cycles = 200'000;
        lido_competitor pool(count);
        for (int round = 0; round < chosen.rounds; ++round) {
            const time_point begin = clock::now();
            for (std::uint64_t i = 0; i < cycles; ++i) pool.cycle([] {});
            slots.push_back(static_cast<double>((clock::now() - begin).count()) / cycles);
            waiters.push_back(turn_time(count, cycles));
        }
        fmt::print("{:>8}{:>28}{:>28}\n", count, shown(slots), shown(waiters));
        std::fflush(stdout);
    }
}

// ---------------------------------------------------------------------------------------------- the program

std::string processor() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
}

void print_machine() {
    utsname system{};
    uname(&system);
    fmt::print("{} x {}, {} {}, compiled by {}", std::thread::hardware_concurrency(), processor(), system.sysname,
               system.release, __VERSION__);
#ifdef LIDO_BENCH_SOCI
    fmt::print(", SOCI {}.{}.{}", SOCI_VERSION / 100'000, SOCI_VERSION / 100 % 1000, SOCI_VERSION % 100);
#else
    fmt::print(", without SOCI (install libsoci-dev)");
#endif
    fmt::print("\n");
}

}  // namespace
}  // namespace lido::bench

int main(int count, char** arguments) {
    using namespace lido::bench;
    options chosen;
    for (int i = 1; i < count; ++i) {
        const std::string_view word = arguments[i];
        if (word.starts_with("--rounds=")) {
            chosen.rounds = std::max(1, std::atoi(arguments[i] + 9));
        } else if (word.starts_with("--cell-ms=")) {
            chosen.cell = std::chrono::milliseconds(std::max(1, std::atoi(arguments[i] + 10)));
        } else if (word == "cycles" || word == "waits" || word == "sizes") {
            chosen.only = word;
        } else {
            fmt::print(stderr, "usage: pool [cycles|waits|sizes] [--rounds=7] [--cell-ms=200]\n");
            return 2;
        }
    }
    print_machine();
    if (chosen.only.empty() || chosen.only == "cycles") table_of_cycles(chosen);
    if (chosen.only.empty() || chosen.only == "waits") table_of_waits(chosen);
    if (chosen.only.empty() || chosen.only == "sizes") table_of_sizes(chosen);
}
