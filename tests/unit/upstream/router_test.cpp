#include "upstream/router.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace lido::upstream {
namespace {

using namespace std::chrono_literals;
using resilience::breaker_state;
using resilience::endpoint_role;

const time_point start{100h};

/// A router over endpoints a, b, c …, and calls that end as the test says.
class router_test : public testing::Test {
protected:
    void open(std::vector<endpoint_settings> endpoints) { router_.emplace(settings_, endpoints, now_, random_); }
    void open(std::initializer_list<const char*> names) {
        std::vector<endpoint_settings> endpoints;
        for (const char* each : names) endpoints.push_back({.name = each});
        open(std::move(endpoints));
    }

    [[nodiscard]] choice pick(const call_record& call = {}, bool elsewhere = false) {
        return router_->pick(call, elsewhere, now_, random_);
    }
    [[nodiscard]] std::string name_of(const permit& which) { return report_of(which.endpoint).settings.name; }
    [[nodiscard]] endpoint_report report_of(endpoint_id which) {
        for (endpoint_report& each : router_->describe(now_).endpoints) {
            if (each.id == which) return each;
        }
        ADD_FAILURE() << "no such endpoint";
        return {};
    }
    [[nodiscard]] endpoint_report report_of(std::string_view name) { return report_of(router_->find(name).value()); }
    /// One attempt; the name of its endpoint, or the refusal in brackets.
    std::string attempt(outcome how = outcome::success, const call_record& call = {}, bool elsewhere = false) {
        const choice chosen = pick(call, elsewhere);
        if (!chosen) return "(" + std::string(upstream::name_of(chosen.why)) + ")";
        std::string name = name_of(*chosen.permit);
        router_->report(*chosen.permit, how, now_, random_);
        return name;
    }
    /// Lets attempts at this endpoint fail until its breaker opens.
    void break_endpoint(std::string_view name) {
        for (int i = 0; i < 1000 && report_of(name).breaker->state != breaker_state::open; ++i) {
            const choice chosen = pick();
            if (!chosen) return;
            const bool it = name_of(*chosen.permit) == name;
            router_->report(*chosen.permit, it ? outcome::failed : outcome::success, now_, random_);
        }
    }
    /// Moves time to the next check of this endpoint and ends it so.
    void check(std::string_view name, check_outcome how) {
        for (int i = 0; i < 100; ++i) {
            now_ = std::max(now_, router_->next_check());
            std::vector<due_check> due;
            router_->begin_checks(now_, due);
            bool done = false;
            for (const due_check& each : due) {
                const bool it = report_of(each.endpoint).settings.name == name;
                router_->check_ended(each, it ? how : check_outcome::passed, now_, random_);
                done = done || it;
            }
            if (done) return;
        }
        ADD_FAILURE() << "no check of " << name;
    }
    [[nodiscard]] call_record call_that_tried(std::initializer_list<const char*> names) {
        call_record call;
        for (const char* each : names) call.tried.push_back(router_->find(each).value());
        return call;
    }

