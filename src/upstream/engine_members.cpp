// The engine's life, its endpoints, their checks, and its end; what a call does is in engine.cpp.
#include "base/start_in_background.hpp"
#include "lido/base/race.hpp"
#include "lido/base/stoppable_sleep.hpp"
#include "upstream/engine_parts.hpp"

#include <algorithm>
#include <set>

namespace lido::upstream {
namespace {

/// An idle watch looks at its checks this often anyway.
constexpr duration longest_sleep = std::chrono::hours(1);

result<void> validate(std::span<const endpoint_settings> endpoints, std::size_t most) {
    if (endpoints.size() > most) {
        return error(errc::invalid_argument,
                     fmt::format("{} endpoints are more than max_endpoints = {}", endpoints.size(), most),
                     "raise max_endpoints");
    }
    std::set<std::string_view> names;
    for (const endpoint_settings& each : endpoints) {
        if (auto valid = each.validate(); !valid) return std::move(valid).error().with_context(each.name);
        if (!names.insert(each.name).second) {
            return error(errc::invalid_argument, fmt::format("endpoint {} is listed twice", each.name),
                         "give each endpoint a name of its own");
        }
    }
    return {};
}

}  // namespace

// ---- life -----------------------------------------------------------------------------------------------------------

std::shared_ptr<engine> engine::make(scheduler_group& group, const settings& policies,
                                     std::span<const endpoint_settings> endpoints, target_maker make,
                                     observer* watcher) {
    policies.validate().value();
    std::shared_ptr<engine> made(new engine(group, policies, std::move(make), watcher));
    made->set_endpoints(endpoints).value();
    made->start();
    return made;
}

engine::engine(scheduler_group& group, const settings& policies, target_maker make, observer* watcher)
    : group_(group),
      make_(std::move(make)),
      watcher_(watcher),
      random_(random_source::entropy_seed()),
      router_(std::make_unique<router>(policies, std::span<const endpoint_settings>(), time_here(), random_)),
      abandoned_(std::make_unique<abandoned_turns>()) {
    if (policies.rate_limiter) limiter_.emplace(*policies.rate_limiter);
    if (policies.bulkhead) bulkhead_.emplace(*policies.bulkhead);
    if (watcher_ != nullptr) router_->keep_events();
}

engine::~engine() {
    closing_.request_stop();
}

const settings& engine::policies() const noexcept {
    return router_->policies();
}

void engine::start() {
    if (policies().health.interval == health_check_settings::off) return;
    start_in_background(group_.at(0), watch(weak_from_this()), closing_.get_token());
}

// ---- endpoints ------------------------------------------------------------------------------------------------------

result<void> engine::set_endpoints(std::span<const endpoint_settings> endpoints) {
    if (auto valid = validate(endpoints, policies().max_endpoints); !valid) return valid;
    const std::lock_guard changing(members_mutex_);
    // What is new is made first, and what went is destroyed last, both without the lock.
    std::vector<std::shared_ptr<target>> fresh(endpoints.size());
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        std::optional<endpoint_id> known;
        std::shared_ptr<target> fenced;
        {
            const std::lock_guard held(mutex_);
            known = router_->find(endpoints[i].name);
            if (known && router_->is_fenced_by(*known, endpoints[i])) fenced = targets_[known->index];
        }
        if (!known) fresh[i] = make_(endpoints[i]);
        // Before the change: whoever is sent there after it must get no connection from before.
        if (fenced) fenced->retire_all();
    }
    std::vector<std::shared_ptr<target>> gone;
    return replace_members(endpoints, fresh, gone);
}

/// The change itself, in one step. What it leaves in `gone` is for the caller, without the lock.
result<void> engine::replace_members(std::span<const endpoint_settings> endpoints,
                                     std::vector<std::shared_ptr<target>>& fresh,
                                     std::vector<std::shared_ptr<target>>& gone) {
    const std::lock_guard held(mutex_);
    if (sealed_) return closed_error(policies().name);
    const time_point now = time_here();
    const health_report before = router_->describe(now);
    const auto leaves = [&](const endpoint_report& each) {
        return each.membership == membership::active &&
               std::none_of(endpoints.begin(), endpoints.end(),
                            [&](const endpoint_settings& wanted) { return wanted.name == each.settings.name; });
    };
    std::size_t size = before.endpoints.size();
    for (const auto& each : fresh) size += each ? 1U : 0U;
    for (const endpoint_report& each : before.endpoints) size -= leaves(each) && each.in_use == 0 ? 1U : 0U;
    if (size > policies().max_endpoints) {
        return error(errc::limit_exceeded,
                     fmt::format("service {}: {} endpoints, with those that drain, are more than max_endpoints = {}",
                                 policies().name, size, policies().max_endpoints),
                     "try again when they have drained, or raise max_endpoints");
    }
    for (const endpoint_report& each : before.endpoints) {
        if (leaves(each) && router_->remove(each.id)) gone.push_back(std::move(targets_[each.id.index]));
    }
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        if (const auto known = router_->find(endpoints[i].name)) {
            router_->change(*known, endpoints[i], now);
            continue;
        }
        const endpoint_id added = router_->add(endpoints[i], now, random_).value();
        if (targets_.size() <= added.index) targets_.resize(added.index + 1);
        targets_[added.index] = std::move(fresh[i]);
    }
    if (router_->take_hurry()) nudge_locked();
    return {};
}

