// Lido: the part of a pool that does not depend on the kind of connection.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/pool/identifiers.hpp"
#include "lido/pool/observer.hpp"
#include "lido/pool/settings.hpp"
#include "lido/pool/size_budget.hpp"
#include "lido/pool/statistics.hpp"
#include "lido/pool/verdict.hpp"

#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace lido::pool {

class ledger;
struct action;
struct parked_lease;

/// The shell around the ledger: one short critical section for each event, then the actions that the ledger asked for,
/// outside of it. `pool<Connector>` adds the kind.
///
/// Thread-safe. It keeps itself alive from the beginning of `shut_down` until the last connection is gone, so that a
/// lease may outlive its pool.
class core : public std::enable_shared_from_this<core> {
public:
    /// A connection, and the right to use it.
    struct granted {
        void* connection = nullptr;
        slot_id slot;
        lease_id lease;
        scheduler* where = nullptr;  ///< the connection lives there
        bool reused = false;
        std::uint32_t epoch = 0;          ///< it may be parked while this lasts; 0: never
        parked_lease* parking = nullptr;  ///< where it is described meanwhile
    };

    /// `roams`: connections may be used on any scheduler; see `roaming`.
    core(scheduler_group& group, const settings& initial, observer* watcher, bool roams);
    core(const core&) = delete;
    core& operator=(const core&) = delete;
    virtual ~core();

    /// Begins with the minimum. Once, when a shared_ptr owns it.
    void start();

    class acquire_awaiter;
    /// Awaitable on any scheduler: `result<granted>`.
    [[nodiscard]] acquire_awaiter acquire(const acquire_options& options) noexcept;
    /// Blocks this thread. Not on a scheduler's thread.
    [[nodiscard]] result<granted> acquire_blocking(const acquire_options& options);
    /// Only what is there at once: never opens, checks or waits for a connection on the caller's behalf.
    [[nodiscard]] result<granted> try_acquire(const acquire_options& options);
    void release(const granted& lease, verdict what) noexcept;

    /// See `pool`.
    [[nodiscard]] task<result<std::size_t>> warm_up(std::size_t count);
    [[nodiscard]] task<result<std::size_t>> close(duration timeout);
    void pause();
    void resume();
    void retire_all();
    bool close_one_idle();
    [[nodiscard]] result<void> reconfigure(const settings& wanted);
    [[nodiscard]] settings current_settings() const;
    [[nodiscard]] statistics snapshot() const;
    [[nodiscard]] std::optional<error> last_connect_error() const;

    /// Ends the pool when its owner goes: cuts what is still out, and, on a plain thread, waits until all connections
    /// are closed, `close_timeout` and a second at most.
    void shut_down() noexcept;

    /// News from a connection, see `connection_events`.
    void lost(slot_id slot) noexcept;
    void capacity_changed(slot_id slot, std::uint32_t capacity) noexcept;

    [[nodiscard]] scheduler_group& group() const noexcept { return group_; }
    /// Would one who asks now, without a `holder`, have to wait until a connection is given back? A look without the
    /// mutex, which may have changed at once. Any thread.
    [[nodiscard]] bool is_exhausted() const noexcept;

protected:
    // What the kind does. Each runs on the connection's scheduler; the tasks end by calling the matching `finish_…`.
    [[nodiscard]] virtual task<void> open_task(slot_id slot, scheduler& where, time_point deadline) = 0;
    [[nodiscard]] virtual task<void> check_task(slot_id slot, void* connection, time_point deadline) = 0;
    [[nodiscard]] virtual task<void> reset_task(slot_id slot, void* connection, time_point deadline) = 0;
    [[nodiscard]] virtual task<void> close_task(slot_id slot, void* connection, time_point deadline) = 0;
    virtual void cut(void* connection) noexcept = 0;
    virtual void destroy(void* connection) noexcept = 0;

    void finish_open(slot_id slot, void* connection, std::uint32_t capacity) noexcept;
    void finish_open_failed(slot_id slot, const error& reason) noexcept;
    void finish_check(slot_id slot, bool works) noexcept;
    void finish_reset(slot_id slot, bool clean) noexcept;
    void finish_close(slot_id slot) noexcept;

private:
    struct refusal;
    /// What came of an acquire; the first while it waits.
    using answer = std::variant<std::monostate, granted, refusal>;
    struct waiting;
    struct notice;
    class notice_awaiter;
    struct slot_sink;
    struct posted_step;

    /// What the shell keeps for a slot.
    struct entry {
        slot_id slot;
        void* connection = nullptr;
        scheduler* where = nullptr;
        std::stop_source stop{std::nostopstate};
        bool running = false;  ///< an operation of the kind is running, or about to be launched
        bool served = false;
        bool reported = false;  ///< the observer was told of its opening
    };
    /// An action that has to be carried out without the lock.
    struct pending;
    struct parking_lot;

