// Lido: schedulers whose time stands still until a test moves it.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace lido::test {

class virtual_group;

/// The outcome of a task that a test started on a virtual scheduler; it may be asked for at any time. Copies share it.
template <class T>
class started {
public:
    /// It has ended: with a value, with an exception, or cancelled.
    [[nodiscard]] bool done() const noexcept { return state_->value || state_->failure || state_->cancelled; }
    [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled; }
    /// Its value, moved out; rethrows its exception. Asserts that it ended of itself.
    T take() const {
        if (state_->failure) std::rethrow_exception(state_->failure);
        LIDO_ASSERT(state_->value.has_value());
        if constexpr (!std::is_void_v<T>) return std::move(*state_->value);
    }
    /// Cancels it: it is destroyed where it is suspended, when the scheduler runs next.
    void cancel() const { state_->stop.request_stop(); }

private:
    friend class virtual_scheduler;
    struct shared {
        std::optional<std::conditional_t<std::is_void_v<T>, char, T>> value;
        std::exception_ptr failure;
        bool cancelled = false;
        std::stop_source stop;
    };
    struct sink {
        std::shared_ptr<shared> state;
        template <class... Value>
        void complete(Value&&... value) {
            state->value.emplace(std::forward<Value>(value)...);
        }
        void fail(std::exception_ptr failure) { state->failure = std::move(failure); }
        void cancelled() { state->cancelled = true; }
    };
    std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

/// A deterministic scheduler for tests. Made alone it forms a group of its own; `virtual_group` makes several that
/// share one clock. Time begins at `virtual_group::start` and moves only in `advance`.
///
/// Timers fire exactly at their time, those of equal times in the order in which they were armed. One thread only.
class virtual_scheduler final : public scheduler {
public:
    virtual_scheduler();
    ~virtual_scheduler() override;

    void post(work& item) noexcept override;
    [[nodiscard]] time_point now() const noexcept override;
    void arm(timer& which, time_point when) noexcept override;
    void disarm(timer& which) noexcept override;

    /// See `virtual_group`; these drive the whole group.
    std::size_t run_until_idle();
    void advance(duration by);

    /// Calls `function()` as if this scheduler ran it: `scheduler::current()` is this one meanwhile.
    template <class Function>
    decltype(auto) enter(Function&& function) {
        const current_guard guard(*this);
        return std::forward<Function>(function)();
    }

    /// Starts `body` here; it runs when the scheduler is driven next.
    template <class T>
    [[nodiscard]] started<T> start(task<T> body) {
        started<T> handle;
        using sink = typename started<T>::sink;
        detail::started_task<T, sink>::launch(*this, std::move(body), sink{handle.state_},
                                              handle.state_->stop.get_token(), false);
        return handle;
    }
    template <class T>
    [[nodiscard]] started<result<T>> start(operation<T> body) {
        return start(std::move(body).as_task());
    }

private:
    friend class virtual_group;
    class current_guard {
    public:
        explicit current_guard(virtual_scheduler& here) noexcept : before_(set_current(&here)) {}
        current_guard(const current_guard&) = delete;
        current_guard& operator=(const current_guard&) = delete;
        ~current_guard() { set_current(before_); }

    private:
        scheduler* before_;
    };

    explicit virtual_scheduler(std::unique_ptr<virtual_group> own);
    virtual_scheduler(virtual_group& group, std::uint32_t index) noexcept;
    void run(work& item) noexcept;
    void fire(timer& item) noexcept;

    virtual_group& world_;
    std::unique_ptr<virtual_group> own_group_;
};

/// Virtual schedulers with one clock and one queue, so that what they do happens in one order, the same in every run.
class virtual_group final : public scheduler_group {
public:
    /// When virtual time begins: far from zero, so that a forgotten default time is noticed.
    static constexpr time_point start = time_point(std::chrono::hours(1000));

    explicit virtual_group(std::uint32_t size = 1);
    ~virtual_group() override;

    [[nodiscard]] std::uint32_t size() const noexcept override;
    [[nodiscard]] virtual_scheduler& at(std::uint32_t index) noexcept override;
    /// Takes turns, beginning with 0.
    [[nodiscard]] virtual_scheduler& pick() noexcept override;

    /// Runs what is posted and fires what is due at the present time, and what that posts and arms, until nothing is
    /// left; returns how many steps that took. Asserts that there is an end to it (a million steps). Time stands still.
    std::size_t run_until_idle();

    /// Moves time forward by `by` (not negative), from timer to timer, running until idle before and after each: no
    /// work ever sees a time that is later than it has to be.
    void advance(duration by);

    /// The next post gets no further, as if its thread had been stopped on the way, until `deliver_held`.
    void hold_next_post() noexcept { hold_next_ = true; }
    /// Asserts that a post is held.
    void deliver_held();

    [[nodiscard]] time_point now() const noexcept { return now_; }
    /// When the next timer fires, `never` when none is armed. For tests that nothing is left behind.
    [[nodiscard]] time_point next_timer() const noexcept;
    [[nodiscard]] std::size_t armed_timers() const noexcept { return timers_.size(); }

private:
    friend class virtual_scheduler;
    struct alone {};
    explicit virtual_group(alone) noexcept {}

    struct posted {
        virtual_scheduler* where;
        work* item;
    };
    struct armed {
        time_point when;
        std::uint64_t order;
        timer* which;
        virtual_scheduler* where;
        [[nodiscard]] bool operator<(const armed& other) const noexcept {
            return std::tie(when, order) < std::tie(other.when, other.order);
        }
    };

    void post(virtual_scheduler& where, work& item);
    void arm(virtual_scheduler& where, timer& which, time_point when);
    void disarm(timer& which);
    [[nodiscard]] bool step();
    void check_thread() const noexcept;

    std::vector<virtual_scheduler*> members_;
    std::vector<std::unique_ptr<virtual_scheduler>> owned_;
    std::deque<posted> queue_;
    std::optional<posted> held_;
    bool hold_next_ = false;
    std::set<armed> timers_;
    std::map<timer*, std::set<armed>::iterator> places_;
    time_point now_ = start;
    std::uint64_t next_order_ = 0;
    std::uint32_t next_pick_ = 0;
    std::thread::id thread_ = std::this_thread::get_id();
};

}  // namespace lido::test