bool engine::retire(std::string_view name) {
    std::shared_ptr<target> which;
    std::optional<endpoint_id> found;
    {
        const std::lock_guard held(mutex_);
        found = router_->find(name);
        if (!found) return false;
        which = targets_[found->index];
    }
    // First, so that an outcome that counts is none of a connection from before.
    which->retire_all();
    const std::lock_guard held(mutex_);
    router_->retire(*found, time_here());
    return true;
}

bool engine::set_breaker(std::string_view name, resilience::breaker_state to) {
    const step held(*this);
    const auto found = router_->find(name);
    if (!found) return false;
    router_->set_breaker(*found, to, time_here());
    return true;
}

// ---- checks ---------------------------------------------------------------------------------------------------------

/// The watch looks again if it would wake too late.
void engine::nudge_locked() noexcept {
    if (router_->next_check() < wakes_at_) wake_.request_stop();
}

task<void> engine::watch(std::weak_ptr<engine> who) {
    std::vector<due_check> due;
    while (true) {
        time_point next = never;
        std::stop_token token;
        {
            const std::shared_ptr<engine> self = who.lock();
            if (!self) co_return;
            const time_point now = scheduler::current()->now();
            due.clear();
            std::vector<std::shared_ptr<target>> whom;
            {
                const std::lock_guard held(self->mutex_);
                if (self->sealed_) co_return;
                self->router_->begin_checks(now, due);
                for (const due_check& each : due) whom.push_back(self->targets_[each.endpoint.index]);
                next = std::min(self->router_->next_check(), deadline_after(now, longest_sleep));
                self->wakes_at_ = next;
                if (self->wake_.stop_requested()) self->wake_ = std::stop_source();
                token = self->wake_.get_token();
            }
            for (std::size_t i = 0; i < due.size(); ++i) {
                start_in_background(self->group_.at(0), check_one(self, whom[i], due[i]), self->closing_.get_token());
            }
        }
        co_await stoppable_sleep(next, std::move(token));
    }
}

task<void> engine::check_one(std::shared_ptr<engine> self, std::shared_ptr<target> which, due_check what) {
    check_outcome how = check_outcome::failed;
    {
        race<check_outcome, 1> one;
        one.start(0, which->check(what.deadline));
        const std::optional<std::size_t> ended = co_await one.next(what.deadline);
        if (ended) {
            try {
                how = one.take(*ended);
            } catch (...) {
                how = check_outcome::failed;
            }
        } else {
            how = which->check_was_cut();
        }
    }
    const step held(*self);
    self->router_->check_ended(what, how, scheduler::current()->now(), self->random_);
    self->nudge_locked();
}

// ---- the end --------------------------------------------------------------------------------------------------------

std::vector<std::shared_ptr<target>> engine::seal() noexcept {
    closing_.request_stop();
    const std::lock_guard held(mutex_);
    sealed_ = true;
    while (!queue_.empty()) {
        queue_.front()->refused = true;
        bulkhead_->give_up();
        queue_.front()->waiting = false;
        queue_.front()->call_locked();
        queue_.pop_front();
    }
    std::vector<std::shared_ptr<target>> all;
    for (const auto& each : targets_) {
        if (each) all.push_back(each);
    }
    return all;
}

task<result<std::size_t>> engine::close(duration timeout) {
    const std::vector<std::shared_ptr<target>> all = seal();
    // All begin at once, so that the time-out counts once.
    for (const auto& each : all) each->close(timeout).start([](const result<std::size_t>&) {});
    std::size_t cut = 0;
    for (const auto& each : all) {
        result<std::size_t> ended = co_await each->close(timeout);
        cut += std::move(ended).value_or(0);
    }
    co_return cut;
}

void engine::shut_down() noexcept {
    // Calls under way keep their targets until they end; cut connections end them.
    for (const auto& each : seal()) each->close(duration::zero()).start([](const result<std::size_t>&) {});
}

health_report engine::report() const {
    const std::lock_guard held(mutex_);
    const time_point now = time_here();
    health_report view = router_->describe(now);
    if (limiter_) view.rate_limiter = limiter_->statistics(now);
    if (bulkhead_) view.bulkhead = bulkhead_->statistics();
    return view;
}

}  // namespace lido::upstream
