#include "pool/waiters.hpp"

#include "lido/base/assert.hpp"

namespace lido::pool {

waiter_id waiters::add(std::uint8_t priority, time_point since, time_point deadline, std::uint64_t holder,
                       std::uint32_t affinity) {
    LIDO_ASSERT(priority >= highest_priority && priority <= lowest_priority);
    std::uint32_t index = 0;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(all_.size());
        all_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    waiter& who = all_[index];
    ++who.generation;
    who.waiting = true;
    who.priority = priority;
    who.affinity = affinity;
    who.holder = holder;
    who.ticket = next_ticket_++;
    who.since = since;
    who.deadline = deadline;
    queues_[priority - highest_priority].push_back(all_, index);
    timers_.arm(nodes{&all_}, index, deadline);
    ++size_;
    return {index, who.generation};
}

void waiters::remove(waiter_id which) noexcept {
    LIDO_ASSERT(contains(which));
    waiter& who = all_[which.index];
    queues_[who.priority - highest_priority].remove(all_, which.index);
    timers_.disarm(nodes{&all_}, which.index);
    who.waiting = false;
    free_.push_back(which.index);
    --size_;
}

waiter_id waiters::first() const noexcept {
    LIDO_ASSERT(size_ > 0);
    std::uint32_t best = no_index;
    for (const list& queue : queues_) {
        if (queue.empty()) continue;
        const std::uint32_t head = queue.front();
        // Of two with the same due time the higher priority goes first: its queue was looked at before.
        if (best == no_index || due(all_[head]) < due(all_[best])) best = head;
    }
    return {best, all_[best].generation};
}

waiter_id waiters::earliest() const noexcept {
    LIDO_ASSERT(size_ > 0);
    std::uint32_t best = no_index;
    for (const list& queue : queues_) {
        if (queue.empty()) continue;
        const std::uint32_t head = queue.front();
        if (best == no_index || all_[head].ticket < all_[best].ticket) best = head;
    }
    return {best, all_[best].generation};
}

time_point waiters::earliest_arrival() const noexcept {
    return empty() ? never : all_[earliest().index].since;
}

}  // namespace lido::pool
