// What goes wrong around a database file: full disk, other processes, damage, sudden death, callers that go away.
#include "lido/base/random.hpp"
#include "lido/sql/error.hpp"
#include "support/cancelling.hpp"
#include "support/sanitized.hpp"
#include "world.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lido::sqlite {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class sqlite_faults_test : public test::sqlite_world {};

/// A connection of somebody else, as another process would have it.
class stranger {
public:
    explicit stranger(const std::string& file) {
        sqlite3_open(file.c_str(), &db_);
        sqlite3_busy_timeout(db_, 10'000);
    }
    stranger(const stranger&) = delete;
    stranger& operator=(const stranger&) = delete;
    ~stranger() { sqlite3_close(db_); }
    int run(const char* text) { return sqlite3_exec(db_, text, nullptr, nullptr, nullptr); }

private:
    sqlite3* db_ = nullptr;
};

TEST_F(sqlite_faults_test, a_full_database_is_said_and_undoes_the_transaction) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (data BLOB)"));
    auto lease = db.acquire().wait().value();
    static_cast<void>(lease.query("PRAGMA max_page_count = 20").wait());
    EXPECT_TRUE(lease.query("INSERT INTO t VALUES (zeroblob(1000000))").wait().error() == sql::errc::disk_full);
    auto scope = std::move(lease).begin().wait().value();
    run(scope.query("INSERT INTO t VALUES (1)"));
    EXPECT_TRUE(scope.query("INSERT INTO t VALUES (zeroblob(1000000))").wait().error() == sql::errc::disk_full);
    EXPECT_FALSE(scope.commit().wait() && number(db.query("SELECT count(*) FROM t")) > 1);
    EXPECT_LE(number(db.query("SELECT count(*) FROM t")), 1);
}

/// In a process of its own, because a limit of files counts for all of it: RLIMIT_FSIZE stands for a disk that is full.
TEST_F(sqlite_faults_test, a_disk_that_takes_no_more_is_said_and_reading_goes_on) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        runtime own;
        pool db(own, settings());
        if (!db.query("CREATE TABLE t (data BLOB)").wait()) _exit(10);
        if (!db.query("INSERT INTO t VALUES (1)").wait()) _exit(11);
        const rlimit small{200'000, 200'000};
        setrlimit(RLIMIT_FSIZE, &small);
        const auto refused = db.query("INSERT INTO t VALUES (zeroblob(1000000))").wait();
        if (refused) _exit(12);
        if (!(refused.error() == sql::errc::disk_full)) _exit(13);
        const auto read = db.query("SELECT count(*) FROM t").wait();
        _exit(read && (*read)[0][0].as<int>().value() == 1 ? 0 : 14);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(sqlite_faults_test, a_lock_of_somebody_else_is_waited_for_and_then_said) {
    auto wanted = settings();
    wanted.busy_timeout = 30ms;
    pool db(io, wanted);
    run(db.query("CREATE TABLE t (i INTEGER)"));
    stranger other(file());
    ASSERT_EQ(other.run("BEGIN IMMEDIATE"), SQLITE_OK);
    EXPECT_TRUE(db.query("INSERT INTO t VALUES (1)").wait().error() == sql::errc::lock_timeout);
    EXPECT_TRUE(db.begin().wait().error() == sql::errc::lock_timeout);
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 0) << "readers are not disturbed";
    ASSERT_EQ(other.run("COMMIT"), SQLITE_OK);
    run(db.query("INSERT INTO t VALUES (1)"));
    EXPECT_EQ(db.writer()->connections().statistics().created, 1U);
}

