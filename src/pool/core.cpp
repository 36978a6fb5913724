#include "lido/pool/core.hpp"

#include "lido/base/assert.hpp"
#include "pool/ledger.hpp"

#include <algorithm>
#include <atomic>
#include <semaphore>
#include <utility>

#include <fmt/format.h>

namespace lido::pool {

// ---------------------------------------------------------------------------------------------- waiting callers

/// A caller in the queue. It lives on the heap because its grant may be on the way, posted, when the caller goes away;
/// it keeps the core alive, because the pool may go before the caller has heard of its refusal. That of a blocked thread
/// lives on its stack and keeps nothing: it touches the core no more once the answer is there.
struct core::waiting : work {
    explicit waiting(std::shared_ptr<core> owner) noexcept
        : work([](work& item) noexcept { static_cast<waiting&>(item).arrive(); }), pool(std::move(owner)) {}

    /// On the caller's scheduler: the outcome has come.
    void arrive() noexcept {
        if (!abandoned) return caller.resume();
        if (const auto* lease = std::get_if<granted>(&outcome)) pool->release(lease->lease, verdict::clean);
        delete this;
    }

    std::shared_ptr<core> pool;
    waiter_id id;
    scheduler* home = nullptr;  // null: a blocked thread
    std::coroutine_handle<> caller;
    std::binary_semaphore* done = nullptr;
    answer outcome;
    bool abandoned = false;
};

error core::refusal::to_error() const {
    if (down && reason == errc::connect_failed && last_connect_error) {
        error copy = *last_connect_error;
        return std::move(copy).with_numbers(numbers);
    }
    error made(reason, fmt::format("acquire from {}", name));
    if (down && last_connect_error) made = std::move(made).with_cause(*last_connect_error);
    return std::move(made).with_numbers(numbers);
}

/// Somebody who waits for the end of a warm-up or a drain.
struct core::notice : work {
    notice() noexcept : work([](work& item) noexcept { static_cast<notice&>(item).arrive(); }) {}
    void arrive() noexcept {
        if (!abandoned) return caller.resume();
        delete this;
    }
    scheduler* home = nullptr;
    std::coroutine_handle<> caller;
    std::size_t count = 0;
    bool down = false;
    bool posted = false;
    bool abandoned = false;
};

/// Registers a notice, makes the ledger begin, and waits.
class [[nodiscard]] core::notice_awaiter {
public:
    notice_awaiter(core& pool, std::vector<notice*> core::*list, std::size_t count, duration timeout) noexcept
        : pool_(pool), list_(list), count_(count), timeout_(timeout) {}
    notice_awaiter(notice_awaiter&&) = delete;
    ~notice_awaiter() {
        if (node_ != nullptr) give_up();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
        node_ = new notice;
        node_->home = scheduler::current();
        node_->caller = caller;
        pool_.step([&](ledger& book, time_point now, actions& out) {
            (pool_.*list_).push_back(node_);
            if (list_ == &core::warm_notices_) {
                book.warm_up(now, count_, out);
            } else {
                book.drain(now, deadline_after(now, timeout_), out);
            }
        });
    }
    /// How many, and whether the server is down.
    [[nodiscard]] std::pair<std::size_t, bool> await_resume() {
        const std::unique_ptr<notice> mine(std::exchange(node_, nullptr));
        return {mine->count, mine->down};
    }

private:
    void give_up() noexcept {
        const lock held(pool_.mutex_);
        if (node_->posted) {
            node_->abandoned = true;
        } else {
            std::erase(pool_.*list_, node_);
            delete node_;
        }
    }