    using lock = std::unique_lock<std::mutex>;

    [[nodiscard]] time_point now_locked() noexcept;
    [[nodiscard]] std::uint32_t affinity_here() const noexcept;
    [[nodiscard]] bool take_parked(const acquire_options& options, granted& found) noexcept;
    [[nodiscard]] bool take_patiently(const acquire_options& options, granted& found) noexcept;
    [[nodiscard]] bool park(const granted& lease) noexcept;
    void make_parkable_locked(granted& lease) noexcept;
    void unpark_locked(parked_lease& lease) noexcept;
    void empty_parking_locked() noexcept;
    void fence_parking_locked() noexcept;
    void tend_parking_locked() noexcept;
    void tell_of_parking_locked() noexcept;
    void claim_size_locked() noexcept;
    [[nodiscard]] time_point next_wake_locked() const;
    [[nodiscard]] answer begin_acquire(const acquire_options& options, waiting*& node);
    [[nodiscard]] static result<granted> to_result(const answer& outcome);
    [[nodiscard]] granted granted_locked(slot_id slot, lease_id lease) noexcept;
    [[nodiscard]] refusal refusal_locked(errc reason, bool down) const;
    void abandon(waiting* node) noexcept;

    template <class Step>
    void step(Step&& what) noexcept;
    template <class Step>
    void fenced_step(Step&& what) noexcept;
    void settle(lock& held) noexcept;
    void deliver_locked(waiting* node) noexcept;
    void carry_out(std::vector<pending>& todo) noexcept;
    void launch(const pending& each) noexcept;
    void operation_cancelled(slot_id slot) noexcept;
    void bury(slot_id slot, lock& held) noexcept;
    void post_to(scheduler& where, slot_id slot, void (core::*what)(slot_id) noexcept) noexcept;
    void abandon_slot(slot_id slot) noexcept;
    void cut_slot(slot_id slot) noexcept;
    void notify_locked(std::vector<notice*>& all, std::size_t count, bool down) noexcept;

    void on_wake() noexcept;
    void rearm() noexcept;
    void dispose() noexcept;

    struct wake_timer : timer {
        explicit wake_timer(core& pool) noexcept
            : timer([](timer& self) noexcept { static_cast<wake_timer&>(self).owner.on_wake(); }), owner(pool) {}
        core& owner;
    };
    struct core_work : work {
        core_work(core& pool, void (core::*what)() noexcept) noexcept
            : work([](work& self) noexcept {
                  auto& mine = static_cast<core_work&>(self);
                  (mine.owner.*mine.member)();
              }),
              owner(pool),
              member(what) {}
        core& owner;
        void (core::*member)() noexcept;
    };

    scheduler_group& group_;
    scheduler& home_;  // where the pool's timer lives
    observer* const observer_;
    const bool roams_;
    wake_timer timer_;
    core_work rearm_work_;
    core_work dispose_work_;

    mutable std::mutex mutex_;
    std::condition_variable emptied_;
    const std::unique_ptr<parking_lot> parking_;  // threads take from it and add to it without the mutex

    // Everything below is protected by mutex_.
    std::unique_ptr<ledger> ledger_;
    size_budget::share share_;  // of the budget, if there is one
    std::vector<action> actions_;
    std::deque<entry> entries_;
    std::vector<waiting*> waiters_;  // by the ledger's waiter index
    std::vector<notice*> warm_notices_;
    std::vector<notice*> drain_notices_;
    std::optional<error> last_connect_error_;
    time_point latest_{};
    time_point armed_for_ = never;
    time_point wanted_wake_ = never;
    bool paused_ = false;
    bool drain_reported_ = false;
    bool rearm_posted_ = false;
    bool dispose_posted_ = false;
    bool disposed_ = false;
    std::shared_ptr<core> keep_;
};

/// Why a caller was refused; turned into an error by whoever reads it, not under the lock.
struct core::refusal {
    errc reason = errc::pool_closed;
    bool down = false;
    pool_numbers numbers;
    std::optional<error> last_connect_error;
    std::string name;
    [[nodiscard]] error to_error() const;
};

class [[nodiscard]] core::acquire_awaiter {
public:
    acquire_awaiter(core& pool, const acquire_options& options) noexcept : pool_(pool), options_(options) {}
    acquire_awaiter(acquire_awaiter&&) = delete;
    ~acquire_awaiter() {
        if (node_ != nullptr) pool_.abandon(node_);
    }
    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    [[nodiscard]] result<granted> await_resume();

private:
    core& pool_;
    acquire_options options_;
    waiting* node_ = nullptr;
    answer outcome_;
};

inline core::acquire_awaiter core::acquire(const acquire_options& options) noexcept {
    return {*this, options};
}

}  // namespace lido::pool
