// Goal: the shell does what the router decides, with any connector: attempts, waits, hedges, checks, the end of calls
// and of the service. Method: fake connectors, one world for each endpoint, in virtual time.
#include "lido/upstream/service.hpp"

#include "lido/base/sleep.hpp"
#include "support/fake_connector.hpp"
#include "support/virtual_scheduler.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using resilience::breaker_state;
using resilience::endpoint_role;
using testing::HasSubstr;
using upstream::answer;
using upstream::call_options;
using upstream::endpoint_settings;
using upstream::outcome;

using fake_service = upstream::service<fake_connector>;

/// What an endpoint does with calls.
struct behaviour {
    duration takes{};
    outcome ends = outcome::success;
    std::size_t calls = 0;  ///< begun
    std::size_t under_way = 0;
    std::size_t peak = 0;
    std::size_t given_up = 0;  ///< destroyed before their end
};

class service_test : public testing::Test {
public:
    service_test() : before_(current_scheduler::set_current(&group_.at(0))) {}
    ~service_test() override { current_scheduler::set_current(before_); }

    void TearDown() override {
        for (auto& [name, each] : worlds_) {
            for (const auto kind : {step_kind::open, step_kind::check, step_kind::reset, step_kind::close}) {
                each->let(kind, outcome_kind::succeed);
            }
        }
        service_.reset();
        group_.advance(1min);
        for (auto& [name, each] : worlds_) {
            EXPECT_EQ(each->live(), 0U) << name;
            EXPECT_EQ(each->misplaced(), 0U) << name;
        }
        for (auto& [name, each] : behaviours_) EXPECT_EQ(each.under_way, 0U) << name;
        EXPECT_EQ(group_.armed_timers(), 0U);
    }

protected:
    fake_world& world(const std::string& name) {
        auto& found = worlds_[name];
        if (!found) found = std::make_unique<fake_world>();
        return *found;
    }
    behaviour& at(const std::string& name) { return behaviours_[name]; }

    void open(const std::vector<endpoint_settings>& endpoints, fake_service::probe probe = {}) {
        pool::settings pools = fake_service::default_pools();
        pools.max_size = 20;
        service_ = std::make_unique<fake_service>(
            group_, policies_, endpoints, pools,
            [this](const endpoint_settings& which) {
                names_[&world(which.name)] = which.name;
                return fake_connector(world(which.name));
            },
            std::move(probe));
    }

    /// A call whose value is the name of the endpoint that answered.
    [[nodiscard]] started<result<std::string>> call(call_options options = {}) {
        return group_.at(0).start(service_->run(worker{this}, options));
    }
    /// A call that ends without time.
    [[nodiscard]] result<std::string> call_now(call_options options = {}) {
        const auto one = call(options);
        group_.run_until_idle();
        if (!one.done()) return error(errc::timeout, "the call has not ended");
        return one.take();
    }
    [[nodiscard]] upstream::endpoint_report report_of(std::string_view name) {
        for (auto& each : service_->report().endpoints) {
            if (each.settings.name == name) return each;
        }
        ADD_FAILURE() << "no endpoint " << name;
        return {};
    }
    [[nodiscard]] static call_options repeatable(duration timeout = {}) {
        return {.timeout = timeout, .repeatable = true, .writes = false};
    }

    virtual_group group_{1};
    upstream::settings policies_;
    std::map<std::string, std::unique_ptr<fake_world>> worlds_;
    std::map<const fake_world*, std::string> names_;
    std::map<std::string, behaviour> behaviours_;
    std::unique_ptr<fake_service> service_;

private:
    struct current_scheduler : scheduler {
        using scheduler::set_current;
    };

    struct under_way {
        explicit under_way(behaviour& at) : where(at) {
            ++where.calls;
            where.peak = std::max(where.peak, ++where.under_way);
        }
        under_way(const under_way&) = delete;
        under_way& operator=(const under_way&) = delete;
        ~under_way() {
            --where.under_way;
            if (!ended) ++where.given_up;
        }
        behaviour& where;
        bool ended = false;
    };