    core& pool_;
    std::vector<notice*> core::*list_;
    std::size_t count_;
    duration timeout_;
    notice* node_ = nullptr;
};

// ---------------------------------------------------------------------------------------------- operations of slots

/// What is done when an operation of a slot has ended. Its task has told the core by then, unless it was cancelled.
struct core::slot_sink {
    core* pool;
    slot_id slot;
    void complete() const noexcept {}
    [[noreturn]] void fail(const std::exception_ptr&) const noexcept { std::terminate(); }
    void cancelled() const noexcept { pool->operation_cancelled(slot); }
};

struct core::pending {
    action what;
    scheduler* where = nullptr;
    void* connection = nullptr;
    std::stop_token stop;
    std::optional<error> reason;
};

/// A step of the core that has to run on a slot's scheduler.
struct core::posted_step : work {
    posted_step(core& owner, slot_id which, void (core::*what)(slot_id) noexcept) noexcept
        : work([](work& item) noexcept {
              const std::unique_ptr<posted_step> self(&static_cast<posted_step&>(item));
              (self->pool.*self->member)(self->slot);
          }),
          pool(owner),
          slot(which),
          member(what) {}
    core& pool;
    slot_id slot;
    void (core::*member)(slot_id) noexcept;
};

// ---------------------------------------------------------------------------------------------- life

core::core(scheduler_group& group, const settings& initial, observer* watcher)
    : group_(group),
      home_(group.at(0)),
      observer_(watcher),
      timer_(*this),
      rearm_work_(*this, &core::rearm),
      dispose_work_(*this, &core::dispose) {
    const scheduler* here = scheduler::current();
    latest_ = here != nullptr ? here->now() : clock::now();
    ledger_ = std::make_unique<ledger>(initial, group.size(), latest_, random_source(random_source::entropy_seed()));
}

core::~core() = default;

void core::shut_down() noexcept {
    lock held(mutex_);
    keep_ = shared_from_this();
    const auto self = keep_;
    ledger_->drain(now_locked(), latest_, actions_);
    settle(held);
    if (scheduler::current() != nullptr) return;
    held.lock();
    const duration limit = ledger_->current_settings().close_timeout + std::chrono::seconds(1);
    emptied_.wait_for(held, limit, [this] { return disposed_; });
}

/// On the home scheduler, after the last connection is gone and the pool's owner too.
void core::dispose() noexcept {
    home_.disarm(timer_);
    std::shared_ptr<core> last;  // destroyed after the lock is given up
    const lock held(mutex_);
    if (rearm_posted_) return home_.post(dispose_work_);  // it is in the queue, or about to be
    disposed_ = true;
    last = std::move(keep_);
    emptied_.notify_all();
}

time_point core::now_locked() noexcept {
    const scheduler* here = scheduler::current();
    latest_ = std::max(latest_, here != nullptr ? here->now() : clock::now());
    return latest_;
}

// ---------------------------------------------------------------------------------------------- one step

/// One event: the critical section around the ledger, then what it asks for.
template <class Step>
void core::step(Step&& what) noexcept {
    lock held(mutex_);
    what(*ledger_, now_locked(), actions_);
    settle(held);
}

/// Ends a critical section. Grants and refusals are handed over under the lock (a post, no user code); all the rest is
/// carried out after it was given up.
void core::settle(lock& held) noexcept {
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
                slot = {nullptr, &group_.at(each.affinity), std::stop_source(), true, false, false};
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
                        error(errc::connect_timeout, fmt::format("connect of {} not done after {}",
                                                                 ledger_->current_settings().name,
                                                                 to_text(ledger_->current_settings().connect_timeout)));
                }
                todo.push_back({each, slot.where, nullptr, {}, last_connect_error_});
                break;
            }
            case action_kind::cut: {
                todo.push_back({each, entries_[each.slot.index].where, nullptr, {}, {}});
                break;
            }
            case action_kind::leak: todo.push_back({each, nullptr, nullptr, {}, {}}); break;
            case action_kind::warmed: notify_locked(warm_notices_, each.count, each.down); break;
            case action_kind::drained:
                notify_locked(drain_notices_, each.count, each.down);
                if (!std::exchange(drain_reported_, true)) todo.push_back({each, nullptr, nullptr, {}, {}});
                break;
        }
    }
    actions_.clear();

    bool rearm_now = false;
    if (ledger_->take_wake_changed()) {
        wanted_wake_ = ledger_->next_wake();
        if (wanted_wake_ < armed_for_ && !rearm_posted_) rearm_now = rearm_posted_ = true;
    }
    const bool ended = keep_ != nullptr && !disposed_ && ledger_->draining() && ledger_->is_empty();
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
    return {lent.connection, slot, lease, std::exchange(lent.served, true)};
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
            case action_kind::open:
            case action_kind::check:
            case action_kind::reset:
            case action_kind::close: launch(each); break;
            case action_kind::abandon:
                if (what.reason == errc::connect_timeout && observer_ != nullptr) {
                    observer_->connect_failed(current_settings().name, *each.reason);
                }
                post_to(*each.where, what.slot, &core::abandon_slot);
                break;
            case action_kind::cut: post_to(*each.where, what.slot, &core::cut_slot); break;
            case action_kind::refuse: observer_->refused(current_settings().name, *each.reason); break;
            case action_kind::leak:
                if (observer_ != nullptr) observer_->leak_suspected(current_settings().name, what.held, what.where);
                break;
            case action_kind::drained:
                if (observer_ != nullptr) observer_->drained(current_settings().name, what.count);
                break;
            case action_kind::grant:
            case action_kind::warmed: break;
        }
    }
}

