// Lido: random numbers for jitter, sampling and balancing. Not for keys or tokens.
#pragma once

#include "lido/base/time.hpp"

#include <array>
#include <bit>
#include <cstdint>

#include <sys/random.h>

namespace lido {

/// A source of random numbers: xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators",
/// 2021), seeded by splitmix64. A value of 32 bytes: a copy goes on with the same sequence, and equal seeds give equal
/// sequences on every machine, which is what the simulation repeats its runs by.
///
/// Not thread-safe; about a nanosecond per number. It is predictable and must never make a secret.
class random_source {
public:
    explicit random_source(std::uint64_t seed) noexcept {
        for (std::uint64_t& word : state_) word = split_mix(seed);
    }

    /// 64 random bits.
    [[nodiscard]] std::uint64_t next() noexcept {
        const std::uint64_t value = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return value;
    }

    /// Uniform in 0 … `bound` - 1 without bias; 0 when `bound` is 0. Lemire, "Fast Random Integer Generation in an
    /// Interval", 2019.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept {
        if (bound == 0) return 0;
        wide product = wide{next()} * bound;
        if (static_cast<std::uint64_t>(product) < bound) {
            const std::uint64_t unfair = (0 - bound) % bound;
            while (static_cast<std::uint64_t>(product) < unfair) product = wide{next()} * bound;
        }
        return static_cast<std::uint64_t>(product >> 64);
    }

    /// Uniform in [0, 1), in steps of 2^-53.
    [[nodiscard]] double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

    /// Uniform in 0 … `longest`, both included; zero when `longest` is not positive.
    [[nodiscard]] duration up_to(duration longest) noexcept {
        if (longest <= duration::zero()) return duration::zero();
        return duration(static_cast<duration::rep>(below(static_cast<std::uint64_t>(longest.count()) + 1)));
    }

    /// A seed from the kernel; from the clock in the unlikely case that the kernel has none to give. One system call.
    [[nodiscard]] static std::uint64_t entropy_seed() noexcept {
        std::uint64_t seed = 0;
        if (getentropy(&seed, sizeof seed) == 0) return seed;
        return static_cast<std::uint64_t>(clock::now().time_since_epoch().count());
    }

private:
    __extension__ using wide = unsigned __int128;

    static std::uint64_t split_mix(std::uint64_t& state) noexcept {
        std::uint64_t value = state += 0x9E3779B97F4A7C15U;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
        return value ^ (value >> 31);
    }

    std::array<std::uint64_t, 4> state_{};
};

}  // namespace lido
