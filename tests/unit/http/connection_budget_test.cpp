#include "http/connection_budget.hpp"

#include "lido/base/task.hpp"
#include "support/virtual_scheduler.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using permit = connection_budget::permit;

task<result<permit>> take_until(connection_budget& from, time_point deadline) {
    result<permit> outcome = co_await from.take(deadline);
    co_return outcome;
}

class ConnectionBudget : public testing::Test {
protected:
    [[nodiscard]] test::started<result<permit>> take(duration timeout = 10s) {
        auto started = here.start(take_until(*budget, here.now() + timeout));
        here.run_until_idle();
        return started;
    }

    test::virtual_scheduler here;
    int asked_for_room = 0;
    std::shared_ptr<connection_budget> budget = std::make_shared<connection_budget>(2, [this] { ++asked_for_room; });
};

TEST_F(ConnectionBudget, GivesAsManyPermitsAsThereAre) {
    const auto first = take().take();
    const auto second = take().take();
    EXPECT_TRUE(first && second);
    EXPECT_EQ(budget->in_use(), 2U);
    EXPECT_EQ(asked_for_room, 0);
}

TEST_F(ConnectionBudget, AsksForRoomAndHandsAReturnedPermitToWhoWaitedLongest) {
    auto first = take().take();
    const auto second = take().take();
    const auto third = take();
    const auto fourth = take();
    EXPECT_EQ(asked_for_room, 2);
    EXPECT_FALSE(third.done());
    *first = permit();
    here.run_until_idle();
    ASSERT_TRUE(third.done());
    EXPECT_FALSE(fourth.done());
    EXPECT_TRUE(third.take().has_value());
    here.run_until_idle();
    EXPECT_TRUE(fourth.done()) << "the permit that the third gave back";
    EXPECT_TRUE(fourth.take().has_value());
}

TEST_F(ConnectionBudget, RefusesAtTheDeadlineAndSaysWhichSettingToRaise) {
    const auto first = take().take();
    const auto second = take().take();
    const auto third = take(1s);
    here.advance(999ms);
    EXPECT_FALSE(third.done());
    here.advance(1ms);
    ASSERT_TRUE(third.done());
    const auto outcome = third.take();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), errc::pool_exhausted);
    EXPECT_NE(outcome.error().message().find("max_connections"), std::string::npos);
    EXPECT_EQ(budget->in_use(), 2U);
}

TEST_F(ConnectionBudget, ACancelledWaitIsPassedOver) {
    auto first = take().take();
    const auto second = take().take();
    const auto third = take();
    const auto fourth = take();
    third.cancel();
    here.run_until_idle();
    *first = permit();
    here.run_until_idle();
    EXPECT_TRUE(fourth.done());
}

TEST_F(ConnectionBudget, AWaitCancelledWhileItsPermitIsOnTheWayGivesItBack) {
    auto first = take().take();
    const auto second = take().take();
    const auto third = take();
    third.cancel();     // posted first …
    *first = permit();  // … then the permit, for a wait that will be gone by then
    here.run_until_idle();
    EXPECT_TRUE(third.cancelled());
    EXPECT_EQ(budget->in_use(), 1U);
}

TEST_F(ConnectionBudget, LeavesNoTimerBehind) {
    auto first = take().take();
    const auto second = take().take();
    const auto third = take(10s);
    *first = permit();
    here.run_until_idle();
    EXPECT_TRUE(third.done());
    here.advance(20s);
    EXPECT_TRUE(third.take().has_value());
}

}  // namespace
}  // namespace lido::http
