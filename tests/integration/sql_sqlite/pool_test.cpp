#include "lido/sql/error.hpp"
#include "world.hpp"

#include <atomic>
#include <limits>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <vector>

namespace lido::sqlite {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class sqlite_pool_test : public test::sqlite_world {};

/// Counts up to a number that takes very long, in one statement.
constexpr sql::statement endless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000000) SELECT count(*) FROM n";

TEST_F(sqlite_pool_test, creates_a_file_writes_and_reads) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)"));
    const auto inserted = db.query("INSERT INTO t (name) VALUES (?), (?)", "one", "two").wait().value();
    EXPECT_EQ(inserted.affected(), 2U);
    EXPECT_EQ(inserted.last_insert_id(), 2);
    const auto read = db.query("SELECT id, name FROM t WHERE id = ?", 2).wait().value();
    ASSERT_EQ(read.size(), 1U);
    EXPECT_EQ(read[0].at("name").value().as<std::string>().value(), "two");
    EXPECT_EQ(db.readers().connections().statistics().created, 1U);
}

TEST_F(sqlite_pool_test, gives_every_value_back_as_it_was_bound) {
    pool db(io, settings());
    const sql::bytes raw{std::byte{0}, std::byte{255}, std::byte{'%'}};
    const std::string with_zero("a\0b", 3);
    const sql::timestamp when{std::chrono::microseconds(1'763'748'245'000'001)};
    const auto id = sql::uuid::parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6").value();
    const auto back = db.query("SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?", std::numeric_limits<std::int64_t>::min(),
                               std::numeric_limits<std::int64_t>::max(), 0.1, "straße", with_zero, raw, sql::null, true,
                               when, id, sql::json("{\"a\":1}"), sql::bytes{})
                          .wait()
                          .value();
    const sql::row row = back[0];
    EXPECT_EQ(row[0].as<std::int64_t>().value(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(row[1].as<std::int64_t>().value(), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(row[2].as<double>().value(), 0.1);
    EXPECT_EQ(row[3].as<std::string>().value(), "straße");
    EXPECT_EQ(row[4].as<std::string>().value(), with_zero);
    EXPECT_EQ(row[5].as<sql::bytes>().value(), raw);
    EXPECT_TRUE(row[6].is_null());
    EXPECT_TRUE(row[7].as<bool>().value());
    EXPECT_EQ(row[8].as<sql::timestamp>().value(), when);
    EXPECT_EQ(row[9].as<sql::uuid>().value(), id);
    EXPECT_EQ(row[10].as<sql::json>().value().text, "{\"a\":1}");
    EXPECT_FALSE(row[11].is_null());
    EXPECT_EQ(row[11].as<sql::bytes>().value(), sql::bytes{});
}

TEST_F(sqlite_pool_test, writes_time_stamps_as_its_own_functions_read_them) {
    pool db(io, settings());
    const sql::timestamp when{std::chrono::seconds(1'763'748'245)};
    EXPECT_EQ(number(db.query("SELECT CAST(strftime('%s', ?) AS INTEGER)", when)), 1'763'748'245);
}

TEST_F(sqlite_pool_test, sends_a_with_that_writes_to_the_writer) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    EXPECT_EQ(db.query("WITH v(i) AS (VALUES (1), (2)) INSERT INTO t SELECT i FROM v").wait().value().affected(), 2U);
    EXPECT_EQ(number(db.query("/* how many */ SELECT count(*) FROM t")), 2);
}

TEST_F(sqlite_pool_test, reports_no_changes_for_what_changes_none) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    run(db.query("INSERT INTO t VALUES (1), (2)"));
    EXPECT_EQ(db.query("CREATE TABLE u (i INTEGER)").wait().value().affected(), 0U);
    EXPECT_EQ(db.query("DELETE FROM t WHERE i > 5").wait().value().affected(), 0U);
}

TEST_F(sqlite_pool_test, uses_the_write_ahead_log_foreign_keys_and_no_extensions) {
    pool db(io, settings());
    EXPECT_EQ(db.query("PRAGMA journal_mode").wait().value()[0][0].text(), "wal");
    EXPECT_EQ(number(db.query("PRAGMA foreign_keys")), 1);
    EXPECT_EQ(number(db.query("PRAGMA synchronous")), 1);
    const auto refused = db.query("SELECT load_extension('x')").wait();
    ASSERT_FALSE(refused);
}

TEST_F(sqlite_pool_test, names_constraints_by_their_kind) {
    pool db(io, settings());
    run(db.query("CREATE TABLE p (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n TEXT NOT NULL, c INTEGER CHECK (c > 0))"));
    run(db.query("CREATE TABLE f (p INTEGER REFERENCES p)"));
    run(db.query("INSERT INTO p VALUES (1, 'secret-value', 'n', 1)"));
    const auto code = [&](operation<sql::rows> of) { return std::move(of).wait().error(); };
    const error unique = code(db.query("INSERT INTO p VALUES (2, 'secret-value', 'n', 1)"));
    EXPECT_TRUE(unique == sql::errc::unique_violation);
    EXPECT_THAT(unique.message(), HasSubstr("p.u"));
    EXPECT_THAT(unique.message(), testing::Not(HasSubstr("secret-value")));
    EXPECT_TRUE(code(db.query("INSERT INTO p VALUES (1, 'x', 'n', 1)")) == sql::errc::unique_violation);
    EXPECT_TRUE(code(db.query("INSERT INTO p VALUES (3, 'x', NULL, 1)")) == sql::errc::not_null_violation);
    EXPECT_TRUE(code(db.query("INSERT INTO p VALUES (3, 'x', 'n', 0)")) == sql::errc::check_violation);
    EXPECT_TRUE(code(db.query("INSERT INTO f VALUES (9)")) == sql::errc::foreign_key_violation);
    EXPECT_TRUE(code(db.query("SELECT * FROM nowhere")) == sql::errc::no_such_object);
    EXPECT_TRUE(code(db.query("SELECT FROM FROM")) == sql::errc::syntax_error);
    EXPECT_TRUE(code(db.query("SELECT ?")) == sql::errc::syntax_error);
    EXPECT_TRUE(code(db.query("SELECT 1; DROP TABLE p")) == sql::errc::syntax_error);
    EXPECT_TRUE(code(db.query("SELECT ?", sql::array(std::vector<int>{1}))) == errc::invalid_argument);
    EXPECT_EQ(number(db.query("SELECT count(*) FROM p;  ")), 1);
}

TEST_F(sqlite_pool_test, refuses_a_result_beyond_its_limit_and_goes_on) {
    auto wanted = settings();
    wanted.common.max_result_bytes = 1024;
    wanted.common.connections.max_size = 1;
    pool db(io, wanted);
    const auto large = db.query(
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
                             "SELECT i FROM n")
                           .wait();
    EXPECT_TRUE(large.error() == errc::limit_exceeded);
    EXPECT_EQ(number(db.query("SELECT 7")), 7);
    EXPECT_EQ(db.readers().connections().statistics().created, 1U);
}

TEST_F(sqlite_pool_test, streams_a_result_in_batches) {
    auto wanted = settings();
    wanted.common.stream_rows = 100;
    pool db(io, wanted);
    auto stream =
        db.stream("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n", 1050)
            .wait()
            .value();
    std::int64_t sum = 0;
    std::size_t batches = 0;
    while (true) {
        const sql::rows some = stream.next().wait().value();
        if (some.empty()) break;
        EXPECT_LE(some.size(), 100U);
        for (const sql::row each : some) sum += each[0].as<std::int64_t>().value();
        ++batches;
    }
    EXPECT_EQ(sum, 1050 * 1051 / 2);
    EXPECT_EQ(batches, 11U);
}

TEST_F(sqlite_pool_test, lends_a_connection_again_whose_stream_was_dropped_half_way) {
    auto wanted = settings();
    wanted.common.connections.max_size = 1;
    pool db(io, wanted);
    for (int i = 0; i < 3; ++i) {
        auto stream =
            db.stream(
                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n")
                .wait()
                .value();
        EXPECT_FALSE(stream.next().wait().value().empty());
    }
    EXPECT_EQ(number(db.query("SELECT 7")), 7);
    EXPECT_EQ(db.readers().connections().statistics().created, 1U);
}

TEST_F(sqlite_pool_test, commits_and_rolls_back) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    {
        auto scope = db.begin().wait().value();
        run(scope.query("INSERT INTO t VALUES (1)"));
        EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 0) << "a reader sees what is not committed";
        scope.commit().wait().value();
    }
    {
        auto scope = db.begin().wait().value();
        run(scope.query("INSERT INTO t VALUES (2)"));
        const unsigned point = scope.savepoint().wait().value();
        run(scope.query("INSERT INTO t VALUES (3)"));
        run(scope.rollback_to(point));
        scope.commit().wait().value();
    }
    {
        auto scope = db.begin().wait().value();
        run(scope.query("INSERT INTO t VALUES (4)"));
    }
    EXPECT_EQ(number(db.query("SELECT sum(i) FROM t")), 3);
    EXPECT_EQ(db.writer()->connections().statistics().created, 1U);
}

TEST_F(sqlite_pool_test, shows_one_state_to_a_transaction_that_only_reads) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    sql::transaction_options reading;
    reading.access = sql::access_mode::read_only;
    auto scope = db.begin(reading).wait().value();
    EXPECT_EQ(number(scope.query("SELECT count(*) FROM t")), 0);
    run(db.query("INSERT INTO t VALUES (1)"));
    EXPECT_EQ(number(scope.query("SELECT count(*) FROM t")), 0);
    EXPECT_TRUE(scope.query("INSERT INTO t VALUES (2)").wait().error() == sql::errc::read_only);
    scope.commit().wait().value();
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 1);
}

TEST_F(sqlite_pool_test, lets_two_tasks_read_and_then_write_without_a_deadlock) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    run(db.query("INSERT INTO t VALUES (0)"));
    std::vector<std::jthread> threads;
    std::atomic<int> failures{0};
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 25; ++round) {
                auto scope = db.begin().wait();
                if (!scope) {
                    ++failures;
                    continue;
                }
                const std::int64_t before = number(scope->query("SELECT i FROM t"));
                if (!scope->query("UPDATE t SET i = ?", before + 1).wait()) ++failures;
                if (!scope->commit().wait()) ++failures;
            }
        });
    }
    threads.clear();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(number(db.query("SELECT i FROM t")), 100);
}

