// Goal: the shell does what the router decides, with any connector: attempts, waits, limits, the end of calls and of
// the service. Method: fake connectors, one world for each endpoint, in virtual time.
#include "unit/upstream/service_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

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

// ---- an endpoint's pool that is full --------------------------------------------------------------------------------

TEST_F(service_test, a_check_that_finds_all_connections_lent_says_nothing_about_the_endpoint) {
    pool_size_ = 1;
    open({primary("a"), backup("b")});
    ASSERT_EQ(call_now().value(), "a");
    at("a").takes = 1h;
    const auto one = call({.timeout = 1h});
    group_.advance(10min);
    EXPECT_NE(report_of("a").health, upstream::health_state::unhealthy);
    const auto other = call({.timeout = 1min});
    group_.run_until_idle();
    EXPECT_EQ(at("b").calls, 0U) << "it waits for the primary's connection";
    other.cancel();
    one.cancel();
}

TEST_F(service_test, a_check_that_gets_no_connection_from_an_endpoint_that_is_silent_has_failed) {
    open({primary("a"), backup("b")});
    world("a").let(step_kind::open, outcome_kind::pending);
    group_.advance(1min);
    EXPECT_EQ(report_of("a").health, upstream::health_state::unhealthy);
    EXPECT_EQ(call_now().value(), "b");
}

TEST_F(service_test, a_call_that_waited_in_vain_in_a_full_pool_goes_elsewhere_and_blames_nobody) {
    policies_.attempt_timeout = 100ms;
    pool_size_ = 1;
    open({primary("a"), backup("b")});
    at("a").takes = 80ms;
    const auto first = call();
    const auto second = call();
    const auto third = call();
    group_.advance(100ms);
    EXPECT_EQ(first.take().value(), "a");
    EXPECT_EQ(second.take().error(), errc::timeout) << "it was under way";
    EXPECT_EQ(third.take().value(), "b") << "it was not, and does no harm elsewhere";
    EXPECT_EQ(report_of("a").outcomes[static_cast<std::size_t>(outcome::refused)], 1U);
    EXPECT_EQ(report_of("a").outcomes[static_cast<std::size_t>(outcome::unsure)], 1U);
}

TEST_F(service_test, a_call_that_ended_in_a_full_pool_says_so) {
    policies_.attempt_timeout = 100ms;
    pool_size_ = 1;
    open({primary("a")});
    at("a").takes = 80ms;
    const auto first = call();
    const auto second = call();
    const auto third = call();
    group_.advance(100ms);
    const auto late = third.take();
    EXPECT_EQ(late.error(), errc::acquire_timeout);
    EXPECT_THAT(late.error().message(), HasSubstr("max_size"));
}

TEST_F(service_test, an_endpoint_that_gives_no_connection_in_time_is_at_fault) {
    policies_.attempt_timeout = 100ms;
    open({primary("a"), backup("b")});
    world("a").let(step_kind::open, outcome_kind::pending);
    const auto one = call();
    group_.advance(100ms);
    EXPECT_EQ(one.take().value(), "b");
    EXPECT_EQ(report_of("a").outcomes[static_cast<std::size_t>(outcome::unreached)], 1U);
}

TEST_F(service_test, pauses_before_it_comes_back_when_the_others_admit_nobody) {
    open({primary("a"), primary("b")});
    ASSERT_TRUE(service_->set_breaker("b", resilience::breaker_state::forced_open));
    at("a").ends = outcome::failed;
    const auto one = call(repeatable());
    group_.run_until_idle();
    EXPECT_EQ(at("a").calls, 1U);
    at("a").ends = outcome::success;
    group_.advance(1s);
    EXPECT_EQ(one.take().value(), "a");
    EXPECT_EQ(at("a").calls, 2U);
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

TEST_F(service_test, turns_of_callers_that_went_away_are_others) {
    policies_.rate_limiter.emplace();
    policies_.rate_limiter->per_second = 1.0;
    policies_.rate_limiter->max_wait = 5s;
    open({primary("a")});
    EXPECT_TRUE(call_now().has_value());
    std::vector<started<result<std::string>>> waiting;
    for (int i = 0; i < 5; ++i) waiting.push_back(call());
    group_.run_until_idle();
    EXPECT_EQ(call_now().error(), errc::rate_limited);
    for (const int which : {1, 0, 4, 3, 2}) waiting[static_cast<std::size_t>(which)].cancel();
    group_.run_until_idle();
    const auto next = call();
    group_.advance(1s);
    ASSERT_TRUE(next.done());
    EXPECT_TRUE(next.take().has_value());
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
