#include "lido/sql/replicated_pool.hpp"

#include "lido/base/sleep.hpp"
#include "lido/sql/error.hpp"
#include "lido/upstream/engine.hpp"
#include "sql/any_pool.hpp"
#include "sql/member_urls.hpp"
#include "sql/replica_watch.hpp"
#include "sql/replicated_opener.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <mutex>

namespace lido::sql {

using namespace std::chrono_literals;
using upstream::outcome;

namespace {

/// The first calls wait for the first answers of the members.
constexpr duration first_look_interval = 2ms;
/// A member's pool keeps a transaction's time itself, and says more of why it is over than a cut from outside.
constexpr duration last_word = 1ms;

/// For the connection by which a member is asked.
pool_settings settings_of_watcher(const replicated_settings& of) {
    pool_settings made = of.pool;
    made.connections.max_size = 1;
    made.connections.min_size = 0;
    made.connections.on_full = lido::pool::when_full::wait;
    made.connections.sizing = lido::pool::fixed_sizing{};
    made.connections.budget = nullptr;
    made.connections.down_fail_fast = duration::zero();
    made.connections.back_off.maximum = std::min<duration>(made.connections.back_off.maximum, 250ms);
    made.connections.back_off.initial = std::min(made.connections.back_off.initial, made.connections.back_off.maximum);
    made.connections.name += " watch";
    return made;
}

pool_settings settings_of_member(const replicated_settings& of) {
    pool_settings made = of.pool;
    made.connections.down_fail_fast = duration::zero();
    return made;
}

/// What the end of an attempt says about its member. A refusal by the database is an answer.
upstream::attempt_end end_of(const error* failure, bool writes) {
    upstream::attempt_end end;
    end.what = outcome::success;
    if (failure == nullptr) return end;
    if (failure->code().category() == error_category()) {
        const bool by_member = *failure == errc::shutting_down || *failure == errc::too_many_connections ||
                               *failure == errc::serialization_failure || *failure == errc::disk_full ||
                               *failure == errc::corrupt;
        // A replica ends reads that are in the way of what it has to apply: another one may not.
        if (by_member) end.what = writes ? outcome::ignored : outcome::failed;
        return end;
    }
    end.what = upstream::outcome_of(*failure, writes);
    end.only_elsewhere = end.what == outcome::refused;
    if (!writes && end.what == outcome::unsure) end.what = outcome::failed;  // reading twice does no harm
    // There is no other primary to go to, and whoever writes shall know at once.
    if (writes && end.what == outcome::unreached) end.what = outcome::failed;
    if (writes && end.what == outcome::refused) end.what = outcome::ignored;
    return end;
}

}  // namespace

// ---- members --------------------------------------------------------------------------------------------------------

namespace {

class member;

}  // namespace

/// What a pool and its operations share.
struct replicated_pool::shared_state : std::enable_shared_from_this<replicated_pool::shared_state> {
    shared_state(scheduler_group& of, const replicated_settings& with, std::size_t size)
        : group(of), settings(with), watch(size, with.max_lag, with.reads_without_primary), troubles(size) {}

    [[nodiscard]] std::vector<upstream::endpoint_settings> endpoints_locked() const;
    void note(std::size_t which, const result<replication_state>& said, time_point asked);
    [[nodiscard]] bool can_begin(bool writes) const;
    [[nodiscard]] std::string describe() const;
    template <class T>
    using ask = std::function<operation<T>(detail::any_pool&)>;
    template <class T>
    [[nodiscard]] operation<T> call(bool writes, ask<T> what, time_point end = never) {
        return {group, call_of<T>(shared_from_this(), writes, std::move(what), end)};
    }
    /// By `end`, and within the time that the policies give a call.
    template <class T>
    static task<result<T>> call_of(std::shared_ptr<shared_state> self, bool writes, ask<T> what, time_point end);
    /// Until the members are known, as long as a call would wait for a connection, or `end` has come.
    static task<void> first_look(const shared_state& of, bool writes, time_point end);