TEST_F(sqlite_pool_test, lets_writers_through_in_the_order_in_which_they_came) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    std::optional<pool::lease> held(db.acquire().wait().value());
    std::counting_semaphore<> done(0);
    for (int i = 0; i < 10; ++i) {
        db.query("INSERT INTO t VALUES (?)", i).start([&done](const result<sql::rows>&) { done.release(); });
    }
    while (db.writer()->connections().statistics().waiting < 10) std::this_thread::yield();
    held.reset();
    for (int i = 0; i < 10; ++i) done.acquire();
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t WHERE i = rowid - 1")), 10);
}

TEST_F(sqlite_pool_test, interrupts_a_statement_at_its_deadline) {
    auto wanted = settings();
    wanted.common.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    wanted.common.connections.max_size = 1;
    pool db(io, wanted);
    EXPECT_TRUE(db.query(endless).wait().error() == errc::timeout);
    EXPECT_EQ(number(db.query("SELECT 7")), 7);
    EXPECT_EQ(db.readers().connections().statistics().created, 1U);
}

TEST_F(sqlite_pool_test, interrupts_a_statement_that_was_given_up_and_lends_its_connection_again) {
    auto wanted = settings();
    wanted.common.connections.max_size = 1;
    pool db(io, wanted);
    EXPECT_EQ(number(db.query("SELECT 7")), 7);
    for (int round = 0; round < 5; ++round) {
        std::stop_source stop;
        std::binary_semaphore ended(0);
        db.query(endless).start([&ended](const result<sql::rows>&) { ended.release(); }, stop.get_token());
        while (db.readers().connections().statistics().leases == 0) std::this_thread::yield();
        stop.request_stop();
        ended.acquire();
        EXPECT_EQ(number(db.query("SELECT 7")), 7);
    }
    EXPECT_EQ(db.readers().connections().statistics().created, 1U);
}