void core::launch(const pending& each) noexcept {
    const action& what = each.what;
    task<void> body;
    switch (what.kind) {
        case action_kind::open: body = open_task(what.slot, *each.where, what.deadline); break;
        case action_kind::check: body = check_task(what.slot, each.connection, what.deadline); break;
        case action_kind::reset: body = reset_task(what.slot, each.connection, what.deadline); break;
        default: body = close_task(what.slot, each.connection, what.deadline); break;
    }
    lido::detail::started_task<void, slot_sink>::launch(*each.where, std::move(body), {this, what.slot}, each.stop,
                                                        false);
}

void core::post_to(scheduler& where, slot_id slot, void (core::*what)(slot_id) noexcept) noexcept {
    where.post(*new posted_step(*this, slot, what));
}

// ---------------------------------------------------------------------------------------------- borrowing

/// The scheduler whose connections suit this thread best. A plain thread always gets the same one, another than its
/// neighbours, so that their connections are spread over the I/O threads.
std::uint32_t core::affinity_here() const noexcept {
    const scheduler* here = scheduler::current();
    if (here != nullptr && &here->group() == &group_) return here->index();
    static std::atomic<std::uint32_t> threads{0};
    static thread_local const std::uint32_t number = threads.fetch_add(1, std::memory_order_relaxed);
    return number % group_.size();
}

/// Asks the ledger. Gives the answer when there is one at once; otherwise `node` is in the queue, made if it was null.
core::answer core::begin_acquire(const acquire_options& options, waiting*& node) {
    const std::uint32_t affinity = affinity_here();
    lock held(mutex_);
    const time_point now = now_locked();
    const settings& current = ledger_->current_settings();
    const duration timeout = options.timeout > duration::zero() ? options.timeout : current.acquire_timeout;
    const acquire_outcome outcome =
        ledger_->acquire(now,
                         {.priority = std::clamp(options.priority, highest_priority, lowest_priority),
                          .deadline = deadline_after(now, timeout),
                          .holder = options.holder,
                          .affinity = affinity,
                          .where = options.where},
                         actions_);
    answer given;
    switch (outcome.what) {
        case acquire_outcome::kind::granted: given = granted_locked(outcome.slot, outcome.lease); break;
        case acquire_outcome::kind::refused: given = refusal_locked(outcome.reason, false); break;
        case acquire_outcome::kind::queued:
            if (waiters_.size() <= outcome.waiter.index) waiters_.resize(outcome.waiter.index + std::size_t{1});
            if (node == nullptr) {
                node = new waiting(shared_from_this());
                node->home = scheduler::current();
            }
            node->id = outcome.waiter;
            waiters_[outcome.waiter.index] = node;
            break;
    }
    settle(held);
    if (observer_ != nullptr) {
        if (const auto* why = std::get_if<refusal>(&given)) observer_->refused(why->name, why->to_error());
    }
    return given;
}

result<core::granted> core::to_result(const answer& outcome) {
    if (const auto* lease = std::get_if<granted>(&outcome)) return *lease;
    return std::get<refusal>(outcome).to_error();
}

bool core::acquire_awaiter::await_ready() {
    LIDO_ASSERT(scheduler::current() != nullptr);
    outcome_ = pool_.begin_acquire(options_, node_);
    return node_ == nullptr;
}

void core::acquire_awaiter::await_suspend(std::coroutine_handle<> waiter) noexcept { node_->caller = waiter; }

