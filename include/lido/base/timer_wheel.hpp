// Lido: deadlines in constant time.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/base/time.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lido {

/// The links that a timer wheel keeps for one timer. `Handle` is a pointer or an index, see `timer_wheel`.
template <class Handle>
struct timer_links {
    Handle previous{};
    Handle next{};
    std::uint64_t tick = 0;
    std::uint16_t bucket = 0;
    bool armed = false;
};

/// A hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987): arming, disarming
/// and firing cost O(1), whatever the number of timers. Ticks are milliseconds; a timer never fires early and at most
/// one tick late by the wheel's own doing.
///
/// `Nodes` says where the links are: `using handle`, `static constexpr handle none`, and
/// `timer_links<handle>& links(handle)`. With indices as handles the wheel is a plain value that can be copied together
/// with its nodes; the ledger needs that for exhaustive testing. Not thread-safe.
template <class Nodes>
class timer_wheel {
public:
    using handle = typename Nodes::handle;

    /// `origin` is the earliest time the wheel will ever be asked about.
    explicit timer_wheel(time_point origin) noexcept : origin_(origin) { heads_.fill(Nodes::none); }

    /// Arms or re-arms `which` for `when`. `never` disarms.
    void arm(Nodes nodes, handle which, time_point when) noexcept {
        disarm(nodes, which);
        if (when == never) return;
        nodes.links(which).tick = tick_not_before(when);
        insert(nodes, which);
    }