TEST_F(sqlite_pool_test, closes_the_connection_of_a_statement_that_was_given_up_when_it_may_not_cancel) {
    auto wanted = settings();
    wanted.common.connections.max_size = 1;
    wanted.common.cancel_abandoned = false;
    wanted.common.statement_timeout = 1s;
    pool db(io, wanted);
    std::stop_source stop;
    std::binary_semaphore ended(0);
    db.query(endless).start([&ended](const result<sql::rows>&) { ended.release(); }, stop.get_token());
    while (db.readers().connections().statistics().leases == 0) std::this_thread::yield();
    stop.request_stop();
    ended.acquire();
    EXPECT_EQ(number(db.query("SELECT 7")), 7);
    EXPECT_EQ(db.readers().connections().statistics().created, 2U);
}

TEST_F(sqlite_pool_test, keeps_a_transaction_that_sqlite_ended_from_going_on) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER UNIQUE ON CONFLICT ROLLBACK)"));
    auto scope = db.begin().wait().value();
    run(scope.query("INSERT INTO t VALUES (1)"));
    EXPECT_TRUE(scope.query("INSERT INTO t VALUES (1)").wait().error() == sql::errc::unique_violation);
    EXPECT_TRUE(scope.query("INSERT INTO t VALUES (2)").wait().error() == sql::errc::transaction_failed);
    EXPECT_TRUE(scope.commit().wait().error() == sql::errc::transaction_failed);
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 0);
}

