#include "lido/base/histogram.hpp"

#include <cmath>

namespace lido {

std::uint64_t histogram::middle_of(std::size_t bucket) noexcept {
    if (bucket < linear_units) return (std::uint64_t{bucket} << unit_bits) + (std::uint64_t{1} << (unit_bits - 1));
    const auto shift = static_cast<unsigned>(bucket >> half_bits) - 1;
    const std::uint64_t units = (bucket - (std::size_t{shift} << half_bits)) << shift;
    return (units << unit_bits) + (std::uint64_t{1} << (shift + unit_bits - 1));
}

duration histogram::mean() const noexcept {
    if (count_ == 0) return duration::zero();
    if (sum_high_ == 0) return from_nanoseconds(sum_low_ / count_);
    const double sum = std::ldexp(static_cast<double>(sum_high_), 64) + static_cast<double>(sum_low_);
    // Rounding must not lead out of what was recorded.
    return from_nanoseconds(std::clamp(static_cast<std::uint64_t>(sum / static_cast<double>(count_)), min_, max_));
}

duration histogram::quantile(double share) const noexcept {
    if (count_ == 0) return duration::zero();
    if (!(share > 0.0)) return min();
    if (share >= 1.0) return max();
    const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
        seen += count_in(bucket);
        if (seen >= rank) return from_nanoseconds(std::clamp(middle_of(bucket), min_, max_));
    }
    return max();
}

void histogram::merge(const histogram& other) noexcept {
    for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
        const std::uint64_t sum = count_in(bucket) + other.count_in(bucket);
        low_[bucket] = static_cast<std::uint32_t>(sum);
        high_[bucket] = static_cast<std::uint16_t>(sum >> 32);
    }
    count_ += other.count_;
    add_to_sum(other.sum_low_, other.sum_high_);
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

}  // namespace lido
