// Lido: durations counted in fixed memory.
#pragma once

#include "lido/base/time.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lido {

/// Counts durations in buckets whose width grows with the value (as Tene's HdrHistogram does), so that memory is fixed
/// and the relative error is bounded: 64 buckets of 64 ns up to 4 µs, then 32 for every doubling.
///
/// A quantile is off by at most 32 ns below 4 µs and by 1.6 % of its value up to 39 h; what is longer counts as that.
/// `count`, `min` and `max` are exact, `mean` to 15 digits. A negative duration counts as zero. About 7 KiB, no other
/// memory; `record` costs a few nanoseconds, `quantile`, `merge` and `reset` about a microsecond. A value type, not
/// thread-safe: keep one per thread and merge them.
class histogram {
public:
    void record(duration value) noexcept {
        const auto nanoseconds = static_cast<std::uint64_t>(std::max<duration::rep>(to_nanoseconds(value), 0));
        const std::size_t bucket = bucket_of(nanoseconds);
        // 48 bits in two arrays: 64 would not fit into 8 KiB, and 32 overflow within hours.
        if (++low_[bucket] == 0) ++high_[bucket];
        ++count_;
        add_to_sum(nanoseconds, 0);
        min_ = std::min(min_, nanoseconds);
        max_ = std::max(max_, nanoseconds);
    }
    /// As if zero had been recorded `times` times.
    void record_zeros(std::uint64_t times) noexcept {
        if (times == 0) return;
        const std::uint64_t low = low_[0] + (times & 0xFFFF'FFFF);
        low_[0] = static_cast<std::uint32_t>(low);
        high_[0] = static_cast<std::uint16_t>(high_[0] + (times >> 32) + (low >> 32));
        count_ += times;
        min_ = 0;
    }

    /// How many durations were recorded.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    /// The shortest; zero when there is none.
    [[nodiscard]] duration min() const noexcept { return count_ == 0 ? duration::zero() : from_nanoseconds(min_); }
    /// The longest; zero when there is none.
    [[nodiscard]] duration max() const noexcept { return from_nanoseconds(max_); }
    /// The arithmetic mean; zero when there is none.
    [[nodiscard]] duration mean() const noexcept;

    /// The value that a share `share` (0 … 1) of all recorded ones do not exceed: 0.5 is the median. Within `min()` …
    /// `max()`; zero when nothing was recorded.
    [[nodiscard]] duration quantile(double share) const noexcept;

    /// Adds what `other` has recorded, as if it had been recorded here.
    void merge(const histogram& other) noexcept;
    /// Forgets everything.
    void reset() noexcept { *this = histogram(); }

private:
    static constexpr unsigned unit_bits = 6;                                      // 64 ns
    static constexpr unsigned half_bits = 5;                                      // 32 buckets per doubling
    static constexpr std::uint64_t linear_units = std::uint64_t{2} << half_bits;  // below, a bucket per unit
    static constexpr unsigned top_bits = 47;                                      // 2^47 ns, 39 h
    static constexpr unsigned doublings = top_bits - unit_bits - half_bits - 1;
    static constexpr std::size_t bucket_count = linear_units + (std::size_t{doublings} << half_bits);

    [[nodiscard]] static constexpr duration::rep to_nanoseconds(duration value) noexcept {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(value).count();
    }
    [[nodiscard]] static constexpr duration from_nanoseconds(std::uint64_t value) noexcept {
        return std::chrono::duration_cast<duration>(std::chrono::nanoseconds(value));
    }

    [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t nanoseconds) noexcept {
        const std::uint64_t units = nanoseconds >> unit_bits;
        if (units < linear_units) return units;
        const auto width = static_cast<unsigned>(std::bit_width(units));
        const unsigned shift = width - half_bits - 1;
        const std::size_t bucket = (std::size_t{shift} << half_bits) + (units >> shift);
        return std::min(bucket, bucket_count - 1);
    }
    [[nodiscard]] static std::uint64_t middle_of(std::size_t bucket) noexcept;
    [[nodiscard]] std::uint64_t count_in(std::size_t bucket) const noexcept {
        return (std::uint64_t{high_[bucket]} << 32) + low_[bucket];
    }
    void add_to_sum(std::uint64_t low, std::uint64_t high) noexcept {
        sum_low_ += low;
        sum_high_ += high + (sum_low_ < low ? 1 : 0);
    }

    std::array<std::uint32_t, bucket_count> low_{};
    std::array<std::uint16_t, bucket_count> high_{};
    std::uint64_t count_ = 0;
    std::uint64_t min_ = ~std::uint64_t{0};
    std::uint64_t max_ = 0;
    std::uint64_t sum_low_ = 0;
    std::uint64_t sum_high_ = 0;
};

static_assert(sizeof(histogram) <= std::size_t{8} * 1024);

}  // namespace lido
