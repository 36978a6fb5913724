// Lido: what size a pool wants, decided from what an interval has shown.
#pragma once

#include "lido/pool/adaptive_sizing.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace lido::pool {

/// What one interval has shown. Times of several callers or leases are added up.
struct load_sample {
    duration length{};               ///< of the interval
    std::size_t size = 1;            ///< connections that the pool was allowed
    std::size_t per_connection = 1;  ///< leases that one is expected to carry at once
    duration busy{};                 ///< the time of all leases
    duration lacking{};              ///< the time that callers waited for want of a connection
    std::uint64_t served = 0;        ///< leases given
    std::uint64_t turned_away = 0;   ///< callers refused, or served by overflow, for want of a connection
    std::size_t peak_leases = 0;     ///< out at once
    bool reachable = true;           ///< the last connect worked

    /// The mean wait for want of a connection: Little's law, W = L / λ.
    [[nodiscard]] duration mean_wait() const noexcept;
    /// The mean wait and the mean lease together.
    [[nodiscard]] duration mean_response() const noexcept;
    /// The share of all the time that could have been lent.
    [[nodiscard]] double utilisation() const noexcept;
};

/// The decisions of an adaptive pool, one per interval. A plain value without a clock; not thread-safe. O(1).
class adaptive_size {
public:
    /// `rules` must be valid.
    explicit adaptive_size(const adaptive_sizing& rules) noexcept : rules_(rules) {}

    /// The size to have from now on, `lowest` … `highest`. `seen.size` is the size of now.
    [[nodiscard]] std::size_t next(const load_sample& seen, std::size_t lowest, std::size_t highest) noexcept;

    /// Other rules; the calm intervals so far are forgotten. `rules` must be valid.
    void set_rules(const adaptive_sizing& rules) noexcept {
        rules_ = rules;
        calm_ = 0;
        shrunk_ = false;
        regretted_ = 0;
    }
    [[nodiscard]] const adaptive_sizing& rules() const noexcept { return rules_; }

private:
    [[nodiscard]] bool must_grow(const load_sample& seen) const noexcept;
    [[nodiscard]] bool is_calm(const load_sample& seen) const noexcept;
    [[nodiscard]] std::size_t growth(const load_sample& seen) const noexcept;
    [[nodiscard]] std::size_t shrinkage(const load_sample& seen) noexcept;
    [[nodiscard]] std::size_t recent_peak() const noexcept;

    adaptive_sizing rules_;
    std::size_t calm_ = 0;                 // calm intervals in a row
    std::array<std::size_t, 16> peaks_{};  // leases at once in each of these, the last at calm_ modulo 16
    bool shrunk_ = false;                  // the last change made it smaller
    std::size_t regretted_ = 0;            // what it had to grow to after that; 0: nothing
};

}  // namespace lido::pool
