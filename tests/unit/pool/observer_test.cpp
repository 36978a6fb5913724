#include "lido/pool/observer.hpp"

#include "support/pool_world.hpp"
#include "support/work.hpp"

#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lido::errc;
using lido::test::borrowing;
using lido::test::outcome_kind;
using lido::test::pool_world;
using lido::test::step_kind;

/// Writes down each call as a line.
class recorder final : public lido::pool::observer {
public:
    void connection_opened(std::string_view pool) noexcept override { add(pool, "opened"); }
    void connect_failed(std::string_view pool, const lido::error& reason) noexcept override {
        add(pool, "connect failed: " + std::string(code(reason)));
    }
    void connection_closed(std::string_view pool) noexcept override { add(pool, "closed"); }
    void refused(std::string_view pool, const lido::error& reason) noexcept override {
        EXPECT_TRUE(reason.numbers().has_value());
        add(pool, "refused: " + std::string(code(reason)));
    }
    void leak_suspected(std::string_view pool, lido::duration held,
                        const std::source_location& where) noexcept override {
        add(pool, "leak: " + lido::to_text(held) + " line " + std::to_string(where.line()));
    }
    void drained(std::string_view pool, std::size_t leftover) noexcept override {
        add(pool, "drained: " + std::to_string(leftover));
    }

    /// What was written since the last call.
    [[nodiscard]] std::vector<std::string> lines() { return std::exchange(lines_, {}); }

private:
    static std::string_view code(const lido::error& reason) {
        return lido::name_of(static_cast<errc>(reason.code().value()));
    }
    void add(std::string_view pool, const std::string& what) {
        EXPECT_EQ(pool, "shop");
        lines_.push_back(what);
    }
    std::vector<std::string> lines_;
};

using lines = std::vector<std::string>;

class observer : public pool_world {
public:
    void TearDown() override {
        pool_world::TearDown();
        const lines last = seen_.lines();
        ASSERT_FALSE(last.empty());
    }

protected:
    recorder seen_;
};

TEST_F(observer, hears_of_connections_that_come_and_go) {
    open({.name = "shop"}, &seen_);
    auto held = take();
    EXPECT_EQ(seen_.lines(), lines{"opened"});
    held.discard();
    run();
    EXPECT_EQ(seen_.lines(), lines{"closed"});
}

TEST_F(observer, hears_of_each_failed_connect_once) {
    open({.name = "shop", .down_fail_fast = 1min, .connect_timeout = 3s}, &seen_);
    world_.let(step_kind::open, outcome_kind::fail);
    const borrowing asked = ask({.timeout = 10s});
    run();
    EXPECT_EQ(seen_.lines(), lines{"connect failed: connection_closed"});
    world_.let(step_kind::open, outcome_kind::pending);
    advance(3s + 100ms);
    EXPECT_EQ(seen_.lines(), lines{"connect failed: connect_timeout"});
}

TEST_F(observer, hears_nothing_of_a_connection_that_came_too_late) {
    open({.name = "shop"}, &seen_);
    world_.let(step_kind::open, outcome_kind::pending);
    const borrowing asked = ask();
    run();
    pool_.reset();
    world_.end(step_kind::open, outcome_kind::succeed);
    run();
    EXPECT_EQ(seen_.lines(), (lines{"refused: pool_closed", "drained: 0"}));
    open({.name = "shop"}, &seen_);
}

TEST_F(observer, hears_of_each_caller_that_was_refused) {
    open({.name = "shop", .max_size = 1, .max_waiters = 1}, &seen_);
    const auto held = take();
    static_cast<void>(seen_.lines());
    const borrowing waiting = ask({.timeout = 1s});
    const borrowing refused = ask();
    run();
    EXPECT_EQ(seen_.lines(), lines{"refused: queue_full"});
    EXPECT_FALSE(pool_->try_acquire().has_value());
    EXPECT_EQ(seen_.lines(), lines{"refused: pool_exhausted"});
    advance(1s);
    EXPECT_EQ(seen_.lines(), lines{"refused: acquire_timeout"});
}

TEST_F(observer, hears_nothing_of_callers_that_are_served) {
    open({.name = "shop", .max_size = 1}, &seen_);
    take().release();
    EXPECT_EQ(seen_.lines(), lines{"opened"});
    pool_->retire_all();
    run();
    take({.holder = 1}).release();
    EXPECT_TRUE(pool_->try_acquire({.holder = 1}).has_value());
    EXPECT_EQ(seen_.lines(), (lines{"closed", "opened"}));
}

TEST_F(observer, hears_once_of_a_lease_that_is_out_too_long_and_who_took_it) {
    open({.name = "shop", .leak_after = 1min}, &seen_);
    auto held = take();
    held.release();
    held = take({.where = std::source_location::current()});
    const auto line = std::source_location::current().line() - 1;
    static_cast<void>(seen_.lines());
    advance(59s);
    EXPECT_EQ(seen_.lines(), lines{});
    advance(10min);
    EXPECT_EQ(seen_.lines(), lines{"leak: 1 min line " + std::to_string(line)});
    EXPECT_EQ(pool_->statistics().leaks_reported, 1U);
}

TEST_F(observer, names_the_caller_of_acquire_as_the_place_of_a_leak) {
    open({.name = "shop", .leak_after = 1min}, &seen_);
    const unsigned line = std::source_location::current().line() + 2;
    const auto body = [&]() -> lido::task<> {
        auto lease = co_await pool_->acquire();
        co_await lido::test::never_ends();
    };
    const auto running = group_.at(0).start(body());
    run();
    static_cast<void>(seen_.lines());
    advance(1min);
    EXPECT_EQ(seen_.lines(), lines{"leak: 1 min line " + std::to_string(line)});
    running.cancel();
    run();
}

TEST_F(observer, hears_of_the_end_once) {
    open({.name = "shop"}, &seen_);
    auto held = take();
    static_cast<void>(seen_.lines());
    const auto closed = group_.at(0).start(pool_->close(1s));
    advance(1s);
    EXPECT_EQ(seen_.lines(), lines{"drained: 1"});
    const auto again = group_.at(0).start(pool_->close(1s));
    run();
    EXPECT_TRUE(again.done());
    held.release();
    run();
    EXPECT_EQ(seen_.lines(), lines{"closed"});
    pool_.reset();
    open({.name = "shop"}, &seen_);
}

TEST_F(observer, may_call_the_pool) {
    class curious final : public lido::pool::observer {
    public:
        void refused(std::string_view, const lido::error&) noexcept override { waiting = pool->statistics().waiting; }
        const lido::test::fake_pool* pool = nullptr;
        std::size_t waiting = 99;
    };
    curious watcher;
    auto& made = open({.name = "shop", .max_size = 1}, &watcher);
    watcher.pool = &made;
    auto held = take();
    const borrowing refused = ask({.timeout = 1s});
    advance(1s);
    EXPECT_EQ(watcher.waiting, 0U);
    held.release();
    pool_.reset();
    advance(1min);
    open({.name = "shop"}, &seen_);
}

}  // namespace