    struct worker {
        service_test* test;
        [[nodiscard]] task<answer<std::string>> operator()(fake_service::lease& on, time_point) const {
            const std::string name = test->names_.at(&on->world);
            behaviour& here = test->at(name);
            under_way mine(here);
            const outcome how = here.ends;
            const time_point when = scheduler::current()->now() + here.takes;
            co_await sleep_until(when);  // virtual time
            mine.ended = true;
            if (how == outcome::success) co_return answer<std::string>(name, how);
            co_return answer<std::string>(error(errc::connection_closed, "test at " + name), how);
        }
    };

    scheduler* before_;
};

endpoint_settings primary(std::string name) {
    return {.name = std::move(name)};
}
endpoint_settings backup(std::string name) {
    return {.name = std::move(name), .role = endpoint_role::backup};
}

// ---- calls ----------------------------------------------------------------------------------------------------------

TEST_F(service_test, makes_a_call_at_one_of_its_endpoints) {
    open({primary("a"), primary("b")});
    const auto got = call_now();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(at("a").calls + at("b").calls, 1U);
    const auto seen = service_->report();
    EXPECT_EQ(seen.calls, 1U);
    EXPECT_EQ(seen.succeeded, 1U);
    EXPECT_EQ(seen.attempts, 1U);
    EXPECT_EQ(seen.running, 0U);
}

TEST_F(service_test, goes_to_another_endpoint_when_it_cannot_connect_whatever_the_call) {
    open({primary("a"), backup("b")});
    world("a").let(step_kind::open, outcome_kind::fail);
    const auto got = call_now();
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(*got, "b");
    EXPECT_EQ(service_->report().failovers, 1U);
}

TEST_F(service_test, makes_a_call_again_only_if_that_does_no_harm) {
    open({primary("a"), backup("b")});
    at("a").ends = outcome::failed;
    EXPECT_FALSE(call_now().has_value());
    EXPECT_EQ(at("b").calls, 0U);
    EXPECT_EQ(call_now(repeatable()).value(), "b");
    at("a").ends = outcome::unsure;
    EXPECT_FALSE(call_now(repeatable()).has_value()) << "it says itself that it may have acted";
}

TEST_F(service_test, pauses_before_it_tries_the_same_endpoint_again) {
    open({primary("a")});
    at("a").ends = outcome::failed;
    const auto one = call(repeatable());
    group_.run_until_idle();
    EXPECT_FALSE(one.done());
    at("a").ends = outcome::success;
    group_.advance(1s);
    EXPECT_EQ(one.take().value(), "a");
    EXPECT_EQ(at("a").calls, 2U);
    EXPECT_EQ(service_->report().retries, 1U);
}

TEST_F(service_test, gives_the_last_error_when_all_attempts_fail) {
    policies_.breaker.reset();
    open({primary("a")});
    at("a").ends = outcome::failed;
    const auto one = call(repeatable());
    group_.advance(1min);
    const auto got = one.take();
    EXPECT_EQ(got.error(), errc::connection_closed);
    EXPECT_THAT(got.error().message(), HasSubstr("test at a"));
    EXPECT_EQ(at("a").calls, 4U);
}

TEST_F(service_test, refuses_at_once_while_all_breakers_are_open_and_says_why) {
    policies_.health.interval = upstream::health_check_settings::off;
    open({primary("a")});
    at("a").ends = outcome::failed;
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(call_now().has_value());
    const auto got = call_now();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error(), errc::circuit_open);
    EXPECT_THAT(got.error().message(), HasSubstr("a: breaker open"));
    EXPECT_THAT(got.error().message(), HasSubstr("next chance in 1 min"));
    EXPECT_EQ(at("a").calls, 5U);
}

TEST_F(service_test, keeps_one_deadline_over_all_attempts) {
    policies_.breaker.reset();
    open({primary("a")});
    at("a").takes = 700ms;
    at("a").ends = outcome::failed;
    const auto one = call(repeatable(1s));
    group_.advance(1s);
    ASSERT_TRUE(one.done());
    EXPECT_FALSE(one.take().has_value());
    EXPECT_LE(at("a").calls, 2U);
}

