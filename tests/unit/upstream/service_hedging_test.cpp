// Goal: a call that takes long is made a second time elsewhere, and only one of the two counts.
#include "unit/upstream/service_fixture.hpp"

#include <string>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

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

}  // namespace
}  // namespace lido::test