    settings settings_;
    random_source random_{42};
    time_point now_ = start;
    std::optional<router> router_;
};

// ---- the choice -----------------------------------------------------------------------------------------------------

TEST_F(router_test, spreads_calls_over_all_endpoints) {
    open({"a", "b", "c"});
    std::map<std::string, int> counts;
    for (int i = 0; i < 300; ++i) ++counts[attempt()];
    EXPECT_EQ(counts.size(), 3U);
    for (const auto& [name, count] : counts) EXPECT_GT(count, 50) << name;
    EXPECT_NEAR(report_of("a").share, static_cast<double>(counts["a"]) / 300.0, 1e-9);
}

TEST_F(router_test, refuses_when_there_is_no_endpoint) {
    open(std::vector<endpoint_settings>{});
    EXPECT_EQ(attempt(), "(no_endpoint)");
}

TEST_F(router_test, leaves_out_an_endpoint_without_weight) {
    open({{.name = "a", .weight = 0.0}, {.name = "b"}});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(attempt(), "b");
    call_record call = call_that_tried({"b"});
    EXPECT_EQ(attempt(outcome::success, call, true), "(tried)");
}

TEST_F(router_test, sends_what_writes_to_no_read_only_endpoint) {
    open({{.name = "a", .role = endpoint_role::backup}, {.name = "b", .read_only = true}});
    call_record reading;
    reading.writes = false;
    EXPECT_EQ(attempt(outcome::success, reading), "b");
    EXPECT_EQ(attempt(), "a");
    router_->remove(router_->find("a").value());
    EXPECT_EQ(attempt(), "(read_only)");
}

TEST_F(router_test, goes_elsewhere_when_told_to) {
    open({"a", "b"});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(attempt(outcome::success, call_that_tried({"a"}), true), "b");
    EXPECT_EQ(attempt(outcome::success, call_that_tried({"a", "b"}), true), "(tried)");
    EXPECT_NE(attempt(outcome::success, call_that_tried({"a", "b"}), false), "(tried)");
}

TEST_F(router_test, chooses_a_backup_only_while_no_primary_can) {
    open({{.name = "a"}, {.name = "b", .role = endpoint_role::backup}});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(attempt(), "a");
    break_endpoint("a");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(attempt(), "b");
    EXPECT_EQ(router_->describe(now_).backups, 20U);
    now_ += settings_.breaker->open_for;
    EXPECT_EQ(attempt(), "a") << "a probe";
}

TEST_F(router_test, hands_the_load_under_way_to_the_balancer) {
    settings_.balancer.strategy = resilience::balancing::least_loaded;
    open({"a", "b", "c"});
    std::set<std::string> chosen;
    std::vector<permit> held;
    for (int i = 0; i < 3; ++i) {
        held.push_back(*pick().permit);
        chosen.insert(name_of(held.back()));
    }
    EXPECT_EQ(chosen.size(), 3U);
    router_->report(held[1], outcome::success, now_, random_);
    EXPECT_EQ(attempt(), name_of(held[1]));
}

TEST_F(router_test, prefers_the_nearest_by_its_measured_latency) {
    settings_.balancer.strategy = resilience::balancing::nearest;
    settings_.balancer.exploration = 0.0;
    open({"a", "b"});
    for (int i = 0; i < 10; ++i) {
        const permit first = *pick().permit;
        const permit second = *pick().permit;
        const bool a_is_first = name_of(first) == "a";
        now_ += 1ms;
        router_->report(a_is_first ? first : second, outcome::success, now_, random_);
        now_ += 50ms;
        router_->report(a_is_first ? second : first, outcome::success, now_, random_);
    }
    for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt(outcome::refused), "a");
}

// ---- breakers -------------------------------------------------------------------------------------------------------

TEST_F(router_test, lets_nothing_but_probes_through_an_open_breaker) {
    settings_.ejection.reset();
    open({"a"});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt(outcome::failed), "a");
    const choice refused = pick();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.why, refusal::unavailable);
    EXPECT_EQ(refused.next_chance, now_ + 60s);
    now_ += 60s - 1ns;
    EXPECT_FALSE(pick());
    now_ += 1ns;
    std::vector<permit> probes;
    for (int i = 0; i < 3; ++i) probes.push_back(*pick().permit);
    EXPECT_FALSE(pick()) << "three probes at once";
    for (const permit& each : probes) router_->report(each, outcome::success, now_, random_);
    EXPECT_EQ(report_of("a").breaker->state, breaker_state::closed);
    EXPECT_EQ(attempt(), "a");
}

TEST_F(router_test, takes_another_when_the_breaker_of_the_chosen_refuses) {
    open({"a", "b"});
    break_endpoint("a");
    for (int i = 0; i < 50; ++i) EXPECT_EQ(attempt(), "b");
}

