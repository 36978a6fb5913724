// Lido: all that a pool decides.
#pragma once

#include "lido/base/error.hpp"
#include "lido/base/random.hpp"
#include "lido/pool/identifiers.hpp"
#include "lido/pool/settings.hpp"
#include "lido/pool/statistics.hpp"
#include "lido/pool/verdict.hpp"
#include "pool/adaptive_size.hpp"
#include "pool/connect_gate.hpp"
#include "pool/leak_watch.hpp"
#include "pool/load_meter.hpp"
#include "pool/slot.hpp"
#include "pool/waiters.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <source_location>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lido::pool {

enum class action_kind : std::uint8_t {
    open,     ///< open a connection for `slot` on scheduler `affinity` until `deadline`; answer: opened or open_failed
    check,    ///< check it until `deadline`; answer: checked
    reset,    ///< bring it back to a clean state until `deadline`; answer: reset_done
    close,    ///< close it politely until `deadline`; answer: closed
    abandon,  ///< end whatever runs on the slot and destroy its connection now; answer: closed
    cut,      ///< the lease holder is late for the drain: break its connection, so that it returns the lease
    grant,    ///< `waiter` gets `lease` on `slot`
    refuse,   ///< `waiter` gets `reason`; with `down`, the last connect error is the reason or its cause
    leak,     ///< `lease`, taken at `where`, has been out for `held`
    warmed,   ///< the warm-up has ended with `count` connections
    drained,  ///< the drain has ended; `count` leases were still out
};

/// What the shell has to do. Which members mean something depends on `kind`.
struct action {
    action_kind kind;
    errc reason = errc::pool_closed;
    bool down = false;
    std::uint32_t affinity = 0;
    slot_id slot{};
    waiter_id waiter{};
    lease_id lease{};
    time_point deadline = never;
    duration held{};
    std::size_t count = 0;
    std::source_location where{};
};

using actions = std::vector<action>;

struct acquire_request {
    std::uint8_t priority = highest_priority;
    time_point deadline = never;
    std::uint64_t holder = 0;
    std::uint32_t affinity = 0;
    bool waits = true;  ///< otherwise refused where it would be queued
    std::source_location where;
};

struct acquire_outcome {
    enum class kind : std::uint8_t { granted, queued, refused };
    kind what = kind::refused;
    errc reason = errc::pool_closed;
    slot_id slot;
    lease_id lease;
    waiter_id waiter;
};

/// How a ledger stands, cheaply: for oracles that look after every step.
struct ledger_counts {
    std::array<std::size_t, slot_state_count> in_state{};
    std::size_t regular = 0;
    std::size_t overflow = 0;
    std::size_t leases = 0;
    std::size_t waiting = 0;

    [[nodiscard]] std::size_t of(slot_state state) const noexcept { return in_state[static_cast<std::size_t>(state)]; }
};

/// The state of a pool and every decision about it: who gets which connection, what is opened, checked, closed, and
/// when. It does no I/O, knows no clock, no thread and no callback: events come in with the time, actions go out to be
/// carried out after the call. A plain value: a copy is a pool in the same state. Not thread-safe; times must not go
/// back. Every event costs O(1) amortised, whatever the number of slots and waiters, but for `reconfigure`,
/// `retire_all`, `drain` and its end.
///
/// Events about something that has ended meanwhile (a connect that comes after its deadline, a lease returned twice)
/// are recognised by their identifier, counted in `statistics::stale_events` and otherwise ignored; those that bring a
/// result say so by returning false.
///
/// docs/design/pool.md lists the invariants.
class ledger {
public:
    /// `settings` must be valid; `affinities` is the number of schedulers, at least 1.
    ledger(const settings& settings, std::uint32_t affinities, time_point now, random_source random);

    // Borrowers.

