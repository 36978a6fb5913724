// Behind a real PgBouncer in transaction mode.
#include "support/pgbouncer.hpp"

#include "postgres_world.hpp"

namespace lido::test {
namespace {

using namespace std::chrono_literals;

TEST(postgres_pgbouncer, statements_and_transactions_of_many_go_over_few_sessions) {
    const pgbouncer proxy(common_server(), 3);
    postgres::settings with = settings_for(proxy.url(), 12);
    with.transaction_pooling = true;
    with.application_name = "behind";
    postgres_world world(with);
    std::vector<std::thread> users;
    for (int user = 0; user < 12; ++user) {
        users.emplace_back([&world, user] {
            for (int i = 0; i < 100; ++i) {
                const auto got = world.query("select $1::int * 1000 + $2::int", user, i);
                ASSERT_TRUE(got) << got.error().message();
                EXPECT_EQ((*got)[0][0].as<int>().value(), user * 1000 + i);
                if (i % 10 != 0) continue;
                auto scope = world.db.begin().wait();
                ASSERT_TRUE(scope) << scope.error().message();
                ASSERT_TRUE(scope->query("select set_config('lido.mine', $1, true)", std::to_string(user)).wait());
                const auto mine = scope->query("select current_setting('lido.mine')").wait();
                ASSERT_TRUE(mine) << mine.error().message();
                EXPECT_EQ((*mine)[0][0].as<int>().value(), user);
                ASSERT_TRUE(scope->commit().wait());
            }
        });
    }
    for (std::thread& each : users) each.join();
    EXPECT_LE(common_server().connections("behind"), 3U);
    EXPECT_GT(world.db.connections().statistics().created, 3U);
}

TEST(postgres_pgbouncer, a_statement_that_is_given_up_is_cancelled_through_it) {
    const pgbouncer proxy(common_server(), 1);
    postgres::settings with = settings_for(proxy.url(), 1);
    with.transaction_pooling = true;
    with.pool.statement_timeout = 200ms;
    postgres_world world(with);
    EXPECT_EQ(world.query("select pg_sleep(30)").error(), errc::timeout);
    const auto next = world.query("select 8");
    ASSERT_TRUE(next) << next.error().message();
    EXPECT_EQ((*next)[0][0].as<int>().value(), 8);
}

}  // namespace
}  // namespace lido::test
