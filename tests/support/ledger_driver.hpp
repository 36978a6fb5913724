// Lido's tests: a ledger, its clock and its shell in one, so that a test reads like a table of events and answers.
#pragma once

#include "pool/ledger.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lido::test {

/// Settings under which nothing happens by itself: no checks, no expiry, no jitter.
[[nodiscard]] pool::settings quiet_settings();

/// Who asks in a test, and how.
struct caller {
    std::uint8_t priority = 1;
    duration timeout = std::chrono::seconds(30);
    std::uint64_t holder = 0;
    std::uint32_t affinity = 0;
};

/// Drives a ledger. Callers have names, connections have numbers in the order of their opening, and every event answers
/// with the actions it led to, as a text: "open 1", "grant a 1, close 2".
///
/// After each event the ledger's audit runs, and what the shell relies on is checked: the time it would wake at is
/// never later than `next_wake`, and nothing happens before `next_wake`.
class ledger_driver {
public:
    explicit ledger_driver(const pool::settings& settings, std::uint32_t schedulers = 1, std::uint64_t seed = 1);

    // Borrowers. A lease is named after who took it.
    std::string acquire(const std::string& name, const caller& how = {});
    std::string cancel(const std::string& name);
    std::string release(const std::string& name, pool::verdict verdict = pool::verdict::clean);
    /// The return of a lease that its borrower had done with `ago`, and that was kept since.
    std::string release_kept(const std::string& name, duration ago);
    /// Acquires, opens a connection if one is wanted for that, and forgets the actions. Fails the test when `name` has
    /// no lease after that.
    void lend(const std::string& name, const caller& how = {});
    /// Lends to `a`, `b` … and takes them back in that order, `count` of them.
    void fill(std::size_t count);
    [[nodiscard]] bool has_lease(const std::string& name) const { return leases_.contains(name); }

    // Connections, by number.
    std::string opened(std::size_t number, std::uint32_t capacity = 1);
    std::string open_failed(std::size_t number);
    std::string checked(std::size_t number, bool works = true);
    std::string reset_done(std::size_t number, bool clean = true);
    std::string closed(std::size_t number);
    std::string capacity(std::size_t number, std::uint32_t capacity);
    std::string lost(std::size_t number);
    [[nodiscard]] pool::slot_state state(std::size_t number) const { return book_.state_of(slots_.at(number - 1)); }
    [[nodiscard]] std::size_t opened_so_far() const noexcept { return slots_.size(); }

    // The operator.
    template <class Change>
    std::string reconfigure(Change&& change) {
        pool::settings changed = book_.current_settings();
        change(changed);
        book_.reconfigure(now_, changed, out_);
        return after();
    }
    /// The first tick, which opens the minimum.
    std::string start() { return sleep(duration::zero()); }
    std::string pause();
    std::string resume();
    std::string retire_all();
    std::string warm_up(std::size_t count);
    std::string drain(duration timeout);
    std::string close_one_idle();

    // Time.
    /// Lets time pass, waking the ledger whenever a shell would; all actions of that time.
    std::string advance(duration by);
    /// Lets time pass as a machine that sleeps does: one tick at the end.
    std::string sleep(duration by);
    /// Lets time pass until the first actions, at most `limit`.
    std::string advance_to_action(duration limit = std::chrono::hours(24));
    [[nodiscard]] time_point now() const noexcept { return now_; }
    [[nodiscard]] duration elapsed() const noexcept { return now_ - begin_; }
    /// The last event made the shell look at `next_wake` again.
    [[nodiscard]] bool wake_changed() const noexcept { return wake_changed_; }
    /// From now to the next wake; `duration::max()` when there is none.
    [[nodiscard]] duration until_wake() const;

    [[nodiscard]] pool::statistics statistics() const { return book_.snapshot(); }
    [[nodiscard]] pool::ledger& book() noexcept { return book_; }
    [[nodiscard]] pool::slot_id slot(std::size_t number) const { return slots_.at(number - 1); }
    [[nodiscard]] const pool::actions& last_actions() const noexcept { return last_; }

private:
    std::string after();
    [[nodiscard]] pool::lease_id take_back(const std::string& name);
    void check_the_wake();
    void describe(const pool::action& each, std::string& text);
    [[nodiscard]] std::size_t number_of(pool::slot_id slot) const;
    [[nodiscard]] std::string name_of(pool::waiter_id waiter) const;

    time_point begin_{std::chrono::hours(1000)};
    time_point now_ = begin_;
    time_point wake_ = never;  // when the shell would call tick
    bool wake_changed_ = false;
    pool::ledger book_;
    pool::actions out_;
    pool::actions last_;
    std::vector<pool::slot_id> slots_;
    std::map<std::string, pool::waiter_id> waiting_;
    std::map<std::string, pool::lease_id> leases_;
    std::map<std::string, pool::lease_id> returned_;
};

}  // namespace lido::test