    scheduler_group& group;
    const replicated_settings settings;
    std::vector<std::shared_ptr<member>> members;
    std::vector<std::string> names;
    std::shared_ptr<upstream::engine> engine;

    mutable std::mutex mutex;
    // Below: protected by it.
    replica_watch watch;
    std::vector<std::string> troubles;
    std::vector<upstream::endpoint_settings> told;  // to the engine
};

namespace {

using shared_state = replicated_pool::shared_state;

/// A server, as the engine sees it.
class member final : public upstream::target {
public:
    member(std::weak_ptr<shared_state> of, std::size_t number, std::shared_ptr<detail::any_pool> pool,
           std::shared_ptr<detail::any_pool> watcher)
        : inside(std::move(pool)), owner_(std::move(of)), number_(number), watcher_(std::move(watcher)) {}

    /// Asks it for its part in replication; on a scheduler of the group.
    [[nodiscard]] task<bool> look() {
        const time_point asked = scheduler::current()->now();
        operation<replication_state> asking = watcher_->replication();
        const result<replication_state> said = co_await std::move(asking);
        const std::shared_ptr<shared_state> owner = owner_.lock();
        if (owner != nullptr) owner->note(number_, said, asked);
        co_return said.has_value();
    }
    [[nodiscard]] task<upstream::check_outcome> check(time_point) override {
        const unanswered silence(*this);
        const bool answered = co_await look();
        silence.over = true;
        co_return answered ? upstream::check_outcome::passed : upstream::check_outcome::failed;
    }
    void retire_all() override { inside->retire_all(); }
    [[nodiscard]] operation<std::size_t> close(duration timeout) override {
        return {inside->group(), close_both(inside, watcher_, timeout)};
    }

    const std::shared_ptr<detail::any_pool> inside;

private:
    /// A check that takes too long is destroyed where it stands: that is an answer, too.
    struct unanswered {
        explicit unanswered(member& whom) noexcept : of(whom) {}
        unanswered(const unanswered&) = delete;
        unanswered& operator=(const unanswered&) = delete;
        ~unanswered() {
            if (over) return;
            if (const std::shared_ptr<shared_state> owner = of.owner_.lock()) {
                owner->note(of.number_, error(lido::errc::timeout, "no answer in time"), {});
            }
        }
        member& of;
        mutable bool over = false;
    };
    static task<result<std::size_t>> close_both(std::shared_ptr<detail::any_pool> first,
                                                std::shared_ptr<detail::any_pool> second, duration timeout) {
        operation<std::size_t> closing = first->close(timeout);
        result<std::size_t> left = co_await std::move(closing);
        operation<std::size_t> ending = second->close(timeout);
        const result<std::size_t> watched = co_await std::move(ending);
        static_cast<void>(watched);  // nobody has borrowed it
        co_return std::move(left);
    }

    std::weak_ptr<shared_state> owner_;
    std::size_t number_;
    std::shared_ptr<detail::any_pool> watcher_;
};

/// One call, at whatever member.
template <class T>
class member_call final : public upstream::attempts {
public:
    member_call(const shared_state::ask<T>& what, bool writes) noexcept : what_(what), writes_(writes) {}

