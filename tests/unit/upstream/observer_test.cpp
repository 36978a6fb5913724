#include "lido/upstream/observer.hpp"

#include "unit/upstream/service_fixture.hpp"

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Writes down what a service tells.
class recorder final : public upstream::observer {
public:
    void breaker_changed(std::string_view, std::string_view endpoint, resilience::breaker_state from,
                         resilience::breaker_state to) noexcept override {
        seen.push_back(fmt::format("breaker of {}: {} -> {}", endpoint, name_of(from), name_of(to)));
        // Asking the service within an event would wait for ever if any of its locks were held.
        if (ask) ask();
    }
    void health_changed(std::string_view, std::string_view endpoint, upstream::health_state from,
                        upstream::health_state to) noexcept override {
        seen.push_back(fmt::format("health of {}: {} -> {}", endpoint, name_of(from), name_of(to)));
    }
    void ejected(std::string_view, std::string_view endpoint, duration) noexcept override {
        seen.push_back(fmt::format("{} ejected", endpoint));
    }
    void returned(std::string_view, std::string_view endpoint) noexcept override {
        seen.push_back(fmt::format("{} returned", endpoint));
    }
    void repeated(std::string_view, std::string_view endpoint, outcome ended, duration) noexcept override {
        seen.push_back(fmt::format("repeated after {} {}", endpoint, name_of(ended)));
    }
    void hedged(std::string_view service) noexcept override { seen.push_back(fmt::format("{} hedged", service)); }
    void refused(std::string_view service, const error& reason) noexcept override {
        seen.push_back(fmt::format("{} refused: {}", service, reason.what()));
    }

    std::vector<std::string> seen;
    std::function<void()> ask;
};

/// A service that is watched.
class upstream_observer : public service_test {
protected:
    upstream_observer() {
        policies_.name = "shop";
        policies_.health.interval = upstream::health_check_settings::off;
    }
    recorder watcher_;
};

TEST_F(upstream_observer, a_failover_and_the_breaker_behind_it_are_told) {
    policies_.breaker.emplace().failures = 1;
    watch_by(&watcher_);
    open({{.name = "a"}, {.name = "b", .role = endpoint_role::backup}});
    watcher_.ask = [this] { EXPECT_EQ(service_->report().endpoints.size(), 2U); };
    at("a").ends = outcome::failed;
    ASSERT_TRUE(call_now(repeatable()));
    EXPECT_THAT(watcher_.seen, ElementsAre("breaker of a: closed -> open", "repeated after a failed"));
    watcher_.seen.clear();
    ASSERT_TRUE(call_now(repeatable()));
    EXPECT_THAT(watcher_.seen, IsEmpty()) << "what succeeds at once is not told";
    EXPECT_TRUE(service_->set_breaker("a", resilience::breaker_state::closed));
    EXPECT_THAT(watcher_.seen, ElementsAre("breaker of a: open -> closed"));
}

TEST_F(upstream_observer, ejections_and_their_end_are_told) {
    policies_.breaker.reset();
    policies_.ejection.emplace().failures = 1;
    watch_by(&watcher_);
    open({{.name = "a"}, {.name = "b"}, {.name = "c"}});
    for (const char* each : {"a", "b", "c"}) at(each).ends = outcome::failed;
    static_cast<void>(call_now());
    ASSERT_THAT(watcher_.seen, Contains(HasSubstr("ejected")));
    for (const char* each : {"a", "b", "c"}) at(each).ends = outcome::success;
    group_.advance(1h);
    static_cast<void>(call_now());
    EXPECT_THAT(watcher_.seen, Contains(HasSubstr("returned")));
}

TEST_F(upstream_observer, refusals_at_the_door_and_for_want_of_an_endpoint_are_told) {
    policies_.rate_limiter.emplace();
    policies_.rate_limiter->per_minute = 1;
    policies_.rate_limiter->max_wait = 0s;
    watch_by(&watcher_);
    open({});
    EXPECT_FALSE(call_now());
    EXPECT_FALSE(call_now());
    EXPECT_THAT(watcher_.seen, ElementsAre("shop refused: service shop has no endpoint",
                                           AllOf(HasSubstr("shop refused"), HasSubstr("rate limit"))));
}

TEST_F(upstream_observer, hedges_are_told) {
    auto& hedge = policies_.hedge.emplace();
    hedge.minimum_calls = 1;
    hedge.minimum_delay = 10ms;
    policies_.retry_budget.minimum_per_second = 10;
    watch_by(&watcher_);
    open({{.name = "a"}, {.name = "b"}});
    ASSERT_TRUE(call_now(repeatable()));
    for (const char* each : {"a", "b"}) at(each).takes = 1s;
    const auto slow = call(repeatable());
    group_.advance(5s);
    EXPECT_TRUE(slow.take());
    EXPECT_THAT(watcher_.seen, ElementsAre("shop hedged"));
}

TEST_F(upstream_observer, health_is_told_when_checks_change_it) {
    policies_.health.interval = 1s;
    watch_by(&watcher_);
    open({{.name = "a"}});
    group_.advance(5s);
    world("a").let(step_kind::check, outcome_kind::fail);
    world("a").let(step_kind::open, outcome_kind::fail);
    group_.advance(5min);
    EXPECT_THAT(watcher_.seen, Contains("health of a: healthy -> unhealthy"));
    world("a").let(step_kind::check, outcome_kind::succeed);
    world("a").let(step_kind::open, outcome_kind::succeed);
    group_.advance(5min);
    EXPECT_THAT(watcher_.seen, Contains("health of a: unhealthy -> healthy"));
}

}  // namespace
}  // namespace lido::test
