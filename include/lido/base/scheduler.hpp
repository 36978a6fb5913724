// Lido: where operations run.
#pragma once

#include "lido/base/time.hpp"
#include "lido/base/timer_wheel.hpp"

#include <cstdint>

namespace lido {

/// A unit of work that a scheduler runs once. Intrusive, so that posting never allocates and never fails; it belongs to
/// whoever posted it and must live until it ran.
struct work {
    using function = void (*)(work&) noexcept;
    explicit work(function to_run) noexcept : run(to_run) {}
    function run;
    work* next = nullptr;
};

/// A timer of a scheduler. Intrusive; disarm it before it dies.
struct timer {
    using function = void (*)(timer&) noexcept;
    explicit timer(function to_run) noexcept : fire(to_run) {}
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    ~timer() = default;
    function fire;
    timer_links<timer*> links;
};

/// How `timer_wheel` finds the links of a `timer`.
struct timer_nodes {
    using handle = timer*;
    static constexpr handle none = nullptr;
    [[nodiscard]] static timer_links<timer*>& links(handle which) noexcept { return which->links; }
};

class scheduler_group;

/// One thread's worth of execution: an event loop, or a test's virtual one. Everything that runs on it runs one after
/// the other. Coroutines of Lido stay on the scheduler on which they were started.
class scheduler {
public:
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;
    virtual ~scheduler() = default;

    /// Runs `item` later on this scheduler, in the order of posting. Any thread; never blocks for long, never throws.
    virtual void post(work& item) noexcept = 0;
    /// The time at the beginning of the current turn: costs no system call. Only on this scheduler.
    [[nodiscard]] virtual time_point now() const noexcept = 0;
    /// (Re-)arms `which`; it fires on this scheduler. Only on this scheduler.
    virtual void arm(timer& which, time_point when) noexcept = 0;
    /// Only on this scheduler; nothing happens if it is not armed.
    virtual void disarm(timer& which) noexcept = 0;

    /// The scheduler that runs on this thread now, or null.
    [[nodiscard]] static scheduler* current() noexcept { return current_; }
    [[nodiscard]] bool is_current() const noexcept { return current_ == this; }
    [[nodiscard]] scheduler_group& group() const noexcept { return *group_; }
    /// Its number within its group, from 0.
    [[nodiscard]] std::uint32_t index() const noexcept { return index_; }

protected:
    scheduler(scheduler_group& group, std::uint32_t index) noexcept : group_(&group), index_(index) {}
    /// Called by an implementation around the time it runs things on this thread. Returns the one before.
    static scheduler* set_current(scheduler* now_current) noexcept {
        scheduler* before = current_;
        current_ = now_current;
        return before;
    }

private:
    static thread_local constinit scheduler* current_;
    scheduler_group* group_;
    std::uint32_t index_;
};

/// The schedulers of one runtime.
class scheduler_group {
public:
    scheduler_group(const scheduler_group&) = delete;
    scheduler_group& operator=(const scheduler_group&) = delete;
    virtual ~scheduler_group() = default;

    [[nodiscard]] virtual std::uint32_t size() const noexcept = 0;
    /// `index` < `size()`.
    [[nodiscard]] virtual scheduler& at(std::uint32_t index) noexcept = 0;
    /// A scheduler for work from outside: takes turns. Any thread.
    [[nodiscard]] virtual scheduler& pick() noexcept = 0;

    /// The scheduler of this thread if it belongs to this group, otherwise one that `pick()` chooses.
    [[nodiscard]] scheduler& here_or_pick() noexcept {
        scheduler* here = scheduler::current();
        return here != nullptr && &here->group() == this ? *here : pick();
    }

protected:
    scheduler_group() = default;
};

}  // namespace lido
