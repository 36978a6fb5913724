#include "lido/pool/connector.hpp"

#include "support/pool_world.hpp"

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::pool::verdict;
using lido::test::borrowing;
using lido::test::fake_connection;
using lido::test::outcome_kind;
using lido::test::pool_world;
using lido::test::step_kind;

/// The least that a kind must bring: no reset, no cut.
class least_connector {
public:
    struct connection {
        verdict state = verdict::clean;
    };
    [[nodiscard]] lido::task<lido::result<std::unique_ptr<connection>>> open(const lido::pool::open_request&) {
        auto made = std::make_unique<connection>();
        co_return std::move(made);
    }
    [[nodiscard]] lido::task<lido::result<void>> check(connection&, lido::time_point) {
        const lido::result<void> works;
        co_return works;
    }
    [[nodiscard]] lido::task<void> close(connection&, lido::time_point) { co_return; }
    [[nodiscard]] std::uint32_t capacity(const connection&) const noexcept { return 1; }
    [[nodiscard]] verdict usable(const connection& which) const noexcept { return which.state; }
};
static_assert(lido::pool::connector<least_connector>);
static_assert(lido::pool::connector<lido::test::fake_connector>);

/// One that throws what nobody expects, or makes nothing.
class wild_connector : public least_connector {
public:
    enum class way { throws_a_number, makes_nothing, has_no_capacity };
    explicit wild_connector(way how) noexcept : how_(how) {}
    [[nodiscard]] lido::task<lido::result<std::unique_ptr<connection>>> open(const lido::pool::open_request&) {
        if (how_ == way::throws_a_number) throw 42;
        std::unique_ptr<connection> made;
        if (how_ == way::has_no_capacity) made = std::make_unique<connection>();
        co_return std::move(made);
    }
    [[nodiscard]] std::uint32_t capacity(const connection&) const { throw std::runtime_error("capacity unknown"); }

private:
    way how_;
};

class connector : public pool_world {};

TEST_F(connector, that_cannot_reset_has_what_needs_it_closed) {
    lido::pool::pool<least_connector> small(group_, {}, least_connector());
    const auto body = [&](verdict state) -> lido::task<> {
        auto lease = (co_await small.acquire()).value();
        lease->state = state;
    };
    const auto first = group_.at(0).start(body(verdict::clean));
    run();
    EXPECT_EQ(small.statistics().idle, 1U);
    const auto second = group_.at(0).start(body(verdict::needs_reset));
    run();
    EXPECT_EQ(small.statistics().idle, 0U);
    EXPECT_EQ(small.statistics().resets_failed, 1U);
}

TEST_F(connector, that_misbehaves_while_opening_has_failed_to_connect) {
    using way = wild_connector::way;
    for (const way how : {way::throws_a_number, way::makes_nothing, way::has_no_capacity}) {
        lido::pool::pool<wild_connector> wild(group_, {.down_fail_fast = 0s}, wild_connector(how));
        const auto body = [&]() -> lido::task<lido::errc> {
            const auto outcome = co_await wild.acquire();
            co_return outcome.has_value() ? lido::errc{} : static_cast<lido::errc>(outcome.error().code().value());
        };
        const auto asked = group_.at(0).start(body());
        run();
        EXPECT_EQ(asked.take(), errc::connect_failed);
        EXPECT_EQ(wild.statistics().connect_failed, 1U);
    }
}

TEST_F(connector, that_throws_while_opening_has_failed_to_connect) {
    open({.down_fail_fast = 0s});
    world_.let(step_kind::open, outcome_kind::throw_error);
    const borrowing asked = ask();
    run();
    const auto refused = asked.take();
    EXPECT_TRUE(refused.error() == errc::connect_failed);
    EXPECT_NE(refused.error().message().find("the test's connector threw"), std::string::npos);
}

