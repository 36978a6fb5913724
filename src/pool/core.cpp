// The core's life, its critical section, and what the ledger asks for.
#include "lido/pool/core.hpp"

#include "lido/base/assert.hpp"
#include "pool/core_parts.hpp"
#include "pool/parking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lido::pool {

core::core(scheduler_group& group, const settings& initial, observer* watcher, bool roams)
    : group_(group),
      home_(group.at(0)),
      observer_(watcher),
      roams_(roams),
      timer_(*this),
      rearm_work_(*this, &core::rearm),
      dispose_work_(*this, &core::dispose),
      parking_(std::make_unique<parking_lot>(group.size())) {
    parking_->suits = parking_lot::suit(initial);
    const scheduler* here = scheduler::current();
    latest_ = here != nullptr ? here->now() : clock::now();
    ledger_ = std::make_unique<ledger>(initial, group.size(), latest_, random_source(random_source::entropy_seed()));
    if (initial.budget != nullptr) {
        share_ = size_budget::share::join(initial.budget, initial.min_size).value();
        ledger_->allow(latest_, 0, actions_);
    }
}

core::~core() = default;

void core::shut_down() noexcept {
    lock held(mutex_);
    keep_ = shared_from_this();
    const auto self = keep_;
    // What is idle is closed politely; what is lent is cut at once, so that its borrower notices.
    fence_parking_locked();
    const duration polite = ledger_->current_settings().close_timeout;
    ledger_->drain(now_locked(), deadline_after(latest_, polite), actions_);
    for (const entry& each : entries_) {
        if (has_leases(ledger_->state_of(each.slot))) actions_.push_back({.kind = action_kind::cut, .slot = each.slot});
    }
    settle(held);
    if (scheduler::current() != nullptr) return;
    held.lock();
    const duration limit = polite + std::chrono::seconds(1);
    emptied_.wait_for(held, limit, [this] { return disposed_; });
}

/// On the home scheduler, after the last connection is gone and the pool's owner too.
void core::dispose() noexcept {
    home_.disarm(timer_);
    std::shared_ptr<core> last;  // destroyed after the lock is given up
    const lock held(mutex_);
    if (rearm_posted_) return home_.post(dispose_work_);  // it is in the queue, or about to be
    disposed_ = true;
    armed_for_ = time_point::min();  // nothing is sooner: the timer stays disarmed
    last = std::move(keep_);
    emptied_.notify_all();
}

time_point core::now_locked() noexcept {
    const scheduler* here = scheduler::current();
    latest_ = std::max(latest_, here != nullptr ? here->now() : clock::now());
    return latest_;
}

/// Ends a critical section. Grants and refusals are handed over under the lock (a post, no user code); all the rest is
/// carried out after it was given up.
void core::settle(lock& held) noexcept {
    if (share_.budget() != nullptr) claim_size_locked();
    tend_parking_locked();
    std::vector<pending> todo;
    for (const action& each : actions_) {
        switch (each.kind) {
            case action_kind::grant: {
                waiting* node = std::exchange(waiters_[each.waiter.index], nullptr);
                node->outcome = granted_locked(each.slot, each.lease);
                deliver_locked(node);
                break;
            }
            case action_kind::refuse: {
                waiting* node = std::exchange(waiters_[each.waiter.index], nullptr);
                refusal why = refusal_locked(each.reason, each.down);
                if (observer_ != nullptr) todo.push_back({each, nullptr, nullptr, {}, why.to_error()});
                node->outcome = std::move(why);
                deliver_locked(node);
                break;
            }
            case action_kind::open: {
                if (entries_.size() <= each.slot.index) entries_.resize(each.slot.index + std::size_t{1});
                entry& slot = entries_[each.slot.index];
                slot = {each.slot, nullptr, &group_.at(each.affinity), std::stop_source(), true, false, false};
                todo.push_back({each, slot.where, nullptr, slot.stop.get_token(), {}});
                break;
            }
            case action_kind::check:
            case action_kind::reset:
            case action_kind::close: {
                entry& slot = entries_[each.slot.index];
                LIDO_ASSERT(!slot.running || each.kind == action_kind::close);
                slot.running = true;
                slot.stop = std::stop_source();
                todo.push_back({each, slot.where, slot.connection, slot.stop.get_token(), {}});
                break;
            }
            case action_kind::abandon: {
                entry& slot = entries_[each.slot.index];
                if (each.reason == errc::connect_timeout) {
                    last_connect_error_ =
                        error(errc::connect_timeout,
                              fmt::format("connect of {} not done after {}", ledger_->current_settings().name,
                                          to_text(ledger_->current_settings().connect_timeout)));
                }
                todo.push_back({each, slot.where, nullptr, {}, last_connect_error_});
                break;
            }
            case action_kind::cut: {
                todo.push_back({each, entries_[each.slot.index].where, nullptr, {}, {}});
                break;
            }
            case action_kind::leak:
                todo.push_back({each, nullptr, nullptr, {}, {}});
                break;
            case action_kind::warmed:
                notify_locked(warm_notices_, each.count, each.down);
                break;
            case action_kind::drained:
                notify_locked(drain_notices_, each.count, each.down);
                if (!std::exchange(drain_reported_, true)) todo.push_back({each, nullptr, nullptr, {}, {}});
                break;
        }
    }
    actions_.clear();

    bool rearm_now = false;
    if (const bool sooner = std::exchange(parking_->due_changed, false); ledger_->take_wake_changed() || sooner) {
        wanted_wake_ = next_wake_locked();
        if (wanted_wake_ < armed_for_ && !rearm_posted_) rearm_now = rearm_posted_ = true;
    }
    const bool ended = keep_ != nullptr && ledger_->is_empty();  // kept means shut down and not disposed of
    const bool dispose_now = ended && !std::exchange(dispose_posted_, true);
    // Whoever has something to do without the lock keeps the core alive meanwhile.
    const std::shared_ptr<core> self = rearm_now || dispose_now || !todo.empty() ? shared_from_this() : nullptr;
    held.unlock();

    if (rearm_now) home_.post(rearm_work_);
    if (!todo.empty()) carry_out(todo);
    if (dispose_now) home_.post(dispose_work_);
}