TEST_F(service_test, cuts_an_attempt_at_its_deadline_and_asks_another_endpoint) {
    policies_.attempt_timeout = 100ms;
    open({primary("a"), backup("b")});
    at("a").takes = 1h;
    const auto one = call(repeatable());
    group_.advance(100ms);
    EXPECT_EQ(one.take().value(), "b");
    EXPECT_EQ(at("a").given_up, 1U);
    EXPECT_EQ(report_of("a").outcomes[static_cast<std::size_t>(outcome::failed)], 1U);
}

TEST_F(service_test, does_not_make_again_what_was_cut_and_may_have_been_done) {
    policies_.attempt_timeout = 100ms;
    open({primary("a"), backup("b")});
    at("a").takes = 1h;
    const auto one = call();
    group_.advance(100ms);
    EXPECT_EQ(one.take().error(), errc::timeout);
    EXPECT_EQ(report_of("a").outcomes[static_cast<std::size_t>(outcome::unsure)], 1U);
    EXPECT_EQ(at("b").calls, 0U);
}

TEST_F(service_test, gives_everything_back_when_a_caller_goes_away) {
    policies_.bulkhead.emplace().max_concurrent = 1;
    policies_.bulkhead->max_waiting = 1;
    open({primary("a")});
    at("a").takes = 1h;
    const auto one = call();
    const auto other = call();
    group_.run_until_idle();
    EXPECT_EQ(report_of("a").in_use, 1U);
    one.cancel();
    group_.run_until_idle();
    EXPECT_EQ(report_of("a").in_use, 1U) << "the next has the place";
    EXPECT_EQ(at("a").calls, 2U);
    other.cancel();
    group_.run_until_idle();
    EXPECT_EQ(report_of("a").in_use, 0U);
    EXPECT_EQ(service_->report().running, 0U);
    EXPECT_EQ(service_->report().bulkhead->running, 0U);
    EXPECT_EQ(report_of("a").outcomes[static_cast<std::size_t>(outcome::ignored)], 2U);
}

// ---- limits of the service ------------------------------------------------------------------------------------------

TEST_F(service_test, lets_calls_wait_for_their_turn_and_refuses_when_that_is_too_far) {
    policies_.rate_limiter.emplace();
    policies_.rate_limiter->per_second = 1.0;
    policies_.rate_limiter->max_wait = 2s;
    open({primary("a")});
    EXPECT_TRUE(call_now().has_value());
    const auto second = call();
    const auto third = call();
    group_.run_until_idle();
    EXPECT_EQ(call_now().error(), errc::rate_limited);
    EXPECT_FALSE(second.done());
    group_.advance(1s);
    EXPECT_TRUE(second.done());
    EXPECT_FALSE(third.done());
    group_.advance(1s);
    EXPECT_TRUE(third.take().has_value());
    EXPECT_EQ(service_->report().rate_limiter->refused, 1U);
}

TEST_F(service_test, runs_no_more_calls_than_the_bulkhead_has_places_and_lets_the_rest_wait_in_turn) {
    policies_.bulkhead.emplace().max_concurrent = 2;
    policies_.bulkhead->max_waiting = 3;
    open({primary("a")});
    at("a").takes = 1s;
    std::vector<started<result<std::string>>> calls;
    for (int i = 0; i < 6; ++i) calls.push_back(call());
    group_.run_until_idle();
    ASSERT_TRUE(calls[5].done());
    EXPECT_EQ(calls[5].take().error(), errc::queue_full);
    group_.advance(1s);
    EXPECT_TRUE(calls[0].done() && calls[1].done());
    EXPECT_FALSE(calls[2].done());
    group_.advance(1s);
    EXPECT_TRUE(calls[2].done() && calls[3].done());
    EXPECT_FALSE(calls[4].done());
    group_.advance(1s);
    EXPECT_TRUE(calls[4].take().has_value());
    EXPECT_EQ(at("a").peak, 2U);
}

