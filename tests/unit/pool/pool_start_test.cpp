// Goal: a pool begins with its minimum, without waiting for somebody to ask.
#include "lido/net/runtime.hpp"
#include "lido/pool/pool.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace {

struct plain_kind {
    struct connection {};
    lido::task<lido::result<std::unique_ptr<connection>>> open(const lido::pool::open_request& /*request*/) {
        co_return std::make_unique<connection>();
    }
    lido::task<lido::result<void>> check(connection& /*which*/, lido::time_point /*deadline*/) {
        co_return lido::result<void>();
    }
    lido::task<void> close(connection& /*which*/, lido::time_point /*deadline*/) { co_return; }
    std::uint32_t capacity(connection& /*which*/) { return 1; }
    lido::pool::verdict usable(connection& /*which*/) { return lido::pool::verdict::clean; }
};

TEST(pool_start, opens_the_minimum_before_anybody_asks) {
    lido::runtime io;
    const lido::pool::settings settings{.max_size = 4, .min_size = 2};
    const lido::pool::pool<plain_kind> pool(io, settings, plain_kind{});
    const lido::time_point patience = lido::clock::now() + std::chrono::seconds(20);
    while (pool.statistics().idle < 2 && lido::clock::now() < patience) std::this_thread::yield();
    EXPECT_EQ(pool.statistics().idle, 2U);
    EXPECT_EQ(pool.statistics().acquires, 0U);
}

}  // namespace