TEST_F(sqlite_pool_test, rolls_back_quietly_what_sqlite_rolled_back_already) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER UNIQUE ON CONFLICT ROLLBACK)"));
    auto scope = db.begin().wait().value();
    const unsigned point = scope.savepoint().wait().value();
    run(scope.query("INSERT INTO t VALUES (1)"));
    EXPECT_FALSE(scope.query("INSERT INTO t VALUES (1)").wait());
    EXPECT_TRUE(scope.rollback_to(point).wait().error() == sql::errc::transaction_failed);
    EXPECT_TRUE(scope.rollback().wait());
}

TEST_F(sqlite_pool_test, drops_all_that_a_session_has_with_a_full_reset) {
    auto wanted = settings();
    wanted.common.reset = sql::reset_policy::full;
    pool db(io, wanted);
    {
        auto mine = db.acquire().wait().value();
        run(mine.query("CREATE TEMP TABLE leftover (i INTEGER)"));
        run(mine.query("PRAGMA cache_size = 7"));
    }
    auto next = db.acquire().wait().value();
    EXPECT_TRUE(next.reused());
    EXPECT_TRUE(next.query("SELECT * FROM leftover").wait().error() == sql::errc::no_such_object);
    EXPECT_NE(number(next.query("PRAGMA cache_size")), 7);
}

TEST_F(sqlite_pool_test, runs_one_statement_with_many_sets_of_parameters_or_with_none) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER UNIQUE)"));
    std::vector<sql::parameters> sets;
    for (int i = 0; i < 1000; ++i) sets.push_back(sql::make_parameters(i));
    EXPECT_EQ(db.execute_many("INSERT INTO t VALUES (?)", sets).wait().value().affected(), 1000U);
    const auto twice = db.execute_many("INSERT INTO t VALUES (? + 999)", sets).wait();
    EXPECT_TRUE(twice.error() == sql::errc::unique_violation);
    EXPECT_THAT(twice.error().what(), HasSubstr("set 1 of parameters"));
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 1000);
}

TEST_F(sqlite_pool_test, shares_a_database_in_memory_among_its_connections_and_with_no_other_pool) {
    auto wanted = settings();
    wanted.file = ":memory:";
    pool db(io, wanted);
    pool other(io, wanted);
    run(db.query("CREATE TABLE t (i INTEGER)"));
    run(db.query("INSERT INTO t VALUES (1)"));
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 1);
    db.readers().connections().retire_all();
    db.writer()->connections().retire_all();
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 1);
    EXPECT_TRUE(other.query("SELECT count(*) FROM t").wait().error() == sql::errc::no_such_object);
}

