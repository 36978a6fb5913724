// Goal: the bound of retry_budget.hpp holds over every window, and the budget is of use below it. Method: the figures
// of Finagle's RetryBudgetTest in virtual time, and random traffic against a list of all grants.
#include "lido/resilience/retry_budget.hpp"

#include "lido/base/random.hpp"
#include "support/refused_settings.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <limits>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;

const time_point start{100h};

int spend_all(retry_budget& budget, time_point now) {
    int spent = 0;
    while (budget.try_spend(now)) ++spent;
    return spent;
}

TEST(retry_budget, grants_a_share_of_the_requests) {
    retry_budget budget({.share = 0.2, .minimum_per_second = 0.0, .window = 10s});
    EXPECT_FALSE(budget.try_spend(start));
    for (int i = 0; i < 4; ++i) budget.note_request(start);
    EXPECT_FALSE(budget.try_spend(start)) << "four requests earn less than one retry";
    budget.note_request(start);
    EXPECT_TRUE(budget.try_spend(start));
    EXPECT_FALSE(budget.try_spend(start));
    for (int i = 0; i < 50; ++i) budget.note_request(start);
    EXPECT_EQ(spend_all(budget, start), 10);
}

TEST(retry_budget, grants_the_minimum_of_a_whole_window_at_once) {
    retry_budget budget({.share = 0.0, .minimum_per_second = 10.0, .window = 10s});
    EXPECT_EQ(spend_all(budget, start), 100);
    EXPECT_FALSE(budget.try_spend(start + 10s)) << "all of it was spent within the last window";
    EXPECT_EQ(spend_all(budget, start + 11s), 100);
}

TEST(retry_budget, of_the_defaults_is_finagles) {
    retry_budget budget;
    for (int i = 0; i < 1000; ++i) budget.note_request(start);
    EXPECT_EQ(spend_all(budget, start), 300);
}

TEST(retry_budget, of_fractions_counts_exactly) {
    for (const double share : {0.1, 0.29, 0.7, 1.1}) {
        retry_budget budget({.share = share, .minimum_per_second = 0.0, .window = 10s});
        for (int i = 0; i < 100; ++i) budget.note_request(start);
        EXPECT_EQ(spend_all(budget, start), static_cast<int>(share * 100 + 0.5)) << share;
    }
}

TEST(retry_budget, forgets_requests_after_the_window) {
    const retry_budget_settings settings{.share = 0.5, .minimum_per_second = 0.0, .window = 10s};
    for (const auto& [later, left] : {std::pair{0s, 50}, {9s, 50}, {10s, 0}, {1000s, 0}}) {
        retry_budget budget(settings);
        for (int i = 0; i < 100; ++i) budget.note_request(start);
        EXPECT_EQ(spend_all(budget, start + later), left) << later.count();
    }
}

TEST(retry_budget, of_nothing_never_grants) {
    retry_budget budget({.share = 0.0, .minimum_per_second = 0.0, .window = 1s});
    for (int i = 0; i < 1000; ++i) budget.note_request(start);
    EXPECT_FALSE(budget.try_spend(start));
}

TEST(retry_budget, serves_retries_hedges_and_reconnects_from_one_purse_and_counts_them_apart) {
    retry_budget budget({.share = 0.0, .minimum_per_second = 3.0, .window = 1s});
    EXPECT_EQ(budget.statistics(start).left, 3);
    EXPECT_TRUE(budget.try_spend(start, retry_budget_use::retry));
    EXPECT_TRUE(budget.try_spend(start, retry_budget_use::hedge));
    EXPECT_TRUE(budget.try_spend(start, retry_budget_use::hedge));
    EXPECT_FALSE(budget.try_spend(start, retry_budget_use::reconnect));
    budget.note_request(start);
    const auto statistics = budget.statistics(start);
    EXPECT_EQ(statistics.requests, 1);
    EXPECT_EQ(statistics.spent, (std::array<std::uint64_t, 3>{1, 2, 0}));
    EXPECT_EQ(statistics.refused, (std::array<std::uint64_t, 3>{0, 0, 1}));
    EXPECT_EQ(statistics.left, 0);
    EXPECT_EQ(budget.statistics(start + 2s).left, 3);
}