TEST_F(router_test, remembers_how_the_breaker_changed_and_no_more_than_32_times) {
    settings_.ejection.reset();
    settings_.breaker->failures = 1;
    settings_.health.interval = health_check_settings::off;
    open({"a"});
    attempt(outcome::failed);
    now_ += 60s;
    attempt(outcome::failed);
    const auto changes = report_of("a").breaker_changes;
    ASSERT_EQ(changes.size(), 3U);
    EXPECT_EQ(changes[0].from, breaker_state::closed);
    EXPECT_EQ(changes[0].to, breaker_state::open);
    EXPECT_EQ(changes[0].at, start);
    EXPECT_EQ(changes[1].to, breaker_state::half_open);
    EXPECT_EQ(changes[2].to, breaker_state::open);
    for (int i = 0; i < 50; ++i) {
        now_ += 60s;
        attempt(outcome::failed);
    }
    const auto many = report_of("a").breaker_changes;
    ASSERT_EQ(many.size(), 32U);
    EXPECT_TRUE(std::is_sorted(many.begin(), many.end(), [](const auto& x, const auto& y) { return x.at < y.at; }));
    EXPECT_EQ(many.back().at, now_);
}

TEST_F(router_test, opens_a_breaker_for_failures_and_for_nothing_else) {
    settings_.ejection.reset();
    for (const outcome how : {outcome::refused, outcome::ignored, outcome::success}) {
        open({"a"});
        for (int i = 0; i < 50; ++i) attempt(how);
        EXPECT_EQ(report_of("a").breaker->state, breaker_state::closed) << upstream::name_of(how);
    }
    for (const outcome how : {outcome::failed, outcome::unsure, outcome::unreached}) {
        open({"a"});
        for (int i = 0; i < 5; ++i) attempt(how);
        EXPECT_EQ(report_of("a").breaker->state, breaker_state::open) << upstream::name_of(how);
    }
}

TEST_F(router_test, lets_probes_through_as_soon_as_a_check_succeeds) {
    open({"a"});
    break_endpoint("a");
    check("a", check_outcome::failed);
    EXPECT_EQ(attempt(), "(unavailable)");
    check("a", check_outcome::passed);
    EXPECT_LE(now_ - start, 2s);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(attempt(), "a");
    EXPECT_EQ(report_of("a").breaker->state, breaker_state::closed);
}

TEST_F(router_test, believes_checks_less_each_time_that_calls_fail_after_them) {
    settings_.ejection.reset();
    settings_.slow_start.reset();
    open({{.name = "a"}, {.name = "b", .role = endpoint_role::backup}});
    break_endpoint("a");
    std::vector<int> checks_needed;
    for (int round = 0; round < 5; ++round) {
        int needed = 0;
        while (report_of("a").breaker->state == breaker_state::open && needed < 1000) {
            check("a", check_outcome::passed);
            ++needed;
        }
        checks_needed.push_back(needed);
        EXPECT_EQ(attempt(outcome::failed), "a");
    }
    EXPECT_EQ(checks_needed, (std::vector<int>{1, 2, 4, 8, 16}));
}

TEST_F(router_test, lets_a_probe_through_at_each_check_that_passes_while_nobody_else_serves) {
    settings_.ejection.reset();
    open({"a"});
    break_endpoint("a");
    for (int round = 0; round < 10; ++round) {
        check("a", check_outcome::passed);
        EXPECT_EQ(attempt(outcome::failed), "a");
    }
}

TEST_F(router_test, obeys_an_operator) {
    open({"a", "b"});
    const endpoint_id a = router_->find("a").value();
    router_->set_breaker(a, breaker_state::forced_open, now_);
    now_ += 24h;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(attempt(), "b");
    router_->set_breaker(a, breaker_state::closed, now_);
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) seen.insert(attempt());
    EXPECT_EQ(seen.size(), 2U);
}