result<core::granted> core::acquire_awaiter::await_resume() {
    if (node_ == nullptr) return to_result(outcome_);
    const std::unique_ptr<waiting> mine(std::exchange(node_, nullptr));
    return to_result(mine->outcome);
}

/// The caller goes away before its turn came, or before it could take what it was granted.
void core::abandon(waiting* node) noexcept {
    std::shared_ptr<core> self;  // outlives the lock
    lock held(mutex_);
    if (!ledger_->cancel(now_locked(), node->id, actions_)) {
        node->abandoned = true;  // its outcome is posted; `arrive` gives the lease back
        return settle(held);
    }
    waiters_[node->id.index] = nullptr;
    settle(held);
    self = std::move(node->pool);
    delete node;
}

result<core::granted> core::acquire_blocking(const acquire_options& options) {
    LIDO_ASSERT(scheduler::current() == nullptr);
    std::binary_semaphore done(0);
    waiting mine(nullptr);
    mine.done = &done;
    waiting* node = &mine;
    const answer at_once = begin_acquire(options, node);
    if (!std::holds_alternative<std::monostate>(at_once)) return to_result(at_once);
    done.acquire();
    return to_result(mine.outcome);
}

result<core::granted> core::try_acquire(const acquire_options& options) {
    const std::uint32_t affinity = affinity_here();
    lock held(mutex_);
    const time_point now = now_locked();
    const acquire_outcome outcome = ledger_->acquire(now,
                                                     {.priority = highest_priority,
                                                      .deadline = now,
                                                      .holder = options.holder,
                                                      .affinity = affinity,
                                                      .where = options.where},
                                                     actions_);
    answer given;
    if (outcome.what == acquire_outcome::kind::granted) {
        given = granted_locked(outcome.slot, outcome.lease);
    } else {
        given = refusal_locked(ledger_->draining() ? errc::pool_closed : errc::pool_exhausted, false);
    }
    settle(held);
    if (observer_ != nullptr) {
        if (const auto* why = std::get_if<refusal>(&given)) observer_->refused(why->name, why->to_error());
    }
    return to_result(given);
}

void core::release(lease_id lease, verdict what) noexcept {
    step([&](ledger& book, time_point now, actions& out) { book.release(now, lease, what, out); });
}

// ---------------------------------------------------------------------------------------------- answers of the kind

void core::finish_open(slot_id slot, void* connection, std::uint32_t capacity) noexcept {
    lock held(mutex_);
    entry& opened = entries_[slot.index];
    opened.running = false;
    opened.connection = connection;
    if (!ledger_->opened(now_locked(), slot, capacity, actions_)) return bury(slot, held);
    opened.reported = true;
    settle(held);
    if (observer_ != nullptr) observer_->connection_opened(current_settings().name);
}

void core::finish_open_failed(slot_id slot, error reason) noexcept {
    lock held(mutex_);
    entries_[slot.index].running = false;
    const bool timely = ledger_->is_current(slot) && ledger_->state_of(slot) == slot_state::connecting;
    if (timely) last_connect_error_ = reason;
    if (!ledger_->open_failed(now_locked(), slot, actions_)) return bury(slot, held);
    const std::string name = observer_ != nullptr ? ledger_->current_settings().name : std::string();
    observer* const watcher = observer_;
    settle(held);  // the last thing that touches this: the slot was perhaps the last one
    if (watcher != nullptr) watcher->connect_failed(name, reason);
}

void core::finish_check(slot_id slot, bool works) noexcept {
    lock held(mutex_);
    entries_[slot.index].running = false;
    if (!ledger_->checked(now_locked(), slot, works, actions_)) return bury(slot, held);
    settle(held);
}

void core::finish_reset(slot_id slot, bool clean) noexcept {
    lock held(mutex_);
    entries_[slot.index].running = false;
    if (!ledger_->reset_done(now_locked(), slot, clean, actions_)) return bury(slot, held);
    settle(held);
}

void core::finish_close(slot_id slot) noexcept {
    lock held(mutex_);
    entries_[slot.index].running = false;
    bury(slot, held);
}

/// An operation was ended from outside, because the ledger had abandoned its slot.
void core::operation_cancelled(slot_id slot) noexcept {
    lock held(mutex_);
    entries_[slot.index].running = false;
    bury(slot, held);
}

