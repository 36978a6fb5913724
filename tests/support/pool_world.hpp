// Lido: a pool of fake connections on virtual schedulers, for tests.
#pragma once

#include "lido/pool/pool.hpp"
#include "support/fake_connector.hpp"
#include "support/virtual_scheduler.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace lido::test {

using fake_pool = pool::pool<fake_connector>;
using fake_lease = fake_pool::lease;
using borrowing = started<result<fake_lease>>;

/// The test's own code runs as if on the first scheduler. At the end the pool is destroyed, with whatever is in it, and
/// nothing may be left: no connection, no timer.
class pool_world : public testing::Test {
public:
    pool_world() : before_(current_scheduler::set_current(&group_.at(0))) {}
    ~pool_world() override { current_scheduler::set_current(before_); }

    void TearDown() override {
        for (const auto kind : {step_kind::open, step_kind::check, step_kind::reset, step_kind::close}) {
            world_.let(kind, outcome_kind::succeed);
        }
        pool_.reset();
        advance(std::chrono::minutes(1));
        EXPECT_EQ(world_.live(), 0U);
        EXPECT_EQ(world_.misplaced(), 0U);
        EXPECT_EQ(group_.armed_timers(), 0U);
    }

protected:
    /// Makes the pool.
    fake_pool& open(const pool::settings& settings, pool::observer* watcher = nullptr) {
        pool_.emplace(group_, settings, fake_connector(world_), watcher);
        return *pool_;
    }
    fake_pool& open() { return open(pool::settings{}); }

    /// Starts a caller; it runs with the next `run` or `advance`.
    [[nodiscard]] borrowing ask(const pool::acquire_options& options = {}, std::uint32_t on = 0) {
        return group_.at(on).start(borrow(*pool_, options));
    }
    /// A lease that must be there at once, or by opening a connection that succeeds at once.
    [[nodiscard]] fake_lease take(const pool::acquire_options& options = {}, std::uint32_t on = 0) {
        const borrowing asked = ask(options, on);
        run();
        return asked.take().value();
    }
    void run() { group_.run_until_idle(); }
    void advance(duration by) { group_.advance(by); }

    [[nodiscard]] static task<result<fake_lease>> borrow(fake_pool& from, pool::acquire_options options) {
        result<fake_lease> outcome = co_await from.acquire(options);
        co_return std::move(outcome);
    }

    virtual_group group_{2};
    fake_world world_;
    std::optional<fake_pool> pool_;

private:
    struct current_scheduler : scheduler {
        using scheduler::set_current;
    };
    scheduler* before_;
};

}  // namespace lido::test