// ---- health, ejection, panic ----------------------------------------------------------------------------------------

TEST_F(router_test, sends_nothing_to_an_unhealthy_endpoint_while_another_can_serve) {
    settings_.slow_start.reset();
    open({"a", "b"});
    for (int i = 0; i < 3; ++i) check("a", check_outcome::failed);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(attempt(), "b");
    EXPECT_EQ(report_of("a").health, health_state::unhealthy);
    check("a", check_outcome::passed);
    check("a", check_outcome::passed);
    std::set<std::string> seen;
    for (int i = 0; i < 400; ++i) seen.insert(attempt());
    EXPECT_EQ(seen.count("a"), 1U);
}

TEST_F(router_test, prefers_a_healthy_backup_to_an_unhealthy_primary) {
    open({{.name = "a"}, {.name = "b", .role = endpoint_role::backup}});
    for (int i = 0; i < 3; ++i) check("a", check_outcome::failed);
    EXPECT_EQ(attempt(), "b");
}

TEST_F(router_test, forgets_suspicions_when_all_are_suspect_but_obeys_breakers) {
    open({{.name = "a"}, {.name = "b", .role = endpoint_role::backup}});
    for (int i = 0; i < 6; ++i) {
        check("a", check_outcome::failed);
        check("b", check_outcome::failed);
    }
    ASSERT_EQ(report_of("a").health, health_state::unhealthy);
    ASSERT_EQ(report_of("b").health, health_state::unhealthy);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt(outcome::failed), "a") << "primaries first";
    for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt(outcome::failed), "b");
    EXPECT_EQ(attempt(), "(unavailable)");
    EXPECT_EQ(router_->describe(now_).panics, 10U);
}

TEST_F(router_test, refuses_instead_of_panicking_when_told_to) {
    settings_.panic = false;
    open({"a"});
    for (int i = 0; i < 3; ++i) check("a", check_outcome::failed);
    const choice refused = pick();
    EXPECT_EQ(refused.why, refusal::unavailable);
    EXPECT_GT(refused.next_chance, now_);
    EXPECT_LT(refused.next_chance, now_ + 1s);
}

TEST_F(router_test, does_not_turn_to_a_suspect_for_a_second_attempt) {
    open({"a", "b"});
    for (int i = 0; i < 3; ++i) check("b", check_outcome::failed);
    EXPECT_EQ(attempt(outcome::success, call_that_tried({"a"}), true), "(unavailable)");
}

TEST_F(router_test, leaves_out_what_is_ejected_until_its_time_is_over) {
    settings_.slow_start.reset();
    settings_.breaker.reset();
    settings_.ejection->jitter = 0s;
    open({"a", "b"});
    int failures = 0;
    while (!report_of("a").ejected && failures < 500) {
        const choice chosen = pick();
        const bool it = name_of(*chosen.permit) == "a";
        if (it) ++failures;
        router_->report(*chosen.permit, it ? outcome::failed : outcome::success, now_, random_);
    }
    EXPECT_EQ(failures, 5);
    EXPECT_EQ(report_of("a").ejections, 1U);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(attempt(), "b");
    now_ += 30s;
    std::set<std::string> seen;
    for (int i = 0; i < 400; ++i) seen.insert(attempt());
    EXPECT_EQ(seen.size(), 2U);
}

