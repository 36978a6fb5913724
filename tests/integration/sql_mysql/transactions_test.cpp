#include "integration/sql_mysql/mysql_fixture.hpp"
#include "support/work.hpp"

#include <atomic>
#include <semaphore>
#include <thread>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

using mysql_transactions = mysql_world;

TEST_F(mysql_transactions, a_commit_lasts_and_a_rollback_does_not) {
    {
        auto scope = pool().begin().wait().value();
        ASSERT_TRUE(scope.query("insert into outfit (name) values ('kept')").wait());
        ASSERT_TRUE(scope.commit().wait());
    }
    {
        auto scope = pool().begin().wait().value();
        ASSERT_TRUE(scope.query("insert into outfit (name) values ('gone')").wait());
        ASSERT_TRUE(scope.rollback().wait());
    }
    EXPECT_EQ(count_rows(), 1);
}

TEST_F(mysql_transactions, one_that_is_dropped_is_rolled_back_before_its_connection_is_lent_again) {
    settings_.pool.connections.max_size = 1;
    for (int i = 0; i < 20; ++i) {
        auto scope = pool().begin().wait().value();
        ASSERT_TRUE(scope.query("insert into outfit (name) values ('gone')").wait());
    }
    EXPECT_EQ(count_rows(), 0);
    EXPECT_EQ(pool().connections().statistics().created, 1U) << "a rollback is enough";
}

TEST_F(mysql_transactions, savepoints_nest) {
    auto scope = pool().begin().wait().value();
    ASSERT_TRUE(scope.query("insert into outfit (name) values ('a')").wait());
    const unsigned point = scope.savepoint().wait().value();
    ASSERT_TRUE(scope.query("insert into outfit (name) values ('b')").wait());
    ASSERT_TRUE(scope.rollback_to(point).wait());
    ASSERT_TRUE(scope.commit().wait());
    EXPECT_EQ(count_rows(), 1);
}

TEST_F(mysql_transactions, its_isolation_is_what_was_asked_for) {
    ASSERT_TRUE(ask("insert into outfit (id, size) values (1, 1)"));
    const auto sees_change = [this](sql::isolation level) {
        auto scope = pool().begin({.isolation = level}).wait().value();
        const int before = scope.query("select size from outfit").wait().value()[0][0].as<int>().value();
        EXPECT_TRUE(ask("update outfit set size = size + 1"));
        return scope.query("select size from outfit").wait().value()[0][0].as<int>().value() != before;
    };
    EXPECT_TRUE(sees_change(sql::isolation::read_committed));
    EXPECT_FALSE(sees_change(sql::isolation::repeatable_read));
}

TEST_F(mysql_transactions, one_that_a_failed_procedure_leaves_open_is_rolled_back_before_its_connection_is_lent_again) {
    settings_.pool.connections.max_size = 1;
    ASSERT_TRUE(
        ask("create or replace procedure leaves_open() begin start transaction;"
            " insert into outfit (name) values ('gone'); signal sqlstate '45000' set message_text = 'no'; end"));
    const auto refused = ask("call leaves_open()");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), testing::HasSubstr("no (1644")) << "the error is the statement's own";
    ASSERT_TRUE(ask("insert into outfit (name) values ('kept')"));
    EXPECT_EQ(ask("select name from outfit").value()[0][0].as<std::string>().value(), "kept");
    EXPECT_EQ(count_rows(), 1);
    EXPECT_EQ(pool().connections().statistics().created, 1U) << "a rollback is enough";
}

