// Goal: few connects at once, pauses that grow, rounds of failures.
#include "pool/connect_gate.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using lido::random_source;
using lido::time_point;
using lido::pool::connect_gate;

constexpr lido::back_off_settings exact{.initial = 100ms, .factor = 2.0, .maximum = 1s};
const time_point start{1000h};

TEST(connect_gate, as_many_at_once_as_allowed) {
    const connect_gate gate(3, exact);
    EXPECT_TRUE(gate.may_connect(start, 2));
    EXPECT_FALSE(gate.may_connect(start, 3));
}

TEST(connect_gate, after_a_failure_one_at_a_time_and_after_a_pause) {
    connect_gate gate(3, exact);
    random_source random(1);
    gate.failed(start, gate.round(), random);
    EXPECT_TRUE(gate.failing());
    EXPECT_LE(gate.not_before(), start + 100ms);
    EXPECT_GE(gate.not_before(), start);
    EXPECT_TRUE(gate.may_connect(gate.not_before(), 0));
    EXPECT_FALSE(gate.may_connect(gate.not_before() - 1ns, 0));
    EXPECT_FALSE(gate.may_connect(gate.not_before(), 1));
}

TEST(connect_gate, a_success_opens_it_again) {
    connect_gate gate(3, exact);
    random_source random(1);
    gate.failed(start, gate.round(), random);
    gate.succeeded(start);
    EXPECT_FALSE(gate.failing());
    EXPECT_TRUE(gate.may_connect(start, 2));
}

TEST(connect_gate, failures_of_one_round_are_one_failure) {
    connect_gate gate(100, exact);
    random_source random(1);
    const auto round = gate.round();
    for (int i = 0; i < 100; ++i) gate.failed(start, round, random);
    EXPECT_EQ(gate.failures(), 1U);
    gate.failed(start, gate.round(), random);
    EXPECT_EQ(gate.failures(), 2U);
}

TEST(connect_gate, the_pause_stays_within_its_ceiling) {
    connect_gate gate(1, exact);
    random_source random(7);
    for (int i = 0; i < 1000; ++i) {
        gate.failed(start, gate.round(), random);
        EXPECT_LE(gate.not_before() - start, 1s);
    }
}

TEST(connect_gate, counts_failures_only_so_far) {
    connect_gate gate(1, exact);
    random_source random(7);
    for (int i = 0; i < 1'000'003; ++i) gate.failed(start, gate.round(), random);
    EXPECT_EQ(gate.failures(), 1'000'000U);
    EXPECT_LE(gate.not_before() - start, 1s);
}

TEST(connect_gate, a_short_success_does_not_begin_the_pauses_anew) {
    connect_gate gate(1, exact);
    random_source random(1);
    gate.failed(start, gate.round(), random);
    gate.failed(start, gate.round(), random);
    gate.succeeded(start);
    gate.failed(start + 1s, gate.round(), random);
    EXPECT_EQ(gate.failures(), 3U);
}

TEST(connect_gate, a_long_success_does) {
    connect_gate gate(1, exact);
    random_source random(1);
    gate.failed(start, gate.round(), random);
    gate.failed(start, gate.round(), random);
    gate.succeeded(start);
    gate.succeeded(start + 500ms);
    gate.failed(start + 1001ms, gate.round(), random);
    EXPECT_EQ(gate.failures(), 1U);
}

TEST(connect_gate, reset_forgets_everything) {
    connect_gate gate(2, exact);
    random_source random(1);
    gate.failed(start, gate.round(), random);
    gate.reset();
    EXPECT_FALSE(gate.failing());
    EXPECT_EQ(gate.failures(), 0U);
    EXPECT_TRUE(gate.may_connect(start, 1));
}

TEST(connect_gate, new_settings_hold_at_once) {
    connect_gate gate(1, {.initial = 24h, .factor = 1.0, .maximum = 24h});
    random_source random(1);
    gate.failed(start, gate.round(), random);
    gate.reconfigure(start, 5, exact);
    EXPECT_LE(gate.not_before(), start + 1s);
    gate.succeeded(start);
    EXPECT_TRUE(gate.may_connect(start, 4));
}

}  // namespace