TEST_F(router_test, ends_an_ejection_when_checks_let_probes_through_or_saw_it_recover) {
    settings_.slow_start.reset();
    open({{.name = "a"}, {.name = "b", .role = endpoint_role::backup}});
    break_endpoint("a");
    ASSERT_TRUE(report_of("a").ejected);
    check("a", check_outcome::passed);
    EXPECT_FALSE(report_of("a").ejected);
    EXPECT_EQ(attempt(), "a") << "a probe";

    settings_.breaker.reset();
    open({{.name = "a"}, {.name = "b", .role = endpoint_role::backup}});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt(outcome::failed), "a");
    ASSERT_TRUE(report_of("a").ejected);
    for (int i = 0; i < 2; ++i) check("a", check_outcome::passed);
    EXPECT_TRUE(report_of("a").ejected) << "the checks saw nothing of it";
    for (int i = 0; i < 3; ++i) check("a", check_outcome::failed);
    for (int i = 0; i < 2; ++i) check("a", check_outcome::passed);
    EXPECT_FALSE(report_of("a").ejected);
    EXPECT_EQ(attempt(), "a");
}

TEST_F(router_test, starts_slowly_what_has_come_back) {
    settings_.ejection.reset();
    settings_.balancer.strategy = resilience::balancing::weighted_round_robin;
    settings_.health.interval = health_check_settings::off;
    open({"a", "b"});
    EXPECT_EQ(report_of("a").weight_now, 1.0) << "all at the beginning are old";
    break_endpoint("a");
    now_ += 60s;
    while (report_of("a").breaker->state != breaker_state::closed) attempt();
    EXPECT_NEAR(report_of("a").weight_now, 0.1, 0.01);
    int of_a = 0;
    for (int i = 0; i < 110; ++i) of_a += attempt() == "a" ? 1 : 0;
    EXPECT_NEAR(of_a, 10, 2);
    now_ += 15s;
    EXPECT_NEAR(report_of("a").weight_now, 0.5, 0.01);
    now_ += 15s;
    attempt();
    EXPECT_EQ(report_of("a").weight_now, 1.0);
}

// ---- members --------------------------------------------------------------------------------------------------------

TEST_F(router_test, drains_what_is_removed_while_in_use) {
    open({"a"});
    const permit held = *pick().permit;
    EXPECT_FALSE(router_->remove(held.endpoint));
    EXPECT_EQ(attempt(), "(no_endpoint)");
    EXPECT_EQ(report_of(held.endpoint).membership, membership::draining);
    EXPECT_TRUE(router_->report(held, outcome::success, now_, random_)) << "gone with its last attempt";
    EXPECT_EQ(router_->size(), 0U);
    EXPECT_FALSE(router_->report(held, outcome::success, now_, random_)) << "given back twice";
}

TEST_F(router_test, removes_at_once_what_is_not_in_use) {
    open({"a", "b", "c"});
    EXPECT_TRUE(router_->remove(router_->find("b").value()));
    EXPECT_EQ(router_->size(), 2U);
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) seen.insert(attempt());
    EXPECT_EQ(seen, (std::set<std::string>{"a", "c"}));
}

TEST_F(router_test, does_not_take_an_outcome_for_that_of_a_successor) {
    open({"a"});
    const permit held = *pick().permit;
    router_->remove(held.endpoint);
    router_->report(held, outcome::success, now_, random_);
    const endpoint_id b = router_->add({.name = "b"}, now_, random_).value();
    EXPECT_EQ(b.index, held.endpoint.index);
    EXPECT_FALSE(router_->is_active(held.endpoint));
    EXPECT_FALSE(router_->report(held, outcome::failed, now_, random_));
    EXPECT_EQ(report_of("b").attempts, 0U);
}

TEST_F(router_test, adds_with_a_slow_start_and_up_to_its_limit) {
    settings_.max_endpoints = 2;
    open({"a"});
    attempt();
    ASSERT_TRUE(router_->add({.name = "b"}, now_, random_).has_value());
    EXPECT_NEAR(report_of("b").weight_now, 0.1, 0.01);
    EXPECT_FALSE(router_->add({.name = "c"}, now_, random_).has_value());
}

