#include "sim/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lido::sim {
namespace {

std::string read_all(int from) {
    std::string all;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t size = ::read(from, part.data(), part.size());
        if (size <= 0) return all;
        if (all.size() < 1'000'000) all.append(part.data(), static_cast<std::size_t>(size));
    }
}

/// What a searching process tells the one that watches it.
struct progress {
    std::uint64_t seed = 0;
    std::uint64_t seeds = 0;
    std::uint64_t steps = 0;
};

}  // namespace

bool survives(const std::function<void()>& work, std::string* said) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) std::abort();
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        work();
        std::fflush(nullptr);
        ::_exit(0);
    }
    ::close(ends[1]);
    const std::string text = read_all(ends[0]);
    ::close(ends[0]);
    int status = 1;
    ::waitpid(child, &status, 0);
    if (said != nullptr) *said = text;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<choice> shrink(const world_config& config, std::vector<choice> failing, int attempts) {
    const auto fails = [&](const std::vector<choice>& part) {
        --attempts;
        return !survives([&] { run(config, part); });
    };
    for (std::size_t size = failing.size() / 2; size > 0 && attempts > 0;) {
        bool shorter = false;
        for (std::size_t at = 0; at < failing.size() && attempts > 0;) {
            std::vector<choice> part = failing;
            const std::size_t end = std::min(at + size, part.size());
            part.erase(part.begin() + static_cast<std::ptrdiff_t>(at), part.begin() + static_cast<std::ptrdiff_t>(end));
            if (fails(part)) {
                failing = std::move(part);
                shorter = true;
            } else {
                at += size;
            }
        }
        if (!shorter || size > failing.size()) size = std::min(size, failing.size()) / 2;
    }
    return failing;
}

std::string as_test(const world_config& config, const std::vector<choice>& choices) {
    std::string text = fmt::format("TEST(regressions, seed_{}) {{\n    // {}\n    run(draw_world({}), {{\n",
                                   config.seed, config.describe(), config.seed);
    for (const choice& each : choices) {
        text += fmt::format("        {{event::{}, {}, {:#x}}},\n", name_of(each.what), each.pick, each.value);
    }
    return text + "    });\n}\n";
}

void narrate(const world_config& config, const std::vector<choice>& choices) {
    world made_up(config);
    made_up.tell(stderr);
    for (const choice& each : choices) made_up.apply(each);
    made_up.heal();
}

search_result search(std::uint64_t first, std::size_t choices,
                     const std::function<bool(std::uint64_t, std::uint64_t)>& may_go_on) {
    void* shared = ::mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) std::abort();
    auto* seen = new (shared) progress;
    const bool well = survives([&] {
        for (std::uint64_t seed = first; may_go_on(seen->seeds, seen->steps); ++seed) {
            seen->seed = seed;
            const world_config config = draw_world(seed);
            seen->steps += run(config, draw_choices(config, choices)).steps;
            ++seen->seeds;
        }
    });
    search_result result{seen->seeds, seen->steps, std::nullopt};
    if (!well) result.failed = seen->seed;
    ::munmap(shared, sizeof(progress));
    return result;
}

std::string report(std::uint64_t seed, std::size_t choices) {
    const world_config config = draw_world(seed);
    const std::vector<choice> shrunk = shrink(config, draw_choices(config, choices));
    std::string story;
    survives([&] { narrate(config, shrunk); }, &story);
    return fmt::format("{}\n\n{}", story, as_test(config, shrunk));
}

}  // namespace lido::sim
