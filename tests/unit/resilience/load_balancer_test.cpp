// Goal: each way to choose has the shares that it promises, and none ever chooses an endpoint that cannot serve, or a
// backup beside a primary. Method: counts of many choices, and random lists of endpoints for all ways.
#include "lido/resilience/load_balancer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;
using enum endpoint_role;
using endpoints = std::vector<endpoint_view>;

endpoints of_weights(std::initializer_list<double> weights) {
    endpoints made;
    for (const double weight : weights) made.push_back({.weight = weight});
    return made;
}

endpoints of_loads(std::initializer_list<std::uint32_t> loads) {
    endpoints made;
    for (const std::uint32_t load : loads) made.push_back({.load = load});
    return made;
}

/// "abac": the letters of the positions chosen one after the other; "-" for none.
template <class Choose>
std::string letters(const Choose& choose, int count) {
    std::string found;
    for (int i = 0; i < count; ++i) {
        const auto chosen = choose();
        found += chosen ? static_cast<char>('a' + static_cast<char>(*chosen)) : '-';
    }
    return found;
}

/// The share of each position in many choices.
template <class Choose>
std::vector<double> shares(std::size_t size, const Choose& choose, int count = 40'000) {
    std::vector<double> found(size, 0.0);
    for (int i = 0; i < count; ++i) found.at(choose().value()) += 1.0 / count;
    return found;
}

void expect_shares(const std::vector<double>& found, std::initializer_list<double> expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected.begin()[i], 0.012) << i;
}

TEST(load_balancer, round_robin_takes_one_after_the_other) {
    round_robin turns;
    const endpoints three(3);
    EXPECT_EQ(letters([&] { return turns.choose(three); }, 7), "abcabca");
    round_robin later(7);
    EXPECT_EQ(letters([&] { return later.choose(three); }, 4), "bcab");
}

TEST(load_balancer, round_robin_passes_over_who_cannot_serve) {
    round_robin turns;
    endpoints four(4);
    four[1].healthy = false;
    four[2].weight = 0.0;
    EXPECT_EQ(letters([&] { return turns.choose(four); }, 5), "adada");
    four[1].healthy = true;
    EXPECT_EQ(letters([&] { return turns.choose(four); }, 3), "bda");
}

TEST(load_balancer, round_robin_bears_a_list_that_changes) {
    round_robin turns;
    EXPECT_EQ(letters([&] { return turns.choose(endpoints(5)); }, 4), "abcd");
    EXPECT_EQ(letters([&] { return turns.choose(endpoints(2)); }, 3), "aba");
    EXPECT_EQ(letters([&] { return turns.choose(endpoints()); }, 1), "-");
}

TEST(load_balancer, weighted_round_robin_mixes_as_nginx_does) {
    smooth_weighted_round_robin turns;
    const auto five_one_one = of_weights({5, 1, 1});
    EXPECT_EQ(letters([&] { return turns.choose(five_one_one); }, 14), "aabacaaaabacaa");
    smooth_weighted_round_robin other;
    EXPECT_EQ(letters([&] { return other.choose(of_weights({1, 1, 1})); }, 6), "abcabc");
}

TEST(load_balancer, weighted_round_robin_gives_each_its_weight_in_every_round) {
    random_source random(1);
    for (int round = 0; round < 200; ++round) {
        endpoints list(1 + random.below(8));
        int total = 0;
        for (auto& each : list) {
            const auto weight = static_cast<int>(random.below(10));
            each.weight = weight;
            total += weight;
        }
        smooth_weighted_round_robin turns;
        std::vector<double> counts(list.size(), 0.0);
        for (int i = 1; i <= 3 * total; ++i) {
            counts.at(turns.choose(list).value()) += 1;
            for (std::size_t j = 0; j < list.size(); ++j) {
                // Never further from its part than one round of the others can bring it.
                ASSERT_LT(std::abs(counts[j] - list[j].weight * i / total), static_cast<double>(list.size()));
                ASSERT_TRUE(i % total != 0 || counts[j] == list[j].weight * i / total);
            }
        }
        ASSERT_EQ(turns.choose(list).has_value(), total > 0);
    }
}

TEST(load_balancer, weighted_round_robin_begins_afresh_with_another_number_of_endpoints) {
    smooth_weighted_round_robin turns;
    EXPECT_EQ(letters([&] { return turns.choose(of_weights({5, 1, 1})); }, 3), "aab");
    EXPECT_EQ(letters([&] { return turns.choose(of_weights({1, 1})); }, 3), "aba");
}

TEST(load_balancer, random_choices_are_even) {
    random_source random(2);
    endpoints four(4);
    four[2].healthy = false;
    four[3].weight = 100.0;
    expect_shares(shares(4, [&] { return choose_random(four, random); }), {1.0 / 3, 1.0 / 3, 0.0, 1.0 / 3});
}