TEST_F(mysql_transactions, one_that_fails_behind_its_first_rows_is_noticed_too) {
    settings_.pool.connections.max_size = 1;
    ASSERT_TRUE(
        ask("create or replace procedure leaves_open_later() begin select 1; start transaction;"
            " insert into outfit (name) values ('gone'); signal sqlstate '45000'; end"));
    EXPECT_FALSE(ask("call leaves_open_later()"));
    {
        auto stream = pool().stream("call leaves_open_later()").wait().value();
        while (true) {
            const auto batch = stream.next().wait();
            if (!batch) break;
            ASSERT_FALSE(batch->empty()) << "it fails at its end";
        }
    }
    ASSERT_TRUE(ask("insert into outfit (name) values ('kept')"));
    EXPECT_EQ(count_rows(), 1);
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

task<result<int>> move_size(mysql::pool::transaction& in, int from, int to, std::atomic<int>* both_hold) {
    lido::operation<sql::rows> first = in.query("update outfit set size = size - 1 where id = ?", from);
    const result<sql::rows> taken = co_await std::move(first);
    if (!taken) co_return taken.error();
    // So that both hold one row before either wants the other: the deadlock is certain at the first attempt.
    both_hold->fetch_add(1);
    const auto until = clock::now() + 20s;
    while (both_hold->load() < 2 && clock::now() < until) co_await delay(5ms);
    lido::operation<sql::rows> second = in.query("update outfit set size = size + 1 where id = ?", to);
    const result<sql::rows> given = co_await std::move(second);
    if (!given) co_return given.error();
    co_return 1;
}

TEST_F(mysql_transactions, the_victim_of_a_deadlock_is_run_again_and_both_last) {
    ASSERT_TRUE(ask("insert into outfit (id, size) values (1, 100), (2, 100)"));
    std::atomic<int> attempts{0};
    const auto transfer = [&](int from, int to) {
        auto work = [from, to, &attempts](mysql::pool::transaction& in) { return move_size(in, from, to, &attempts); };
        return pool().transact(work).wait();
    };
    result<int> there = 0;
    std::thread other([&] { there = transfer(1, 2); });
    const result<int> back = transfer(2, 1);
    other.join();
    ASSERT_TRUE(there) << there.error().message();
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_GE(attempts, 3) << "one of them was run again";
    const auto sizes = ask("select size from outfit order by id");
    EXPECT_EQ((*sizes)[0][0].as<int>().value(), 100);
    EXPECT_EQ((*sizes)[1][0].as<int>().value(), 100);
}

TEST_F(mysql_transactions, the_victim_of_a_deadlock_that_goes_on_all_the_same_is_refused_and_nothing_of_it_is_kept) {
    ASSERT_TRUE(ask("insert into outfit (id, size) select seq, 100 from seq_1_to_20"));
    auto victim = pool().begin().wait().value();
    ASSERT_TRUE(victim.query("update outfit set size = 1 where id = 1").wait());
    auto other = pool().begin().wait().value();
    // It has changed more, so whichever of the two closes the circle, it is not the one to go.
    ASSERT_TRUE(other.query("update outfit set size = 2 where id > 1").wait());
    std::binary_semaphore ended(0);
    other.query("update outfit set size = 2 where id = 1").start([&](const result<sql::rows>& outcome) {
        EXPECT_TRUE(outcome);
        ended.release();
    });
    const auto refused = victim.query("update outfit set size = 1 where id = 2").wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::deadlock) << refused.error().message();
    ended.acquire();
    ASSERT_TRUE(other.rollback().wait());

    const auto more = victim.query("update outfit set size = 1 where id = 3").wait();
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error(), sql::errc::transaction_failed) << more.error().message();
    const auto committed = victim.commit().wait();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error(), sql::errc::transaction_failed) << committed.error().message();
    EXPECT_EQ(ask("select count(*) from outfit where size = 1").value()[0][0].as<int>().value(), 0);
}

TEST_F(mysql_transactions, one_that_a_statement_has_ended_goes_no_further_until_it_is_rolled_back) {
    ASSERT_TRUE(ask("create or replace procedure ends_it() begin rollback; signal sqlstate '45000'; end"));
    auto lease = pool().acquire().wait().value();
    ASSERT_TRUE(lease.query("start transaction").wait());
    ASSERT_TRUE(lease.query("insert into outfit (name) values ('gone')").wait());
    ASSERT_FALSE(lease.query("call ends_it()").wait());
    for (const char* each : {"insert into outfit (name) values ('gone')", "commit", "start transaction"}) {
        const auto refused = lease.query(sql::trusted_sql(each)).wait();
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), sql::errc::transaction_failed) << refused.error().message();
    }
    const auto streamed = lease.stream("select 1").wait();
    ASSERT_FALSE(streamed);
    EXPECT_EQ(streamed.error(), sql::errc::transaction_failed);
    ASSERT_TRUE(lease.query("rollback").wait());
    ASSERT_TRUE(lease.query("insert into outfit (name) values ('kept')").wait());
    EXPECT_EQ(count_rows(), 1);
}

TEST_F(mysql_transactions, one_that_was_lost_costs_no_connection) {
    settings_.pool.connections.max_size = 1;
    ASSERT_TRUE(ask("create or replace procedure ends_it() begin rollback; signal sqlstate '45000'; end"));
    {
        auto scope = pool().begin().wait().value();
        ASSERT_FALSE(scope.query("call ends_it()").wait());
    }
    {
        auto scope = pool().begin().wait().value();
        ASSERT_FALSE(scope.query("call ends_it()").wait());
        EXPECT_TRUE(scope.rollback().wait());
    }
    EXPECT_TRUE(ask("insert into outfit (name) values ('kept')"));
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

TEST_F(mysql_transactions, a_lock_that_is_held_too_long_is_named) {
    ASSERT_TRUE(ask("insert into outfit (id, size) values (1, 1)"));
    auto holder = pool().begin().wait().value();
    ASSERT_TRUE(holder.query("update outfit set size = 2 where id = 1").wait());
    auto second = pool().acquire().wait().value();
    ASSERT_TRUE(second.query("set innodb_lock_wait_timeout = 1").wait());
    const auto refused = second.query("update outfit set size = 3 where id = 1").wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::lock_timeout) << refused.error().message();
}

