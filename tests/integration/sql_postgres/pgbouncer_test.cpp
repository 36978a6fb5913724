// Behind a real PgBouncer in transaction mode.
#include "support/pgbouncer.hpp"

#include "postgres_world.hpp"
#include "support/sql_load.hpp"
#include "support/sql_nonces.hpp"

#include <sstream>

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
    with.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    postgres_world world(with);
    EXPECT_EQ(world.query("select pg_sleep(30)").error(), errc::timeout);
    const auto next = world.query("select 8");
    ASSERT_TRUE(next) << next.error().message();
    EXPECT_EQ((*next)[0][0].as<int>().value(), 8);
}

postgres::settings behind(const std::string& url, std::size_t max_size) {
    postgres::settings made = settings_for(url, max_size);
    made.transaction_pooling = true;
    made.application_name = "behind";
    return made;
}

TEST(postgres_pgbouncer, statements_of_many_share_connections_through_it) {
    const pgbouncer proxy(common_server(), 2);
    postgres::settings with = behind(proxy.socket_url(), 2);
    with.shared_connections = 2;
    postgres_world world(with);
    on_tasks(world.io, 16, [&](std::size_t user) -> task<void> {
        for (int i = 0; i < 100; ++i) {
            const int wanted = static_cast<int>(user) * 1000 + i;
            operation<sql::rows> asked = world.db.query("select $1::int", wanted);
            auto got = co_await std::move(asked);
            EXPECT_EQ(got.value()[0][0].as<int>().value(), wanted);
        }
    });
    // The sessions of an earlier test's proxy are counted until the server has noticed its end.
    EXPECT_TRUE(becomes_true([] { return common_server().connections("behind") <= 2; }));
}

TEST(postgres_pgbouncer, no_answer_reaches_another_borrower_with_a_tenth_given_up_at_random) {
    const pgbouncer proxy(common_server(), 3);
    postgres_world world(behind(proxy.url(), 6));
    const nonce_question question = [&](random_source& dice, std::int64_t nonce) -> operation<std::int64_t> {
        if (dice.unit() < 0.1)
            return {world.io, first_number(world.db.query("select $1::int8, pg_sleep(0.002)", nonce))};
        return {world.io, first_number(world.db.query("select $1::int8, repeat('x', 3000)", nonce))};
    };
    nonce_counts counts;
    expect_own_answers(world.io, question, times("LIDO_SQL_NONCES", 2'000), counts);
    // The sessions of an earlier test's proxy are counted until the server has noticed its end.
    EXPECT_TRUE(becomes_true([] { return common_server().connections("behind") <= 3; }));
}

TEST(postgres_pgbouncer, a_transaction_that_is_dropped_is_rolled_back_before_its_session_serves_another) {
    const pgbouncer proxy(common_server(), 1);
    postgres_world world(behind(proxy.url(), 1));
    common_server().ask("drop table if exists behind_rows; create table behind_rows (a int)");
    for (int i = 0; i < 20; ++i) {
        auto scope = world.db.begin().wait();
        ASSERT_TRUE(scope) << scope.error().message();
        ASSERT_TRUE(scope->query("insert into behind_rows values ($1)", i).wait());
    }
    EXPECT_EQ(world.query("select count(*) from behind_rows").value()[0][0].as<int>().value(), 0);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_pgbouncer, streams_and_copies_go_through_it) {
    const pgbouncer proxy(common_server(), 2);
    postgres_world world(behind(proxy.url(), 2));
    auto stream = world.db.stream("select generate_series(1, 10000)").wait();
    ASSERT_TRUE(stream) << stream.error().message();
    std::size_t count = 0;
    while (true) {
        const auto batch = stream->next().wait();
        ASSERT_TRUE(batch) << batch.error().message();
        if (batch->empty()) break;
        count += batch->size();
    }
    EXPECT_EQ(count, 10'000U);
    common_server().ask("drop table if exists behind_copied; create table behind_copied (a int)");
    auto in = world.db.copy_in("copy behind_copied from stdin").wait();
    ASSERT_TRUE(in) << in.error().message();
    ASSERT_TRUE(in->write("1\n2\n3\n").wait());
    EXPECT_EQ(in->finish().wait().value(), 3U);
}

TEST(postgres_pgbouncer, what_needs_a_session_of_ones_own_is_refused_with_what_to_do) {
    const pgbouncer proxy(common_server(), 1);
    postgres_world world(behind(proxy.url(), 1));
    const auto heard = world.db.listen("news").wait();
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error(), errc::invalid_argument);
    EXPECT_THAT(heard.error().message(), testing::HasSubstr("connects to PostgreSQL itself"));
    postgres::settings with = behind(proxy.url(), 1);
    with.pool.reset = sql::reset_policy::full;
    EXPECT_EQ(with.validate().error(), errc::invalid_argument);
    EXPECT_TRUE(world.query("select 1")) << "and the connection serves on";
}

TEST(postgres_pgbouncer, that_takes_no_more_clients_says_so) {
    const pgbouncer proxy(common_server(), 1, "max_client_conn = 2");
    postgres::settings with = behind(proxy.url(), 4);
    with.pool.connections.down_fail_fast = duration::zero();
    postgres_world world(with);
    std::vector<postgres::pool::lease> held;
    std::optional<error> refused;
    while (held.size() < 4 && !refused) {
        auto lease = world.db.acquire({.timeout = 1500ms}).wait();
        if (lease) {
            held.push_back(std::move(*lease));
        } else {
            refused = lease.error();
        }
    }
    ASSERT_TRUE(refused);
    EXPECT_THAT(refused->message(), testing::HasSubstr("max_client_conn"));
    ASSERT_NE(refused->cause(), nullptr) << refused->message();
    EXPECT_EQ(*refused->cause(), sql::errc::too_many_connections) << refused->message();
    EXPECT_EQ(held.size(), 2U);
}

/// The same as without it: the proxy dies, and then the server behind it.
TEST(postgres_pgbouncer, its_death_and_that_of_the_server_behind_it_cost_no_commit) {
    postgres_server server;
    server.ask("create table written (a bigint)");
    pgbouncer proxy(server, 2, "server_login_retry = 0.2");
    postgres_world world(behind(proxy.url(), 4));
    observed_server seen;
    seen.insert = "insert into written values ($1)";
    seen.there = [&server] {
        std::istringstream from(server.ask("select string_agg(a::text, ' ') from written"));
        std::vector<std::int64_t> all;
        for (std::int64_t each = 0; from >> each;) all.push_back(each);
        return all;
    };
    seen.connections = [&server] { return server.connections("behind"); };
    seen.max_connections = 4;  // the sessions of the dead proxy end when the server notices
    seen.may_be_told = {errc::maybe_executed, errc::connection_closed, errc::connect_failed, errc::acquire_timeout,
                        sql::errc::shutting_down};
    expect_survives(world.db, seen, [&] {
        proxy.kill();
        proxy.start();
    });
    server.ask("truncate written");
    expect_survives(world.db, seen, [&] {
        server.kill();
        server.start();
    });
}

}  // namespace
}  // namespace lido::test