TEST_F(sqlite_pool_test, keeps_prepared_statements_when_the_schema_changes) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    run(db.query("INSERT INTO t VALUES (1)"));
    EXPECT_EQ(db.query("SELECT * FROM t").wait().value().column_count(), 1U);
    run(db.query("ALTER TABLE t ADD COLUMN j INTEGER"));
    EXPECT_EQ(db.query("SELECT * FROM t").wait().value().column_count(), 2U);
}

TEST_F(sqlite_pool_test, reads_a_file_that_it_may_only_read) {
    {
        pool db(io, settings());
        run(db.query("CREATE TABLE t (i INTEGER)"));
    }
    auto wanted = settings();
    wanted.mode = open_mode::read_only;
    pool db(io, wanted);
    EXPECT_EQ(db.writer(), nullptr);
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 0);
    EXPECT_TRUE(db.query("INSERT INTO t VALUES (1)").wait().error() == sql::errc::read_only);
}

TEST_F(sqlite_pool_test, opens_what_has_a_strange_name) {
    auto wanted = settings();
    wanted.file = (folder.path() / "a?mode=memory#50%25 ü.db").string();
    {
        pool db(io, wanted);
        run(db.query("CREATE TABLE t (i INTEGER)"));
    }
    EXPECT_TRUE(std::filesystem::exists(wanted.file));
}

TEST_F(sqlite_pool_test, says_what_is_wrong_with_a_path) {
    const auto refusal = [this](const std::string& path, open_mode mode = open_mode::create) {
        auto wanted = settings();
        wanted.file = path;
        wanted.mode = mode;
        wanted.common.connections.down_fail_fast = 0ms;
        pool db(io, wanted);
        return db.query("SELECT 1").wait().error().message();
    };
    EXPECT_THAT(refusal((folder.path() / "missing" / "x.db").string()), HasSubstr("make the folder"));
    EXPECT_THAT(refusal((folder.path() / "missing.db").string(), open_mode::read_write), HasSubstr("no such file"));
    EXPECT_THAT(refusal((folder.path() / "missing.db").string(), open_mode::read_only), HasSubstr("mode=rwc"));
    EXPECT_THAT(refusal(folder.path().string()), HasSubstr("it is a folder"));
    EXPECT_THAT(refusal(LIDO_TEST_SOURCE_DIR "/README.md", open_mode::read_only), HasSubstr("no SQLite database"));
}

TEST_F(sqlite_pool_test, notices_that_its_file_was_replaced) {
    auto wanted = settings();
    wanted.common.connections.check_after_idle = 0ms;
    pool db(io, wanted);
    run(db.query("CREATE TABLE t (i INTEGER)"));
    auto lease = db.acquire().wait().value();
    std::filesystem::remove(file());
    const auto checked = io.run([](pool::lease& of) -> task<result<void>> {
        result<void> works = co_await of.session().check(clock::now() + 20s);
        co_return works;
    }(lease));
    EXPECT_TRUE(checked.error() == errc::check_failed);
}

TEST_F(sqlite_pool_test, serves_two_hundred_readers_at_once) {
    auto wanted = settings();
    wanted.common.connections.max_size = 200;
    wanted.common.connections.max_concurrent_connects = 50;
    pool db(io, wanted);
    run(db.query("CREATE TABLE t (i INTEGER PRIMARY KEY, v TEXT)"));
    run(db.query("INSERT INTO t VALUES (1, 'x')"));
    std::vector<pool::connections_of::lease> held;
    for (int i = 0; i < 200; ++i) held.push_back(db.readers().acquire().wait().value());
    std::atomic<int> right{0};
    std::counting_semaphore<> done(0);
    for (auto& each : held) {
        each.query("SELECT v FROM t WHERE i = ?", 1).start([&](const result<sql::rows>& given) {
            if (given && (*given)[0][0].text() == "x") ++right;
            done.release();
        });
    }
    for (int i = 0; i < 200; ++i) done.acquire();
    EXPECT_EQ(right, 200);
}

}  // namespace
}  // namespace lido::sqlite
