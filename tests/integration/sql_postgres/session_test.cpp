// Transactions, resets, cancelled statements, streams: what the next borrower may and may not see.
#include "postgres_world.hpp"

#include <atomic>
#include <optional>
#include <semaphore>
#include <stop_token>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using pool_type = postgres::pool;

int number_of(const result<sql::rows>& got) {
    return got.value()[0][0].as<int>().value();
}

/// Starts an operation, requests its end when `when` holds, and waits for what comes of it.
template <class T, class When>
result<T> cancelled_when(operation<T> what, When when) {
    std::stop_source stop;
    std::binary_semaphore ended(0);
    std::optional<result<T>> outcome;
    std::move(what).start(
        [&](result<T> came) {
            outcome.emplace(std::move(came));
            ended.release();
        },
        stop.get_token());
    EXPECT_TRUE(becomes_true(when));
    stop.request_stop();
    ended.acquire();
    return std::move(*outcome);
}

std::size_t running(const std::string& what) {
    return std::stoul(
        common_server().ask("select count(*) from pg_stat_activity where state = 'active' and query like '" + what +
                            "%' and pid <> pg_backend_pid()"));
}

TEST(postgres_transaction, is_seen_by_others_when_committed_and_never_when_dropped) {
    postgres_world world;
    common_server().ask("drop table if exists kept; create table kept (a int)");
    {
        auto scope = world.db.begin().wait().value();
        ASSERT_TRUE(scope.query("insert into kept values (1)").wait());
        EXPECT_EQ(number_of(world.query("select count(*)::int from kept")), 0);
        ASSERT_TRUE(scope.commit().wait());
    }
    EXPECT_EQ(number_of(world.query("select count(*)::int from kept")), 1);
    {
        auto scope = world.db.begin().wait().value();
        ASSERT_TRUE(scope.query("insert into kept values (2)").wait());
    }
    EXPECT_EQ(number_of(world.query("select count(*)::int from kept")), 1);
    // Its connection is rolled back in the background.
    EXPECT_TRUE(becomes_true([] {
        return common_server().ask("select count(*) from pg_stat_activity where state like 'idle in transaction%'") ==
               "0";
    }));
}

TEST(postgres_transaction, goes_back_to_its_savepoint) {
    postgres_world world(1);
    ASSERT_TRUE(world.query("create temporary table s (a int primary key)"));
    auto scope = world.db.begin().wait().value();
    ASSERT_TRUE(scope.query("insert into s values (1)").wait());
    const unsigned point = scope.savepoint().wait().value();
    EXPECT_EQ(scope.query("insert into s values (1)").wait().error(), sql::errc::unique_violation);
    EXPECT_EQ(scope.query("select 1").wait().error(), sql::errc::transaction_failed);
    ASSERT_TRUE(scope.rollback_to(point).wait());
    ASSERT_TRUE(scope.query("insert into s values (2)").wait());
    ASSERT_TRUE(scope.commit().wait());
    EXPECT_EQ(number_of(world.query("select count(*)::int from s")), 2);
}

TEST(postgres_transaction, that_had_failed_is_not_said_to_be_committed) {
    postgres_world world;
    auto scope = world.db.begin().wait().value();
    EXPECT_FALSE(scope.query("select 1 / 0").wait());
    EXPECT_EQ(scope.commit().wait().error(), sql::errc::transaction_failed);
}

TEST(postgres_transaction, has_the_wanted_isolation_and_access) {
    postgres_world world;
    auto scope =
        world.db
            .begin(
                {.isolation = sql::isolation::serializable, .access = sql::access_mode::read_only, .deferrable = true})
            .wait()
            .value();
    EXPECT_EQ(scope.query("show transaction_isolation").wait().value()[0][0].as<std::string>().value(), "serializable");
    EXPECT_EQ(scope.query("create table never (a int)").wait().error(), sql::errc::read_only);
    ASSERT_TRUE(scope.rollback().wait());
    EXPECT_EQ(world.db.connections().statistics().closed, 0U) << "a READ ONLY transaction fences nothing";
}