TEST_F(router_test, counts_no_outcome_from_before_a_change_of_role) {
    open({"a"});
    std::vector<permit> before;
    for (int i = 0; i < 10; ++i) before.push_back(*pick().permit);
    EXPECT_TRUE(router_->change(router_->find("a").value(), {.name = "a", .read_only = true}, now_));
    for (const permit& each : before) router_->report(each, outcome::failed, now_, random_);
    EXPECT_EQ(report_of("a").breaker->state, breaker_state::closed);
    EXPECT_EQ(report_of("a").late, 10U);
    EXPECT_EQ(report_of("a").in_use, 0U);
    EXPECT_FALSE(router_->change(router_->find("a").value(), {.name = "a", .weight = 2.0, .read_only = true}, now_))
        << "another weight is no other role";
}

// ---- repeating ------------------------------------------------------------------------------------------------------

TEST_F(router_test, repeats_by_the_table_of_outcomes) {
    open({"a", "b"});
    router_->begin_call(now_);
    const auto repeats = [&](outcome how, bool repeatable) {
        call_record call = call_that_tried({"a"});
        call.repeatable = repeatable;
        return router_->repeat(call, {how, std::nullopt}, now_, random_).has_value();
    };
    EXPECT_FALSE(repeats(outcome::success, true));
    EXPECT_TRUE(repeats(outcome::failed, true));
    EXPECT_FALSE(repeats(outcome::failed, false));
    EXPECT_FALSE(repeats(outcome::unsure, true));
    EXPECT_TRUE(repeats(outcome::unreached, false));
    EXPECT_TRUE(repeats(outcome::refused, false));
    EXPECT_FALSE(repeats(outcome::ignored, true));
}

TEST_F(router_test, does_not_come_back_to_a_pool_of_its_own_that_was_full) {
    open({"a", "b"});
    router_->begin_call(now_);
    call_record call = call_that_tried({"a"});
    upstream::attempt_end full{outcome::refused, std::nullopt};
    full.only_elsewhere = true;
    const auto first = router_->repeat(call, full, now_, random_);
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(first->elsewhere);
    call.tried.push_back(router_->find("b").value());
    EXPECT_FALSE(router_->repeat(call, full, now_, random_));
    full.only_elsewhere = false;
    EXPECT_TRUE(router_->repeat(call, full, now_, random_)) << "a server that said 429 is";
}

TEST_F(router_test, repeats_at_once_elsewhere_and_after_a_pause_where_all_were_tried) {
    open({"a", "b"});
    call_record call = call_that_tried({"a"});
    call.repeatable = true;
    const auto first = router_->repeat(call, {outcome::failed, std::nullopt}, now_, random_);
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(first->elsewhere);
    EXPECT_EQ(first->pause, 0s);
    call.tried.push_back(router_->find("b").value());
    const auto second = router_->repeat(call, {outcome::failed, std::nullopt}, now_, random_);
    ASSERT_TRUE(second.has_value());
    EXPECT_FALSE(second->elsewhere);
    EXPECT_GT(second->pause, 0s);
}

TEST_F(router_test, lets_those_rest_that_have_asked_for_it) {
    open({"a"});
    call_record call = call_that_tried({"a"});
    call.repeatable = true;
    const auto again = router_->repeat(call, {outcome::failed, 2s}, now_, random_);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->pause, 2s) << "what the server asked for is longer than the back-off";
    EXPECT_EQ(attempt(outcome::success, call), "(unavailable)");
    EXPECT_EQ(attempt(), "a") << "others have not heard of it";
    now_ += 2s;
    EXPECT_EQ(attempt(outcome::success, call), "a");
    call.deadline = now_ + 1s;
    EXPECT_FALSE(router_->repeat(call, {outcome::failed, 1s}, now_, random_)) << "not within the deadline";
    call.deadline = never;
    EXPECT_FALSE(router_->repeat(call, {outcome::failed, 31s}, now_, random_)) << "longer than is obeyed";
}