core::granted core::granted_locked(slot_id slot, lease_id lease) noexcept {
    entry& lent = entries_[slot.index];
    granted made{lent.connection, slot, lease, lent.where, std::exchange(lent.served, true)};
    make_parkable_locked(made);
    return made;
}

core::refusal core::refusal_locked(errc reason, bool down) const {
    refusal why{reason, down, ledger_->numbers(), {}, ledger_->current_settings().name};
    if (down) why.last_connect_error = last_connect_error_;
    return why;
}

void core::deliver_locked(waiting* node) noexcept {
    if (node->home != nullptr) {
        node->home->post(*node);
    } else {
        node->done->release();
    }
}

void core::notify_locked(std::vector<notice*>& all, std::size_t count, bool down) noexcept {
    for (notice* each : std::exchange(all, {})) {
        each->count = count;
        each->down = down;
        each->posted = true;
        each->home->post(*each);
    }
}

void core::carry_out(std::vector<pending>& todo) noexcept {
    for (pending& each : todo) {
        const action& what = each.what;
        switch (what.kind) {
            case action_kind::abandon:
                if (what.reason == errc::connect_timeout && observer_ != nullptr) {
                    observer_->connect_failed(current_settings().name, *each.reason);
                }
                post_to(*each.where, what.slot, &core::abandon_slot);
                break;
            case action_kind::cut:
                post_to(*each.where, what.slot, &core::cut_slot);
                break;
            case action_kind::refuse:
                observer_->refused(current_settings().name, *each.reason);
                break;
            case action_kind::leak:
                if (observer_ != nullptr) observer_->leak_suspected(current_settings().name, what.held, what.where);
                break;
            case action_kind::drained:
                if (observer_ != nullptr) observer_->drained(current_settings().name, what.count);
                break;
            default:
                launch(each);
                break;
        }
    }
}

void core::launch(const pending& each) noexcept {
    const action& what = each.what;
    task<void> body;
    switch (what.kind) {
        case action_kind::open:
            body = open_task(what.slot, *each.where, what.deadline);
            break;
        case action_kind::check:
            body = check_task(what.slot, each.connection, what.deadline);
            break;
        case action_kind::reset:
            body = reset_task(what.slot, each.connection, what.deadline);
            break;
        default:
            LIDO_ASSERT(what.kind == action_kind::close);
            body = close_task(what.slot, each.connection, what.deadline);
            break;
    }
    lido::detail::started_task<void, slot_sink>::launch(*each.where, std::move(body), {this, what.slot}, each.stop,
                                                        false);
}

void core::post_to(scheduler& where, slot_id slot, void (core::*what)(slot_id) noexcept) noexcept {
    // Without memory for this there is no way to keep the pool's promises; ending the program is the honest answer.
    where.post(*new posted_step(*this, slot, what));  // NOLINT(bugprone-unhandled-exception-at-new)
}

/// On the home scheduler.
void core::on_wake() noexcept {
    lock held(mutex_);
    armed_for_ = never;
    const time_point now = now_locked();
    if (parking_->due <= now) {
        empty_parking_locked();
        parking_->due = parking_->out > 0 ? now + parking_lot::longest_rest : never;
    }
    if (ledger_->size_due() <= now) {
        empty_parking_locked();
        tell_of_parking_locked();
    }
    ledger_->tick(now, actions_);
    if (share_.budget() != nullptr) claim_size_locked();
    static_cast<void>(ledger_->take_wake_changed());
    wanted_wake_ = next_wake_locked();
    armed_for_ = wanted_wake_;
    const time_point next = armed_for_;
    settle(held);
    home_.arm(timer_, next);
}

/// On the home scheduler.
void core::rearm() noexcept {
    lock held(mutex_);
    rearm_posted_ = false;
    if (wanted_wake_ >= armed_for_) return;
    armed_for_ = wanted_wake_;
    const time_point next = armed_for_;
    held.unlock();
    home_.arm(timer_, next);
}

}  // namespace lido::pool