    [[nodiscard]] task<upstream::attempt_end> attempt(upstream::target& at, time_point, unsigned lane) override {
        auto& whom = static_cast<member&>(at);
        operation<T> asking = what_(*whom.inside);
        result<T> given = co_await std::move(asking);
        const upstream::attempt_end end = end_of(given ? nullptr : &given.error(), writes_);
        const bool is_no_primary = writes_ && !given && given.error() == errc::read_only;
        brought_[lane].emplace(std::move(given));
        if (is_no_primary) {
            // Is it the server that takes no writes any more? Then the next call shall know.
            const bool answered = co_await whom.look();
            static_cast<void>(answered);
        }
        co_return end;
    }
    [[nodiscard]] result<T> take(unsigned lane) { return std::move(*brought_[lane]); }

private:
    const shared_state::ask<T>& what_;
    const bool writes_;
    std::array<std::optional<result<T>>, lanes> brought_;
};

std::string_view role_of(const replica_watch& watch, std::size_t which) noexcept {
    switch (watch.duty(which)) {
        case member_duty::unknown:
            break;
        case member_duty::writes:
            return "primary";
        case member_duty::reads:
            return "replica";
        case member_duty::none:
            return watch.takes_writes(which) ? "old primary" : "replica";
    }
    return "unknown";
}

}  // namespace

// ---- what is known of them ------------------------------------------------------------------------------------------

std::vector<upstream::endpoint_settings> replicated_pool::shared_state::endpoints_locked() const {
    std::vector<upstream::endpoint_settings> all;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const member_duty duty = watch.duty(i);
        const bool is_primary = duty == member_duty::writes;
        upstream::endpoint_settings& made = all.emplace_back();
        made.name = names[i];
        made.weight = duty == member_duty::writes || duty == member_duty::reads ? 1.0 : 0.0;
        made.read_only = !is_primary;
        if (is_primary && !settings.primary_serves_reads) made.role = resilience::endpoint_role::backup;
    }
    return all;
}

void replicated_pool::shared_state::note(std::size_t which, const result<replication_state>& said, time_point asked) {
    const std::lock_guard held(mutex);
    if (said) {
        watch.saw(which, *said, asked);
        troubles[which].clear();
    } else {
        watch.lost(which);
        troubles[which] = said.error().what();
    }
    std::vector<upstream::endpoint_settings> wanted = endpoints_locked();
    const bool same =
        std::equal(wanted.begin(), wanted.end(), told.begin(), told.end(), [](const auto& a, const auto& b) {
            return a.weight == b.weight && a.role == b.role && a.read_only == b.read_only;
        });
    if (same || engine == nullptr) return;
    // Under the lock, so that the last word is the engine's, too. Fails only when the engine is closed.
    if (engine->set_endpoints(wanted)) told = std::move(wanted);
}

bool replicated_pool::shared_state::can_begin(bool writes) const {
    const std::lock_guard held(mutex);
    return watch.has_seen_all() || (writes && watch.primary_answers());
}

std::string replicated_pool::shared_state::describe() const {
    const std::lock_guard held(mutex);
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += fmt::format("{}{}: {}", i == 0 ? "" : "; ", names[i], role_of(watch, i));
        if (const auto lag = watch.lag(i); lag && watch.duty(i) == member_duty::none) {
            text += fmt::format(", {} behind", lido::to_text(*lag));
        }
        if (!troubles[i].empty()) text += fmt::format(", {}", troubles[i]);
    }
    return text;
}

// ---- calls ----------------------------------------------------------------------------------------------------------

task<void> replicated_pool::shared_state::first_look(const shared_state& of, bool writes, time_point end) {
    scheduler& here = *scheduler::current();
    const time_point until = std::min(end, deadline_after(here.now(), of.settings.pool.connections.acquire_timeout));
    for (bool known = of.can_begin(writes); !known && here.now() < until; known = of.can_begin(writes)) {
        co_await sleep_until(std::min(until, deadline_after(here.now(), first_look_interval)));
    }
}

template <class T>
task<result<T>> replicated_pool::shared_state::call_of(std::shared_ptr<shared_state> self, bool writes, ask<T> what,
                                                       time_point end) {
    scheduler& here = *scheduler::current();
    const time_point latest = deadline_after(here.now(), self->settings.policies.timeout);
    co_await first_look(*self, writes, std::min(end, latest));
    if (here.now() >= std::min(end, latest)) {
        co_return error(lido::errc::acquire_timeout,
                        fmt::format("no member was known before the deadline ({})", self->describe()),
                        "look why they do not answer, or raise the time-out");
    }
    upstream::call_options options;
    options.timeout = std::min(deadline_after(end, last_word), latest) - here.now();
    options.writes = writes;
    options.repeatable = !writes;
    member_call<T> mine(what, writes);
    const result<unsigned> lane = co_await self->engine->run(options, mine);
    if (lane) co_return mine.take(*lane);
    error failure = lane.error();
    if (failure == lido::errc::circuit_open) {
        const std::string_view none = writes ? "no primary takes writes" : "no member can be read";
        failure = error(lido::errc::circuit_open, fmt::format("{} ({})", none, self->describe()),
                        writes ? "wait until a primary is back or a replica is promoted"
                               : "wait, raise max_lag, or allow reads_without_primary");
    }
    co_return std::move(failure);
}

