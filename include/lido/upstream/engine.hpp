// Lido: the part of a service that does not depend on what its endpoints are.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/random.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"
#include "lido/upstream/endpoint.hpp"
#include "lido/upstream/observer.hpp"
#include "lido/upstream/outcome.hpp"
#include "lido/upstream/report.hpp"
#include "lido/upstream/settings.hpp"

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

namespace lido::upstream {

class abandoned_turns;
class router;
struct permit;
struct choice;
struct call_record;
struct due_check;

/// One endpoint's connections, as the engine sees them. Thread-safe.
class target {
public:
    target() = default;
    target(const target&) = delete;
    target& operator=(const target&) = delete;
    virtual ~target() = default;

    /// Does it work? On a scheduler of the group; destroyed where it stands when `deadline` comes.
    [[nodiscard]] virtual task<check_outcome> check(time_point deadline) = 0;
    /// What it says of the endpoint that its check was destroyed; called before that is done.
    [[nodiscard]] virtual check_outcome check_was_cut() const { return check_outcome::failed; }
    /// Its role has changed, or its address: what is connected must not be used for anything new.
    virtual void retire_all() = 0;
    /// See `pool::close`. The result is how many leases or connections had to be cut. Idempotent.
    [[nodiscard]] virtual operation<std::size_t> close(duration timeout) = 0;
};

/// One call: what is to be done, at whatever endpoint, as often as the policies want.
class attempts {
public:
    /// Attempts of one call that may run at once: the first and its hedges.
    static constexpr unsigned lanes = 5;

    attempts() = default;
    attempts(const attempts&) = delete;
    attempts& operator=(const attempts&) = delete;
    virtual ~attempts() = default;

    /// One attempt at `at`, by `deadline`; keeps what came of it under `lane` (below `lanes`), in place of what was
    /// kept there before. Destroyed where it stands when another one was faster, or the caller went away.
    [[nodiscard]] virtual task<attempt_end> attempt(target& at, time_point deadline, unsigned lane) = 0;
    /// What it says of the endpoint that the attempt at `at` under `lane` was destroyed at its deadline; called before
    /// that is done. `may_have_acted`: doing it twice does harm.
    [[nodiscard]] virtual attempt_end was_cut(const target& at, unsigned lane, bool may_have_acted) const;
    /// Does `attempt` always end by its deadline, or should it be cut then?
    [[nodiscard]] virtual bool keeps_deadlines() const noexcept { return false; }
};

/// Carries out what the router decides: one short critical section for each event, then the waits, attempts and checks
/// outside of it. docs/design/upstream.md has the order of the policies. `service<Connector>` and `http::service` are
/// its faces; who has endpoints of another kind writes a `target` and `attempts`.
///
/// Thread-safe. Owned by a shared_ptr, and by each call while it runs; `shut_down` ends it. The group must outlive it.
class engine : public std::enable_shared_from_this<engine> {
public:
    using target_maker = std::function<std::shared_ptr<target>(const endpoint_settings&)>;

    /// Throws `lido::exception` (`invalid_argument`, naming the setting) when `policies` or `endpoints` are out of
    /// range, or two endpoints have the same name. `make` is called for each endpoint, now and later, without any lock.
    /// `watcher` must outlive the engine.
    [[nodiscard]] static std::shared_ptr<engine> make(scheduler_group& group, const settings& policies,
                                                      std::span<const endpoint_settings> endpoints, target_maker make,
                                                      observer* watcher = nullptr);
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;
    ~engine();

    /// Makes a call, on a scheduler of the group: the lane of the attempt whose end counts, or why there was none.
    /// Whoever awaits it keeps the engine and `what` alive.
    [[nodiscard]] task<result<unsigned>> run(call_options options, attempts& what);

    /// The endpoints from now on. Those that stay, by name, keep their connections and what is known of them; those
    /// missing drain. Fails without any change when one is out of range, or they are too many.
    [[nodiscard]] result<void> set_endpoints(std::span<const endpoint_settings> endpoints);
    /// Fences the endpoint's generation: its connections are not used for new calls, and calls that are under way
    /// say nothing about it any more. False: there is no such endpoint.
    bool retire(std::string_view name);
    /// For operators: `closed`, `open`, `forced_open` or `disabled`. False: there is no such endpoint.
    bool set_breaker(std::string_view name, resilience::breaker_state to);

    /// Refuses calls from now on, ends pauses, and closes all targets: calls under way may end until `timeout`. The
    /// sum of what had to be cut. Idempotent. The engine must live until its end.
    [[nodiscard]] task<result<std::size_t>> close(duration timeout);
    /// As `close` without waiting; from any thread.
    void shut_down() noexcept;

    [[nodiscard]] health_report report() const;
    [[nodiscard]] scheduler_group& group() const noexcept { return group_; }
    [[nodiscard]] const settings& policies() const noexcept;

private:
    class call_scope;
    class step;
    class permit_guard;
    struct waiter;
    class place_awaiter;
    struct admission;
    struct round;

    engine(scheduler_group& group, const settings& policies, target_maker make, observer* watcher);

    [[nodiscard]] admission admit(call_scope& call, time_point now, choice& chosen, target*& at);
    void enter_locked(call_scope& call, admission& seen);
    [[nodiscard]] error refused_at_door(const admission& seen, time_point now) const;
    [[nodiscard]] error told(error why) const noexcept;
    void call_next_locked() noexcept;
    [[nodiscard]] choice pick_locked(call_scope& call, bool elsewhere, time_point now, target*& at);
    [[nodiscard]] choice pick(call_scope& call, bool elsewhere, time_point now, target*& at);
    void settle(const permit& what, outcome how, call_scope* ended) noexcept;
    [[nodiscard]] error cut_at_deadline(outcome how) const;
    [[nodiscard]] error unavailable(const choice& why, time_point now) const;
    [[nodiscard]] task<round> run_raced(call_scope& call, attempts& what, choice first, target& at,
                                        time_point deadline);

    [[nodiscard]] result<void> replace_members(std::span<const endpoint_settings> endpoints,
                                               std::vector<std::shared_ptr<target>>& fresh,
                                               std::vector<std::shared_ptr<target>>& gone);
    void start();
    void nudge_locked() noexcept;
    [[nodiscard]] static task<void> watch(std::weak_ptr<engine> who);
    [[nodiscard]] static task<void> check_one(std::shared_ptr<engine> self, std::shared_ptr<target> which,
                                              due_check what);
    [[nodiscard]] std::vector<std::shared_ptr<target>> seal() noexcept;

    scheduler_group& group_;
    const target_maker make_;
    observer* const watcher_;   // null: nobody
    std::stop_source closing_;  // ends the watch, the checks and the pauses of calls

    std::mutex members_mutex_;  // one change of the endpoints at a time; taken before mutex_
    mutable std::mutex mutex_;
    // Everything below is protected by mutex_.
    mutable random_source random_;
    const std::unique_ptr<router> router_;
    std::vector<std::shared_ptr<target>> targets_;  // by the index of an endpoint_id
    std::optional<resilience::rate_limiter> limiter_;
    const std::unique_ptr<abandoned_turns> abandoned_;  // of the limiter
    std::optional<resilience::bulkhead> bulkhead_;
    std::list<std::shared_ptr<waiter>> queue_;  // for a place in the bulkhead
    std::stop_source wake_;                     // wakes the watch
    time_point wakes_at_ = time_point::min();
    bool sealed_ = false;
};

}  // namespace lido::upstream
