// Lido's simulator: a pool in the plainest form, which the ledger must agree with.
#pragma once

#include "pool/ledger.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace lido::sim {

/// Ends the program with a message: an oracle has found something.
[[noreturn]] void disagree(const std::string& what);

/// What a pool must do, said a second time and without any of the ledger's devices: no lists, no counters kept, no
/// timers, no generations; everything is found by looking at everything. It is told each event and each action of the
/// ledger. Where the rules leave no choice (who is served, what becomes of a connection, when to open) it has its own
/// opinion and the ledger must share it; where they leave one (which of several fit connections) it demands a lawful
/// one.
class model {
public:
    model(const pool::settings& settings, time_point now)
        : settings_(settings), now_(now), expected_capacity_(settings.expected_capacity) {
        adopt_sizing();
    }

    /// Every event begins with this. Times do not go back.
    void begin(time_point now) {
        measure(now - now_);
        now_ = now;
    }

    // What the ledger must answer.
    enum class answer : std::uint8_t { granted, queued, refused, granted_or_not };
    struct opinion {
        answer what = answer::queued;
        errc reason = errc::pool_closed;
    };
    [[nodiscard]] opinion on_acquire(const pool::acquire_request& request) const;

    // Events, with what they must lead to.
    void acquired(const pool::acquire_request& request, const pool::acquire_outcome& outcome);
    [[nodiscard]] bool cancelled(pool::waiter_id who);
    /// `since` is when the borrower had done with it.
    [[nodiscard]] bool released(pool::lease_id lease, pool::verdict verdict, time_point since);
    void opened(const pool::ledger& book, pool::slot_id id, std::uint32_t capacity);
    void open_failed(pool::slot_id id);
    void checked(pool::slot_id id, bool works);
    void reset_done(pool::slot_id id, bool clean);
    void closed(pool::slot_id id);
    [[nodiscard]] bool lost(pool::slot_id id, bool peacefully);
    [[nodiscard]] bool capacity_changed(pool::slot_id id, std::uint32_t capacity);
    void reconfigured(const pool::ledger& book, const pool::settings& settings);
    void paused(bool yes) { paused_ = yes; }
    void retired_all();
    void warming_up(std::size_t count);
    void drained(time_point deadline);
    /// Must one be closed to make room elsewhere?
    [[nodiscard]] bool closing_one_idle();
    void ticked() {
        ticked_ = true;
        decide_size_when_due();
    }
    /// What a tick that nobody asked for may find due.
    void decide_size_when_due();
    void allowed(std::size_t allowance);

    /// After an event and before its actions: which connections past their lifetime now wait for their successors? When
    /// the ledger notices that is its own affair, within limits.
    void look(const pool::ledger& book);
    /// An action of the ledger: lawful?
    void take(const pool::action& what);
    /// After the last action of an event: has everything been done, and are the ledger's numbers the same?
    void end(const pool::ledger& book);

    /// Everything that can matter for what comes, times counted from now: two models with the same key have the same
    /// future.
    void append_key(std::string& key) const;

private:
    enum class doing : std::uint8_t { connecting, idle, checking, lent, resetting, closing };
    /// What the ledger has yet to do with a connection in this event.
    enum class owed : std::uint8_t { nothing, close, reset, abandon };
    struct connection {
        pool::slot_id id;
        doing what = doing::connecting;
        owed debt = owed::nothing;
        bool fenced = false;
        bool broken = false;  // fenced because it does not work
        bool dirty = false;
        bool overflow = false;
        bool outgoing = false;
        bool open = false;
        std::uint32_t leases = 0;
        std::uint32_t capacity = 1;
        std::uint32_t round = 0;
        std::uint64_t uses = 0;
        time_point opened_at{};
        time_point idle_since{};
        time_point proven_at{};
        time_point returned_at{};  // not before that is it looked at
        time_point expires_at = never;
        time_point deadline = never;
        duration keep_alive_every{};
    };
    struct caller {
        pool::waiter_id id;
        std::uint8_t priority = 1;
        std::uint64_t holder = 0;
        time_point since{};
        time_point deadline{};
    };
    struct loan {
        pool::lease_id id;
        pool::slot_id on;
        std::uint64_t holder = 0;
        time_point since{};
        bool reported = false;
    };

