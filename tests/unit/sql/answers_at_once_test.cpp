// Goal: where answers come at once, nobody changes threads for one, and a queue for connections does not last.
#include "support/virtual_scheduler.hpp"
#include "support/work.hpp"
#include "unit/sql/fake_session.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::operation;
using lido::result;
using lido::task;
using lido::sql::rows;
using lido::test::fake_database;
using lido::test::quick_fake_connector;
using lido::test::quick_fake_session;
using lido::test::started;

using quick_pool = lido::sql::basic_pool<quick_fake_connector>;
using asking = started<result<rows>>;

/// A pool of one connection, which lives on the first of two schedulers and has answered at once before.
class answers_at_once : public testing::Test {
public:
    answers_at_once() {
        settings_.connections.max_size = 1;
        pool_.emplace(group_, settings_, quick_fake_connector(database_));
        database_.at_once = true;
        const asking first = ask();
        group_.run_until_idle();
        EXPECT_TRUE(first.take());
    }
    ~answers_at_once() override {
        quick_fake_session::turn_over = false;
        group_.at(0).enter([this] { pool_.reset(); });
        group_.advance(1min);
    }

protected:
    [[nodiscard]] asking ask(std::uint32_t on = 0) { return group_.at(on).start(pool_->query("select 1")); }
    [[nodiscard]] started<result<quick_pool::lease>> borrow() { return group_.at(0).start(pool_->acquire()); }
    /// The connection itself, for as long as a statement takes: nobody has said that he keeps it.
    [[nodiscard]] auto borrow_briefly() { return group_.at(0).start(pool_->connections().acquire().as_operation()); }
    [[nodiscard]] std::size_t waiting() const { return pool_->connections().statistics().waiting; }

    lido::test::virtual_group group_{2};
    fake_database database_;
    lido::sql::pool_settings settings_;
    std::optional<quick_pool> pool_;
};

TEST_F(answers_at_once, are_given_on_the_scheduler_that_asks) {
    for (const std::uint32_t on : {0U, 1U}) {
        const asking one = ask(on);
        group_.run_until_idle();
        EXPECT_TRUE(one.take());
        EXPECT_EQ(database_.answered_on, &group_.at(on));
    }
    EXPECT_EQ(database_.opened, 1);
}

TEST_F(answers_at_once, are_given_to_a_lease_on_the_scheduler_that_asks) {
    const auto borrowed = borrow();
    group_.run_until_idle();
    auto lease = borrowed.take();
    ASSERT_TRUE(lease);
    for (const std::uint32_t on : {1U, 0U}) {
        const asking one = group_.at(on).start(lease->query("select 2"));
        group_.run_until_idle();
        EXPECT_TRUE(one.take());
        EXPECT_EQ(database_.answered_on, &group_.at(on));
    }
}

TEST_F(answers_at_once, come_later_on_the_scheduler_that_asks_when_they_take_longer) {
    database_.at_once = false;
    database_.takes = 10ms;
    const asking one = ask(1);
    group_.advance(9ms);
    EXPECT_FALSE(one.done());
    group_.advance(1ms);
    EXPECT_TRUE(one.take());
    EXPECT_EQ(database_.answered_on, &group_.at(1));
}

TEST_F(answers_at_once, may_be_errors_which_fence_what_they_must) {
    database_.fails = [](const std::string&) { return lido::error(lido::errc::connection_closed, "read-only now"); };
    database_.ends_generation = true;
    const asking failing = ask();
    group_.run_until_idle();
    EXPECT_FALSE(failing.take());
    database_.fails = nullptr;
    const asking next = ask();
    group_.run_until_idle();
    EXPECT_TRUE(next.take());
    EXPECT_EQ(database_.opened, 2);
}

TEST_F(answers_at_once, let_nobody_give_way_to_a_lease_which_may_be_kept_for_long) {
    const auto held = borrow();
    group_.run_until_idle();
    const asking next = ask();
    lido::test::function_work second_turn([this] { EXPECT_EQ(waiting(), 1U); });
    group_.at(0).post(second_turn);
    group_.run_until_idle();
    static_cast<void>(held.take());
    group_.run_until_idle();
    EXPECT_TRUE(next.take());
}

TEST_F(answers_at_once, let_others_go_first_before_anybody_queues_but_not_for_ever) {
    const auto held = borrow_briefly();
    group_.run_until_idle();
    const asking patient = ask();
    lido::test::function_work second_turn([this] { EXPECT_EQ(waiting(), 0U); });
    group_.at(0).post(second_turn);
    group_.run_until_idle();
    EXPECT_FALSE(patient.done());
    EXPECT_EQ(waiting(), 1U);
    static_cast<void>(held.take());
    group_.run_until_idle();
    EXPECT_TRUE(patient.take());
}

task<result<int>> ask_often(quick_pool& db, int times) {
    for (int i = 0; i < times; ++i) {
        operation<rows> asked = db.query("select 1");
        const result<rows> given = co_await std::move(asked);
        if (!given) co_return given.error();
    }
    co_return times;
}

TEST_F(answers_at_once, do_not_let_a_queue_last_that_once_began) {
    const auto held = borrow_briefly();
    group_.run_until_idle();
    std::vector<started<result<int>>> all;
    for (int i = 0; i < 8; ++i) all.push_back(group_.at(0).start(ask_often(*pool_, 1000)));
    group_.run_until_idle();
    EXPECT_EQ(waiting(), 8U);
    static_cast<void>(held.take());
    EXPECT_LT(group_.run_until_idle(), 1000U) << "not a turn for each";
    for (const auto& each : all) EXPECT_EQ(each.take().value(), 1000);
}

TEST_F(answers_at_once, wait_for_the_next_turn_when_this_one_has_lasted_long_enough) {
    quick_fake_session::turn_over = true;
    const auto steps = [this] {
        const asking one = ask();
        const std::size_t taken = group_.run_until_idle();
        EXPECT_TRUE(one.take());
        return taken;
    };
    const std::size_t late = steps();
    quick_fake_session::turn_over = false;
    EXPECT_EQ(late, steps() + 1);
}

}  // namespace
