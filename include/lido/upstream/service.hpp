// Lido: a service with several endpoints, a pool of connections for each.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/single_scheduler.hpp"
#include "lido/pool/pool.hpp"
#include "lido/upstream/engine.hpp"
#include "lido/upstream/fallback.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lido::upstream {

/// What a work gives back that says itself how its attempt ended, beside the value that its caller gets.
template <class T>
struct answer {
    answer(result<T> given, outcome ended, std::optional<duration> later = std::nullopt)
        : value(std::move(given)), how(ended), retry_after(later) {}
    result<T> value;
    outcome how;
    /// The server asked not to be asked again before this has passed.
    std::optional<duration> retry_after;
};

namespace detail {

template <class Answer>
struct answer_of;
template <class T>
struct answer_of<task<answer<T>>> {
    using value = T;
};
template <class T>
struct answer_of<task<result<T>>> {
    using value = T;
};

/// A pool as the engine sees it.
template <pool::connector Connector>
class pool_target final : public target {
public:
    using lease = pool::lease<Connector>;
    using probe = std::function<task<result<void>>(lease&, time_point)>;

    pool_target(scheduler_group& group, const pool::settings& settings, Connector kind, probe how)
        : connections(group, settings, std::move(kind)), probe_(std::move(how)) {}

    [[nodiscard]] static pool::acquire_options by(time_point deadline) noexcept {
        pool::acquire_options options;
        const duration left = deadline - scheduler::current()->now();
        options.timeout = std::clamp<duration>(left, std::chrono::nanoseconds(1), std::chrono::hours(1));
        return options;
    }
    /// What it says of the endpoint that its pool gave no connection, until the deadline or for the reason `why`.
    [[nodiscard]] outcome waited_in_vain() const { return outcome_of_wait_in_vain(connections.statistics().is_full()); }
    [[nodiscard]] outcome outcome_of_refusal(const error& why) const {
        return outcome_without_connection(why, connections.statistics().is_full());
    }
    [[nodiscard]] task<check_outcome> check(time_point deadline) override {
        const pool::acquire_options options = by(deadline);
        waits_ = true;
        auto borrowed = co_await connections.acquire(options);
        waits_ = false;
        if (!borrowed) {
            const bool ours = outcome_of_refusal(borrowed.error()) == outcome::refused;
            co_return ours ? check_outcome::unknown : check_outcome::failed;
        }
        // Where the connection lives. It owns the lease, for who waits for it may go away meanwhile.
        single_scheduler home(borrowed->where());
        operation<bool> asked(home, ask(std::move(*borrowed), probe_, deadline));
        const result<bool> works = co_await std::move(asked);
        co_return works&&* works ? check_outcome::passed : check_outcome::failed;
    }
    [[nodiscard]] check_outcome check_was_cut() const override {
        const bool ours = waits_ && waited_in_vain() == outcome::refused;
        return ours ? check_outcome::unknown : check_outcome::failed;
    }
    void retire_all() override { connections.retire_all(); }
    [[nodiscard]] operation<std::size_t> close(duration timeout) override { return connections.close(timeout); }

    pool::pool<Connector> connections;

private:
    static task<result<bool>> ask(lease over, probe how, time_point deadline) {
        result<void> works = co_await over.check(deadline);
        if (works && how) works = co_await how(over, deadline);
        if (!works) over.discard();
        co_return works.has_value();
    }

    probe probe_;
    bool waits_ = false;  // a check, of which never two run at once, for a connection
};

/// One call's work, and what its attempts brought.
template <pool::connector Connector, class Work, class T>
class pool_call final : public attempts {
public:
    pool_call(Work& work, bool repeatable) noexcept : work_(work), repeatable_(repeatable) {}