TEST_F(sqlite_faults_test, a_lock_of_somebody_else_does_not_hold_a_writer_beyond_its_deadline) {
    auto wanted = settings();
    wanted.common.statement_timeout = 50ms;
    pool db(io, wanted);
    run(db.query("CREATE TABLE t (i INTEGER)"));
    stranger other(file());
    ASSERT_EQ(other.run("BEGIN IMMEDIATE"), SQLITE_OK);
    EXPECT_TRUE(db.query("INSERT INTO t VALUES (1)").wait().error() == errc::timeout);
    ASSERT_EQ(other.run("COMMIT"), SQLITE_OK);
    run(db.query("INSERT INTO t VALUES (2)"));
    EXPECT_EQ(number(db.query("SELECT sum(i) FROM t")), 2);
}

TEST_F(sqlite_faults_test, a_damaged_file_is_said_to_be_damaged) {
    {
        pool db(io, settings());
        run(db.query("CREATE TABLE t (i INTEGER, x TEXT)"));
        std::vector<sql::parameters> sets(2000, sql::make_parameters(1, "some text that fills pages"));
        run(db.execute_many("INSERT INTO t VALUES (?, ?)", sets));
    }
    {
        std::fstream damaged(file(), std::ios::in | std::ios::out | std::ios::binary);
        damaged.seekp(4096);
        damaged << std::string(4096 * 5, '\xff');
    }
    pool db(io, settings());
    const auto read = db.query("SELECT count(*), max(x) FROM t").wait();
    ASSERT_FALSE(read);
    EXPECT_TRUE(read.error() == sql::errc::corrupt);
    EXPECT_THAT(read.error().remedy(), HasSubstr("backup"));
}

/// The child writes a line only after the commit was acknowledged; then it is killed in the middle of its work.
TEST_F(sqlite_faults_test, sudden_death_loses_and_doubles_nothing_that_was_acknowledged) {
    {
        pool db(io, settings());
        run(db.query("CREATE TABLE t (i INTEGER)"));
    }
    std::int64_t next = 0;
    std::set<std::int64_t> acknowledged;
    for (int round = 0; round < 5; ++round) {
        std::array<int, 2> ends{};
        ASSERT_EQ(pipe(ends.data()), 0);
        const pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            runtime own;
            pool db(own, settings());
            for (std::int64_t i = next;; ++i) {
                if (!db.query("INSERT INTO t VALUES (?)", i).wait()) _exit(1);
                if (write(ends[1], &i, sizeof i) != sizeof i) _exit(2);
            }
        }
        close(ends[1]);
        std::int64_t seen = 0;
        // Killed at some point behind so many commits; the pipe may still hold what was acknowledged meanwhile.
        for (int i = 0; i < 40 + round && read(ends[0], &seen, sizeof seen) == sizeof seen; ++i)
            acknowledged.insert(seen);
        ASSERT_EQ(kill(child, SIGKILL), 0);
        while (read(ends[0], &seen, sizeof seen) == sizeof seen) acknowledged.insert(seen);
        close(ends[0]);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));
        next = *acknowledged.rbegin() + 100;
    }
    pool db(io, settings());
    const auto all = db.query("SELECT i, count(*) FROM t GROUP BY i").wait().value();
    std::set<std::int64_t> there;
    for (const sql::row each : all) {
        EXPECT_EQ(each[1].as<int>().value(), 1);
        there.insert(each[0].as<std::int64_t>().value());
    }
    for (const std::int64_t each : acknowledged) EXPECT_TRUE(there.contains(each)) << each;
    // At most the one insert of each round whose acknowledgement the pipe did not carry any more.
    EXPECT_LE(there.size(), acknowledged.size() + 5);
    EXPECT_EQ(db.query("PRAGMA integrity_check").wait().value()[0][0].text(), "ok");
}

TEST_F(sqlite_faults_test, a_child_process_does_not_use_or_close_its_parents_connections) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    auto scope = db.begin().wait().value();
    run(scope.query("INSERT INTO t VALUES (1)"));
    const pid_t child = fork();
    if (child == 0) _exit(0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    scope.commit().wait().value();
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 1);
}