// ---- the face -------------------------------------------------------------------------------------------------------

replicated_settings::replicated_settings() {
    policies.name = "database";
    policies.breaker.reset();
    policies.ejection.reset();
    policies.slow_start.reset();
    policies.panic = false;
    policies.health.interval = 500ms;
    policies.health.trouble_interval = 200ms;
    policies.health.failures = 1;
    policies.health.recoveries = 1;
    policies.repeat.back_off.initial = 20ms;
    policies.repeat.back_off.maximum = 200ms;
}

result<void> replicated_settings::validate() const {
    if (auto valid = pool.validate(); !valid) return valid;
    if (auto valid = policies.validate(); !valid) return valid;
    const auto wrong = [](std::string_view what, std::string_view remedy) {
        return error(lido::errc::invalid_argument, fmt::format("replicated pool setting {}", what),
                     std::string(remedy));
    };
    if (max_lag < duration::zero() || max_lag > 24h) return wrong("max_lag is out of range 0 … 24 h", "choose less");
    if (policies.panic) {
        return wrong("policies.panic is on", "switch it off: a replica that is too far behind must not be read");
    }
    if (policies.health.interval == upstream::health_check_settings::off) {
        return wrong("policies.health.interval is off", "roles and lag are known by checks: choose 10 ms … 24 h");
    }
    return {};
}

result<replicated_pool> replicated_pool::open(scheduler_group& group, std::string_view url,
                                              const replicated_settings& settings) {
    const std::array<std::string, 1> only{std::string(url)};
    return open(group, only, settings);
}

result<replicated_pool> replicated_pool::open(scheduler_group& group, std::span<const std::string> urls,
                                              const replicated_settings& settings) {
    return detail::replicated_opener::open(group, urls, settings, detail::open_any);
}

result<replicated_pool> detail::replicated_opener::open(scheduler_group& group, std::span<const std::string> urls,
                                                        const replicated_settings& settings,
                                                        const open_member& open_one) {
    if (auto valid = settings.validate(); !valid) return std::move(valid).error();
    const auto places = member_urls(urls);
    if (!places) return places.error();
    auto made = std::make_shared<replicated_pool::shared_state>(group, settings, places->size());
    for (std::size_t i = 0; i < places->size(); ++i) {
        const member_url& each = (*places)[i];
        pool_settings own = settings_of_member(settings);
        own.connections.name = each.name.substr(0, 100);
        auto inside = open_one(group, each.url, own);
        if (!inside) return std::move(inside).error();
        auto watcher = open_one(group, each.url, settings_of_watcher(settings));
        if (!watcher) return std::move(watcher).error();
        made->names.push_back(each.name);
        made->members.push_back(std::make_shared<member>(made, i, std::move(*inside), std::move(*watcher)));
    }
    made->told = made->endpoints_locked();
    const auto member_of = [members = made->members, names = made->names](const upstream::endpoint_settings& which) {
        const auto found = std::find(names.begin(), names.end(), which.name);
        return std::static_pointer_cast<upstream::target>(members[static_cast<std::size_t>(found - names.begin())]);
    };
    const std::lock_guard held(made->mutex);  // the first check may end before this does
    made->engine = upstream::engine::make(group, settings.policies, made->told, member_of);
    return replicated_pool(made);
}

replicated_pool::replicated_pool(std::shared_ptr<shared_state> shared) noexcept : shared_(std::move(shared)) {}
replicated_pool::replicated_pool(replicated_pool&&) noexcept = default;
replicated_pool::~replicated_pool() {
    if (shared_) shared_->engine->shut_down();
}