TEST(postgres_transaction, is_not_touched_by_what_lido_drops_at_the_server) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_cache = 1;
    postgres_world world(with);
    ASSERT_TRUE(world.query("select 1"));
    auto scope = world.db.begin().wait().value();
    // Possible only before the transaction's first snapshot; BEGIN has to make room for it.
    const auto set = scope.query("set transaction isolation level repeatable read").wait();
    EXPECT_TRUE(set) << set.error().message();
    ASSERT_TRUE(scope.query("deallocate all").wait()) << "what is dropped now is not there any more";
    EXPECT_TRUE(scope.query("select 2").wait());
    EXPECT_TRUE(scope.query("select 3").wait());
    EXPECT_TRUE(scope.commit().wait());
}

TEST(postgres_transaction, is_run_again_after_a_serialization_failure_and_a_deadlock) {
    postgres_world world(8);
    common_server().ask(
        "drop table if exists counter; create table counter (id int, n int);"
        "insert into counter values (1, 0), (2, 0)");
    std::vector<std::thread> users;
    for (int user = 0; user < 4; ++user) {
        users.emplace_back([&world, user] {
            for (int i = 0; i < 10; ++i) {
                // Every other one takes the rows in the other order: deadlocks beside serialization failures.
                const auto work = [first = 1 + (user + i) % 2](pool_type::transaction& scope) -> task<result<bool>> {
                    for (const int id : {first, 3 - first}) {
                        operation<sql::rows> asked = scope.query("update counter set n = n + 1 where id = $1", id);
                        auto done = co_await std::move(asked);
                        if (!done) co_return std::move(done).error();
                    }
                    co_return true;
                };
                const auto done =
                    world.db.transact(work, {.isolation = sql::isolation::repeatable_read}, {.max_retries = 100})
                        .wait();
                ASSERT_TRUE(done) << done.error().message();
            }
        });
    }
    for (std::thread& each : users) each.join();
    EXPECT_EQ(common_server().ask("select string_agg(n::text, ' ') from counter"), "40 40");
}

TEST(postgres_reset, connections_that_come_back_clean_are_lent_again) {
    postgres_world world(2);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(world.query("select 1"));
    const auto numbers = world.db.connections().statistics();
    EXPECT_LE(numbers.created, 2U);
}

TEST(postgres_reset, the_policy_none_closes_what_is_in_a_transaction) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.reset = sql::reset_policy::none;
    postgres_world world(with);
    const int before = number_of(world.query("select pg_backend_pid()"));
    { const auto dropped = world.db.begin().wait().value(); }
    EXPECT_NE(number_of(world.query("select pg_backend_pid()")), before);
}

TEST(postgres_reset, the_policy_rollback_keeps_the_connection_and_its_settings) {
    postgres_world world(1);
    const int before = number_of(world.query("select pg_backend_pid()"));
    ASSERT_TRUE(world.query("set application_name = 'lido'"));
    {
        auto lease = world.db.acquire().wait().value();
        ASSERT_TRUE(lease.query("begin").wait()) << "by hand, unknown to the pool";
        EXPECT_FALSE(lease.query("select 1 / 0").wait());
    }
    EXPECT_EQ(number_of(world.query("select pg_backend_pid()")), before);
    EXPECT_EQ(number_of(world.query("select 5")), 5) << "not in a failed transaction";
}

TEST(postgres_reset, the_policy_full_leaves_nothing_of_the_borrower) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.reset = sql::reset_policy::full;
    postgres_world world(with);
    const int before = number_of(world.query("select pg_backend_pid()"));
    {
        auto lease = world.db.acquire().wait().value();
        ASSERT_TRUE(lease.query("set work_mem = '1MB'").wait());
        ASSERT_TRUE(lease.query("create temporary table mine (a int)").wait());
        ASSERT_TRUE(lease.query("select pg_advisory_lock(1)").wait());
    }
    EXPECT_NE(world.query("show work_mem").value()[0][0].as<std::string>().value(), "1MB");
    EXPECT_EQ(world.query("select * from mine").error(), sql::errc::no_such_object);
    EXPECT_EQ(common_server().ask("select count(*) from pg_locks where locktype = 'advisory'"), "0");
    EXPECT_EQ(number_of(world.query("select pg_backend_pid()")), before);
}

TEST(postgres_cancel, a_statement_that_ran_out_of_time_is_ended_at_the_server) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    postgres_world world(with);
    const int before = number_of(world.query("select pg_backend_pid()"));
    const auto begun = clock::now();
    EXPECT_EQ(world.query("select pg_sleep(20)").error(), errc::timeout);
    EXPECT_LT(clock::now() - begun, 5s);
    EXPECT_EQ(number_of(world.query("select pg_backend_pid()")), before) << "the connection is used again";
    EXPECT_EQ(running("select pg_sleep(20)"), 0U);
}