TEST_F(router_test, asks_the_one_that_wants_no_rest_while_another_has_it) {
    open({"a", "b"});
    call_record call = call_that_tried({"a"});
    call.repeatable = true;
    ASSERT_TRUE(router_->repeat(call, {outcome::refused, 20s}, now_, random_).has_value());
    call.tried.push_back(router_->find("b").value());
    const auto again = router_->repeat(call, {outcome::failed, std::nullopt}, now_, random_);
    ASSERT_TRUE(again.has_value());
    EXPECT_LT(again->pause, 20s);
    now_ += again->pause;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(attempt(outcome::success, call), "b");
}

TEST_F(router_test, says_how_long_to_pause_in_case_nobody_elsewhere_admits_the_call) {
    open({"a", "b"});
    call_record call = call_that_tried({"a"});
    call.repeatable = true;
    const auto elsewhere = router_->repeat(call, {outcome::failed, std::nullopt}, now_, random_);
    ASSERT_TRUE(elsewhere.has_value());
    ASSERT_TRUE(elsewhere->otherwise.has_value());
    EXPECT_GT(*elsewhere->otherwise, 0s);
    upstream::attempt_end full{outcome::refused, std::nullopt};
    full.only_elsewhere = true;
    call_record other = call_that_tried({"a"});
    EXPECT_FALSE(router_->repeat(other, full, now_, random_)->otherwise.has_value());
}

TEST_F(router_test, repeats_no_more_often_than_allowed) {
    settings_.repeat.max_retries = 2;
    open({"a"});
    call_record call = call_that_tried({"a"});
    EXPECT_TRUE(router_->repeat(call, {outcome::unreached, std::nullopt}, now_, random_));
    EXPECT_TRUE(router_->repeat(call, {outcome::unreached, std::nullopt}, now_, random_));
    EXPECT_FALSE(router_->repeat(call, {outcome::unreached, std::nullopt}, now_, random_));
}

TEST_F(router_test, pays_retries_failovers_and_hedges_from_one_budget) {
    settings_.retry_budget = {.share = 0.0, .minimum_per_second = 0.3, .window = 10s};
    settings_.hedge.emplace();
    settings_.hedge->minimum_calls = 1;
    open({"a", "b"});
    call_record call = call_that_tried({"a"});
    call.repeatable = true;
    EXPECT_TRUE(router_->repeat(call, {outcome::failed, std::nullopt}, now_, random_));
    EXPECT_TRUE(router_->repeat(call, {outcome::unreached, std::nullopt}, now_, random_));
    EXPECT_TRUE(router_->hedge(call, now_));
    call_record other = call_that_tried({"a"});
    EXPECT_FALSE(router_->repeat(other, {outcome::unreached, std::nullopt}, now_, random_));
    EXPECT_FALSE(router_->hedge(other, now_));
    const health_report seen = router_->describe(now_);
    EXPECT_EQ(seen.retries, 1U);
    EXPECT_EQ(seen.failovers, 1U);
    EXPECT_EQ(seen.hedges, 1U);
}

TEST_F(router_test, hedges_only_what_may_be_made_twice) {
    settings_.hedge.emplace();
    settings_.hedge->minimum_calls = 1;
    open({"a", "b"});
    const permit one = *pick().permit;
    now_ += 10ms;
    router_->report(one, outcome::success, now_, random_);
    call_record call;
    EXPECT_EQ(router_->hedge_at(call, now_, now_), never);
    call.repeatable = true;
    EXPECT_GE(router_->hedge_at(call, now_, now_), now_ + 9ms);
    EXPECT_LE(router_->hedge_at(call, now_, now_), now_ + 11ms);
    EXPECT_TRUE(router_->hedge(call, now_));
    EXPECT_EQ(router_->hedge_at(call, now_, now_), never) << "one hedge by default";
}

TEST_F(router_test, explains_why_nobody_was_chosen) {
    open({"a"});
    break_endpoint("a");
    EXPECT_EQ(router_->explain(now_), "a: breaker open");
}

}  // namespace
}  // namespace lido::upstream