    [[nodiscard]] task<attempt_end> attempt(target& at, time_point deadline, unsigned lane) override {
        auto& whom = static_cast<pool_target<Connector>&>(at);
        const pool::acquire_options options = pool_target<Connector>::by(deadline);
        attempt_end end;
        works_[lane] = false;
        auto borrowed = co_await whom.connections.acquire(options);
        if (!borrowed) {
            end = without_connection(whom.outcome_of_refusal(borrowed.error()));
            brought_[lane].emplace(std::move(borrowed).error());
            ended_[lane] = end.what;
            co_return end;
        }
        works_[lane] = true;
        auto given = co_await work_(*borrowed, deadline);
        if constexpr (requires { given.how; }) {
            end.what = given.how;
            end.retry_after = given.retry_after;
            brought_[lane].emplace(std::move(given.value));
        } else {
            end.what = given ? outcome::success : outcome_of(given.error(), !repeatable_);
            brought_[lane].emplace(std::move(given));
        }
        ended_[lane] = end.what;
        co_return end;
    }
    [[nodiscard]] attempt_end was_cut(const target& at, unsigned lane, bool may_have_acted) const override {
        if (works_[lane]) return attempts::was_cut(at, lane, may_have_acted);
        return without_connection(static_cast<const pool_target<Connector>&>(at).waited_in_vain());
    }
    [[nodiscard]] result<T> take(unsigned lane) { return std::move(*brought_[lane]); }
    /// Did the attempt end in a way in which something else may be asked instead?
    [[nodiscard]] bool may_fall_back(unsigned lane) const noexcept {
        const outcome how = ended_[lane];
        return how == outcome::failed || how == outcome::unreached || how == outcome::refused;
    }

private:
    [[nodiscard]] static attempt_end without_connection(outcome how) noexcept {
        attempt_end end;
        end.what = how;
        end.only_elsewhere = how == outcome::refused;
        return end;
    }

    Work& work_;
    bool repeatable_;
    std::array<std::optional<result<T>>, lanes> brought_;
    std::array<outcome, lanes> ended_{};
    std::array<bool, lanes> works_{};  // on a connection
};

}  // namespace detail

/// A service that is found at several endpoints: a pool of connections for each, and the policies between them and
/// whoever calls. What each policy does is in `settings`, their order in docs/design/upstream.md.
///
/// Thread-safe. The group must outlive it. When it is destroyed, calls under way are cut, as `pool` does with leases.
template <pool::connector Connector>
class service {
public:
    using lease = pool::lease<Connector>;
    /// Makes the connector of an endpoint; called once for each.
    using connector_maker = std::function<Connector(const endpoint_settings&)>;
    /// Asks an endpoint, over the lease, whether it works; on the connection's scheduler. Ends by the deadline or is
    /// destroyed.
    using probe = typename detail::pool_target<Connector>::probe;

    /// Each endpoint gets a pool with the settings `pools`, named after the endpoint. Waiting for a server that is down
    /// makes no sense where there are others: `pools.down_fail_fast` should be zero, and `pools.back_off.maximum` no
    /// longer than `policies.health.trouble_interval`; `default_pools` is so.
    ///
    /// An endpoint is checked by borrowing a connection, which opens one where there is none, by the connector's own
    /// `check`, and then by `how_to_check`, if there is one. Throws `lido::exception` (`invalid_argument`, naming the
    /// setting) when settings are out of range. `watcher`, if there is one, is told what happens, and must outlive the
    /// service.
    service(scheduler_group& group, const settings& policies, std::span<const endpoint_settings> endpoints,
            const pool::settings& pools, connector_maker make, probe how_to_check = {}, observer* watcher = nullptr) {
        pools.validate().value();
        const auto target_of = [&group, pools, make = std::move(make),
                                how_to_check = std::move(how_to_check)](const endpoint_settings& which) {
            pool::settings own = pools;
            own.name = which.name.substr(0, 100);
            return std::make_shared<detail::pool_target<Connector>>(group, own, make(which), how_to_check);
        };
        engine_ = engine::make(group, policies, endpoints, target_of, watcher);
    }
    service(service&&) noexcept = default;
    service& operator=(service&&) = delete;
    ~service() {
        if (engine_) engine_->shut_down();
    }

    /// Settings for the pools of a service: fails at once while an endpoint is down, and looks again often.
    [[nodiscard]] static pool::settings default_pools() {
        pool::settings pools;
        pools.down_fail_fast = duration::zero();
        pools.back_off.maximum = std::chrono::milliseconds(250);
        return pools;
    }

    /// Makes a call: `work(lease&, time_point deadline)` is a coroutine function that returns `task<result<T>>`, or, to
    /// say itself how its attempt ended, `task<answer<T>>`. It may be called several times, also while it runs
    /// (hedges), and is destroyed where it stands when its deadline comes; the result is that of the attempt that
    /// counts. With a plain result, `outcome_of` says what an error means, and a call that is not `repeatable` is not
    /// made again once the work began, unless its error says that nothing was sent. It runs on the caller's scheduler;
    /// the connection lives on `lease::where`.
    ///
    /// Errors: those of the work and of the pool; those of the policies are listed in docs/design/upstream.md.
    template <class Work>
    [[nodiscard]] auto run(Work work, call_options options = {}) {
        using given = std::invoke_result_t<Work&, lease&, time_point>;
        using value = typename detail::answer_of<given>::value;
        return operation<value>(engine_->group(), call<value>(engine_, std::move(work), options));
    }

