#include "pool/adaptive_size.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lido::pool {
namespace {

double seconds(duration value) noexcept {
    return std::chrono::duration<double>(value).count();
}

duration share_of(duration sum, std::uint64_t among) noexcept {
    return sum / static_cast<duration::rep>(std::max<std::uint64_t>(among, 1));
}

std::size_t rounded_up(double number) noexcept {
    return number <= 0.0 ? 0 : static_cast<std::size_t>(std::ceil(number));
}

}  // namespace

duration load_sample::mean_wait() const noexcept {
    return share_of(lacking, served);
}

duration load_sample::mean_response() const noexcept {
    return mean_wait() + share_of(busy, served);
}

double load_sample::utilisation() const noexcept {
    const double offered = seconds(length) * static_cast<double>(size) * static_cast<double>(per_connection);
    return offered <= 0.0 ? 0.0 : std::clamp(seconds(busy) / offered, 0.0, 1.0);
}

std::size_t adaptive_size::next(const load_sample& seen, std::size_t lowest, std::size_t highest) noexcept {
    std::size_t size = seen.size;
    if (must_grow(seen)) {
        calm_ = 0;
        size += growth(seen);
        if (std::exchange(shrunk_, false) || regretted_ > 0) regretted_ = size;
    } else if (is_calm(seen)) {
        ++calm_;
        peaks_[calm_ % peaks_.size()] = seen.peak_leases;
        if (calm_ >= rules_.shrink_after) size -= std::min(size, shrinkage(seen));
    } else {
        calm_ = 0;
    }
    size = std::max(lowest, std::min(size, highest));
    if (size < seen.size) shrunk_ = true;
    return size;
}

/// More connections help only those who lack one. While the server cannot be reached they help nobody.
bool adaptive_size::must_grow(const load_sample& seen) const noexcept {
    if (!seen.reachable) return false;
    if (seen.turned_away > 0) return true;
    if (seen.lacking <= duration::zero()) return false;
    if (rules_.grow_above_utilisation < 1.0 && seen.utilisation() > rules_.grow_above_utilisation) return true;
    if (seen.mean_wait() > rules_.grow_above_wait) return true;
    return seen.served >= rules_.least_leases && seen.mean_response() > rules_.grow_above_response;
}

bool adaptive_size::is_calm(const load_sample& seen) const noexcept {
    const bool looks_at_utilisation = rules_.shrink_below_utilisation > 0.0;
    const bool looks_at_response = rules_.shrink_below_response > duration::zero();
    if (looks_at_utilisation && seen.utilisation() >= rules_.shrink_below_utilisation) return false;
    if (looks_at_response && seen.mean_response() >= rules_.shrink_below_response) return false;
    return looks_at_utilisation || looks_at_response;
}

std::size_t adaptive_size::growth(const load_sample& seen) const noexcept {
    const double per_connection = static_cast<double>(std::max<std::size_t>(seen.per_connection, 1));
    const double length = std::max(seconds(seen.length), 1e-9);
    const double callers = seconds(seen.lacking) / length + static_cast<double>(seen.turned_away);
    const double limit = rules_.grow_share * static_cast<double>(seen.size);
    return std::max(rules_.grow_by, rounded_up(std::min(callers / per_connection, limit)));
}

/// Never below what was in use at once, and its square root more: what a quieter moment does not need, the next busy
/// one would have to open again. A load that is as random as a Poisson process varies by about the square root of its
/// mean (Halfin and Whitt, "Heavy-Traffic Limits for Queues with Many Exponential Servers", 1981).
std::size_t adaptive_size::shrinkage(const load_sample& seen) noexcept {
    const auto per_connection = static_cast<double>(std::max<std::size_t>(seen.per_connection, 1));
    const double peak = static_cast<double>(recent_peak()) / per_connection;
    std::size_t needed = rounded_up(peak + std::sqrt(peak));
    // To shrink was wrong once under this load; that is not tried again before the load is another.
    if (peak * 2 < static_cast<double>(regretted_)) regretted_ = 0;
    needed = std::max(needed, regretted_);
    const std::size_t spare = seen.size > needed ? seen.size - needed : 0;
    return std::min(spare, std::max(rules_.shrink_by, rounded_up(rules_.shrink_share * static_cast<double>(spare))));
}

std::size_t adaptive_size::recent_peak() const noexcept {
    std::size_t peak = 0;
    for (std::size_t i = 0; i < rules_.shrink_after; ++i) peak = std::max(peak, peaks_[(calm_ - i) % peaks_.size()]);
    return peak;
}

}  // namespace lido::pool
