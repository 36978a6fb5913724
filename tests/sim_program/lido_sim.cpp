// The simulator as a program: ./dev sim [--seed N] [--steps N] [--minutes N]
#include "sim/exhaustive.hpp"
#include "sim/runner.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/resource.h>

namespace {

struct options {
    std::uint64_t seed = 0;
    std::uint64_t first = 1;
    std::uint64_t steps = 20'000'000;
    double minutes = 0;
    std::size_t choices = 2000;
    bool shrink = true;
    unsigned exhaustive = 0;
};

[[noreturn]] void usage() {
    std::fprintf(
        stderr,
        "usage: lido-sim [--seed N] [--first N] [--steps N] [--minutes N] [--choices N] [--shrink 0] [--exhaustive N]\n"
        "  --seed N     one seed: run it, and when it fails shrink it and tell its story\n"
        "  --first N    the first of many seeds (1)\n"
        "  --steps N    events in all (20,000,000)\n"
        "  --minutes N  instead of a number of steps\n"
        "  --choices N  per seed (2000)\n"
        "  --exhaustive N  instead: every sequence of N events in a small world\n"
        "  --shrink 0   only say which seed failed\n");
    std::exit(2);
}

options read(int count, char** words) {
    options read;
    for (int i = 1; i < count; i += 2) {
        if (i + 1 >= count) usage();
        char* end = nullptr;
        const double number = std::strtod(words[i + 1], &end);
        if (*end != '\0' || number < 0) usage();
        const auto whole = static_cast<std::uint64_t>(number);
        if (std::strcmp(words[i], "--seed") == 0) {
            read.seed = whole;
        } else if (std::strcmp(words[i], "--first") == 0) {
            read.first = whole;
        } else if (std::strcmp(words[i], "--steps") == 0) {
            read.steps = whole;
        } else if (std::strcmp(words[i], "--minutes") == 0) {
            read.minutes = number;
        } else if (std::strcmp(words[i], "--choices") == 0) {
            read.choices = static_cast<std::size_t>(whole);
        } else if (std::strcmp(words[i], "--exhaustive") == 0) {
            read.exhaustive = static_cast<unsigned>(whole);
        } else if (std::strcmp(words[i], "--shrink") == 0) {
            read.shrink = whole != 0;
        } else {
            usage();
        }
    }
    return read;
}

/// Of the worlds, which live in a process of their own. On a machine that others use as well the clock says little.
double processor_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    return static_cast<double>(used.ru_utime.tv_sec) + static_cast<double>(used.ru_utime.tv_usec) / 1e6;
}

}  // namespace

int main(int count, char** words) {
    using clock = std::chrono::steady_clock;
    const options wanted = read(count, words);
    const clock::time_point begin = clock::now();
    const auto seconds = [&] { return std::chrono::duration<double>(clock::now() - begin).count(); };
    if (wanted.exhaustive > 0) {
        const auto all = lido::sim::explore(lido::sim::small_settings(), wanted.exhaustive);
        std::printf("%llu events, %llu states gone on from, in %.1f s\n", static_cast<unsigned long long>(all.steps),
                    static_cast<unsigned long long>(all.states), seconds());
        return 0;
    }
    const bool one = wanted.seed != 0;
    const auto may_go_on = [&](std::uint64_t seeds, std::uint64_t steps) {
        if (one) return seeds == 0;
        return wanted.minutes > 0 ? seconds() < wanted.minutes * 60 : steps < wanted.steps;
    };
    const lido::sim::search_result found =
        lido::sim::search(one ? wanted.seed : wanted.first, wanted.choices, may_go_on);
    std::printf("%llu steps of %llu worlds in %.1f s: %.2f million steps per second of processor time\n",
                static_cast<unsigned long long>(found.steps), static_cast<unsigned long long>(found.seeds), seconds(),
                static_cast<double>(found.steps) / processor_seconds() / 1e6);
    if (!found.failed) return 0;
    std::printf("seed %llu fails%s\n", static_cast<unsigned long long>(*found.failed),
                wanted.shrink ? "; shrinking it" : "");
    if (!wanted.shrink) return 1;
    std::printf("%s\n", lido::sim::report(*found.failed, wanted.choices).c_str());
    return 1;
}