TEST_F(service_test, ends_a_wait_for_a_place_at_the_deadline) {
    policies_.bulkhead.emplace().max_concurrent = 1;
    policies_.bulkhead->max_waiting = 5;
    open({primary("a")});
    at("a").takes = 3s;
    const auto first = call();
    const auto late = call({.timeout = 1s});
    const auto patient = call();
    group_.advance(1s);
    EXPECT_EQ(late.take().error(), errc::acquire_timeout);
    group_.advance(5s);
    EXPECT_TRUE(first.take().has_value());
    EXPECT_TRUE(patient.take().has_value());
    EXPECT_EQ(service_->report().bulkhead->given_up, 1U);
}

/// A server that does `slots` calls at once, each in 10 ms, and lets the others wait: beyond its capacity each further
/// call makes all of them slower. Asked at twice its capacity for ten seconds.
struct overloaded_server {
    std::size_t slots = 4;
    duration takes = 10ms;
    std::vector<time_point> free_at = std::vector<time_point>(4, time_point::min());

    time_point serve(time_point now) {
        time_point& next = *std::min_element(free_at.begin(), free_at.end());
        next = std::max(next, now) + takes;
        return next;
    }
};

TEST_F(service_test, keeps_the_goodput_and_the_time_of_what_it_accepts_at_twice_the_capacity) {
    policies_.bulkhead.emplace().max_concurrent = 4;
    policies_.bulkhead->max_waiting = 3;
    policies_.health.interval = upstream::health_check_settings::off;
    open({primary("a")});
    overloaded_server server;
    struct call_at_server {
        overloaded_server* at;
        [[nodiscard]] task<answer<std::string>> operator()(fake_service::lease&, time_point) const {
            const time_point when = at->serve(scheduler::current()->now());
            co_await sleep_until(when);  // virtual time
            co_return answer<std::string>(std::string("a"), outcome::success);
        }
    };
    random_source random(3);
    struct one {
        time_point begun;
        time_point ended{};
        bool good = false;
    };
    std::deque<one> all;
    const auto phase = [&](double per_second, duration length) {
        const std::size_t first = all.size();
        const time_point end = group_.now() + length;
        while (group_.now() < end) {
            one& mine = all.emplace_back();
            mine.begun = group_.now();
            service_->run(call_at_server{&server}, call_options{.timeout = 1s})
                .start([&mine](const result<std::string>& got) {
                    mine.good = got.has_value();
                    mine.ended = scheduler::current()->now();
                });
            // As users come: at random, on average so many per second.
            const double gap = -std::log(1.0 - random.unit()) / per_second;
            group_.advance(std::chrono::duration_cast<duration>(std::chrono::duration<double>(gap)));
        }
        return first;
    };
    const auto p99 = [&](std::size_t first, std::size_t last) {
        std::vector<duration> times;
        for (std::size_t i = first; i < last; ++i) {
            if (all[i].good) times.push_back(all[i].ended - all[i].begun);
        }
        std::sort(times.begin(), times.end());
        return times.at(times.size() * 99 / 100);
    };
    const auto good = [&](std::size_t first, std::size_t last) {
        const auto from = all.begin() + static_cast<std::ptrdiff_t>(first);
        const auto to = all.begin() + static_cast<std::ptrdiff_t>(last);
        return static_cast<double>(std::count_if(from, to, [](const one& each) { return each.good; }));
    };
    const double capacity = 400.0;
    const std::size_t normal = phase(0.5 * capacity, 10s);
    const std::size_t twice = phase(2.0 * capacity, 10s);
    const std::size_t after = phase(0.5 * capacity, 5s);
    group_.advance(1s);
    const double goodput = good(twice, after) / 10.0;
    EXPECT_GE(goodput, 0.9 * capacity);
    EXPECT_LE(p99(twice, after), 2 * p99(normal, twice));
    EXPECT_GE(good(after, all.size()), 0.98 * static_cast<double>(all.size() - after)) << "back to normal";
    EXPECT_LE(p99(after, all.size()), p99(normal, twice) * 11 / 10);
    RecordProperty("goodput_of_capacity", std::to_string(goodput / capacity));
    RecordProperty("p99_normal_us", std::to_string(p99(normal, twice) / 1us));
    RecordProperty("p99_at_twice_us", std::to_string(p99(twice, after) / 1us));
    RecordProperty("accepted_before", std::to_string(good(normal, twice) / static_cast<double>(twice - normal)));
}