TEST(retry_budget, takes_a_time_that_goes_back_for_the_latest) {
    retry_budget budget({.share = 1.0, .minimum_per_second = 0.0, .window = 10s});
    budget.note_request(start);
    budget.note_request(start - 1h);
    EXPECT_EQ(spend_all(budget, start - 2h), 2);
    EXPECT_EQ(spend_all(budget, start), 0);
}

TEST(retry_budget, works_before_the_zero_of_the_clock) {
    const time_point early{-7777ms};
    retry_budget budget({.share = 1.0, .minimum_per_second = 0.0, .window = 10s});
    for (int i = 0; i < 10; ++i) budget.note_request(early + i * 100ms);
    EXPECT_EQ(spend_all(budget, early + 2s), 10);
    EXPECT_EQ(spend_all(budget, early + 9s), 0);
    budget.note_request(early + 11s);
    EXPECT_EQ(spend_all(budget, early + 12s), 0) << "the ten retries still count";
    EXPECT_EQ(spend_all(budget, early + 13s), 1);
}

TEST(retry_budget, multiplies_the_load_of_a_dead_server_by_no_more_than_its_share) {
    retry_budget budget({.share = 0.1, .minimum_per_second = 1.0, .window = 10s});
    int sent = 0;
    constexpr int wanted = 60'000;
    for (int i = 0; i < wanted; ++i) {
        const time_point now = start + i * 1ms;
        budget.note_request(now);
        ++sent;
        for (int retry = 0; retry < 3 && budget.try_spend(now); ++retry) ++sent;
    }
    EXPECT_LE(sent, wanted * 1.101 + 10);
    EXPECT_GE(sent, wanted * 1.09) << "and it is of use below the limit";
}

/// All that happened, counted the plain way.
class every_window {
public:
    explicit every_window(const retry_budget_settings& settings) : settings_(settings) {}

    void request(time_point now) { requests_.push_back(now); }
    void grant(time_point now) { grants_.push_back(now); }

    /// Within (now - window, now].
    [[nodiscard]] bool within_bound(time_point now) {
        for (auto* list : {&requests_, &grants_}) {
            while (!list->empty() && list->front() <= now - settings_.window) list->pop_front();
        }
        const double reserve = settings_.minimum_per_second * std::chrono::duration<double>(settings_.window).count();
        const double most = settings_.share * static_cast<double>(requests_.size()) + reserve;
        return static_cast<double>(grants_.size()) <= most + 1e-5;
    }

private:
    retry_budget_settings settings_;
    std::deque<time_point> requests_;
    std::deque<time_point> grants_;
};

TEST(retry_budget, never_exceeds_its_bound_in_any_window) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        random_source random(seed);
        const retry_budget_settings settings{
            .share = random.unit() * 1.5, .minimum_per_second = random.unit() * 5.0, .window = 1s + random.up_to(20s)};
        retry_budget budget(settings);
        every_window seen(settings);
        time_point now = start;
        for (int step = 0; step < 10'000; ++step) {
            now += random.below(50) == 0 ? random.up_to(settings.window * 2) : random.up_to(20ms);
            if (random.below(3) == 0) {
                budget.note_request(now);
                seen.request(now);
            } else if (budget.try_spend(now)) {
                seen.grant(now);
                ASSERT_TRUE(seen.within_bound(now)) << "seed " << seed << ", step " << step;
            }
        }
    }
}

TEST(retry_budget, settings_are_valid_at_their_limits) {
    EXPECT_TRUE(retry_budget_settings{}.validate());
    EXPECT_TRUE((retry_budget_settings{0.0, 0.0, 1s}.validate()));
    EXPECT_TRUE((retry_budget_settings{10.0, 1e6, 1h}.validate()));
}

TEST(retry_budget, settings_out_of_range_are_refused_by_name) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::pair<retry_budget_settings, const char*> table[] = {
        {{.share = -0.1}, "share = -0.1 is out of range 0 … 10"},
        {{.share = 10.1}, "share = 10.1"},
        {{.share = nan}, "share = nan"},
        {{.minimum_per_second = -1.0}, "minimum_per_second = -1"},
        {{.minimum_per_second = 1e6 + 1}, "minimum_per_second = 1000001"},
        {{.window = 999ms}, "window = 999 ms is out of range 1 s … 1 h"},
        {{.window = 1h + 1ns}, "window = "},
    };
    test::expect_each_refused(table);
}

}  // namespace
}  // namespace lido::resilience