    [[nodiscard]] acquire_outcome acquire(time_point now, const acquire_request& request, actions& out);
    /// The caller no longer waits. False: it had been granted or refused already.
    bool cancel(time_point now, waiter_id waiter, actions& out);
    bool release(time_point now, lease_id lease, verdict verdict, actions& out);
    /// The same for a clean one whose borrower had given it back at `since` already, to somebody who kept it meanwhile.
    bool release_kept(time_point now, lease_id lease, time_point since, actions& out);

    // Answers to actions.

    bool opened(time_point now, slot_id id, std::uint32_t capacity, actions& out);
    bool open_failed(time_point now, slot_id id, actions& out);
    bool checked(time_point now, slot_id id, bool works, actions& out);
    bool reset_done(time_point now, slot_id id, bool clean, actions& out);
    bool closed(time_point now, slot_id id, actions& out);

    // News from connections.

    /// The peer allows this many leases at once from now on; 0: none any more, drain it.
    bool capacity_changed(time_point now, slot_id id, std::uint32_t capacity, actions& out);
    /// The connection is known to be dead or dirty.
    bool lost(time_point now, slot_id id, actions& out);

    // The operator.

    void reconfigure(time_point now, const settings& settings, actions& out);
    void pause(time_point now);
    void resume(time_point now, actions& out);
    /// Every connection of now serves its present lease and no other.
    void retire_all(time_point now, actions& out);
    void warm_up(time_point now, std::size_t count, actions& out);
    /// Closes the connection that was idle longest, to make room elsewhere. False: none is idle, or all are wanted.
    bool close_one_idle(time_point now, actions& out);
    /// An adaptive sizing begins anew with at least this many connections; what is not used goes again. `warm_up` does
    /// that too.
    void aim_at(time_point now, std::size_t count, actions& out);
    /// An adaptive sizing may have this many connections at most from now on, whatever it wants; see `size_budget`.
    void allow(time_point now, std::size_t allowance, actions& out);
    /// Before the `tick` that ends an interval of an adaptive sizing: leases that are out were kept by somebody for
    /// `unused` in all since the last time, and lent by him `times` times. Those that came by `release_kept` are known.
    void note_kept(time_point now, duration unused, std::uint64_t times) noexcept;
    /// Ends the pool: refuses waiters, waits for leases until `deadline`. Idempotent; an earlier deadline wins.
    void drain(time_point now, time_point deadline, actions& out);

    /// Does what the time has brought. To be called at `next_wake`, and harmless at any other time.
    void tick(time_point now, actions& out);
    [[nodiscard]] time_point next_wake() const;
    /// True once after `next_wake` may have become earlier; asking resets it. Saves the shell from asking for the time
    /// after each lease.
    [[nodiscard]] bool take_wake_changed() noexcept { return std::exchange(wake_changed_, false); }

    // The size.

    /// Connections that may exist now: `max_size`, or what an adaptive sizing wants and is allowed.
    [[nodiscard]] std::size_t size_limit() const noexcept { return size_limit_; }
    /// What an adaptive sizing would have if it were allowed.
    [[nodiscard]] std::size_t wanted_size() const noexcept { return wanted_size_; }
    /// When an adaptive sizing decides next; `never` when the sizing is fixed or the pool at rest.
    [[nodiscard]] time_point size_due() const noexcept { return size_due_; }
    /// True once after `wanted_size` may have changed, or an interval has ended.
    [[nodiscard]] bool take_claim_changed() noexcept { return std::exchange(claim_changed_, false); }

    // Looking in.

