// What the policies tell those who watch them.
#include "lido/base/random.hpp"
#include "lido/resilience/bulkhead.hpp"
#include "lido/resilience/circuit_breaker.hpp"
#include "lido/resilience/hedge.hpp"
#include "lido/resilience/load_balancer.hpp"
#include "lido/resilience/outlier_ejection.hpp"
#include "lido/resilience/rate_limiter.hpp"
#include "lido/resilience/retry.hpp"
#include "lido/resilience/retry_budget.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const time_point start = time_point(1h);

/// Writes down what every kind of policy says.
class recorder final : public circuit_breaker_observer,
                       public rate_limiter_observer,
                       public bulkhead_observer,
                       public retry_budget_observer,
                       public hedge_observer,
                       public outlier_ejection_observer,
                       public load_balancer_observer,
                       public retry_observer {
public:
    void breaker_changed(breaker_state from, breaker_state to, time_point at) noexcept override {
        note("{} -> {} at {}", name_of(from), name_of(to), to_text(at - start));
    }
    void delayed(time_point now, time_point turn) noexcept override { note("delayed by {}", to_text(turn - now)); }
    void refused(time_point now, time_point earliest) noexcept override {
        note("refused, {} too early", to_text(earliest - now));
    }
    void queued(std::size_t waiting) noexcept override { note("queued, {} wait", waiting); }
    void refused(std::size_t running, std::size_t waiting) noexcept override {
        note("refused, {} run, {} wait", running, waiting);
    }
    void budget_refused(retry_budget_use, time_point) noexcept override { note("budget refused"); }
    void hedged(time_point) noexcept override { note("hedged"); }
    void hedge_refused(time_point) noexcept override { note("hedge refused"); }
    void hedge_won() noexcept override { note("hedge won"); }
    void ejected(std::size_t position, time_point) noexcept override { note("ejected {}", position); }
    void taken_back(std::size_t position) noexcept override { note("taken back {}", position); }
    void chose(std::size_t position) noexcept override { note("chose {}", position); }
    void found_none() noexcept override { note("found none"); }
    void tried_again(const attempt_outcome&, unsigned attempt, duration wait) noexcept override {
        note("again after attempt {}, {} later", attempt, to_text(wait));
    }
    void gave_up(const attempt_outcome&, unsigned attempt) noexcept override { note("gave up after {}", attempt); }

    std::vector<std::string> seen;

private:
    template <class... Arguments>
    void note(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
        seen.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
    }
};

TEST(policy_observers, a_breaker_tells_each_change_of_its_state) {
    recorder watcher;
    circuit_breaker_settings settings;
    settings.failures = 1;
    settings.open_for = 10s;
    settings.successes = 1;
    circuit_breaker breaker(settings, start);
    breaker.watch(&watcher);
    const auto first = breaker.admit(start);
    breaker.report(*first.permit, call_outcome::failure, start + 1s);
    EXPECT_FALSE(breaker.admit(start + 2s));
    const auto probe = breaker.admit(start + 20s);
    breaker.report(*probe.permit, call_outcome::success, start + 21s);
    breaker.close(start + 22s);
    EXPECT_THAT(watcher.seen,
                ElementsAre("closed -> open at 1 s", "open -> half_open at 20 s", "half_open -> closed at 21 s"));
}

TEST(policy_observers, copies_of_a_policy_tell_nobody_and_moved_ones_go_on) {
    recorder watcher;
    circuit_breaker breaker(circuit_breaker_settings{}, start);
    breaker.watch(&watcher);
    circuit_breaker copy = breaker;
    copy.open(start);
    copy = breaker;
    copy.open(start);
    EXPECT_EQ(breaker.statistics(start + 24h).state, breaker_state::closed);
    EXPECT_THAT(watcher.seen, IsEmpty());
    circuit_breaker moved = std::move(breaker);
    moved.open(start);
    EXPECT_THAT(watcher.seen, ElementsAre("closed -> open at 0 s"));
    moved.watch(nullptr);
    moved.close(start);
    EXPECT_EQ(watcher.seen.size(), 1U);
}

TEST(policy_observers, a_rate_limiter_tells_who_waits_and_who_is_refused) {
    recorder watcher;
    rate_limiter_settings settings;
    settings.per_second = 1;
    settings.burst_per_second = 1;
    settings.max_wait = 1s;
    rate_limiter limiter(settings);
    limiter.watch(&watcher);
    for (int i = 0; i < 3; ++i) static_cast<void>(limiter.reserve(start));
    EXPECT_THAT(watcher.seen, ElementsAre("delayed by 1 s", "refused, 2 s too early"));
}

TEST(policy_observers, a_bulkhead_tells_who_waits_and_who_is_refused) {
    recorder watcher;
    bulkhead limit({.max_concurrent = 1, .max_waiting = 1});
    limit.watch(&watcher);
    for (int i = 0; i < 3; ++i) static_cast<void>(limit.enter());
    EXPECT_THAT(watcher.seen, ElementsAre("queued, 1 wait", "refused, 1 run, 1 wait"));
}

TEST(policy_observers, hedges_and_their_budget_tell_what_became_of_them) {
    recorder watcher;
    retry_budget budget({.share = 0.0, .minimum_per_second = 0.1, .window = 10s});
    budget.watch(&watcher);
    hedge hedges;
    hedges.watch(&watcher);
    EXPECT_TRUE(hedges.try_hedge(budget, start));
    hedges.note_won();
    EXPECT_FALSE(hedges.try_hedge(budget, start));
    EXPECT_THAT(watcher.seen, ElementsAre("hedged", "hedge won", "budget refused", "hedge refused"));
}

TEST(policy_observers, ejections_are_told_by_position) {
    recorder watcher;
    outlier_ejection_settings settings;
    settings.failures = 1;
    outlier_ejection ejection(settings, 10, start);
    ejection.watch(&watcher);
    random_source random(1);
    EXPECT_TRUE(ejection.report(7, false, start, random));
    ejection.take_back(7);
    EXPECT_THAT(watcher.seen, ElementsAre("ejected 7", "taken back 7"));
}

TEST(policy_observers, a_load_balancer_tells_its_choices) {
    recorder watcher;
    load_balancer balancer({.strategy = balancing::round_robin});
    balancer.watch(&watcher);
    random_source random(1);
    std::vector<endpoint_view> views(2);
    for (endpoint_view& each : views) each.healthy = true;
    static_cast<void>(balancer.choose(views, random));
    static_cast<void>(balancer.choose(views, random));
    for (endpoint_view& each : views) each.healthy = false;
    static_cast<void>(balancer.choose(views, random));
    EXPECT_THAT(watcher.seen, ElementsAre("chose 0", "chose 1", "found none"));
}

TEST(policy_observers, retries_tell_what_was_decided) {
    recorder watcher;
    retry_settings settings;
    settings.max_retries = 1;
    settings.backoff_factor = 1.0;
    settings.jitter = 0.0;
    const auto decide = [&](int status, unsigned attempt) {
        attempt_outcome ended;
        ended.method = "GET";
        ended.status = status;
        static_cast<void>(next_attempt(settings, ended, attempt, start, start + 1min, 0.0, &watcher));
    };
    decide(503, 1);
    decide(503, 2);
    decide(200, 1);
    EXPECT_THAT(watcher.seen, ElementsAre("again after attempt 1, 1 s later", "gave up after 2"));
}

}  // namespace
}  // namespace lido::resilience