TEST(postgres_cancel, a_statement_whose_caller_went_away_is_ended_and_the_next_gets_his_own_answer) {
    postgres_world world(1);
    const int before = number_of(world.query("select pg_backend_pid()"));
    for (int i = 0; i < 20; ++i) {
        const auto gone = cancelled_when(world.db.query("select pg_sleep(30), -1"),
                                         [] { return running("select pg_sleep(30)") == 1; });
        EXPECT_EQ(gone.error(), errc::cancelled);
        EXPECT_EQ(number_of(world.query("select $1::int", i)), i);
    }
    EXPECT_EQ(number_of(world.query("select pg_backend_pid()")), before);
}

TEST(postgres_cancel, that_is_under_way_when_its_program_ends_touches_nothing_of_it) {
    // The server does not answer the request before it goes on, and that is after the runtime's end.
    std::optional<postgres_world> world(std::in_place, 1);
    ASSERT_TRUE(world->query("select 1"));
    const auto given_up =
        cancelled_when(world->db.query("select pg_sleep(20)"), [] { return running("select pg_sleep") == 1; });
    EXPECT_EQ(given_up.error(), errc::cancelled);
    common_server().freeze();
    world.reset();
    common_server().thaw();
    EXPECT_TRUE(becomes_true([] { return running("select pg_sleep") == 0; }));
}

TEST(postgres_cancel, switched_off_the_connection_is_closed_instead) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    with.pool.cancel_abandoned = false;
    postgres_world world(with);
    const int before = number_of(world.query("select pg_backend_pid()"));
    // It goes on at the server, so it is no longer than it has to be.
    EXPECT_EQ(world.query("select pg_sleep(3)").error(), errc::timeout);
    EXPECT_NE(number_of(world.query("select pg_backend_pid()")), before);
}

TEST(postgres_cancel, on_a_lease_the_next_statement_comes_after_the_one_that_was_given_up) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_timeout = 2s;  // within which the cancel of the statement before must have ended, too
    postgres_world world(with);
    auto lease = world.db.acquire().wait().value();
    EXPECT_EQ(lease.query("select pg_sleep(20)").wait().error(), errc::timeout);
    EXPECT_EQ(number_of(lease.query("select 6").wait()), 6);
    auto scope = std::move(lease).begin().wait().value();
    EXPECT_EQ(scope.query("select pg_sleep(20)").wait().error(), errc::timeout);
    EXPECT_EQ(scope.query("select 1").wait().error(), sql::errc::transaction_failed) << "the cancel has failed it";
}

TEST(postgres_cancel, on_a_lease_works_a_second_time) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_timeout = 1s;
    postgres_world world(with);
    auto lease = world.db.acquire().wait().value();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(lease.query("select pg_sleep(20)").wait().error(), errc::timeout);
        EXPECT_TRUE(becomes_true([] { return running("select pg_sleep(20)") == 0; })) << i;
    }
    EXPECT_EQ(number_of(lease.query("select 6").wait()), 6);
}

task<result<std::size_t>> count_streamed(pool_type& db, sql::statement what, std::size_t most_at_once) {
    operation<pool_type::row_stream> asked = db.stream(std::move(what));
    auto stream = co_await std::move(asked);
    if (!stream) co_return std::move(stream).error();
    std::size_t count = 0;
    while (true) {
        operation<sql::rows> next = stream->next();
        result<sql::rows> batch = co_await std::move(next);
        if (!batch) co_return std::move(batch).error();
        if (batch->empty()) co_return count;
        EXPECT_LE(batch->size(), most_at_once);
        count += batch->size();
    }
}

