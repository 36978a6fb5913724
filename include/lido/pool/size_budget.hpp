// Lido: a number of connections that several pools share.
#pragma once

#include "lido/base/result.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

namespace lido::pool {

/// A number of connections that several pools of one process share: what the server, the machine or the contract allows
/// them together. Give it to the settings of each (`settings::budget`); it lives as long as one of them.
///
/// What is promised: the connections of all pools, overflow aside, are never more than `total`; each pool has its
/// minimum (at least one) reserved for it; above the minimums, pools that want more than there is get equal parts, and
/// what one of them does not want goes to the others (max-min fairness: Bertsekas and Gallager, "Data Networks",
/// 1992, 6.5.2). A pool gets what it is due when another has given it back, which each does after its next interval, as
/// its connections are returned.
///
/// Thread-safe. O(pools²) per interval of a pool, under a lock that is held for nothing else.
class size_budget {
public:
    /// `total` is at least 1.
    explicit size_budget(std::size_t total) : total_(total) {}
    size_budget(const size_budget&) = delete;
    size_budget& operator=(const size_budget&) = delete;

    /// The part of one pool. Gives itself back. Used by the pool, one thread at a time.
    class share;

    [[nodiscard]] std::size_t total() const noexcept { return total_; }
    /// Connections that pools may have open now, together; never above `total`.
    [[nodiscard]] std::size_t held() const;
    /// Pools that share it.
    [[nodiscard]] std::size_t pools() const;

private:
    struct member {
        std::size_t least = 1;   // reserved for it
        std::size_t wanted = 1;  // what it asked for last
        std::size_t held = 0;    // what it may have open
    };
    using members = std::list<member>;

    [[nodiscard]] std::size_t held_locked() const noexcept;
    [[nodiscard]] std::size_t due_locked(const member& who) const noexcept;
    [[nodiscard]] bool has_place_locked(std::size_t least, const member* except) const noexcept;

    const std::size_t total_;
    mutable std::mutex mutex_;
    members members_;
};

class size_budget::share {
public:
    /// Reserves `least` connections (at least 1) of a budget that outlives the share. `invalid_argument` when they are
    /// not there beside what is reserved for the other pools.
    [[nodiscard]] static result<share> join(std::shared_ptr<size_budget> budget, std::size_t least);
    share() noexcept = default;
    share(share&& other) noexcept : budget_(std::move(other.budget_)), me_(other.me_) {}
    share& operator=(share&& other) noexcept {
        if (this != &other) {
            leave();
            budget_ = std::move(other.budget_);
            me_ = other.me_;
        }
        return *this;
    }
    ~share() { leave(); }

    /// Reserves another minimum; on failure nothing changes.
    [[nodiscard]] result<void> reserve(std::size_t least);
    /// How many connections the pool may have from now on when it wants `wanted` and has `existing`. At most `wanted`;
    /// fewer than `existing` means: close some. Those count until they are gone and it asks again.
    [[nodiscard]] std::size_t ask(std::size_t wanted, std::size_t existing);

    [[nodiscard]] const std::shared_ptr<size_budget>& budget() const noexcept { return budget_; }

private:
    void leave() noexcept;

    std::shared_ptr<size_budget> budget_;  // null: none
    members::iterator me_{};
};

}  // namespace lido::pool