std::int64_t wanted_queries() {
    const char* asked = std::getenv("LIDO_SQL_NONCES");
    if (asked != nullptr) return std::atoll(asked);
    return test::sanitized ? 1000 : 5000;
}

struct tally {
    std::int64_t right = 0;
    std::int64_t cancelled = 0;
    std::int64_t wrong = 0;
    std::int64_t failed = 0;
};

/// Every query brings back the number that it sent; one in ten is cancelled after some turns of the loop.
task<result<tally>> ask(pool& db, std::int64_t from, std::int64_t count, std::uint64_t seed) {
    random_source dice(seed);
    tally counts;
    for (std::int64_t i = from; i < from + count; ++i) {
        const bool long_one = dice.unit() < 0.02;
        sql::statement what = "SELECT ?, 1";
        if (long_one) {
            what =
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT ?, max(i) FROM "
                "n";
        }
        operation<sql::rows> asking = db.query(what, i);
        // 0: not at all.
        const unsigned turns = dice.unit() < 0.1 ? static_cast<unsigned>(dice.unit() * 200) : 0;
        result<sql::rows> given = error(errc::cancelled, "not asked yet");
        if (turns > 0) {
            test::cancelled_after<sql::rows> ending(std::move(asking), turns);
            given = co_await ending;
        } else {
            given = co_await std::move(asking);
        }
        if (!given) {
            ++(given.error() == errc::cancelled && turns > 0 ? counts.cancelled : counts.failed);
            continue;
        }
        ++((*given)[0][0].as<std::int64_t>().value() == i ? counts.right : counts.wrong);
    }
    co_return counts;
}

TEST_F(sqlite_faults_test, no_answer_reaches_another_though_one_query_in_ten_is_cancelled) {
    auto wanted = settings();
    wanted.common.connections.max_size = 4;
    pool db(io, wanted);
    constexpr std::int64_t users = 16;
    const std::int64_t each = wanted_queries() / users;
    std::counting_semaphore<> done(0);
    std::vector<tally> counts(users);
    for (std::int64_t user = 0; user < users; ++user) {
        operation<tally> asking(io, ask(db, user * each, each, static_cast<std::uint64_t>(user) + 1));
        std::move(asking).start([&counts, &done, user](result<tally> given) {
            counts[static_cast<std::size_t>(user)] = given.value();
            done.release();
        });
    }
    for (std::int64_t user = 0; user < users; ++user) done.acquire();
    tally all;
    for (const tally& one : counts) {
        all.right += one.right;
        all.cancelled += one.cancelled;
        all.wrong += one.wrong;
        all.failed += one.failed;
    }
    fmt::print("{} right, {} cancelled, {} failed, {} wrong; {} connections opened\n", all.right, all.cancelled,
               all.failed, all.wrong, db.readers().connections().statistics().created);
    EXPECT_EQ(all.wrong, 0);
    EXPECT_EQ(all.failed, 0);
    EXPECT_GT(all.cancelled, 0);
    EXPECT_LE(db.readers().connections().statistics().created, 4U);
}

TEST_F(sqlite_faults_test, nothing_of_an_abandoned_transaction_is_seen_by_the_next_borrower) {
    pool db(io, settings());
    run(db.query("CREATE TABLE t (i INTEGER)"));
    const char* asked = std::getenv("LIDO_SQL_ABANDONED");
    const std::int64_t rounds = asked != nullptr ? std::atoll(asked) : 300;
    std::int64_t seen = 0;
    for (std::int64_t i = 0; i < rounds; ++i) {
        auto scope = db.begin().wait().value();
        seen += number(scope.query("SELECT count(*) FROM t"));
        run(scope.query("INSERT INTO t VALUES (?)", i));
    }
    EXPECT_EQ(seen, 0);
    EXPECT_EQ(number(db.query("SELECT count(*) FROM t")), 0);
    EXPECT_EQ(db.writer()->connections().statistics().created, 1U);
}

}  // namespace
}  // namespace lido::sqlite