scheduler_group& replicated_pool::group() const noexcept {
    return shared_->group;
}

namespace {

operation<rows> query_at(shared_state& of, bool writes, statement what, parameters with) {
    return of.call<rows>(writes, [what = std::move(what), with = std::move(with)](detail::any_pool& at) {
        return at.query_with(what, with);
    });
}

operation<row_stream> stream_at(shared_state& of, bool writes, statement what, parameters with) {
    return of.call<row_stream>(writes, [what = std::move(what), with = std::move(with)](detail::any_pool& at) {
        return at.stream_with(what, with);
    });
}

/// What was waited for a member, or tried at another one, is part of the transaction's time.
task<result<transaction>> begin_of(std::shared_ptr<shared_state> of, transaction_options options) {
    const bool writes = options.access != access_mode::read_only;
    const time_point end = detail::end_of_time(options, scheduler::current()->now());
    const shared_state::ask<transaction> what = [options, end](detail::any_pool& at) {
        return at.begin(detail::ending_at(end, options, scheduler::current()->now()));
    };
    operation<transaction> asked = of->call<transaction>(writes, what, end);
    result<transaction> given = co_await std::move(asked);
    co_return std::move(given);
}

operation<transaction> begin_at(const std::shared_ptr<shared_state>& of, const transaction_options& options) {
    return {of->group, begin_of(of, options)};
}

}  // namespace

operation<rows> replicated_pool::query_with(statement what, parameters with) {
    return query_at(*shared_, true, std::move(what), std::move(with));
}
operation<rows> replicated_pool::read_with(statement what, parameters with) {
    return query_at(*shared_, false, std::move(what), std::move(with));
}
operation<row_stream> replicated_pool::stream_with(statement what, parameters with) {
    return stream_at(*shared_, true, std::move(what), std::move(with));
}
operation<row_stream> replicated_pool::read_stream_with(statement what, parameters with) {
    return stream_at(*shared_, false, std::move(what), std::move(with));
}
operation<rows> replicated_pool::execute_many(statement what, std::vector<parameters> with) {
    return shared_->call<rows>(true, [what = std::move(what), with = std::move(with)](detail::any_pool& at) {
        return at.execute_many(what, with);
    });
}
operation<std::vector<rows>> replicated_pool::run_batch(batch what) {
    return shared_->call<std::vector<rows>>(
        true, [what = std::move(what)](detail::any_pool& at) { return at.run_batch(what); });
}
operation<transaction> replicated_pool::begin(const transaction_options& options) {
    return begin_at(shared_, options);
}
operation<transaction> replicated_pool::face::begin(const transaction_options& options) const {
    return begin_at(of_, options);
}
duration replicated_pool::face::back_off(const back_off_settings& how, unsigned failures) const {
    return of_->members.front()->inside->back_off(how, failures);
}

std::vector<member_report> replicated_pool::report() const {
    std::vector<member_report> all;
    const std::lock_guard held(shared_->mutex);
    for (std::size_t i = 0; i < shared_->names.size(); ++i) {
        const replica_watch& watch = shared_->watch;
        member_report& made = all.emplace_back();
        made.name = shared_->names[i];
        made.role = role_of(watch, i);
        made.answers = watch.answers(i);
        made.is_read = watch.duty(i) == member_duty::reads || watch.duty(i) == member_duty::writes;
        made.lag = watch.lag(i);
        made.trouble = shared_->troubles[i];
        made.numbers = shared_->members[i]->inside->statistics().front();
    }
    return all;
}

upstream::health_report replicated_pool::health() const {
    return shared_->engine->report();
}

namespace {

task<result<std::size_t>> close_all(std::shared_ptr<shared_state> of, duration timeout) {
    result<std::size_t> left = co_await of->engine->close(timeout);
    co_return std::move(left);
}

}  // namespace

operation<std::size_t> replicated_pool::close(duration timeout) {
    return {shared_->group, close_all(shared_, timeout)};
}

}  // namespace lido::sql