TEST_F(connector, that_fails_to_open_gives_its_error_to_those_who_wait) {
    open({.down_fail_fast = 1s, .back_off = {.initial = 10s, .factor = 1, .maximum = 10s}});
    world_.let(step_kind::open, outcome_kind::fail);
    const borrowing first = ask();
    run();
    EXPECT_FALSE(first.done());
    advance(1s);
    const auto refused = first.take();
    EXPECT_TRUE(refused.error() == errc::connection_closed);
    EXPECT_TRUE(refused.error().numbers().has_value());
}

TEST_F(connector, that_throws_in_a_check_or_reset_has_the_connection_closed) {
    open({.max_size = 1});
    take().release();
    advance(5s);
    world_.let(step_kind::check, outcome_kind::throw_error);
    auto lease = take();
    EXPECT_EQ(lease->number, 2U);
    lease->state = verdict::needs_reset;
    world_.let(step_kind::reset, outcome_kind::throw_error);
    lease.release();
    EXPECT_EQ(take()->number, 3U);
}

TEST_F(connector, that_throws_in_a_close_has_the_connection_destroyed_all_the_same) {
    open();
    world_.let(step_kind::close, outcome_kind::throw_error);
    take().discard();
    run();
    EXPECT_EQ(world_.live(), 0U);
}

TEST_F(connector, whose_check_fails_has_the_caller_served_by_another_connection) {
    open({.max_size = 2, .check_after_idle = 0s});
    auto first = take();
    auto second = take();
    first.release();
    second.release();
    advance(1ms);
    world_.let(step_kind::check, outcome_kind::pending);
    const borrowing asked = ask();
    run();
    world_.end(step_kind::check, outcome_kind::fail);
    run();
    while (world_.pending(step_kind::check) > 0) {
        world_.end(step_kind::check, outcome_kind::succeed);
        run();
    }
    EXPECT_TRUE(asked.take().has_value());
    EXPECT_LE(world_.peak_live(), 2U);
}

// News from connections.

TEST_F(connector, that_lost_an_idle_connection_has_it_closed) {
    open();
    fake_connection* connection = nullptr;
    {
        auto lease = take();
        connection = &*lease;
    }
    connection->events.lost();
    EXPECT_EQ(pool_->statistics().idle, 0U);
    run();
    EXPECT_EQ(world_.live(), 0U);
    EXPECT_EQ(pool_->statistics().closed_broken, 1U);
}

TEST_F(connector, that_loses_a_connection_during_its_check_has_it_closed_afterwards) {
    open({.max_size = 1});
    auto lease = take();
    fake_connection& connection = *lease;
    lease.release();
    advance(5s);
    world_.let(step_kind::check, outcome_kind::pending);
    const borrowing asked = ask();
    run();
    connection.events.lost();
    world_.end(step_kind::check, outcome_kind::succeed);
    run();
    EXPECT_EQ((*asked.take())->number, 2U);
}

TEST_F(connector, that_raises_the_capacity_lets_waiting_callers_in) {
    open({.max_size = 1});
    auto first = take();
    const borrowing second = ask();
    run();
    EXPECT_FALSE(second.done());
    first->events.capacity_changed(2);
    run();
    EXPECT_EQ((*second.take())->number, 1U);
}

TEST_F(connector, that_lowers_the_capacity_to_nothing_has_the_connection_drained) {
    world_.capacity = 4;
    open({.max_size = 1});
    auto first = take();
    auto second = take();
    first->events.capacity_changed(0);
    const borrowing third = ask();
    run();
    EXPECT_FALSE(third.done());
    first.release();
    run();
    EXPECT_FALSE(third.done());
    second.release();
    run();
    EXPECT_EQ((*third.take())->number, 2U);
}

TEST_F(connector, is_told_the_scheduler_and_the_deadline) {
    open({.connect_timeout = 7s, .close_timeout = 3s});
    auto lease = take({}, 1);
    EXPECT_EQ(&lease->where, &group_.at(1));
    EXPECT_EQ(world_.deadline(step_kind::open), group_.now() + 7s);
    lease.discard();
    run();
    EXPECT_EQ(world_.deadline(step_kind::close), group_.now() + 3s);
}

}  // namespace