/// What the next one writes would be acknowledged, and then undone as the rest of a transaction.
TEST_F(mysql_transactions, a_session_that_does_not_commit_by_itself_is_not_lent_as_it_is) {
    for (const auto policy : {sql::reset_policy::none, sql::reset_policy::rollback, sql::reset_policy::full}) {
        settings_.pool.reset = policy;
        settings_.pool.connections.max_size = 1;
        pool_.reset();
        ASSERT_TRUE(ask("delete from outfit"));
        ASSERT_TRUE(ask("set autocommit = 0"));
        ASSERT_TRUE(ask("insert into outfit (name) values ('kept')"));
        {
            auto lease = pool().acquire().wait().value();
            ASSERT_TRUE(lease.query("set autocommit = 0").wait());
            ASSERT_TRUE(lease.query("insert into outfit (name) values ('gone')").wait());
        }
        ASSERT_TRUE(ask("insert into outfit (name) values ('kept too')"));
        EXPECT_EQ(count_rows(), 2);
        const bool is_closed = policy == sql::reset_policy::none;
        EXPECT_EQ(pool().connections().statistics().created, is_closed ? 3U : 1U);
    }
}

TEST_F(mysql_transactions, of_a_server_whose_sessions_do_not_commit_by_themselves_those_of_a_pool_do) {
    ASSERT_TRUE(ask("set global autocommit = 0"));
    settings_.pool.connections.max_size = 1;
    for (const auto policy : {sql::reset_policy::rollback, sql::reset_policy::full}) {
        settings_.pool.reset = policy;
        pool_.reset();
        for (int i = 0; i < 2; ++i) EXPECT_TRUE(ask("insert into outfit (name) values ('kept')"));
    }
    ASSERT_TRUE(ask("set global autocommit = 1"));
    EXPECT_EQ(count_rows(), 4);
}

TEST_F(mysql_transactions, what_was_said_of_the_next_one_is_not_said_of_somebody_elses) {
    settings_.pool.connections.max_size = 1;
    {
        auto lease = pool().acquire().wait().value();
        ASSERT_TRUE(lease.query("set transaction read only").wait());
    }
    EXPECT_TRUE(ask("insert into outfit (name) values ('kept')"));
    EXPECT_EQ(pool().connections().statistics().resets, 1U);
    {
        auto scope = pool().begin({.isolation = sql::isolation::serializable}).wait().value();
        ASSERT_TRUE(scope.commit().wait());
    }
    EXPECT_TRUE(ask("select 1"));
    EXPECT_EQ(pool().connections().statistics().resets, 1U) << "it was said of the one that it began";
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

TEST_F(mysql_transactions, one_that_a_definition_has_committed_goes_no_further) {
    ASSERT_TRUE(ask("drop table if exists beside"));
    auto scope = pool().begin().wait().value();
    ASSERT_TRUE(scope.query("insert into outfit (name) values ('kept')").wait());
    ASSERT_TRUE(scope.query("create table beside (a int)").wait());
    const auto refused = scope.query("insert into outfit (name) values ('gone')").wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::transaction_failed) << refused.error().message();
    const auto undone = scope.rollback().wait();
    ASSERT_FALSE(undone) << "it undoes nothing";
    EXPECT_EQ(undone.error(), sql::errc::transaction_failed) << undone.error().message();
    EXPECT_EQ(count_rows(), 1);
}

TEST_F(mysql_transactions, a_full_reset_forgets_the_session) {
    settings_.pool.reset = sql::reset_policy::full;
    settings_.pool.connections.max_size = 1;
    ASSERT_TRUE(ask("set @tenant = 'first'"));
    EXPECT_TRUE(ask("select @tenant").value()[0][0].is_null());
    EXPECT_EQ(ask("select @@time_zone").value()[0][0].as<std::string>().value(), "+00:00");
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

TEST_F(mysql_transactions, without_a_reset_an_open_transaction_costs_its_connection) {
    settings_.pool.reset = sql::reset_policy::none;
    settings_.pool.connections.max_size = 1;
    {
        auto scope = pool().begin().wait().value();
        ASSERT_TRUE(scope.query("insert into outfit (name) values ('gone')").wait());
    }
    EXPECT_EQ(count_rows(), 0);
    EXPECT_GE(pool().connections().statistics().created, 2U);
}

}  // namespace
}  // namespace lido::test
