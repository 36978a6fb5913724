#include "lido/pool/size_budget.hpp"

#include "lido/base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lido::pool {

std::size_t size_budget::held() const {
    const std::lock_guard held(mutex_);
    return held_locked();
}

std::size_t size_budget::pools() const {
    const std::lock_guard held(mutex_);
    return members_.size();
}

std::size_t size_budget::held_locked() const noexcept {
    std::size_t sum = 0;
    for (const member& each : members_) sum += each.held;
    return sum;
}

bool size_budget::has_place_locked(std::size_t least, const member* except) const noexcept {
    std::size_t reserved = least;
    for (const member& each : members_) {
        if (&each != except) reserved += each.least;
    }
    return reserved <= total_;
}

/// What a pool is due of what all of them want: its minimum, and of the rest the same as every other pool that wants so
/// much. Found by raising the level until the rest is used up; each round satisfies a pool or is the last.
std::size_t size_budget::due_locked(const member& who) const noexcept {
    std::size_t rest = total_;
    for (const member& each : members_) rest -= each.least;
    const auto more = [](const member& each) { return each.wanted > each.least ? each.wanted - each.least : 0; };
    std::size_t level = 0;
    while (true) {
        std::size_t unsatisfied = 0;
        std::size_t next = static_cast<std::size_t>(-1);
        std::size_t before = 0;  // unsatisfied ones that joined earlier
        for (const member& each : members_) {
            if (more(each) <= level) continue;
            if (&each == &who) before = unsatisfied;
            ++unsatisfied;
            next = std::min(next, more(each));
        }
        if (more(who) <= level) return who.least + more(who);
        const std::size_t needed = (next - level) * unsatisfied;
        if (needed > rest) return who.least + level + rest / unsatisfied + (before < rest % unsatisfied ? 1 : 0);
        rest -= needed;
        level = next;
    }
}

result<size_budget::share> size_budget::share::join(std::shared_ptr<size_budget> budget, std::size_t least) {
    LIDO_ASSERT(budget != nullptr);
    share joined;
    const std::lock_guard held(budget->mutex_);
    least = std::max<std::size_t>(least, 1);
    if (!budget->has_place_locked(least, nullptr)) {
        return error(errc::invalid_argument,
                     fmt::format("pool setting budget: {} connections are shared by {} pools, and {} more cannot be "
                                 "reserved",
                                 budget->total_, budget->members_.size(), least),
                     "give the budget a larger total, or its pools a smaller min_size");
    }
    joined.me_ = budget->members_.insert(budget->members_.end(), {.least = least, .wanted = least, .held = 0});
    joined.budget_ = std::move(budget);
    return joined;
}

result<void> size_budget::share::reserve(std::size_t least) {
    const std::lock_guard held(budget_->mutex_);
    least = std::max<std::size_t>(least, 1);
    if (!budget_->has_place_locked(least, &*me_)) {
        return error(errc::invalid_argument,
                     fmt::format("pool setting min_size = {} is more than the budget of {} connections has left", least,
                                 budget_->total_),
                     "give the budget a larger total, or its pools a smaller min_size");
    }
    me_->least = least;
    return {};
}

std::size_t size_budget::share::ask(std::size_t wanted, std::size_t existing) {
    const std::lock_guard held(budget_->mutex_);
    LIDO_ASSERT(existing <= me_->held);
    me_->wanted = wanted;
    const std::size_t allowed = std::min(wanted, budget_->due_locked(*me_));
    if (allowed <= me_->held) {
        me_->held = std::max(allowed, existing);
        return allowed;
    }
    const std::size_t unused = budget_->total_ - budget_->held_locked();
    me_->held += std::min(allowed - me_->held, unused);
    return me_->held;
}

void size_budget::share::leave() noexcept {
    if (!budget_) return;
    {
        const std::lock_guard held(budget_->mutex_);
        budget_->members_.erase(me_);
    }
    budget_.reset();
}

}  // namespace lido::pool