    /// The same with fallbacks, which are asked in their order when no endpoint can answer, unless one may have done
    /// what was asked (`outcome::unsure`, `maybe_executed`), or the fault is the caller's own (`outcome::ignored`).
    /// They get `question`, and the call's error; when none has an answer, that error is the result.
    template <class Work, class T, class Question = no_question>
    [[nodiscard]] operation<T> run(Work work, call_options options,
                                   std::shared_ptr<const fallback_list<T, Question>> instead, Question question = {}) {
        return {engine_->group(),
                call_or<T>(engine_, std::move(work), options, std::move(instead), std::move(question))};
    }

    /// See `engine`.
    [[nodiscard]] result<void> set_endpoints(std::span<const endpoint_settings> endpoints) {
        return engine_->set_endpoints(endpoints);
    }
    bool retire(std::string_view name) { return engine_->retire(name); }
    bool set_breaker(std::string_view name, resilience::breaker_state to) { return engine_->set_breaker(name, to); }
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10)) {
        return {engine_->group(), close_of(engine_, timeout)};
    }
    [[nodiscard]] health_report report() const { return engine_->report(); }

private:
    template <class T, class Work>
    static task<result<T>> call(std::shared_ptr<engine> self, Work work, call_options options) {
        detail::pool_call<Connector, Work, T> mine(work, options.repeatable);
        const result<unsigned> lane = co_await self->run(options, mine);
        if (!lane) co_return lane.error();
        co_return mine.take(*lane);
    }
    template <class T, class Work, class Question>
    static task<result<T>> call_or(std::shared_ptr<engine> self, Work work, call_options options,
                                   std::shared_ptr<const fallback_list<T, Question>> instead, Question question) {
        const duration most = options.timeout > duration::zero() ? options.timeout : self->policies().timeout;
        const time_point deadline = deadline_after(scheduler::current()->now(), most);
        detail::pool_call<Connector, Work, T> mine(work, options.repeatable);
        const result<unsigned> lane = co_await self->run(options, mine);
        result<T> given = lane ? mine.take(*lane) : result<T>(lane.error());
        if (given) co_return std::move(given);
        // Cut at its deadline, a call that does harm when made twice may have been carried out.
        const bool cut = !lane && given.error() == errc::timeout && !options.repeatable;
        const bool may = lane ? mine.may_fall_back(*lane) : !cut && may_fall_back(given.error());
        if (!may) co_return std::move(given);
        std::optional<result<T>> other;
        co_await instead->ask(question, given.error(), options.writes, deadline, other);
        if (other) co_return std::move(*other);
        co_return std::move(given);
    }
    static task<result<std::size_t>> close_of(std::shared_ptr<engine> self, duration timeout) {
        result<std::size_t> cut = co_await self->close(timeout);
        co_return std::move(cut);
    }

    std::shared_ptr<engine> engine_;
};

/// Another service answers, or, with `safe_only`, one that only reads. `ask(question)` is the work, see
/// `service::run`. `other` must outlive those that use it.
template <class T, class Question = no_question, pool::connector Connector, class Ask>
[[nodiscard]] fallback<T, Question> fallback_to(service<Connector>& other, Ask ask, const std::string& name,
                                                bool safe_only = false) {
    struct asking {
        static task<result<T>> run(service<Connector>& whom, Ask how, const Question& what, call_options options,
                                   time_point deadline) {
            const duration left = deadline - scheduler::current()->now();
            options.timeout = std::max<duration>(left, std::chrono::milliseconds(1));
            operation<T> call = whom.run(how(what), options);
            result<T> given = co_await std::move(call);
            co_return std::move(given);
        }
    };
    fallback<T, Question> made;
    made.name = name;
    made.safe_only = safe_only;
    call_options options;
    options.writes = !safe_only;
    made.answer = [&other, ask = std::move(ask), options](const Question& what, const error&, time_point deadline) {
        return asking::run(other, ask, what, options, deadline);
    };
    return made;
}

}  // namespace lido::upstream
