// What connections and the operator tell the core.
#include "lido/base/assert.hpp"
#include "pool/core_parts.hpp"
#include "pool/parking.hpp"

#include <utility>

namespace lido::pool {

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

void core::finish_open_failed(slot_id slot, const error& reason) noexcept {
    lock held(mutex_);
    entries_[slot.index].running = false;
    const bool timely = ledger_->state_of(slot) == slot_state::connecting;
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
    LIDO_ASSERT(ledger_->state_of(slot) == slot_state::closing && !entries_[slot.index].running);
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
    fenced_step([&](ledger& book, time_point now, actions& out) { book.lost(now, slot, out); });
}

void core::capacity_changed(slot_id slot, std::uint32_t capacity) noexcept {
    fenced_step([&](ledger& book, time_point now, actions& out) { book.capacity_changed(now, slot, capacity, out); });
}

// ---------------------------------------------------------------------------------------------- the operator

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
                if (pool_.share_.budget() != nullptr) {
                    book.aim_at(now, count_, out);
                    pool_.claim_size_locked();
                }
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
    step([this](ledger& book, time_point now, actions&) {
        paused_ = true;
        book.pause(now);
    });
}

void core::resume() {
    step([this](ledger& book, time_point now, actions& out) {
        paused_ = false;
        book.resume(now, out);
    });
}

void core::start() {
    step([](ledger& book, time_point now, actions& out) { book.tick(now, out); });
}

bool core::close_one_idle() {
    bool closed = false;
    fenced_step([&](ledger& book, time_point now, actions& out) { closed = book.close_one_idle(now, out); });
    return closed;
}

void core::retire_all() {
    fenced_step([](ledger& book, time_point now, actions& out) { book.retire_all(now, out); });
}

result<void> core::reconfigure(const settings& wanted) {
    if (auto valid = wanted.validate(); !valid) return valid;
    result<void> outcome;
    fenced_step([&](ledger& book, time_point now, actions& out) {
        const settings& current = book.current_settings();
        if (wanted.budget != current.budget) {
            outcome = error(errc::invalid_argument, "pool setting budget cannot change while the pool lives",
                            "make another pool with the other budget");
        } else if (share_.budget() != nullptr && wanted.min_size != current.min_size) {
            outcome = share_.reserve(wanted.min_size);
        }
        if (!outcome) return;
        tell_of_parking_locked();
        parking_->suits = parking_lot::suit(wanted);
        book.reconfigure(now, wanted, out);
    });
    return outcome;
}

settings core::current_settings() const {
    const lock held(mutex_);
    return ledger_->current_settings();
}

std::optional<error> core::last_connect_error() const {
    const lock held(mutex_);
    return last_connect_error_;
}

}  // namespace lido::pool
