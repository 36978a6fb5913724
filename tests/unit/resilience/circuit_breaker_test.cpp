// Goal: each line of the table in circuit_breaker.hpp, and the windows' arithmetic at its limits. Method: the cases
// that resilience4j documents for its state machine, in virtual time.
#include "lido/resilience/circuit_breaker.hpp"

#include "support/refused_settings.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace lido::resilience {
namespace {

using namespace std::chrono_literals;
using enum breaker_state;

const time_point start{100h};

/// Calls one after the other, each of `took`; `script` has a letter per call: s(uccess), f(ailure), i(gnored).
void run(circuit_breaker& breaker, time_point& now, std::string_view script, duration took = 1ms) {
    for (const char letter : script) {
        const auto admission = breaker.admit(now);
        ASSERT_TRUE(admission) << "call " << letter << " of " << script;
        now += took;
        breaker.report(*admission.permit,
                       letter == 's'   ? call_outcome::success
                       : letter == 'f' ? call_outcome::failure
                                       : call_outcome::ignored,
                       now);
    }
}

/// Without the rates.
circuit_breaker_settings in_a_row(std::uint32_t failures = 5) {
    circuit_breaker_settings settings;
    settings.failures = failures;
    settings.failure_rate = 0.0;
    return settings;
}

/// Without failures in a row.
circuit_breaker_settings by_rate(std::uint32_t calls, double rate) {
    circuit_breaker_settings settings;
    settings.failures = 0;
    settings.window_calls = calls;
    settings.minimum_calls = calls;
    settings.failure_rate = rate;
    return settings;
}

circuit_breaker opened(const circuit_breaker_settings& settings) {
    circuit_breaker breaker(settings, start);
    breaker.open(start);
    return breaker;
}

TEST(circuit_breaker, opens_after_the_number_of_failures_in_a_row) {
    struct line {
        const char* script;
        breaker_state state;
    };
    for (const auto& [script, expected] : {
             line{"", closed},
             line{"ffff", closed},
             line{"fffff", open},
             line{"ffffsffff", closed},
             line{"ffffsfffff", open},
             line{"ffffiiif", open},
             line{"iiiiiiiiii", closed},
             line{"ssssssssfffff", open},
         }) {
        circuit_breaker breaker(in_a_row(), start);
        time_point now = start;
        run(breaker, now, script);
        EXPECT_EQ(breaker.state(now), expected) << script;
    }
}

TEST(circuit_breaker, has_the_figures_of_the_seed_by_default) {
    circuit_breaker breaker({}, start);
    time_point now = start;
    run(breaker, now, "fffff");
    EXPECT_EQ(breaker.state(now), open);
    EXPECT_EQ(breaker.admit(now).next_chance, now + 60s);
    EXPECT_FALSE(breaker.admit(now + 60s - 1ns));
    now += 60s;
    run(breaker, now, "ss");
    EXPECT_EQ(breaker.state(now), half_open);
    run(breaker, now, "s");
    EXPECT_EQ(breaker.state(now), closed);
}

TEST(circuit_breaker, of_zero_failures_does_not_open_for_failures_in_a_row) {
    circuit_breaker breaker(in_a_row(0), start);
    time_point now = start;
    run(breaker, now, std::string(1000, 'f'));
    EXPECT_EQ(breaker.state(now), closed);
}

TEST(circuit_breaker, takes_a_call_beyond_its_time_out_for_failed) {
    for (const auto& [took, expected] : {std::pair{duration(30s), closed}, {30s + 1ns, open}}) {
        circuit_breaker breaker(in_a_row(), start);
        time_point now = start;
        run(breaker, now, "sssss", took);
        EXPECT_EQ(breaker.state(now), expected);
    }
}

TEST(circuit_breaker, opens_at_the_failure_rate_and_not_before_the_minimum_of_calls) {
    struct line {
        std::uint32_t window;
        std::uint32_t minimum;
        double rate;
        const char* script;
        breaker_state state;
    };
    for (const auto& [window, minimum, rate, script, expected] : {
             line{10, 10, 0.5, "fffffffff", closed},    // nine of ten
             line{10, 10, 0.5, "sssssfffff", open},     // equal opens
             line{10, 10, 0.5, "ssssssffff", closed},   // four of ten
             line{10, 10, 0.5, "ssssssfffff", open},    // the first success has left the window
             line{10, 10, 0.5, "ffffssssssf", closed},  // and so has the first failure
             line{10, 4, 0.5, "ssff", open}, line{10, 4, 0.5, "ssf", closed},
             line{10, 100, 0.5, "sssssfffff", open},  // no more than the window is waited for
             line{10, 1, 0.5, "f", open}, line{1, 1, 1.0, "sf", open}, line{3, 3, 1.0, "ffsff", closed},
             line{3, 3, 1.0, "sfff", open},
             line{10, 10, 0.5, "sssssiiiiiffff", closed},  // what is ignored does not fill the window
             line{4, 4, 0.0, "ffffffff", closed},          // zero: not at all
         }) {
        auto settings = by_rate(window, rate);
        settings.minimum_calls = minimum;
        circuit_breaker breaker(settings, start);
        time_point now = start;
        run(breaker, now, script);
        EXPECT_EQ(breaker.state(now), expected) << script << " in a window of " << window;
    }
}

TEST(circuit_breaker, opens_at_the_rate_of_slow_calls) {
    auto settings = by_rate(4, 0.0);
    settings.slow_rate = 0.75;
    settings.slow_after = 100ms;
    circuit_breaker breaker(settings, start);
    time_point now = start;
    run(breaker, now, "ss", 100ms);
    run(breaker, now, "ss", 101ms);
    EXPECT_EQ(breaker.statistics(now).slow_rate, 0.5);
    EXPECT_EQ(breaker.state(now), closed);
    run(breaker, now, "s", 101ms);
    EXPECT_EQ(breaker.state(now), open);
    EXPECT_EQ(breaker.statistics(now).slow, 3);
    EXPECT_EQ(breaker.statistics(now).failed, 0);
}

TEST(circuit_breaker, counts_slow_calls_only_for_a_slow_rate) {
    circuit_breaker breaker(by_rate(4, 0.5), start);
    time_point now = start;
    run(breaker, now, "ssssssss", 10s);
    EXPECT_EQ(breaker.state(now), closed);
    EXPECT_EQ(breaker.statistics(now).slow_rate, 1.0);
}

TEST(circuit_breaker, over_a_window_of_time_forgets_old_calls) {
    auto settings = by_rate(1, 0.5);
    settings.window = breaker_window::time;
    settings.window_time = 32s;
    settings.minimum_calls = 10;
    circuit_breaker breaker(settings, start);
    time_point now = start;
    run(breaker, now, "fffff", 1ms);
    EXPECT_EQ(breaker.statistics(now + 30s).window_calls, 5);
    EXPECT_EQ(breaker.statistics(now + 30s).failure_rate, 1.0);
    EXPECT_EQ(breaker.statistics(now + 32s).window_calls, 0);
    now += 32s;
    run(breaker, now, "ffff", 1ms);
    EXPECT_EQ(breaker.state(now), closed) << "nine failures, of which five are forgotten";
    run(breaker, now, "sssss", 1ms);
    EXPECT_EQ(breaker.state(now), closed) << "nine calls are not enough";
    run(breaker, now, "f", 1ms);
    EXPECT_EQ(breaker.state(now), open) << "five of ten";
}

TEST(circuit_breaker, lets_no_more_probes_through_than_allowed_at_once) {
    auto settings = in_a_row();
    settings.max_probes = 2;
    settings.successes = 5;
    auto breaker = opened(settings);
    time_point now = start + 60s;
    const auto first = breaker.admit(now);
    const auto second = breaker.admit(now + 1s);
    ASSERT_TRUE(first && second);
    const auto third = breaker.admit(now + 2s);
    EXPECT_FALSE(third);
    EXPECT_EQ(third.next_chance, now + 30s) << "when the oldest probe counts as failed";
    breaker.report(*first.permit, call_outcome::success, now + 3s);
    EXPECT_EQ(breaker.state(now + 3s), half_open);
    EXPECT_TRUE(breaker.admit(now + 3s));
    EXPECT_FALSE(breaker.admit(now + 3s));
}

TEST(circuit_breaker, opens_again_at_the_first_failed_probe) {
    auto breaker = opened(in_a_row());
    time_point now = start + 60s;
    run(breaker, now, "ssf");
    EXPECT_EQ(breaker.state(now), open);
    EXPECT_EQ(breaker.admit(now).next_chance, now + 60s);
    now += 60s;
    run(breaker, now, "ss");
    EXPECT_EQ(breaker.state(now), half_open) << "good probes of an earlier time do not count";
}

TEST(circuit_breaker, takes_a_slow_probe_for_failed_only_for_a_slow_rate) {
    for (const auto& [rate, expected] : {std::pair{0.0, half_open}, {1.0, open}}) {
        auto settings = in_a_row();
        settings.slow_rate = rate;
        settings.slow_after = 100ms;
        auto breaker = opened(settings);
        time_point now = start + 60s;
        run(breaker, now, "s", 101ms);
        EXPECT_EQ(breaker.state(now), expected) << rate;
    }
}

TEST(circuit_breaker, opens_again_when_a_probe_never_answers) {
    auto breaker = opened(in_a_row());
    const time_point now = start + 60s;
    const auto lost = breaker.admit(now);
    ASSERT_TRUE(lost);
    EXPECT_EQ(breaker.state(now + 30s - 1ns), half_open);
    EXPECT_EQ(breaker.state(now + 30s), open);
    // The sixty seconds count from the moment at which the probe's time was over, whenever somebody looks.
    EXPECT_EQ(breaker.admit(now + 70s).next_chance, now + 90s);
    EXPECT_TRUE(breaker.admit(now + 90s));
    breaker.report(*lost.permit, call_outcome::failure, now + 91s);
    EXPECT_EQ(breaker.state(now + 91s), half_open) << "too late to count";
    EXPECT_EQ(breaker.statistics(now + 91s).late, 1);
}

TEST(circuit_breaker, gives_the_place_of_an_ignored_probe_to_the_next) {
    auto settings = in_a_row();
    settings.max_probes = 1;
    auto breaker = opened(settings);
    time_point now = start + 60s;
    run(breaker, now, "iiiissi");
    EXPECT_EQ(breaker.state(now), half_open);
    run(breaker, now, "s");
    EXPECT_EQ(breaker.state(now), closed);
}

TEST(circuit_breaker, does_not_count_late_answers_of_an_earlier_state) {
    circuit_breaker breaker(in_a_row(), start);
    time_point now = start;
    const auto early_good = breaker.admit(now);
    const auto early_bad = breaker.admit(now);
    run(breaker, now, "fffff");
    now += 60s;
    const auto probe = breaker.admit(now);
    ASSERT_TRUE(probe);
    breaker.report(*early_bad.permit, call_outcome::failure, now);
    EXPECT_EQ(breaker.state(now), half_open);
    for (int i = 0; i < 10; ++i) breaker.report(*early_good.permit, call_outcome::success, now);
    EXPECT_EQ(breaker.state(now), half_open);
    EXPECT_EQ(breaker.statistics(now).late, 11);
    EXPECT_EQ(breaker.statistics(now).probes, 1);
}

TEST(circuit_breaker, does_not_count_a_probe_twice) {
    auto breaker = opened(in_a_row());
    const time_point now = start + 60s;
    const auto probe = breaker.admit(now);
    for (int i = 0; i < 5; ++i) breaker.report(*probe.permit, call_outcome::success, now);
    EXPECT_EQ(breaker.state(now), half_open);
    const auto next = breaker.admit(now + 1s);
    breaker.report(*probe.permit, call_outcome::failure, now + 1s);
    EXPECT_EQ(breaker.state(now + 1s), half_open) << "nor for another one";
    EXPECT_EQ(breaker.statistics(now + 1s).probes, 1);
    EXPECT_EQ(breaker.statistics(now + 1s).late, 5);
    breaker.report(*next.permit, call_outcome::failure, now + 1s);
    EXPECT_EQ(breaker.state(now + 1s), open);
}

TEST(circuit_breaker, begins_afresh_after_closing) {
    auto breaker = opened(by_rate(4, 0.5));
    time_point now = start + 60s;
    run(breaker, now, "sss");
    ASSERT_EQ(breaker.state(now), closed);
    run(breaker, now, "fff");
    EXPECT_EQ(breaker.state(now), closed);
    EXPECT_EQ(breaker.statistics(now).window_calls, 3);
}

TEST(circuit_breaker, forced_open_stays_so_until_told_otherwise) {
    circuit_breaker breaker({}, start);
    const auto before = breaker.admit(start);
    breaker.force_open(start);
    const auto admission = breaker.admit(start + 100h);
    EXPECT_FALSE(admission);
    EXPECT_EQ(admission.next_chance, never);
    breaker.report(*before.permit, call_outcome::success, start);
    EXPECT_EQ(breaker.state(start), forced_open);
    breaker.close(start);
    EXPECT_TRUE(breaker.admit(start));
}

TEST(circuit_breaker, disabled_lets_everything_through_and_never_opens) {
    circuit_breaker breaker({}, start);
    breaker.disable(start);
    time_point now = start;
    run(breaker, now, std::string(1000, 'f'));
    EXPECT_EQ(breaker.state(now), disabled);
    EXPECT_EQ(breaker.statistics(now).failed, 1000);
    breaker.close(now);
    run(breaker, now, "ffff");
    EXPECT_EQ(breaker.state(now), closed) << "nothing of before counts";
}

TEST(circuit_breaker, can_be_opened_by_an_operator_and_comes_back_by_itself) {
    auto breaker = opened(in_a_row());
    EXPECT_FALSE(breaker.admit(start + 59s));
    time_point now = start + 60s;
    run(breaker, now, "sss");
    EXPECT_EQ(breaker.state(now), closed);
}

TEST(circuit_breaker, lets_probes_through_before_its_time_when_told_to_and_only_when_open) {
    circuit_breaker breaker = opened(in_a_row());
    breaker.let_probes_through(start + 1s);
    EXPECT_EQ(breaker.state(start + 1s), half_open);
    time_point now = start + 1s;
    run(breaker, now, "sss");
    EXPECT_EQ(breaker.state(now), closed);
    breaker.let_probes_through(now);
    EXPECT_EQ(breaker.state(now), closed);
    breaker.force_open(now);
    breaker.let_probes_through(now);
    EXPECT_EQ(breaker.state(now), forced_open);
}

TEST(circuit_breaker, counts_what_it_did) {
    circuit_breaker breaker(in_a_row(2), start);
    time_point now = start;
    run(breaker, now, "sfsiff", 1s);
    EXPECT_FALSE(breaker.admit(now));
    const auto statistics = breaker.statistics(now);
    EXPECT_EQ(statistics.state, open);
    EXPECT_EQ(statistics.since, start + 6s);
    EXPECT_EQ(statistics.generation, 2);
    EXPECT_EQ(statistics.admitted, 6);
    EXPECT_EQ(statistics.refused, 1);
    EXPECT_EQ(statistics.succeeded, 2);
    EXPECT_EQ(statistics.failed, 3);
    EXPECT_EQ(statistics.ignored, 1);
    EXPECT_EQ(statistics.opened, 1);
    EXPECT_EQ(statistics.window_calls, 0) << "the window belongs to the closed state";
}

TEST(circuit_breaker, bears_a_clock_that_goes_back) {
    auto breaker = opened(in_a_row());
    const auto first = breaker.admit(start + 60s);
    const auto second = breaker.admit(start + 59s);
    ASSERT_TRUE(first && second);
    breaker.report(*first.permit, call_outcome::success, start);
    breaker.report(*second.permit, call_outcome::success, start);
    EXPECT_EQ(breaker.statistics(start).probes, 0);
    EXPECT_EQ(breaker.state(start), half_open);
}

TEST(circuit_breaker, states_have_names) {
    EXPECT_EQ(name_of(closed), "closed");
    EXPECT_EQ(name_of(open), "open");
    EXPECT_EQ(name_of(half_open), "half_open");
    EXPECT_EQ(name_of(forced_open), "forced_open");
    EXPECT_EQ(name_of(disabled), "disabled");
    EXPECT_EQ(name_of(static_cast<breaker_state>(99)), "unknown");
}

TEST(circuit_breaker, settings_are_valid_at_their_limits) {
    EXPECT_TRUE(circuit_breaker_settings{}.validate());
    EXPECT_TRUE(
        (circuit_breaker_settings{0, 1ms, 1ms, 1, 1, breaker_window::time, 1, 100ms, 1, 0.0, 0.0, 1ms}.validate()));
    EXPECT_TRUE((circuit_breaker_settings{1'000'000, 24h, 24h, 1000, 100, breaker_window::count, 100'000, 24h,
                                          1'000'000, 1.0, 1.0, 24h}
                     .validate()));
}

TEST(circuit_breaker, settings_out_of_range_are_refused_by_name) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::pair<circuit_breaker_settings, const char*> table[] = {
        {{.failures = 1'000'001}, "failures = 1000001 is out of range 0 … 1000000"},
        {{.call_timeout = 0ms}, "call_timeout = 0"},
        {{.call_timeout = 24h + 1ns}, "call_timeout = "},
        {{.open_for = 0ms}, "open_for = "},
        {{.open_for = 24h + 1ns}, "open_for = "},
        {{.successes = 0}, "successes = 0"},
        {{.successes = 1001}, "successes = 1001"},
        {{.max_probes = 0}, "max_probes = 0"},
        {{.max_probes = 101}, "max_probes = 101"},
        {{.window_calls = 0}, "window_calls = 0"},
        {{.window_calls = 100'001}, "window_calls = 100001"},
        {{.window_time = 99ms}, "window_time = 99 ms is out of range 100 ms … 24 h"},
        {{.window_time = 24h + 1ns}, "window_time = "},
        {{.minimum_calls = 0}, "minimum_calls = 0"},
        {{.minimum_calls = 1'000'001}, "minimum_calls = 1000001"},
        {{.failure_rate = -0.1}, "failure_rate = -0.1"},
        {{.failure_rate = nan}, "failure_rate = nan"},
        {{.slow_rate = 1.1}, "slow_rate = 1.1"},
        {{.slow_after = 0ms}, "slow_after = "},
        {{.slow_after = 24h + 1ns}, "slow_after = "},
    };
    test::expect_each_refused(table);
}

}  // namespace
}  // namespace lido::resilience