/// On the slot's scheduler, with nothing running: destroys its connection and tells the ledger that it is gone. The
/// slot counts until then.
void core::bury(slot_id slot, lock& held) noexcept {
    if (ledger_->state_of(slot) != slot_state::closing || entries_[slot.index].running) return settle(held);
    void* const connection = std::exchange(entries_[slot.index].connection, nullptr);
    const bool reported = entries_[slot.index].reported;
    settle(held);
    if (connection != nullptr) destroy(connection);
    if (reported && observer_ != nullptr) observer_->connection_closed(current_settings().name);
    step([&](ledger& book, time_point now, actions& out) { book.closed(now, slot, out); });
}

/// On the slot's scheduler: ends what runs, then buries.
void core::abandon_slot(slot_id slot) noexcept {
    lock held(mutex_);
    if (ledger_->state_of(slot) != slot_state::closing) return settle(held);
    if (!entries_[slot.index].running) return bury(slot, held);
    std::stop_source stop = entries_[slot.index].stop;
    settle(held);
    stop.request_stop();
}

void core::cut_slot(slot_id slot) noexcept {
    lock held(mutex_);
    const bool leased = has_leases(ledger_->state_of(slot));
    void* const connection = leased ? entries_[slot.index].connection : nullptr;
    settle(held);
    if (connection != nullptr) cut(connection);
}

void core::lost(slot_id slot) noexcept {
    step([&](ledger& book, time_point now, actions& out) { book.lost(now, slot, out); });
}

void core::capacity_changed(slot_id slot, std::uint32_t capacity) noexcept {
    step([&](ledger& book, time_point now, actions& out) { book.capacity_changed(now, slot, capacity, out); });
}

// ---------------------------------------------------------------------------------------------- the operator

task<result<std::size_t>> core::warm_up(std::size_t count) {
    const auto self = shared_from_this();
    const auto [open, down] = co_await notice_awaiter(*this, &core::warm_notices_, count, {});
    if (open == 0 && count > 0) {
        const std::optional<error> reason = last_connect_error();
        if (down && reason) co_return *reason;
        co_return error(errc::pool_closed, "warm-up");
    }
    co_return open;
}

task<result<std::size_t>> core::close(duration timeout) {
    const auto self = shared_from_this();
    const auto [leftover, down] = co_await notice_awaiter(*this, &core::drain_notices_, 0, timeout);
    static_cast<void>(down);
    co_return leftover;
}

void core::pause() {
    step([](ledger& book, time_point now, actions&) { book.pause(now); });
}

void core::resume() {
    step([](ledger& book, time_point now, actions& out) { book.resume(now, out); });
}

void core::retire_all() {
    step([](ledger& book, time_point now, actions& out) { book.retire_all(now, out); });
}

result<void> core::reconfigure(const settings& wanted) {
    if (auto valid = wanted.validate(); !valid) return valid;
    step([&](ledger& book, time_point now, actions& out) { book.reconfigure(now, wanted, out); });
    return {};
}

settings core::current_settings() const {
    const lock held(mutex_);
    return ledger_->current_settings();
}

statistics core::snapshot() const {
    const lock held(mutex_);
    return ledger_->snapshot();
}

std::optional<error> core::last_connect_error() const {
    const lock held(mutex_);
    return last_connect_error_;
}

// ---------------------------------------------------------------------------------------------- time

/// On the home scheduler.
void core::on_wake() noexcept {
    lock held(mutex_);
    armed_for_ = never;
    ledger_->tick(now_locked(), actions_);
    static_cast<void>(ledger_->take_wake_changed());
    wanted_wake_ = ledger_->next_wake();
    armed_for_ = wanted_wake_;
    const time_point next = armed_for_;
    settle(held);
    home_.arm(timer_, next);
}

/// On the home scheduler.
void core::rearm() noexcept {
    lock held(mutex_);
    rearm_posted_ = false;
    if (disposed_ || wanted_wake_ >= armed_for_) return;
    armed_for_ = wanted_wake_;
    const time_point next = armed_for_;
    held.unlock();
    home_.arm(timer_, next);
}

}  // namespace lido::pool