TEST(postgres_stream, brings_all_rows_batch_by_batch) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.max_result_bytes = 64 * 1024;
    with.pool.stream_rows = 100;
    postgres_world world(with);
    const auto expect_rows = [&world](const sql::statement& what, std::size_t count) {
        const auto got = world.io.run(count_streamed(world.db, what, 100));
        ASSERT_TRUE(got) << got.error().message();
        EXPECT_EQ(*got, count);
    };
    expect_rows("select i, repeat('x', 100) from generate_series(1, 100000) i", 100'000);
    expect_rows("select 1 where false", 0);
    expect_rows("select 1", 1);
    expect_rows("select i from generate_series(1, 100) i", 100);
    expect_rows("select i from generate_series(1, 101) i", 101);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_stream, fails_where_the_statement_fails) {
    postgres_world world(1);
    const auto early = world.io.run(count_streamed(world.db, "select nothing", 256));
    EXPECT_EQ(early.error(), sql::errc::no_such_object);
    const auto late =
        world.io.run(count_streamed(world.db, "select 1 / (5000 - i) from generate_series(1, 9999) i", 256));
    EXPECT_EQ(late.error(), sql::errc::invalid_value);
    EXPECT_EQ(number_of(world.query("select 4")), 4);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_stream, prepares_anew_what_has_changed) {
    postgres_world world(1);
    ASSERT_TRUE(world.query("create temporary table streamed (a int)"));
    ASSERT_TRUE(world.query("insert into streamed values (1), (2)"));
    for (unsigned i = 0; i < 3; ++i) {
        auto stream = world.db.stream("select * from streamed").wait();
        ASSERT_TRUE(stream) << i << ": " << stream.error().message();
        const sql::rows got = stream->next().wait().value();
        EXPECT_EQ(got.size(), 2U);
        EXPECT_EQ(got.column_count(), i + 1);
        EXPECT_TRUE(stream->next().wait().value().empty());
        stream = error(errc::cancelled, "ended");
        ASSERT_TRUE(world.query(sql::trusted_sql(fmt::format("alter table streamed add b{} text", i))));
    }
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_stream, takes_nothing_more_from_the_server_than_is_fetched) {
    postgres_world world(1);
    auto stream = world.db.stream("select repeat('x', 1000) from generate_series(1, 1000000)").wait().value();
    ASSERT_FALSE(stream.next().wait().value().empty());
    // The server waits for the client: it has not sent a gigabyte into nowhere.
    EXPECT_TRUE(becomes_true([] {
        return common_server().ask("select count(*) from pg_stat_activity where wait_event = 'ClientWrite'") == "1";
    }));
}

TEST(postgres_stream, dropped_half_way_its_connection_serves_the_next) {
    postgres_world world(1);
    const int before = number_of(world.query("select pg_backend_pid()"));
    for (int i = 0; i < 5; ++i) {
        auto stream = world.db.stream("select i, repeat('x', 1000) from generate_series(1, 10000000) i").wait().value();
        ASSERT_FALSE(stream.next().wait().value().empty());
    }
    EXPECT_EQ(number_of(world.query("select pg_backend_pid()")), before);
}

TEST(postgres_stream, dropped_after_much_of_it_its_connection_serves_the_next) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.max_result_bytes = 64 * 1024;
    postgres_world world(with);
    const int before = number_of(world.query("select pg_backend_pid()"));
    {
        auto stream = world.db.stream("select repeat('x', 8000) from generate_series(1, 10000000) i").wait().value();
        std::size_t bytes = 0;
        while (bytes < std::size_t{80} * 1024 * 1024) {
            const sql::rows batch = stream.next().wait().value();
            ASSERT_FALSE(batch.empty());
            bytes += batch.size() * 8000;
        }
    }
    EXPECT_EQ(number_of(world.query("select pg_backend_pid()")), before);
}

TEST(postgres_events, a_connection_that_the_server_ends_while_idle_is_not_lent_again) {
    postgres_world world(1);
    const int before = number_of(world.query("select pg_backend_pid()"));
    common_server().ask(fmt::format("select pg_terminate_backend({}, 5000)", before));
    EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().idle == 0; }));
    const auto got = world.query("select pg_backend_pid()");
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_NE(number_of(got), before);
}

TEST(postgres_events, a_statement_whose_session_is_ended_was_not_executed) {
    postgres_world world(1);
    std::thread ends([] {
        EXPECT_TRUE(becomes_true([] { return running("select pg_sleep(40)") == 1; }));
        common_server().ask(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep(40)%'");
    });
    const auto got = world.query("select pg_sleep(40)");
    ends.join();
    EXPECT_EQ(got.error(), sql::errc::shutting_down) << got.error().message();
    EXPECT_THAT(got.error().what(), testing::HasSubstr("57P01"));
    EXPECT_TRUE(world.query("select 1"));
}

}  // namespace
}  // namespace lido::test