    [[nodiscard]] statistics snapshot() const;
    [[nodiscard]] pool_numbers numbers() const noexcept;
    [[nodiscard]] ledger_counts counts() const noexcept {
        return {in_state_, regular_, overflow_, leases_.size(), waiters_.size()};
    }
    /// What `snapshot` has but for the numbers of this moment; no copy.
    [[nodiscard]] const statistics& totals() const noexcept { return statistics_; }
    [[nodiscard]] const settings& current_settings() const noexcept { return settings_; }
    [[nodiscard]] slot_state state_of(slot_id which) const noexcept;
    [[nodiscard]] bool is_current(slot_id which) const noexcept;
    /// The slot itself, for oracles. Precondition: `is_current`.
    [[nodiscard]] const pool::slot& look_at(slot_id which) const noexcept { return slots_[which.index]; }
    [[nodiscard]] const lease_record& lease(lease_id which) const noexcept { return leases_.at(which); }
    /// No connection is left, not even one that is closing.
    [[nodiscard]] bool is_empty() const noexcept { return regular_ + overflow_ == 0; }
    [[nodiscard]] bool draining() const noexcept { return lifecycle_ != lifecycle::open; }
    /// Aborts when an invariant of docs/design/pool.md does not hold. O(slots + waiters): for tests.
    void audit() const;

    /// No scheduler in particular.
    static constexpr std::uint32_t any_affinity = no_index;

private:
    enum class lifecycle : std::uint8_t { open, draining, closed };
    struct slot_nodes {
        using handle = std::uint32_t;
        static constexpr handle none = no_index;
        std::vector<pool::slot>* all;
        [[nodiscard]] timer_links<handle>& links(handle which) const noexcept { return (*all)[which].timer; }
    };
    struct holder_counts {
        std::size_t leases = 0;
        std::size_t waits = 0;
    };
    using slot_list = index_list<pool::slot, &slot::links>;

    // One function moves a slot.
    void move(std::uint32_t which, slot_state to);
    void retire(std::uint32_t which, close_reason reason);
    void regroup(std::uint32_t which);
    [[nodiscard]] bool has_room(const pool::slot& which) const noexcept;
    [[nodiscard]] bool is_worn(const pool::slot& which) const noexcept {
        return settings_.max_uses != 0 && which.uses >= settings_.max_uses;
    }
    [[nodiscard]] slot_list* list_of(const pool::slot& which) noexcept;
    void enlist(std::uint32_t which);
    void unlist(std::uint32_t which);
    void count(const pool::slot& which, bool add) noexcept;
    [[nodiscard]] std::size_t in(slot_state state) const noexcept { return in_state_[static_cast<std::size_t>(state)]; }
    [[nodiscard]] slot_id id_of(std::uint32_t which) const noexcept { return {which, slots_[which].generation}; }

    // Lending.
    [[nodiscard]] std::uint32_t find_available(time_point now, std::uint32_t affinity, actions& out);
    [[nodiscard]] std::uint32_t find_shared(time_point now);
    [[nodiscard]] std::uint32_t find_idle(time_point now, slot_list& list, actions& out);
    [[nodiscard]] bool is_fresh(const pool::slot& which, time_point now) const noexcept;
    bool take_back(time_point now, lease_id lease, verdict verdict, time_point since, actions& out);
    lease_id lend(time_point now, std::uint32_t which, std::uint64_t holder, time_point since,
                  const std::source_location& where);
    void dispatch(time_point now, std::uint32_t affinity, actions& out);
    void serve_waiters(time_point now, actions& out);
    void check_stale(time_point now, actions& out);
    [[nodiscard]] bool must_refuse(const acquire_request& request, time_point now, acquire_outcome& outcome);
    void refuse(waiter_id who, errc reason, bool down, actions& out);
    void refuse_while_down(time_point now, actions& out);
    [[nodiscard]] bool is_down() const noexcept;
    [[nodiscard]] bool would_deadlock(std::uint64_t holder) const;
    void add_wait(std::uint64_t holder);
    void remove_wait(std::uint64_t holder);

