// Goal: endpoints that die, come back, are added, removed and steered: checks, recovery and members of a service.
#include "unit/upstream/service_fixture.hpp"

#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using resilience::breaker_state;
using testing::HasSubstr;

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

TEST_F(service_test, comes_back_with_the_second_good_check_after_a_total_outage) {
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
    // Two in a row with half a second before each, by default, a tenth of jitter, and turns of this loop.
    EXPECT_LE(group_.now() - back, 1100ms + 20ms);
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

}  // namespace
}  // namespace lido::test
