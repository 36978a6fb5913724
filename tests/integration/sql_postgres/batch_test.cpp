// Several statements in flight on one connection of PostgreSQL.
#include "postgres_world.hpp"

#include <fmt/format.h>

#include <future>
#include <semaphore>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

sql::batch inserts(int from, int to) {
    sql::batch made;
    for (int i = from; i < to; ++i) made.add("insert into batched values ($1)", i);
    return made;
}

struct batch_world : postgres_world {
    explicit batch_world(const postgres::settings& with = settings_for(common_server().url(), 2))
        : postgres_world(with) {
        common_server().ask("drop table if exists batched; create table batched (id int primary key)");
    }
    [[nodiscard]] int count() { return query("select count(*)::int from batched").value()[0][0].as<int>().value(); }
};

/// Stands on its event loop until it is let go.
struct standstill : work {
    standstill() : work([](work& item) noexcept { static_cast<standstill&>(item).let_go.acquire(); }) {}
    std::binary_semaphore let_go{0};
};

TEST(postgres_batch, is_executed_to_its_end_before_the_first_answer_is_read) {
    batch_world world;
    ASSERT_TRUE(world.query("select 1")) << "there is a connection now";
    sql::batch what;
    what.add("select pg_sleep(0.2)").add("insert into batched values (1)").add("insert into batched values (2)");
    std::promise<result<std::vector<sql::rows>>> answer;
    std::move(world.db.run_batch(what)).start([&](result<std::vector<sql::rows>> came) {
        answer.set_value(std::move(came));
    });
    standstill stop;
    world.io.at(0).post(stop);
    const bool executed = becomes_true([] { return common_server().ask("select count(*) from batched") == "2"; });
    stop.let_go.release();
    EXPECT_TRUE(executed) << "nobody could have sent the second after the first was answered";
    const auto given = answer.get_future().get();
    ASSERT_TRUE(given) << given.error().message();
    EXPECT_EQ(given->size(), 3U);
}

TEST(postgres_batch, brings_the_results_of_a_thousand_statements_in_order) {
    batch_world world;
    sql::batch what;
    for (int i = 0; i < 1000; ++i) what.add("select $1::int, repeat('x', 1000)", i);
    for (int round = 0; round < 3; ++round) {
        const auto given = world.db.run_batch(what).wait();
        ASSERT_TRUE(given) << given.error().message();
        ASSERT_EQ(given->size(), 1000U);
        for (int i = 0; i < 1000; ++i) {
            ASSERT_EQ((*given)[static_cast<std::size_t>(i)][0][0].as<int>().value(), i);
        }
    }
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_batch, ends_at_the_first_that_fails_and_nothing_of_it_lasts) {
    batch_world world;
    sql::batch what = inserts(0, 5);
    what.add("select 1 / $1::int", 0);
    what.add("insert into batched values (100)");
    const auto refused = world.db.run_batch(what).wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::invalid_value) << refused.error().message();
    EXPECT_THAT(refused.error().what(), HasSubstr("statement 6 of 7"));
    EXPECT_EQ(world.count(), 0);
    EXPECT_EQ(world.db.connections().statistics().created, 1U) << "the connection goes on";
}

TEST(postgres_batch, a_failure_within_a_transaction_leaves_it_to_be_rolled_back) {
    batch_world world;
    auto scope = world.db.begin().wait().value();
    ASSERT_TRUE(scope.query("insert into batched values (1)").wait());
    const unsigned point = scope.savepoint().wait().value();
    EXPECT_FALSE(scope.run_batch(inserts(0, 3)).wait());
    EXPECT_EQ(scope.query("select 1").wait().error(), sql::errc::transaction_failed);
    ASSERT_TRUE(scope.rollback_to(point).wait());
    ASSERT_TRUE(scope.run_batch(inserts(2, 4)).wait());
    ASSERT_TRUE(scope.commit().wait());
    EXPECT_EQ(world.count(), 3);
}

TEST(postgres_batch, what_fails_only_at_its_end_is_said) {
    batch_world world;
    common_server().ask(
        "drop table if exists deferred; create table deferred (id int, constraint late unique (id) deferrable "
        "initially "
        "deferred)");
    sql::batch what;
    what.add("insert into deferred values (1)").add("insert into deferred values (1)").add("select 1");
    const auto refused = world.db.run_batch(what).wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::unique_violation) << refused.error().message();
    EXPECT_EQ(common_server().ask("select count(*) from deferred"), "0");
}

