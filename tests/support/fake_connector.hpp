// Lido: a kind of connection whose every step a test decides.
#pragma once

#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"
#include "lido/pool/connector.hpp"

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace lido::test {

/// The four operations of a connector.
enum class step_kind : std::uint8_t { open, check, reset, close };
/// How one ends.
enum class outcome_kind : std::uint8_t {
    pending,  ///< not before the test says so
    succeed,
    fail,
    throw_error,  ///< by an exception
};

class fake_world;

struct fake_connection {
    fake_connection(fake_world& owner, unsigned its_number, const pool::open_request& request);
    fake_connection(const fake_connection&) = delete;
    fake_connection& operator=(const fake_connection&) = delete;
    ~fake_connection();

    fake_world& world;
    unsigned number;  ///< from 1, in the order of opening
    scheduler& where;
    pool::connection_events events;
    pool::verdict state = pool::verdict::clean;  ///< what `usable` says
    bool was_cut = false;
};

/// Everything that the fake connections of one test do, and what was seen of them. The settings may be used from one
/// thread only, the counts from any.
class fake_world {
public:
    fake_world() { begun_.fill(0), ended_from_outside_.fill(0), behaviour_.fill(outcome_kind::succeed); }
    fake_world(const fake_world&) = delete;
    fake_world& operator=(const fake_world&) = delete;
    ~fake_world() = default;

    /// How operations of a kind end that begin from now on; all succeed at first.
    void let(step_kind kind, outcome_kind outcome) {
        const std::lock_guard guard(lock_);
        behaviour_[at(kind)] = outcome;
    }
    /// The capacity of connections opened from now on.
    std::uint32_t capacity = 1;

    [[nodiscard]] std::size_t pending(step_kind kind) const {
        const std::lock_guard guard(lock_);
        return static_cast<std::size_t>(
            std::count_if(pending_.begin(), pending_.end(), [&](const step* each) { return each->kind_ == kind; }));
    }
    /// Ends the oldest pending operation of the kind, and goes on with whoever awaits it, at once.
    void end(step_kind kind, outcome_kind outcome);

    [[nodiscard]] std::size_t begun(step_kind kind) const { return read(begun_[at(kind)]); }
    /// Destroyed while pending.
    [[nodiscard]] std::size_t ended_from_outside(step_kind kind) const { return read(ended_from_outside_[at(kind)]); }
    [[nodiscard]] std::size_t live() const { return read(live_); }
    [[nodiscard]] std::size_t peak_live() const { return read(peak_live_); }
    [[nodiscard]] std::size_t cuts() const { return read(cuts_); }
    /// The deadline that the last operation of the kind was given.
    [[nodiscard]] time_point deadline(step_kind kind) const { return read(deadlines_[at(kind)]); }
    /// How many operations ran on a scheduler other than their connection's.
    [[nodiscard]] std::size_t misplaced() const { return read(misplaced_); }

private:
    friend struct fake_connection;
    friend class fake_connector;

    /// Awaits the end of one operation.
    class step {
    public:
        step(fake_world& world, step_kind kind, scheduler& where, time_point deadline)
            : world_(world), kind_(kind), where_(where) {
            const std::lock_guard guard(world_.lock_);
            ++world_.begun_[at(kind)];
            world_.deadlines_[at(kind)] = deadline;
            if (scheduler::current() != &where) ++world_.misplaced_;
            outcome_ = world_.behaviour_[at(kind)];
        }
        step(const step&) = delete;
        step& operator=(const step&) = delete;
        ~step() {
            const std::lock_guard guard(world_.lock_);
            if (std::erase(world_.pending_, this) > 0) ++world_.ended_from_outside_[at(kind_)];
        }
        [[nodiscard]] bool await_ready() const noexcept { return outcome_ != outcome_kind::pending; }
        void await_suspend(std::coroutine_handle<> waiter) {
            waiter_ = waiter;
            const std::lock_guard guard(world_.lock_);
            world_.pending_.push_back(this);
        }
        [[nodiscard]] result<void> await_resume() const {
            if (outcome_ == outcome_kind::throw_error) throw std::runtime_error("the test's connector threw");
            if (outcome_ == outcome_kind::fail) return error(errc::connection_closed, "the test's connection");
            return {};
        }

    private:
        friend class fake_world;
        fake_world& world_;
        step_kind kind_;
        scheduler& where_;
        outcome_kind outcome_ = outcome_kind::pending;
        std::coroutine_handle<> waiter_;
    };

    static std::size_t at(step_kind kind) noexcept { return static_cast<std::size_t>(kind); }
    template <class T>
    [[nodiscard]] T read(const T& value) const {
        const std::lock_guard guard(lock_);
        return value;
    }

    mutable std::mutex lock_;
    std::array<outcome_kind, 4> behaviour_{};
    std::array<std::size_t, 4> begun_{};
    std::array<std::size_t, 4> ended_from_outside_{};
    std::array<time_point, 4> deadlines_{};
    std::vector<step*> pending_;
    std::size_t live_ = 0;
    std::size_t peak_live_ = 0;
    std::size_t cuts_ = 0;
    std::size_t misplaced_ = 0;
    unsigned next_number_ = 0;
};

/// Makes fake connections. It refers to a world that must outlive it.
class fake_connector {
public:
    using connection = fake_connection;

    explicit fake_connector(fake_world& world) noexcept : world_(&world) {}

    [[nodiscard]] task<result<std::unique_ptr<connection>>> open(const pool::open_request& request) {
        const pool::open_request mine = request;
        const result<void> outcome = co_await fake_world::step(*world_, step_kind::open, mine.where, mine.deadline);
        if (!outcome) co_return outcome.error();
        unsigned number = 0;
        {
            const std::lock_guard guard(world_->lock_);
            number = ++world_->next_number_;
        }
        co_return std::make_unique<connection>(*world_, number, mine);
    }
    [[nodiscard]] task<result<void>> check(connection& which, time_point deadline) {
        const result<void> outcome = co_await fake_world::step(*world_, step_kind::check, which.where, deadline);
        co_return outcome;
    }
    [[nodiscard]] task<result<void>> reset(connection& which, time_point deadline) {
        const result<void> outcome = co_await fake_world::step(*world_, step_kind::reset, which.where, deadline);
        if (outcome) which.state = pool::verdict::clean;
        co_return outcome;
    }
    [[nodiscard]] task<void> close(connection& which, time_point deadline) {
        const result<void> outcome = co_await fake_world::step(*world_, step_kind::close, which.where, deadline);
        static_cast<void>(outcome);
    }
    void cut(connection& which) const noexcept {
        const std::lock_guard guard(world_->lock_);
        which.was_cut = true;
        ++world_->cuts_;
    }
    [[nodiscard]] std::uint32_t capacity(const connection&) const noexcept { return world_->capacity; }
    [[nodiscard]] pool::verdict usable(const connection& which) const noexcept { return which.state; }

private:
    fake_world* world_;
};

inline fake_connection::fake_connection(fake_world& owner, unsigned its_number, const pool::open_request& request)
    : world(owner), number(its_number), where(request.where), events(request.events) {
    const std::lock_guard guard(world.lock_);
    ++world.live_;
    world.peak_live_ = std::max(world.peak_live_, world.live_);
}

inline fake_connection::~fake_connection() {
    const std::lock_guard guard(world.lock_);
    --world.live_;
    if (scheduler::current() != &where) ++world.misplaced_;
}

}  // namespace lido::test
