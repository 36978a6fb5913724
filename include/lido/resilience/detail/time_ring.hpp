// Lido: sums over the last stretch of time, in fixed memory.
#pragma once

#include "lido/base/time.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lido::resilience::detail {

/// A sliding sum: time is cut into cells of equal width, and `total` is the sum of the newest `Count` of them, the one
/// that is being filled included. It so covers more than `Count` - 1 and at most `Count` widths of time before now.
///
/// `Cell` is a value of numbers with += and -=. The time that counts is the latest one seen: an earlier `now` is taken
/// for that, so threads whose readings cross do no harm. O(1) per call, at most `Count` cells are emptied by one.
template <class Cell, std::size_t Count>
class time_ring {
public:
    /// `cell_width` must be positive.
    explicit time_ring(duration cell_width) noexcept : width_(cell_width) {}

    void add(time_point now, const Cell& amount) noexcept {
        advance(now);
        cells_[place_of(newest_)] += amount;
        total_ += amount;
    }

    [[nodiscard]] const Cell& total(time_point now) noexcept {
        advance(now);
        return total_;
    }

    void clear() noexcept {
        cells_ = {};
        total_ = Cell{};
    }

private:
    static constexpr auto count = static_cast<std::int64_t>(Count);

    [[nodiscard]] static std::size_t place_of(std::int64_t number) noexcept {
        return static_cast<std::size_t>(((number % count) + count) % count);
    }

    /// Rounded down, also before the clock's zero.
    [[nodiscard]] std::int64_t number_of(time_point now) const noexcept {
        const std::int64_t ticks = now.time_since_epoch().count();
        const std::int64_t width = width_.count();
        return ticks >= 0 ? ticks / width : -1 - (-1 - ticks) / width;
    }

    void advance(time_point now) noexcept {
        const std::int64_t number = number_of(now);
        if (number <= newest_) return;
        // After a long rest nothing is left, and counting cells of the clock's whole range would take forever.
        if (newest_ < number - count) {
            clear();
        } else {
            for (std::int64_t each = newest_ + 1; each <= number; ++each) {
                Cell& old = cells_[place_of(each)];
                total_ -= old;
                old = Cell{};
            }
        }
        newest_ = number;
    }

    std::array<Cell, Count> cells_{};
    Cell total_{};
    duration width_;
    /// The number of the cell that is being filled. At first none: long before the clock's zero.
    std::int64_t newest_ = INT64_MIN / 2;
};

}  // namespace lido::resilience::detail
