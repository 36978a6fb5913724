#include "lido/upstream/engine.hpp"

#include "lido/base/race.hpp"
#include "lido/base/stoppable_sleep.hpp"
#include "upstream/engine_parts.hpp"

#include <algorithm>
#include <array>

namespace lido::upstream {
namespace {

/// What an attempt means for its endpoint whose caller went away.
const outcome gone_away = outcome::ignored;

/// Of several attempts that were cut, the one that did most counts for the call.
int gravity_of(outcome how) noexcept {
    switch (how) {
        case outcome::unsure:
            return 3;
        case outcome::failed:
            return 2;
        case outcome::unreached:
            return 1;
        case outcome::refused:
        case outcome::ignored:
        case outcome::success:
            break;
    }
    return 0;
}

}  // namespace

attempt_end attempts::was_cut(const target&, unsigned, bool may_have_acted) const {
    attempt_end end;
    end.what = may_have_acted ? outcome::unsure : outcome::failed;
    return end;
}

// ---- parts of a call ------------------------------------------------------------------------------------------------

/// A call's stay in the engine. Whatever ends it (its end, its caller's going away) gives back what it holds.
class engine::call_scope {
public:
    explicit call_scope(engine& owner) noexcept : owner_(owner) {}
    call_scope(const call_scope&) = delete;
    call_scope& operator=(const call_scope&) = delete;
    ~call_scope() {
        if (!counted && !has_place) return;
        const std::lock_guard held(owner_.mutex_);
        if (turn) owner_.abandoned_->add(*turn, *owner_.limiter_, time_here());
        leave_locked();
    }
    void leave_locked() noexcept {
        if (counted) owner_.router_->end_call(success);
        if (has_place && owner_.bulkhead_->leave()) owner_.call_next_locked();
        counted = false;
        has_place = false;
    }

    call_record record;
    std::optional<resilience::rate_reservation> turn;  // of the rate limiter, while it is to come
    bool counted = false;
    bool has_place = false;
    bool success = false;

private:
    engine& owner_;
};

/// An attempt's permit. Comes back with its outcome, or, when the attempt is destroyed, with what that means.
class engine::permit_guard {
public:
    permit_guard(engine& owner, const permit& what, const outcome& when_destroyed) noexcept
        : owner_(owner), what_(what), when_destroyed_(when_destroyed) {}
    permit_guard(const permit_guard&) = delete;
    permit_guard& operator=(const permit_guard&) = delete;
    ~permit_guard() {
        if (!settled_) owner_.settle(what_, when_destroyed_, nullptr);
    }
    /// With a success the call is over, too.
    void settle(outcome how, call_scope& call) noexcept {
        settled_ = true;
        call.success = how == outcome::success;
        owner_.settle(what_, how, call.success ? &call : nullptr);
    }

private:
    engine& owner_;
    const permit what_;
    const outcome& when_destroyed_;
    bool settled_ = false;
};

/// Awaits a place in the bulkhead, for which `node` stands in the queue: success, `acquire_timeout` or `pool_closed`.
class [[nodiscard]] engine::place_awaiter : private timer {
public:
    place_awaiter(engine& owner, std::shared_ptr<waiter> node, time_point deadline) noexcept
        : timer([](timer& self) noexcept { static_cast<place_awaiter&>(self).expire(); }),
          owner_(owner),
          node_(std::move(node)),
          deadline_(deadline) {}
    place_awaiter(const place_awaiter&) = delete;
    place_awaiter& operator=(const place_awaiter&) = delete;
    ~place_awaiter() {
        if (!armed_) return;
        // The caller goes away. A place that is on its way is passed on.
        node_->where->disarm(*this);
        node_->on_call = nullptr;
        if (take_back()) return;
        if (node_->refused) return;
        const std::lock_guard held(owner_.mutex_);
        if (owner_.bulkhead_->leave()) owner_.call_next_locked();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) noexcept {
        caller_ = caller;
        node_->on_call = this;
        armed_ = true;
        node_->where->arm(*this, deadline_);
    }
    [[nodiscard]] std::optional<errc> await_resume() const noexcept {
        if (expired_) return errc::acquire_timeout;
        if (node_->refused) return errc::pool_closed;
        return std::nullopt;
    }

private:
    friend struct engine::waiter;
    /// Leaves the queue, if it still stands there.
    bool take_back() noexcept {
        const std::lock_guard held(owner_.mutex_);
        if (!node_->waiting) return false;
        node_->waiting = false;
        owner_.queue_.erase(node_->place);
        owner_.bulkhead_->give_up();
        return true;
    }
    void expire() noexcept {
        if (!take_back()) return;  // called meanwhile: that is on its way
        expired_ = true;
        finish();
    }
    void called() noexcept {
        node_->where->disarm(*this);
        finish();
    }
    void finish() noexcept {
        armed_ = false;
        node_->on_call = nullptr;
        caller_.resume();
    }