    // Opening and closing.
    void open_wanted(time_point now, std::uint32_t affinity, actions& out);
    [[nodiscard]] bool wants_overflow() const noexcept;
    [[nodiscard]] std::size_t wanted() const noexcept;
    [[nodiscard]] std::size_t floor() const noexcept { return std::max(settings_.min_size, warm_target_); }
    [[nodiscard]] std::size_t room() const noexcept;
    void start_connect(time_point now, std::uint32_t affinity, bool overflow, actions& out);
    void start_check(time_point now, std::uint32_t which, actions& out);
    void settle(time_point now, std::uint32_t which, time_point since, actions& out);
    void make_idle(time_point now, std::uint32_t which, time_point since, time_point proven);
    void expire(time_point now, std::uint32_t which, actions& out);
    bool fence(time_point now, slot_id id, close_reason reason, actions& out);
    void apply_settings(pool::slot& which) const noexcept;
    void begin_close(time_point now, std::uint32_t which, close_reason reason, actions& out);
    void abandon(time_point now, std::uint32_t which, close_reason reason, actions& out);
    void connect_has_failed(time_point now, std::uint32_t which, actions& out);
    void note_early_death(time_point now, const pool::slot& which);
    void finish_warm_up(actions& out);
    void retire_outgoing(time_point now, actions& out);

    // Size. What matters to the meter is measured at the beginning of each event.
    void measure(time_point now) noexcept {
        if (adaptive_) pass_time(now);
    }
    void pass_time(time_point now) noexcept;
    [[nodiscard]] std::size_t lacking() const noexcept;
    [[nodiscard]] std::size_t lowest_size() const noexcept;
    void begin_interval(time_point now) noexcept;
    void adopt_sizing() noexcept;
    void decide_size(time_point now, actions& out);
    void limit_size(time_point now, actions& out);

    // Time.
    void arm(time_point now, std::uint32_t which);
    [[nodiscard]] time_point due(const pool::slot& which, time_point now) const noexcept;
    void slot_is_due(time_point now, std::uint32_t which, actions& out);
    void idle_is_due(time_point now, std::uint32_t which, actions& out);
    void begin_drain(time_point now, actions& out);
    void end_drain(time_point now, actions& out);
    void turn_round(slot_list& list);
    void close_surplus(time_point now, actions& out);
    void note_drained(actions& out);

    [[nodiscard]] bool stale(slot_id which, slot_state expected) noexcept;

    void audit_slot(const pool::slot& each) const;
    void audit_counts() const;
    void audit_statistics() const;

    settings settings_;
    random_source random_;
    lifecycle lifecycle_ = lifecycle::open;
    bool paused_ = false;
    time_point drain_until_ = never;
    std::size_t warm_target_ = 0;
    std::uint32_t expected_capacity_;  // what a connection carries, as far as is known
    std::uint32_t next_affinity_ = 0;  // where the next connect goes that nobody in particular asked for

    std::vector<pool::slot> slots_;
    std::vector<std::uint32_t> vacant_;
    std::vector<slot_list> idle_;  // one a scheduler
    slot_list shared_;
    slot_list outgoing_;  // idle ones past their lifetime that wait for their successor
    timer_wheel<slot_nodes> slot_timers_;
    waiters waiters_;
    std::vector<std::source_location> waiter_places_;  // by waiter index
    leak_watch leases_;
    connect_gate gate_;
    std::unordered_map<std::uint64_t, holder_counts> holders_;
    bool wake_changed_ = true;
    std::size_t blocked_leases_ = 0;  // leases of holders that wait

    bool adaptive_ = false;
    bool claim_changed_ = true;
    std::size_t size_limit_;
    std::size_t wanted_size_;
    std::size_t allowance_ = settings::unlimited;
    time_point size_due_ = never;
    adaptive_size policy_{adaptive_sizing{}};
    load_meter meter_;

    // Derived from the slots by `count`, so that no decision has to look at all of them.
    std::array<std::size_t, slot_state_count> in_state_{};
    std::size_t regular_ = 0;    // count towards max_size
    std::size_t live_ = 0;       // of these, open and not closing
    std::size_t overflow_ = 0;   // beyond max_size
    std::size_t kept_ = 0;       // live or connecting, and here to stay
    std::size_t kept_live_ = 0;  // of these, live
    std::size_t in_flight_ = 0;  // leases that connecting, checking and resetting slots will offer

    statistics statistics_;
};

}  // namespace lido::pool
