#include "http/connection_budget.hpp"

#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::http {

/// Somebody in the queue. On the heap, because a permit may be on its way to it, posted, when the wait is given up.
struct connection_budget::waiting : work {
    explicit waiting(take_awaiter& who, std::coroutine_handle<> caller) noexcept
        : work([](work& item) noexcept { static_cast<waiting&>(item).arrive(); }),
          home(scheduler::current()),
          owner(&who),
          resumed(caller) {}

    /// On the caller's scheduler: the permit has come.
    void arrive() noexcept {
        if (owner == nullptr) {
            const std::shared_ptr<connection_budget> budget = std::move(from);
            delete this;
            budget->give_back();
            return;
        }
        owner->taken_ = true;
        owner->leave();
        const std::coroutine_handle<> caller = resumed;
        delete this;
        caller.resume();
    }

    scheduler* home;
    take_awaiter* owner;  // null: nobody waits any more
    std::coroutine_handle<> resumed;
    std::shared_ptr<connection_budget> from;
};

connection_budget::~connection_budget() {
    LIDO_ASSERT(used_ == 0 && queue_.empty());
}

bool connection_budget::try_take() noexcept {
    const std::lock_guard held(mutex_);
    if (used_ >= max_ || !queue_.empty()) return false;
    ++used_;
    return true;
}

/// The permit goes straight to the one who waited longest.
void connection_budget::give_back() noexcept {
    const std::lock_guard held(mutex_);
    if (queue_.empty()) {
        --used_;
        return;
    }
    waiting* const next = queue_.front();
    queue_.pop_front();
    note_queue_locked();
    next->home->post(*next);
}

std::size_t connection_budget::in_use() const noexcept {
    const std::lock_guard held(mutex_);
    return used_;
}

connection_budget::take_awaiter::take_awaiter(connection_budget& from, time_point deadline) noexcept
    : timer([](timer& self) noexcept { static_cast<take_awaiter&>(self).expire(); }),
      from_(from),
      deadline_(deadline) {}

connection_budget::take_awaiter::~take_awaiter() {
    if (node_ != nullptr) {
        waiting* const node = node_;
        leave();
        const std::lock_guard held(from_.mutex_);
        const auto place = std::find(from_.queue_.begin(), from_.queue_.end(), node);
        if (place == from_.queue_.end()) {
            node->owner = nullptr;  // its permit is posted; `arrive` gives it back
        } else {
            from_.queue_.erase(place);
            from_.note_queue_locked();
            delete node;
        }
    } else if (taken_) {
        from_.give_back();
    }
}

bool connection_budget::take_awaiter::await_ready() noexcept {
    LIDO_ASSERT(scheduler::current() != nullptr);
    taken_ = from_.try_take();
    return taken_;
}

bool connection_budget::take_awaiter::await_suspend(std::coroutine_handle<> waiter) {
    {
        const std::lock_guard held(from_.mutex_);
        if (from_.used_ < from_.max_ && from_.queue_.empty()) {
            ++from_.used_;
            taken_ = true;
            return false;
        }
        node_ = new waiting(*this, waiter);
        node_->from = from_.shared_from_this();
        from_.queue_.push_back(node_);
        from_.note_queue_locked();
    }
    scheduler::current()->arm(*this, deadline_);
    from_.make_room_();
    return true;
}

/// Ends the wait as far as this awaiter is concerned.
void connection_budget::take_awaiter::leave() noexcept {
    scheduler::current()->disarm(*this);
    node_ = nullptr;
}

/// The deadline came. A permit that is posted already is on its way on this scheduler and will be here at once.
void connection_budget::take_awaiter::expire() noexcept {
    waiting* const node = node_;
    {
        const std::lock_guard held(from_.mutex_);
        const auto place = std::find(from_.queue_.begin(), from_.queue_.end(), node);
        if (place == from_.queue_.end()) return;
        from_.queue_.erase(place);
        from_.note_queue_locked();
    }
    leave();
    const std::coroutine_handle<> caller = node->resumed;
    delete node;
    caller.resume();
}

result<connection_budget::permit> connection_budget::take_awaiter::await_resume() {
    if (std::exchange(taken_, false)) return permit(from_);
    return error(errc::pool_exhausted,
                 fmt::format("all {} connections that the client may have over all origins are in use", from_.max_),
                 "raise max_connections, or send less at once");
}

}  // namespace lido::http