    [[nodiscard]] connection& find(pool::slot_id id);
    [[nodiscard]] bool knows(pool::slot_id id) const;
    template <class Test>
    [[nodiscard]] std::size_t count(Test&& test) const {
        return static_cast<std::size_t>(std::ranges::count_if(connections_, test));
    }
    [[nodiscard]] std::size_t regular() const;
    [[nodiscard]] std::size_t kept() const;
    [[nodiscard]] std::size_t connecting() const;
    [[nodiscard]] std::size_t room() const;
    [[nodiscard]] std::size_t floor() const { return std::max(settings_.min_size, warm_target_); }
    [[nodiscard]] std::size_t coming() const;
    [[nodiscard]] bool stays(const connection& one) const;
    [[nodiscard]] bool is_live(const connection& one) const;
    [[nodiscard]] bool worn(const connection& one) const;
    [[nodiscard]] bool expired(const connection& one) const { return now_ >= one.expires_at; }
    [[nodiscard]] bool fresh(const connection& one) const;
    [[nodiscard]] bool has_room(const connection& one) const;
    [[nodiscard]] bool lendable(const connection& one) const;
    [[nodiscard]] bool down() const;
    [[nodiscard]] bool stuck_for_ever(std::uint64_t holder) const;
    [[nodiscard]] std::deque<caller>::iterator next_in_line();
    [[nodiscard]] time_point due(const caller& who) const {
        return who.since + settings_.priority_ageing * (who.priority - 1);
    }

    /// Timers are as exact as their ticks, and what new settings make overdue may take as long.
    [[nodiscard]] bool overdue(time_point due) const {
        const time_point limit = std::max(due, changed_at_);
        return limit != never && now_ >= limit + std::chrono::milliseconds(2);
    }
    void settle(connection& one, bool only_checked, time_point since);
    void connect_failed(const connection& one);
    void lend(pool::slot_id on, pool::lease_id lease, std::uint64_t holder);
    void read_life(const pool::ledger& book, connection& one);

    // The size: measured anew, decided by the same rules.
    void measure(duration passed);
    void adopt_sizing();
    void begin_interval();
    void limit_size();
    void aim_at(std::size_t count);
    [[nodiscard]] std::size_t lowest_size() const;

    void take_open(const pool::action& what);
    void take_check(const pool::action& what);
    void take_reset(const pool::action& what);
    void take_close(const pool::action& what);
    void take_abandon(const pool::action& what);
    void take_grant(const pool::action& what);
    void take_refusal(const pool::action& what);
    void take_leak(const pool::action& what);

    void end_of_time() const;
    void end_of_debts() const;
    void end_of_demand() const;
    void compare(const pool::ledger& book) const;

    pool::settings settings_;
    time_point now_;
    bool adaptive_ = false;
    std::size_t size_ = 0;  // connections that may exist
    std::size_t wanted_size_ = 0;
    std::size_t allowance_ = pool::settings::unlimited;
    time_point size_due_ = never;
    time_point interval_began_{};
    duration unused_{};
    pool::load_sample seen_;
    pool::adaptive_size policy_{pool::adaptive_sizing{}};
    bool paused_ = false;
    bool draining_ = false;
    bool over_ = false;
    bool ticked_ = false;
    bool making_room_ = false;      // one idle connection goes for others
    bool replacing_ = false;        // one has begun to wait for its successor in this event
    std::size_t replacements_ = 0;  // so many have
    bool failing_ = false;
    std::uint32_t round_ = 0;
    time_point pause_until_{};  // no pause between connects is longer
    time_point drain_until_ = never;
    time_point changed_at_{};           // the settings
    time_point surplus_since_ = never;  // since when there are more than the minimum
    std::size_t warm_target_ = 0;
    std::uint32_t expected_capacity_;
    std::vector<connection> connections_;
    std::deque<caller> callers_;
    std::vector<loan> loans_;
};

}  // namespace lido::sim