// ---- hedges ---------------------------------------------------------------------------------------------------------

class hedging_test : public service_test {
protected:
    hedging_test() {
        policies_.hedge.emplace();
        policies_.hedge->minimum_calls = 10;
        policies_.balancer.strategy = resilience::balancing::primary_backup;
    }
    void learn() {
        at("a").takes = 10ms;
        for (int i = 0; i < 20; ++i) {
            const auto one = call(repeatable());
            group_.advance(10ms);
            EXPECT_EQ(one.take().value(), "a");
        }
    }
};

TEST_F(hedging_test, asks_another_endpoint_when_one_takes_longer_than_usual_and_takes_the_first_answer) {
    open({primary("a"), primary("b")});
    learn();
    at("a").takes = 10s;
    at("b").takes = 1ms;
    const auto one = call(repeatable());
    group_.advance(15ms);
    EXPECT_EQ(one.take().value(), "b");
    EXPECT_EQ(at("a").given_up, 1U);
    EXPECT_EQ(service_->report().hedges, 1U);
    EXPECT_EQ(service_->report().hedge->won, 1U);
}

TEST_F(hedging_test, never_hedges_what_does_harm_when_done_twice) {
    open({primary("a"), primary("b")});
    learn();
    at("a").takes = 10s;
    const auto one = call();
    group_.advance(10s);
    EXPECT_EQ(one.take().value(), "a");
    EXPECT_EQ(at("b").calls, 0U);
}

TEST_F(hedging_test, waits_for_the_hedge_when_the_first_fails) {
    open({primary("a"), primary("b")});
    learn();
    at("a").takes = 20ms;
    at("a").ends = outcome::failed;
    at("b").takes = 30ms;
    const auto one = call(repeatable());
    group_.advance(25ms);
    EXPECT_FALSE(one.done());
    group_.advance(30ms);
    EXPECT_EQ(one.take().value(), "b");
    EXPECT_EQ(at("b").calls, 1U) << "no retry beside the hedge";
}

TEST_F(hedging_test, gives_up_both_when_the_caller_goes_away) {
    open({primary("a"), primary("b")});
    learn();
    at("a").takes = 10s;
    at("b").takes = 10s;
    const auto one = call(repeatable());
    group_.advance(1s);
    EXPECT_EQ(at("b").under_way, 1U);
    one.cancel();
    group_.run_until_idle();
    EXPECT_EQ(at("a").given_up + at("b").given_up, 2U);
    EXPECT_EQ(report_of("a").in_use + report_of("b").in_use, 0U);
}

// ---- checks and recovery --------------------------------------------------------------------------------------------

TEST_F(service_test, notices_a_dead_endpoint_by_its_checks_before_any_call_does) {
    open({primary("a"), primary("b")});
    world("a").let(step_kind::open, outcome_kind::fail);
    group_.advance(10s);
    EXPECT_EQ(report_of("a").health, upstream::health_state::unhealthy);
    EXPECT_EQ(report_of("b").health, upstream::health_state::healthy);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(call_now().value(), "b");
}

TEST_F(service_test, asks_the_probe_whether_an_endpoint_works) {
    bool works = false;
    open({primary("a")}, [&works](fake_service::lease&, time_point) -> task<result<void>> {
        if (works) co_return result<void>();
        co_return error(errc::check_failed, "test");
    });
    group_.advance(10s);
    EXPECT_EQ(report_of("a").health, upstream::health_state::unhealthy);
    works = true;
    group_.advance(2s);
    EXPECT_EQ(report_of("a").health, upstream::health_state::healthy);
}

