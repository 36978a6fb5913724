// Lido: the queue of callers that wait for a connection.
#pragma once

#include "lido/base/time.hpp"
#include "lido/base/timer_wheel.hpp"
#include "lido/pool/identifiers.hpp"
#include "pool/index_list.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace lido::pool {

inline constexpr std::uint8_t highest_priority = 1;
inline constexpr std::uint8_t lowest_priority = 10;

struct waiter {
    std::uint32_t generation = 0;
    bool waiting = false;
    std::uint8_t priority = highest_priority;
    std::uint32_t affinity = 0;
    std::uint64_t holder = 0;
    std::uint64_t ticket = 0;  ///< order of arrival
    time_point since{};
    time_point deadline = never;
    index_links links;
    timer_links<std::uint32_t> timer{no_index, no_index};
};

/// Callers in order: strictly first come, first served within a priority; between priorities, who has the earlier
/// "due time" = arrival + (priority - 1) × ageing. A caller of a low priority is thus overtaken only by those that come
/// within its handicap, which bounds its wait. Adding, removing and finding the first cost O(1): one list a priority.
///
/// A plain value; not thread-safe. Places are reused; identifiers carry a generation.
class waiters {
public:
    struct nodes {
        using handle = std::uint32_t;
        static constexpr handle none = no_index;
        std::vector<waiter>* all;
        [[nodiscard]] timer_links<handle>& links(handle which) const noexcept { return (*all)[which].timer; }
    };

    waiters(time_point origin, duration ageing) : timers_(origin), ageing_(ageing) {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    void set_ageing(duration ageing) noexcept { ageing_ = ageing; }

    /// Adds a caller at the end of its priority. `since` must not go back in time.
    waiter_id add(std::uint8_t priority, time_point since, time_point deadline, std::uint64_t holder,
                  std::uint32_t affinity);
    /// Takes a caller out.
    void remove(waiter_id which) noexcept;
    [[nodiscard]] bool contains(waiter_id which) const noexcept {
        return which.index < all_.size() && all_[which.index].waiting &&
               all_[which.index].generation == which.generation;
    }
    [[nodiscard]] const waiter& at(waiter_id which) const noexcept { return all_[which.index]; }

    /// The caller whose turn it is. Precondition: not empty.
    [[nodiscard]] waiter_id first() const noexcept;
    /// When the caller that came first among all came; `never` when empty.
    [[nodiscard]] time_point earliest_arrival() const noexcept;
    /// The caller that came first among all. Precondition: not empty.
    [[nodiscard]] waiter_id earliest() const noexcept;

    /// Calls `on_expired(waiter_id)` for each caller whose deadline has come; it must remove it.
    template <class OnExpired>
    void expire(time_point now, OnExpired&& on_expired) {
        timers_.advance(nodes{&all_}, now, [&](std::uint32_t index) {
            on_expired(waiter_id{index, all_[index].generation});
        });
    }
    [[nodiscard]] time_point next_expiry() const noexcept { return timers_.next_wake(); }

private:
    using list = index_list<waiter, &waiter::links>;
    [[nodiscard]] time_point due(const waiter& who) const noexcept {
        return who.since + ageing_ * (who.priority - highest_priority);
    }

    std::vector<waiter> all_;
    std::vector<std::uint32_t> free_;
    std::array<list, lowest_priority> queues_{};
    timer_wheel<nodes> timers_;
    std::uint64_t next_ticket_ = 0;
    std::size_t size_ = 0;
    duration ageing_;
};

}  // namespace lido::pool