TEST(postgres_batch, whose_connection_is_ended_in_it_has_not_happened) {
    batch_world world;
    sql::batch what = inserts(0, 2);
    what.add("select pg_terminate_backend(pg_backend_pid())");
    what.add("insert into batched values (100)");
    const auto refused = world.db.run_batch(what).wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::shutting_down) << refused.error().message();
    EXPECT_EQ(world.count(), 0);
}

TEST(postgres_batch, whose_server_is_killed_is_not_known_to_have_happened) {
    batch_world world;
    sql::batch what = inserts(0, 2);
    what.add("select pg_sleep(30)");
    std::future<result<std::vector<sql::rows>>> answer =
        std::async(std::launch::async, [&] { return world.db.run_batch(what).wait(); });
    ASSERT_TRUE(becomes_true([] {
        return common_server().ask("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == "1";
    }));
    common_server().kill();
    const auto lost = answer.get();
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error(), errc::maybe_executed) << lost.error().message();
    common_server().start();
    EXPECT_EQ(common_server().ask("select count(*) from batched"), "0");
}

TEST(postgres_batch, given_up_it_is_cancelled_and_the_next_borrower_gets_his_own_answers) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    batch_world world(with);
    for (int round = 0; round < 5; ++round) {
        sql::batch what = inserts(0, 3);
        what.add("select pg_sleep(30)").add("insert into batched values (100)");
        const auto late = world.db.run_batch(what).wait();
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error(), errc::timeout);
        EXPECT_EQ(world.query("select $1::int", round).value()[0][0].as<int>().value(), round);
    }
    EXPECT_EQ(world.count(), 0);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_batch, whose_results_are_too_large_is_refused) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.max_result_bytes = 100'000;
    batch_world world(with);
    sql::batch what;
    for (int i = 0; i < 10; ++i) what.add("select repeat('x', 30000)");
    const auto refused = world.db.run_batch(what).wait();
    ASSERT_FALSE(refused) << "each is within the limit, all together are not";
    EXPECT_EQ(refused.error(), errc::limit_exceeded) << refused.error().message();
    EXPECT_TRUE(world.query("select 1"));
}

TEST(postgres_batch, refused_before_it_is_sent_nothing_of_it_is_executed) {
    batch_world world;
    sql::batch what = inserts(0, 2);
    what.add("select $1", std::string("zero\0byte", 9));
    const auto refused = world.db.run_batch(what).wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::invalid_argument);
    EXPECT_THAT(refused.error().what(), HasSubstr("statement 3 of 3"));
    EXPECT_EQ(world.count(), 0);
}

TEST(postgres_batch, prepares_anew_what_the_server_can_no_longer_use) {
    batch_world world(settings_for(common_server().url(), 1));
    sql::batch what = inserts(0, 1);
    what.add("select * from batched");
    ASSERT_TRUE(world.db.run_batch(what).wait());
    common_server().ask("delete from batched; alter table batched add column more text default 'new'");
    const auto again = world.db.run_batch(what).wait();
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ((*again)[1].column_count(), 2U);
    EXPECT_EQ(world.count(), 1);
}

TEST(postgres_batch, keeps_no_more_prepared_statements_than_it_may) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_cache = 3;
    batch_world world(with);
    for (int round = 0; round < 3; ++round) {
        sql::batch what;
        for (int i = 0; i < 10; ++i) what.add(sql::trusted_sql(fmt::format("select {}", i)));
        if (round == 1) what.add("select 1 / 0");
        EXPECT_EQ(world.db.run_batch(what).wait().has_value(), round != 1);
    }
    ASSERT_TRUE(world.query("select 'anything'"));
    EXPECT_LE(world.query("select count(*)::int from pg_prepared_statements").value()[0][0].as<int>().value(), 3);
}

TEST(postgres_batch, works_where_nothing_may_be_prepared) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.transaction_pooling = true;
    batch_world world(with);
    ASSERT_TRUE(world.db.run_batch(inserts(0, 20)).wait());
    EXPECT_FALSE(world.db.run_batch(inserts(20, 30).add("insert into batched values (1)")).wait());
    EXPECT_EQ(world.count(), 20);
}

}  // namespace
}  // namespace lido::test
