#include "support/virtual_scheduler.hpp"

#include "lido/base/assert.hpp"

#include <utility>

namespace lido::test {

virtual_scheduler::virtual_scheduler()
    : virtual_scheduler(std::unique_ptr<virtual_group>(new virtual_group(virtual_group::alone{}))) {}

virtual_scheduler::virtual_scheduler(std::unique_ptr<virtual_group> own)
    : scheduler(*own, 0), world_(*own), own_group_(std::move(own)) {
    world_.members_.push_back(this);
}

virtual_scheduler::virtual_scheduler(virtual_group& group, std::uint32_t index) noexcept
    : scheduler(group, index), world_(group) {}

virtual_scheduler::~virtual_scheduler() = default;

void virtual_scheduler::post(work& item) noexcept {
    world_.post(*this, item);
}
time_point virtual_scheduler::now() const noexcept {
    return world_.now();
}
void virtual_scheduler::arm(timer& which, time_point when) noexcept {
    world_.arm(*this, which, when);
}
void virtual_scheduler::disarm(timer& which) noexcept {
    world_.disarm(which);
}
std::size_t virtual_scheduler::run_until_idle() {
    return world_.run_until_idle();
}
void virtual_scheduler::advance(duration by) {
    world_.advance(by);
}

void virtual_scheduler::run(work& item) noexcept {
    const current_guard guard(*this);
    item.run(item);
}

void virtual_scheduler::fire(timer& item) noexcept {
    const current_guard guard(*this);
    item.fire(item);
}

virtual_group::virtual_group(std::uint32_t size) {
    LIDO_ASSERT(size > 0);
    for (std::uint32_t index = 0; index < size; ++index) {
        owned_.push_back(std::unique_ptr<virtual_scheduler>(new virtual_scheduler(*this, index)));
        members_.push_back(owned_.back().get());
    }
}

virtual_group::~virtual_group() = default;

std::uint32_t virtual_group::size() const noexcept {
    return static_cast<std::uint32_t>(members_.size());
}

virtual_scheduler& virtual_group::at(std::uint32_t index) noexcept {
    LIDO_ASSERT(index < members_.size());
    return *members_[index];
}

virtual_scheduler& virtual_group::pick() noexcept {
    return *members_[next_pick_++ % members_.size()];
}

std::size_t virtual_group::run_until_idle() {
    constexpr std::size_t too_many = 1'000'000;
    check_thread();
    std::size_t steps = 0;
    while (step()) {
        ++steps;
        LIDO_ASSERT(steps < too_many);
    }
    return steps;
}

void virtual_group::advance(duration by) {
    LIDO_ASSERT(by >= duration::zero());
    run_until_idle();
    const time_point target = deadline_after(now_, by);
    while (next_timer() <= target && next_timer() != never) {
        now_ = next_timer();
        run_until_idle();
    }
    now_ = target;
}

time_point virtual_group::next_timer() const noexcept {
    return timers_.empty() ? never : timers_.begin()->when;
}

/// Runs the oldest posted work or, when there is none, the first timer that is due. False: nothing was to be done.
bool virtual_group::step() {
    if (!queue_.empty()) {
        const posted next = queue_.front();
        queue_.pop_front();
        next.where->run(*next.item);
        return true;
    }
    if (timers_.empty() || timers_.begin()->when > now_) return false;
    const armed next = *timers_.begin();
    disarm(*next.which);
    next.where->fire(*next.which);
    return true;
}

void virtual_group::post(virtual_scheduler& where, work& item) {
    check_thread();
    if (std::exchange(hold_next_, false)) {
        held_ = {&where, &item};
    } else {
        queue_.push_back({&where, &item});
    }
}

void virtual_group::deliver_held() {
    LIDO_ASSERT(held_.has_value());
    queue_.push_back(*held_);
    held_.reset();
}

void virtual_group::arm(virtual_scheduler& where, timer& which, time_point when) {
    disarm(which);
    if (when == never) return;
    places_[&which] = timers_.insert({when, next_order_++, &which, &where}).first;
    which.links.armed = true;
}

void virtual_group::disarm(timer& which) {
    check_thread();
    const auto place = places_.find(&which);
    if (place == places_.end()) return;
    timers_.erase(place->second);
    places_.erase(place);
    which.links.armed = false;
}

void virtual_group::check_thread() const noexcept {
    LIDO_ASSERT(thread_ == std::this_thread::get_id());
}

}  // namespace lido::test
