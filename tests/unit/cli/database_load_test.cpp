// Goal: the options of users over a database mean what the help says. Method: tables; many draws. Real databases are in
// tests/cli and tests/integration/command.
#include "simulate/database_load.hpp"

#include "command_error.hpp"
#include "simulate/options.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace lido::cli::simulate {
namespace {

using namespace std::chrono_literals;

std::int64_t number(const lido::sql::value& of) {
    return std::get<std::int64_t>(of.get());
}

TEST(drawn_value, is_a_number_of_its_range_each_of_which_comes) {
    random_source random(7);
    const drawn_value dice = drawn_value_of("--param", "random:-1-4");
    std::set<std::int64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(number(dice.draw(random)));
    EXPECT_EQ(seen, (std::set<std::int64_t>{-1, 0, 1, 2, 3, 4}));
    EXPECT_EQ(number(drawn_value_of("--param", "random:5-5").draw(random)), 5);
    EXPECT_EQ(number(drawn_value_of("--param", "random:-9--9").draw(random)), -9);
}

TEST(drawn_value, may_be_any_number_there_is) {
    random_source random(7);
    const drawn_value any = drawn_value_of("--param", "random:-9223372036854775808-9223372036854775807");
    bool negative = false;
    bool positive = false;
    for (int i = 0; i < 100; ++i) {
        const std::int64_t drawn = number(any.draw(random));
        negative = negative || drawn < 0;
        positive = positive || drawn > 0;
    }
    EXPECT_TRUE(negative);
    EXPECT_TRUE(positive);
}

TEST(drawn_value, is_otherwise_what_it_is_for_lido_sql) {
    random_source random(7);
    EXPECT_EQ(drawn_value_of("--param", "7").draw(random), lido::sql::value(7));
    EXPECT_EQ(drawn_value_of("--param", "null:").draw(random), lido::sql::value(lido::sql::null));
    EXPECT_EQ(drawn_value_of("--param", "text:random:1-2").draw(random), lido::sql::value("random:1-2"));
    EXPECT_EQ(drawn_value_of("--param", "random").draw(random), lido::sql::value("random"));
    for (const char* wrong : {"random:", "random:1", "random:1-", "random:-", "random:2-1", "random:1-2x", "random:a-b",
                              "random:1-9223372036854775808"}) {
        EXPECT_THROW(static_cast<void>(drawn_value_of("--param", wrong)), usage_error) << wrong;
    }
}

TEST(database_load, reaches_the_settings_of_the_pool) {
    const options asked = read_options({"--sql", "postgresql://me:hidden@db/shop", "--statement", "select 1",
                                        "--pool-size=7", "--when-full=fail", "--connect-timeout=1s",
                                        "--acquire-timeout=3s", "--timeout=4s", "--num-users=3000", "--warm-up=2"})
                              .value();
    const auto settings = pool_settings_for(asked, way::shared_pool);
    EXPECT_EQ(settings.connections.max_size, 7U);
    EXPECT_EQ(settings.connections.min_size, 2U);
    EXPECT_EQ(settings.connections.max_waiters, 3000U);
    EXPECT_EQ(settings.connections.on_full, pool::when_full::fail);
    EXPECT_EQ(settings.connections.connect_timeout, 1s);
    EXPECT_EQ(settings.connections.acquire_timeout, 3s);
    EXPECT_EQ(settings.statement_timeout, 4s);
    EXPECT_EQ(settings.connections.max_uses, 0U);
    EXPECT_EQ(pool_settings_for(asked, way::new_connections).connections.max_uses, 1U);
    EXPECT_EQ(asked.retry.max_retries, 0U);
    EXPECT_EQ(asked.database->name(), "postgresql://me@db/shop");
    EXPECT_FALSE(asked.database->is_private());
}

TEST(database_load, has_ten_connections_however_many_users_there_are) {
    const options asked =
        read_options({"--sql", "sqlite::memory:", "--statement", "select 1", "--num-users=300"}).value();
    EXPECT_EQ(asked.effective_pool_size(), 10U);
    EXPECT_TRUE(asked.database->is_private());
}

}  // namespace
}  // namespace lido::cli::simulate