TEST_F(service_test, checks_a_connection_that_works_for_nobody_by_its_connector) {
    open({primary("a")});
    EXPECT_TRUE(call_now().has_value());
    world("a").let(step_kind::check, outcome_kind::fail);
    world("a").let(step_kind::open, outcome_kind::fail);
    group_.advance(10s);
    EXPECT_EQ(report_of("a").health, upstream::health_state::unhealthy);
    EXPECT_EQ(world("a").live(), 0U);
}

TEST_F(service_test, counts_a_check_that_does_not_end_as_failed) {
    open({primary("a")}, [](fake_service::lease&, time_point) -> task<result<void>> {
        co_await sleep_until(never - 1h);  // virtual time: it never ends
        co_return result<void>();
    });
    group_.advance(10s);
    EXPECT_EQ(report_of("a").health, upstream::health_state::unhealthy);
    EXPECT_GE(report_of("a").checks_failed, 3U);
}

TEST_F(service_test, comes_back_within_a_second_after_a_total_outage) {
    open({primary("a")});
    EXPECT_TRUE(call_now().has_value());
    at("a").ends = outcome::failed;
    world("a").let(step_kind::open, outcome_kind::fail);
    world("a").let(step_kind::check, outcome_kind::fail);
    std::size_t refused = 0;
    for (int i = 0; i < 300; ++i) {
        const auto one = call({.timeout = 50ms});
        group_.advance(100ms);
        if (one.done() && !one.take()) ++refused;
    }
    EXPECT_EQ(refused, 300U);
    EXPECT_LE(at("a").calls + world("a").begun(step_kind::open), 150U) << "attempts and checks in half a minute";
    at("a").ends = outcome::success;
    world("a").let(step_kind::open, outcome_kind::succeed);
    world("a").let(step_kind::check, outcome_kind::succeed);
    const time_point back = group_.now();
    while (true) {
        const auto one = call({.timeout = 50ms});
        group_.advance(10ms);
        if (one.done() && one.take()) break;
        ASSERT_LT(group_.now() - back, 10s);
    }
    EXPECT_LE(group_.now() - back, 1s);
}

TEST_F(service_test, opens_no_more_connections_at_once_than_a_pool_may_while_an_endpoint_hangs) {
    open({primary("a"), backup("b")});
    world("a").let(step_kind::open, outcome_kind::pending);
    std::vector<started<result<std::string>>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(call(repeatable(5s)));
    for (int i = 0; i < 50; ++i) {
        group_.advance(100ms);
        EXPECT_LE(world("a").pending(step_kind::open), 4U);
    }
    group_.advance(1s);
    for (const auto& each : calls) EXPECT_TRUE(each.done());
}

// ---- members --------------------------------------------------------------------------------------------------------

TEST_F(service_test, follows_a_change_of_its_endpoints_and_lets_calls_under_way_end) {
    open({primary("a")});
    at("a").takes = 1s;
    const auto one = call();
    group_.run_until_idle();
    const std::vector<endpoint_settings> next{primary("b")};
    ASSERT_TRUE(service_->set_endpoints(next));
    EXPECT_EQ(call_now().value(), "b");
    EXPECT_EQ(report_of("a").membership, upstream::membership::draining);
    EXPECT_EQ(world("a").live(), 1U);
    group_.advance(1s);
    EXPECT_EQ(one.take().value(), "a");
    group_.advance(1s);
    EXPECT_EQ(world("a").live(), 0U) << "its pool is gone";
    EXPECT_EQ(service_->report().endpoints.size(), 1U);
}

TEST_F(service_test, keeps_what_stays_and_refuses_a_wrong_list_without_any_change) {
    open({primary("a"), primary("b")});
    group_.advance(10s);
    const std::vector<endpoint_settings> twice{primary("a"), primary("a")};
    EXPECT_EQ(service_->set_endpoints(twice).error(), errc::invalid_argument);
    EXPECT_EQ(service_->report().endpoints.size(), 2U);
    const std::vector<endpoint_settings> next{primary("a"), primary("c")};
    ASSERT_TRUE(service_->set_endpoints(next));
    EXPECT_GT(report_of("a").checks_passed, 0U);
    EXPECT_EQ(report_of("c").checks_passed, 0U);
    group_.advance(1s);
    EXPECT_EQ(report_of("c").checks_passed, 1U) << "checked soon after it was added";
}