    void disarm(Nodes nodes, handle which) noexcept {
        auto& links = nodes.links(which);
        if (!links.armed) return;
        unlink(nodes, links);
        --size_;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// The time at which `advance` has something to do next, `never` when nothing is armed. It may be earlier than the
    /// earliest timer (a coarse bucket that has to be sorted into finer ones), never later.
    [[nodiscard]] time_point next_wake() const noexcept {
        const position next = next_occupied();
        return next.found ? origin_ + std::chrono::milliseconds(next.tick) : never;
    }

    /// Calls `on_due(handle)` for each timer whose time has come by `now`; it is disarmed before. Those of an earlier
    /// tick come first, those of one tick in no particular order. `on_due` may arm and disarm any timer. A timer armed
    /// for the past, by `on_due` or otherwise, fires at the next tick, so that no call runs for ever.
    template <class OnDue>
    void advance(Nodes nodes, time_point now, OnDue&& on_due) {
        const std::uint64_t target = tick_at(now);
        for (position next = next_occupied(); next.found && next.tick <= target; next = next_occupied()) {
            elapsed_ = next.tick;
            handle first = take(next.bucket);
            if (next.bucket < slots_per_level) {
                splice_due(nodes, first);
            } else {
                sort_down(nodes, first);
            }
        }
        if (target >= elapsed_) elapsed_ = target + 1;
        while (due_head_ != Nodes::none) {
            const handle which = due_head_;
            unlink(nodes, nodes.links(which));
            --size_;
            on_due(which);
        }
    }

private:
    static constexpr unsigned bits_per_level = 6;
    static constexpr unsigned slots_per_level = 1U << bits_per_level;
    static constexpr unsigned levels = 6;
    /// Timers further away than this (2.1 years) wait in the last bucket before it and are sorted in again from there.
    /// One slot less than the top level has: a timer a whole turn ahead would fall into the slot of the present, which
    /// would be sorted into itself for ever.
    static constexpr std::uint64_t horizon = std::uint64_t{slots_per_level - 1} << (bits_per_level * (levels - 1));
    static constexpr std::uint16_t due_bucket = slots_per_level * levels;

    struct position {
        bool found = false;
        std::uint64_t tick = 0;
        std::uint16_t bucket = 0;
    };

    [[nodiscard]] std::uint64_t tick_at(time_point when) const noexcept {
        if (when <= origin_) return 0;
        return static_cast<std::uint64_t>((when - origin_) / std::chrono::milliseconds(1));
    }

    [[nodiscard]] std::uint64_t tick_not_before(time_point when) const noexcept {
        if (when <= origin_) return 0;
        const auto tick = static_cast<std::uint64_t>((when - origin_) / std::chrono::milliseconds(1));
        const bool whole = (when - origin_) % std::chrono::milliseconds(1) == duration::zero();
        return whole ? tick : tick + 1;
    }

    void insert(Nodes nodes, handle which) noexcept {
        auto& links = nodes.links(which);
        std::uint64_t tick = links.tick;
        if (tick < elapsed_) tick = elapsed_;
        if (tick - elapsed_ >= horizon) tick = elapsed_ + horizon - 1;
        const std::uint64_t differing = (elapsed_ ^ tick) | (slots_per_level - 1);
        unsigned level = (63U - static_cast<unsigned>(std::countl_zero(differing))) / bits_per_level;
        if (level >= levels) level = levels - 1;
        const auto slot = static_cast<unsigned>((tick >> (bits_per_level * level)) & (slots_per_level - 1));
        push(nodes, which, links, static_cast<std::uint16_t>(level * slots_per_level + slot));
        occupied_[level] |= std::uint64_t{1} << slot;
        ++size_;
    }

    void push(Nodes nodes, handle which, timer_links<handle>& links, std::uint16_t bucket) noexcept {
        handle& head = heads_[bucket];
        links.previous = Nodes::none;
        links.next = head;
        links.bucket = bucket;
        links.armed = true;
        if (head != Nodes::none) nodes.links(head).previous = which;
        head = which;
    }

    void unlink(Nodes nodes, timer_links<handle>& links) noexcept {
        handle& head = head_of(links.bucket);
        if (links.previous != Nodes::none) {
            nodes.links(links.previous).next = links.next;
        } else {
            head = links.next;
        }
        if (links.next != Nodes::none) nodes.links(links.next).previous = links.previous;
        links.armed = false;
        if (links.bucket == due_bucket) {
            if (links.next == Nodes::none) due_tail_ = links.previous;
        } else if (head == Nodes::none) {
            mark_empty(links.bucket);
        }
    }

    [[nodiscard]] handle& head_of(std::uint16_t bucket) noexcept {
        return bucket == due_bucket ? due_head_ : heads_[bucket];
    }

    void mark_empty(std::uint16_t bucket) noexcept {
        occupied_[bucket / slots_per_level] &= ~(std::uint64_t{1} << (bucket % slots_per_level));
    }

    [[nodiscard]] handle take(std::uint16_t bucket) noexcept {
        const handle first = heads_[bucket];
        heads_[bucket] = Nodes::none;
        mark_empty(bucket);
        return first;
    }

    /// Appends a bucket's timers, which are linked already, to those that are due.
    void splice_due(Nodes nodes, handle first) noexcept {
        nodes.links(first).previous = due_tail_;
        (due_tail_ == Nodes::none ? due_head_ : nodes.links(due_tail_).next) = first;
        for (handle each = first; each != Nodes::none; each = nodes.links(each).next) {
            nodes.links(each).bucket = due_bucket;
            due_tail_ = each;
        }
    }

    void sort_down(Nodes nodes, handle first) noexcept {
        while (first != Nodes::none) {
            const handle following = nodes.links(first).next;
            --size_;
            insert(nodes, first);
            first = following;
        }
    }

    /// The occupied bucket that is due first. Of two that are due at once the coarser comes first: it may hold timers
    /// that belong before those of the finer one.
    [[nodiscard]] position next_occupied() const noexcept {
        position first;
        for (unsigned level = 0; level < levels; ++level) {
            if (occupied_[level] == 0) continue;
            const unsigned shift = bits_per_level * level;
            const auto now_slot = static_cast<unsigned>((elapsed_ >> shift) & (slots_per_level - 1));
            const auto distance =
                static_cast<unsigned>(std::countr_zero(std::rotr(occupied_[level], static_cast<int>(now_slot))));
            const unsigned slot = (now_slot + distance) % slots_per_level;
            const std::uint64_t level_range = std::uint64_t{1} << (shift + bits_per_level);
            std::uint64_t tick = (elapsed_ & ~(level_range - 1)) + (std::uint64_t{slot} << shift);
            if (slot < now_slot) tick += level_range;
            if (tick < elapsed_) tick = elapsed_;
            if (!first.found || tick <= first.tick) {
                first = {true, tick, static_cast<std::uint16_t>(level * slots_per_level + slot)};
            }
        }
        return first;
    }

    time_point origin_;
    std::uint64_t elapsed_ = 0;  // every earlier tick has been fired
    std::size_t size_ = 0;
    std::array<std::uint64_t, levels> occupied_{};
    std::array<handle, std::size_t{slots_per_level} * levels> heads_{};
    handle due_head_ = Nodes::none;
    handle due_tail_ = Nodes::none;
};

}  // namespace lido