TEST(load_balancer, weighted_random_choices_follow_the_weights) {
    random_source random(3);
    const auto list = of_weights({1, 2, 0, 0.5, 1.5});
    expect_shares(shares(5, [&] { return choose_weighted_random(list, random); }), {0.2, 0.4, 0.0, 0.1, 0.3});
}

TEST(load_balancer, two_random_choices_take_the_less_loaded_of_two) {
    random_source random(4);
    // Of three pairs: ab gives a, ac gives a, bc gives b.
    const auto list = of_loads({0, 5, 9});
    expect_shares(shares(3, [&] { return choose_two_random(list, random); }), {2.0 / 3, 1.0 / 3, 0.0});
    const auto equal = of_loads({4, 4, 4});
    expect_shares(shares(3, [&] { return choose_two_random(equal, random); }), {1.0 / 3, 1.0 / 3, 1.0 / 3});
}

TEST(load_balancer, two_random_choices_weigh_the_load) {
    random_source random(5);
    endpoints two(2);
    two[0] = {.weight = 1.0, .load = 2};
    two[1] = {.weight = 4.0, .load = 8};
    EXPECT_EQ(letters([&] { return choose_two_random(two, random); }, 20), std::string(20, 'b'));
    two[1].healthy = false;
    EXPECT_EQ(letters([&] { return choose_two_random(two, random); }, 3), "aaa");
}