TEST_F(service_test, fences_the_connections_of_an_endpoint_whose_role_changes) {
    open({primary("a")});
    EXPECT_TRUE(call_now().has_value());
    group_.advance(1s);
    const std::size_t before = world("a").begun(step_kind::open);
    const std::vector<endpoint_settings> next{{.name = "a", .read_only = true}};
    ASSERT_TRUE(service_->set_endpoints(next));
    group_.run_until_idle();
    EXPECT_EQ(world("a").live(), 0U);
    EXPECT_EQ(call_now().error(), errc::circuit_open) << "it writes";
    EXPECT_TRUE(call_now(repeatable()).has_value());
    EXPECT_EQ(world("a").begun(step_kind::open), before + 1);
    EXPECT_EQ(report_of("a").generation, 2U);
    EXPECT_TRUE(service_->retire("a"));
    EXPECT_FALSE(service_->retire("x"));
    EXPECT_EQ(report_of("a").generation, 3U);
}

TEST_F(service_test, can_be_steered_by_an_operator) {
    open({primary("a"), primary("b")});
    EXPECT_TRUE(service_->set_breaker("a", breaker_state::forced_open));
    EXPECT_FALSE(service_->set_breaker("x", breaker_state::forced_open));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(call_now().value(), "b");
}

TEST_F(service_test, refuses_wrong_settings_by_name) {
    const auto making = [&](const std::vector<endpoint_settings>& endpoints) {
        try {
            open(endpoints);
        } catch (const exception& thrown) {
            return thrown.error().message();
        }
        return std::string();
    };
    EXPECT_THAT(making({primary("a"), primary("a")}), HasSubstr("listed twice"));
    EXPECT_THAT(making({{.name = "a", .weight = -1.0}}), HasSubstr("weight"));
    policies_.max_endpoints = 1;
    EXPECT_THAT(making({primary("a"), primary("b")}), HasSubstr("max_endpoints"));
    policies_.timeout = 0s;
    EXPECT_THAT(making({primary("a")}), HasSubstr("timeout"));
}

// ---- the end --------------------------------------------------------------------------------------------------------

TEST_F(service_test, lets_calls_end_when_it_is_closed_and_refuses_new_ones) {
    open({primary("a")});
    at("a").takes = 1s;
    const auto one = call();
    group_.run_until_idle();
    const auto closing = group_.at(0).start(service_->close(5s));
    group_.run_until_idle();
    EXPECT_EQ(call_now().error(), errc::pool_closed);
    group_.advance(1s);
    EXPECT_EQ(one.take().value(), "a");
    group_.advance(1s);
    EXPECT_EQ(closing.take().value(), 0U);
}

TEST_F(service_test, ends_pauses_and_waits_when_it_is_closed) {
    policies_.bulkhead.emplace().max_concurrent = 1;
    policies_.bulkhead->max_waiting = 1;
    policies_.repeat.back_off = {.initial = 1h, .factor = 1.0, .maximum = 1h};
    policies_.timeout = 24h;
    open({primary("a")});
    at("a").ends = outcome::failed;
    const auto pausing = call(repeatable());
    const auto waiting = call();
    group_.run_until_idle();
    const auto closing = group_.at(0).start(service_->close(5s));
    group_.run_until_idle();
    ASSERT_TRUE(pausing.done());
    EXPECT_FALSE(pausing.take().has_value());
    ASSERT_TRUE(waiting.done());
    EXPECT_EQ(waiting.take().error(), errc::pool_closed);
    group_.advance(6s);
    EXPECT_TRUE(closing.done());
}

TEST_F(service_test, may_be_destroyed_while_calls_run) {
    open({primary("a")});
    at("a").takes = 1s;
    const auto one = call();
    group_.run_until_idle();
    service_.reset();
    group_.run_until_idle();
    EXPECT_EQ(world("a").cuts(), 1U);
    group_.advance(1s);
    EXPECT_TRUE(one.done());
}

}  // namespace
}  // namespace lido::test