    engine& owner_;
    std::shared_ptr<waiter> node_;
    time_point deadline_;
    std::coroutine_handle<> caller_;
    bool armed_ = false;
    bool expired_ = false;
};

void engine::waiter::arrive() noexcept {
    const auto alive = std::move(keep);
    if (on_call != nullptr) on_call->called();
}

/// What became of a call at the door.
struct engine::admission {
    std::optional<errc> refused;
    time_point turn{};               ///< of the rate limiter
    std::shared_ptr<waiter> queued;  ///< for a place in the bulkhead
};

/// What became of an attempt and its hedges.
struct engine::round {
    attempt_end end;
    unsigned lane = 0;
    bool cut = false;  ///< the deadline came, and there is nothing in any lane
};

// ---- a call ---------------------------------------------------------------------------------------------------------

/// The policies of the service as a whole, in their order.
engine::admission engine::admit(call_scope& call, time_point now, choice& chosen, target*& at) {
    admission seen;
    const step held(*this);
    if (sealed_) {
        seen.refused = errc::pool_closed;
        return seen;
    }
    router_->begin_call(now);
    call.counted = true;
    if (limiter_) {
        const resilience::rate_admission turn = limiter_->reserve(now, call.record.deadline);
        if (!turn) {
            seen.refused = errc::rate_limited;
            seen.turn = turn.earliest;
            return seen;
        }
        seen.turn = turn.reservation->at;
        if (seen.turn > now) {
            call.turn = turn.reservation;
            return seen;  // the bulkhead is asked when it is there
        }
    }
    enter_locked(call, seen);
    // Most calls need not wait for anything; for them the choice is a part of this step.
    if (!seen.refused && !seen.queued) chosen = pick_locked(call, false, now, at);
    return seen;
}

void engine::enter_locked(call_scope& call, admission& seen) {
    if (!bulkhead_) return;
    switch (bulkhead_->enter()) {
        case resilience::bulkhead::admission::run:
            call.has_place = true;
            break;
        case resilience::bulkhead::admission::refuse:
            seen.refused = errc::queue_full;
            break;
        case resilience::bulkhead::admission::wait:
            seen.queued = std::make_shared<waiter>();
            seen.queued->where = scheduler::current();
            seen.queued->place = queue_.insert(queue_.end(), seen.queued);
            break;
    }
}

error engine::refused_at_door(const admission& seen, time_point now) const {
    const std::string& name = policies().name;
    if (*seen.refused == errc::rate_limited) {
        return {errc::rate_limited,
                fmt::format("service {}: the rate limit has no turn before {} from now", name,
                            to_text(std::chrono::ceil<std::chrono::milliseconds>(seen.turn - now))),
                "call less often, or raise the rate or max_wait"};
    }
    if (*seen.refused == errc::queue_full) {
        return {errc::queue_full, fmt::format("service {}: as many calls as allowed are running and waiting", name),
                "call less at once, or raise max_concurrent or max_waiting of the bulkhead"};
    }
    if (*seen.refused == errc::acquire_timeout) {
        return {errc::acquire_timeout, fmt::format("service {}: no call ended before the deadline", name),
                "call less at once, or raise max_concurrent of the bulkhead"};
    }
    return closed_error(name);
}

/// A call that was refused without any attempt, passed on.
error engine::told(error why) const noexcept {
    if (watcher_ != nullptr) watcher_->refused(policies().name, why);
    return why;
}

void engine::call_next_locked() noexcept {
    LIDO_ASSERT(!queue_.empty());
    waiter& next = *queue_.front();
    next.waiting = false;
    next.call_locked();
    queue_.pop_front();
}

choice engine::pick(call_scope& call, bool elsewhere, time_point now, target*& at) {
    const step held(*this);
    return pick_locked(call, elsewhere, now, at);
}

choice engine::pick_locked(call_scope& call, bool elsewhere, time_point now, target*& at) {
    choice made;
    if (sealed_) return made;
    made = router_->pick(call.record, elsewhere, now, random_);
    // An endpoint in use is not let go, so its target lives as long as the permit.
    if (!made) return made;
    at = targets_[made.permit->endpoint.index].get();
    made.hedge_at = router_->hedge_at(call.record, now, now);
    return made;
}

void engine::settle(const permit& what, outcome how, call_scope* ended) noexcept {
    std::shared_ptr<target> gone;  // destroyed without the lock
    const step held(*this);
    if (router_->report(what, how, time_here(), random_)) gone = std::move(targets_[what.endpoint.index]);
    if (router_->take_hurry()) nudge_locked();
    if (ended != nullptr) ended->leave_locked();
}

error engine::unavailable(const choice& why, time_point now) const {
    const std::lock_guard held(mutex_);
    const std::string& name = policies().name;
    switch (why.why) {
        case refusal::none:
            return closed_error(name);
        case refusal::no_endpoint:
            return {errc::circuit_open, fmt::format("service {} has no endpoint", name), "add endpoints"};
        case refusal::read_only:
            return {errc::circuit_open,
                    fmt::format("service {} has only read-only endpoints, and the call writes", name),
                    "add an endpoint that takes writes, or mark the call as reading"};
        case refusal::tried:
        case refusal::unavailable:
            break;
    }
    std::string text = fmt::format("service {}: no endpoint can serve ({})", name, router_->explain(now));
    if (why.next_chance != never && why.next_chance > now) {
        text += fmt::format("; next chance in {}",
                            to_text(std::chrono::ceil<std::chrono::milliseconds>(why.next_chance - now)));
    }
    return {errc::circuit_open, std::move(text), "wait, or add a backup or a fallback"};
}

error engine::cut_at_deadline(outcome how) const {
    if (how == outcome::refused || how == outcome::unreached) {
        return {errc::acquire_timeout, fmt::format("service {}: no connection before the deadline", policies().name),
                "raise max_size of the pools, timeout or attempt_timeout"};
    }
    return {errc::timeout, fmt::format("service {}: no answer before the deadline", policies().name),
            "raise timeout or attempt_timeout, or hedge"};
}

/// An attempt with what it takes to end it from outside: hedges beside it, and its deadline.
task<engine::round> engine::run_raced(call_scope& call, attempts& what, choice first, target& at, time_point deadline) {
    scheduler& here = *scheduler::current();
    const time_point cut_at = what.keeps_deadlines() ? never : deadline;
    // The permits outlive the race, which destroys the attempts that have not ended.
    std::array<outcome, attempts::lanes> when_destroyed;
    when_destroyed.fill(outcome::ignored);
    std::array<const target*, attempts::lanes> targets{};
    std::array<std::optional<permit_guard>, attempts::lanes> permits;
    race<attempt_end, attempts::lanes> running;
    permits[0].emplace(*this, *first.permit, when_destroyed[0]);
    targets[0] = &at;
    running.start(0, what.attempt(at, deadline, 0));
    time_point hedge_at = first.hedge_at;
    round last;
    while (true) {
        const time_point until = std::min(hedge_at, cut_at);
        const std::optional<std::size_t> ended = co_await running.next(until);
        if (ended) {
            last.lane = static_cast<unsigned>(*ended);
            last.end = running.take(*ended);
            permits[last.lane]->settle(last.end.what, call);
            permits[last.lane].reset();
            const bool good = last.end.what == outcome::success;
            if (good && last.lane > 0) {
                const std::lock_guard held(mutex_);
                router_->note_hedge_won();
            }
            if (good || running.running() == 0) co_return last;
            continue;
        }
        if (here.now() >= cut_at) {
            std::optional<attempt_end> gravest;
            for (unsigned lane = 0; lane < attempts::lanes; ++lane) {
                if (!permits[lane]) continue;
                const attempt_end end = what.was_cut(*targets[lane], lane, !call.record.repeatable);
                when_destroyed[lane] = end.what;
                if (!gravest || gravity_of(end.what) > gravity_of(gravest->what)) gravest = end;
            }
            last.end = *gravest;
            last.cut = true;
            co_return last;
        }
        bool granted = false;
        {
            const step held(*this);
            granted = router_->hedge(call.record, here.now());
            hedge_at = router_->hedge_at(call.record, here.now(), here.now());
        }
        unsigned lane = 0;
        while (lane < attempts::lanes && !running.is_free(lane)) ++lane;
        if (!granted || lane == attempts::lanes) continue;
        target* beside = nullptr;
        choice chosen = pick(call, true, here.now(), beside);
        if (!chosen) chosen = pick(call, false, here.now(), beside);
        if (!chosen) continue;
        call.record.tried.push_back(chosen.permit->endpoint);
        hedge_at = chosen.hedge_at;
        permits[lane].emplace(*this, *chosen.permit, when_destroyed[lane]);
        targets[lane] = beside;
        running.start(lane, what.attempt(*beside, deadline, lane));
    }
}

task<result<unsigned>> engine::run(call_options options, attempts& what) {
    scheduler& here = *scheduler::current();
    const settings& mine = policies();
    call_scope call(*this);
    call.record.deadline =
        deadline_after(here.now(), options.timeout > duration::zero() ? options.timeout : mine.timeout);
    call.record.repeatable = options.repeatable;
    call.record.writes = options.writes;

    target* at = nullptr;
    choice chosen;
    admission entered = admit(call, here.now(), chosen, at);
    const bool waits = entered.queued || (entered.turn > here.now() && !entered.refused);
    if (entered.turn > here.now() && !entered.refused) {
        co_await stoppable_sleep(entered.turn, closing_.get_token());
        const std::lock_guard held(mutex_);
        if (sealed_) {
            entered.refused = errc::pool_closed;
        } else {
            call.turn.reset();
            enter_locked(call, entered);
        }
    }
    if (entered.queued) {
        entered.refused = co_await place_awaiter(*this, std::move(entered.queued), call.record.deadline);
        call.has_place = !entered.refused;
    }
    if (entered.refused) co_return told(refused_at_door(entered, here.now()));

    if (waits) chosen = pick(call, false, here.now(), at);
    if (!chosen) co_return told(unavailable(chosen, here.now()));
    while (true) {
        call.record.tried.push_back(chosen.permit->endpoint);
        const duration most = mine.attempt_timeout > duration::zero() ? mine.attempt_timeout : duration::max();
        const time_point deadline = std::min(call.record.deadline, deadline_after(here.now(), most));
        round ended;
        if (what.keeps_deadlines() && !(mine.hedge && options.repeatable)) {
            permit_guard guard(*this, *chosen.permit, gone_away);
            ended.end = co_await what.attempt(*at, deadline, 0);
            guard.settle(ended.end.what, call);
        } else {
            ended = co_await run_raced(call, what, chosen, *at, deadline);
        }
        std::optional<repetition> again;
        if (!call.success && !closing_.stop_requested()) {
            const step held(*this);
            again = router_->repeat(call.record, ended.end, here.now(), random_);
        }
        if (again && again->pause > duration::zero()) {
            const time_point later = deadline_after(here.now(), again->pause);
            co_await stoppable_sleep(later, closing_.get_token());
        }
        if (again) {
            chosen = pick(call, again->elsewhere, here.now(), at);
            if (!chosen && again->otherwise) {
                const time_point later = deadline_after(here.now(), *again->otherwise);
                co_await stoppable_sleep(later, closing_.get_token());
                chosen = pick(call, false, here.now(), at);
            }
        }
        if (again && chosen) continue;
        if (ended.cut) co_return cut_at_deadline(ended.end.what);
        co_return ended.lane;
    }
}

}  // namespace lido::upstream