TEST(load_balancer, two_random_choices_keep_the_highest_load_low) {
    random_source random(6);
    const auto highest_after = [&](auto choose) {
        endpoints list(100);
        for (int i = 0; i < 10'000; ++i) ++list[*choose(std::span<const endpoint_view>(list), random)].load;
        return std::max_element(list.begin(), list.end(), [](auto& a, auto& b) { return a.load < b.load; })->load;
    };
    EXPECT_LE(highest_after(choose_two_random), 104);
    EXPECT_GE(highest_after(choose_random), 115) << "one choice is much worse";
}

TEST(load_balancer, least_loaded_takes_any_of_the_least) {
    random_source random(7);
    const auto list = of_loads({3, 1, 1, 2});
    expect_shares(shares(4, [&] { return choose_least_loaded(list, random); }), {0.0, 0.5, 0.5, 0.0});
    endpoints weighted(2);
    weighted[0] = {.weight = 1.0, .load = 0};
    weighted[1] = {.weight = 3.0, .load = 1};
    EXPECT_EQ(choose_least_loaded(weighted, random), 1);
    weighted[1].load = 3;
    EXPECT_EQ(choose_least_loaded(weighted, random), 0);
}

TEST(load_balancer, nearest_takes_the_lowest_latency_for_its_load) {
    random_source random(8);
    endpoints three(3);
    three[0].latency = 10ms;
    three[1].latency = 2ms;
    three[2].latency = 50ms;
    EXPECT_EQ(choose_nearest(three, 0.0, random), 1);
    three[1].load = 4;  // 5 × 2 ms = 10 ms: as far as the other
    expect_shares(shares(3, [&] { return choose_nearest(three, 0.0, random); }), {0.5, 0.5, 0.0});
    three[1].load = 5;
    EXPECT_EQ(choose_nearest(three, 0.0, random), 0);
    three[2].weight = 10.0;
    EXPECT_EQ(choose_nearest(three, 0.0, random), 2);
}

TEST(load_balancer, nearest_measures_who_is_unknown_by_one_call_at_a_time) {
    random_source random(9);
    endpoints two(2);
    two[0].latency = 1us;
    EXPECT_EQ(choose_nearest(two, 0.0, random), 1);
    two[1].load = 1;
    two[0].load = 1'000'000;
    two[0].latency = 1h;
    EXPECT_EQ(choose_nearest(two, 0.0, random), 0) << "it is being measured";
}

TEST(load_balancer, nearest_explores_the_others_now_and_then) {
    random_source random(10);
    endpoints two(2);
    two[0].latency = 1ms;
    two[1].latency = 100ms;
    expect_shares(shares(2, [&] { return choose_nearest(two, 0.2, random); }), {0.9, 0.1});
}

TEST(load_balancer, primary_and_backup_takes_the_first_that_can_serve) {
    endpoints list(4);
    list[0].role = backup;
    list[3].role = backup;
    EXPECT_EQ(choose_first(list), 1);
    list[1].healthy = false;
    EXPECT_EQ(choose_first(list), 2);
    list[2].healthy = false;
    EXPECT_EQ(choose_first(list), 0) << "the first of the backups";
    list[0].weight = 0.0;
    EXPECT_EQ(choose_first(list), 3);
    list[3].healthy = false;
    EXPECT_FALSE(choose_first(list));
    list[2].healthy = true;
    EXPECT_EQ(choose_first(list), 2) << "back to the primary as soon as it is well";
}

TEST(load_balancer, every_strategy_chooses_only_who_can_serve_and_backups_only_without_primaries) {
    for (const balancing strategy : all_balancing) {
        random_source random(11);
        load_balancer balancer({.strategy = strategy, .exploration = 0.1});
        endpoints list(5);
        std::uint64_t chosen = 0;
        std::uint64_t none = 0;
        for (int step = 0; step < 10'000; ++step) {
            if (random.below(50) == 0) list.resize(random.below(8));
            for (auto& each : list) {
                if (random.below(3) == 0) each.healthy = random.below(2) == 0;
                if (random.below(10) == 0) each.weight = random.below(3) == 0 ? 0.0 : random.unit() * 10;
                if (random.below(10) == 0) each.load = static_cast<std::uint32_t>(random.below(20));
                if (random.below(10) == 0) each.latency = random.up_to(1s);
                if (random.below(10) == 0) each.role = random.below(3) == 0 ? backup : primary;
            }
            const auto can_serve = [](const endpoint_view& each) { return each.healthy && each.weight > 0; };
            const auto is_good_primary = [&](const endpoint_view& each) {
                return can_serve(each) && each.role == primary;
            };
            const auto made = balancer.choose(list, random);
            ASSERT_EQ(made.has_value(), std::any_of(list.begin(), list.end(), can_serve)) << name_of(strategy);
            if (!made) {
                ++none;
                continue;
            }
            ++chosen;
            ASSERT_LT(*made, list.size());
            ASSERT_TRUE(can_serve(list[*made])) << name_of(strategy);
            if (list[*made].role == backup) {
                ASSERT_TRUE(std::none_of(list.begin(), list.end(), is_good_primary)) << name_of(strategy);
            }
        }
        EXPECT_EQ(balancer.statistics().choices, chosen);
        EXPECT_EQ(balancer.statistics().none, none);
        EXPECT_GT(balancer.statistics().backups, 0);
    }
}

TEST(load_balancer, every_strategy_is_the_function_of_its_name) {
    endpoints list = of_weights({1, 5});
    list[0].latency = 1ms;
    list[1].latency = 100ms;
    list[1].load = 3;
    const auto first = [&](balancing strategy, std::size_t begin = 0) {
        random_source random(12);
        load_balancer balancer({.strategy = strategy, .exploration = 0.0}, begin);
        return letters([&] { return balancer.choose(list, random); }, 6);
    };
    EXPECT_EQ(first(balancing::round_robin), "ababab");
    EXPECT_EQ(first(balancing::round_robin, 1), "bababa");
    EXPECT_EQ(first(balancing::weighted_round_robin), "bbabbb");
    EXPECT_EQ(first(balancing::two_random_choices), "bbbbbb");
    EXPECT_EQ(first(balancing::least_loaded), "bbbbbb");
    EXPECT_EQ(first(balancing::primary_backup), "aaaaaa");
    EXPECT_EQ(first(balancing::nearest), "aaaaaa");
    random_source random(13);
    load_balancer even({.strategy = balancing::random});
    load_balancer weighted({.strategy = balancing::weighted_random});
    expect_shares(shares(2, [&] { return even.choose(list, random); }), {0.5, 0.5});
    expect_shares(shares(2, [&] { return weighted.choose(list, random); }), {1.0 / 6, 5.0 / 6});
}

TEST(load_balancer, strategies_have_names_both_ways) {
    for (const balancing strategy : all_balancing) EXPECT_EQ(balancing_of(name_of(strategy)), strategy);
    EXPECT_EQ(name_of(balancing::two_random_choices), "two_random_choices");
    EXPECT_FALSE(balancing_of("Random"));
    EXPECT_FALSE(balancing_of(""));
}

TEST(load_balancer, settings_are_checked_by_name) {
    EXPECT_TRUE(load_balancer_settings{}.validate());
    EXPECT_TRUE((load_balancer_settings{balancing::nearest, 0.0}.validate()));
    EXPECT_TRUE((load_balancer_settings{balancing::nearest, 1.0}.validate()));
    for (const double wrong : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
        const auto outcome = load_balancer_settings{balancing::nearest, wrong}.validate();
        ASSERT_FALSE(outcome);
        EXPECT_NE(outcome.error().what().find("exploration = "), std::string::npos);
    }
    const auto outcome = load_balancer_settings{static_cast<balancing>(99), 0.0}.validate();
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().what().find("strategy = 99"), std::string::npos);
}

}  // namespace
}  // namespace lido::resilience
