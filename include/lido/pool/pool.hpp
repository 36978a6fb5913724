// Lido: a pool of connections of any kind.
#pragma once

#include "lido/pool/acquire_operation.hpp"
#include "lido/pool/connector.hpp"
#include "lido/pool/lease.hpp"

namespace lido::pool {

/// Lends connections that `Connector` makes. Everything that it decides is in `settings`; how it decides is described
/// in docs/design/pool.md.
///
/// Thread-safe. The runtime (`group`) and the observer must outlive it; leases need not be back when it is destroyed,
/// but then their connections are cut. On a plain thread the destructor waits until all connections are closed,
/// `close_timeout` and a second at most; on a scheduler's thread it leaves that to the scheduler, and then the observer
/// must live until that has ended too.
template <connector Connector>
class pool {
public:
    using lease = lido::pool::lease<Connector>;
    using snapshot_type = lido::pool::statistics;

    /// Throws `lido::exception` (`invalid_argument`, naming the setting) when `initial` is out of range.
    pool(scheduler_group& group, const settings& initial, Connector kind, observer* watcher = nullptr) {
        initial.validate().value();
        state_ = std::make_shared<state>(group, initial, std::move(kind), watcher);
        state_->start();
    }
    pool(pool&&) noexcept = default;
    pool& operator=(pool&&) = delete;
    ~pool() {
        if (state_) state_->shut_down();
    }

    /// A connection for the caller alone (or a share of one, where the kind allows several leases at once). Waits in
    /// turn until `options.timeout` has passed. Errors: `acquire_timeout`, `queue_full`, `pool_exhausted`,
    /// `pool_closed`, `pool_paused`, `would_deadlock`, or the last connect error while the server is down.
    [[nodiscard]] acquire_operation<Connector> acquire(const acquire_options& options = {}) {
        return acquire_operation<Connector>(*state_, options);
    }
    /// Only what is idle now; never waits. Any thread. Errors: `pool_exhausted`, `pool_paused`, `pool_closed`.
    [[nodiscard]] result<lease> try_acquire(const acquire_options& options = {}) {
        return state::wrap(state_.get(), state_->try_acquire(options));
    }

    /// Would one who asks now have to wait for somebody to give a connection back? A cheap guess, for those who can let
    /// others go first instead of queueing. Never in a pool whose settings decide at each return (`leak_after`,
    /// `max_uses`, `max_idle`, first in first out).
    [[nodiscard]] bool is_exhausted() const noexcept { return state_->is_exhausted(); }

    /// Opens connections until `count` (at most `max_size`) are there. The result is how many are; fails with the
    /// connect error when none is.
    [[nodiscard]] operation<std::size_t> warm_up(std::size_t count) {
        return {state_->group(), warm_up_of(state_, count)};
    }
    /// Refuses callers from now on, waits for leases until `timeout`, then cuts them. The result is how many leases
    /// were still out. Idempotent.
    [[nodiscard]] operation<std::size_t> close(duration timeout) {
        return {state_->group(), close_of(state_, timeout)};
    }
    [[nodiscard]] operation<std::size_t> close() { return close(state_->current_settings().drain_timeout); }

    /// Lends nothing until `resume`; callers wait, up to their deadlines.
    void pause() { state_->pause(); }
    void resume() { state_->resume(); }
    /// Fences all connections of now: each serves its present lease and no other. For failover, role or DNS changes.
    void retire_all() { state_->retire_all(); }
    /// Closes the connection that was idle longest, to make room elsewhere. False: none is idle beyond `min_size`.
    bool close_one_idle() { return state_->close_one_idle(); }
    /// Changes settings at run time. What is too much after it goes as it becomes idle. Times (idle, lifetime,
    /// keep-alive) count for open connections too, from when they were opened or last used; deadlines of what is under
    /// way stay.
    [[nodiscard]] result<void> reconfigure(const settings& wanted) { return state_->reconfigure(wanted); }
    [[nodiscard]] result<void> resize(std::size_t min_size, std::size_t max_size) {
        settings wanted = state_->current_settings();
        wanted.min_size = min_size;
        wanted.max_size = max_size;
        return state_->reconfigure(wanted);
    }

    [[nodiscard]] settings current_settings() const { return state_->current_settings(); }
    [[nodiscard]] snapshot_type statistics() const { return state_->snapshot(); }
    [[nodiscard]] std::optional<error> last_connect_error() const { return state_->last_connect_error(); }
    /// The connector, for a kind that wraps the pool. It must be safe to use from there.
    [[nodiscard]] Connector& kind() noexcept { return state_->kind(); }

private:
    using state = detail::pool_state<Connector>;

    // They own the state from their making on: the pool may go before an operation that was started has begun.
    static task<result<std::size_t>> warm_up_of(std::shared_ptr<state> owner, std::size_t count) {
        result<std::size_t> outcome = co_await owner->warm_up(count);
        co_return std::move(outcome);
    }
    static task<result<std::size_t>> close_of(std::shared_ptr<state> owner, duration timeout) {
        result<std::size_t> outcome = co_await owner->close(timeout);
        co_return std::move(outcome);
    }

    std::shared_ptr<state> state_;
};

}  // namespace lido::pool
