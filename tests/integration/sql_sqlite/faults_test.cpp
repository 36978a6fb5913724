// What goes wrong around a database file: full disk, other processes, damage, sudden death, callers that go away.
#include "lido/sql/error.hpp"
#include "support/sanitized.hpp"
#include "world.hpp"

#include <sqlite3.h>

#include <array>
#include <csignal>
#include <fstream>
#include <set>
#include <string>
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
    if (test::children_have_one_thread)
        GTEST_SKIP() << "its child needs threads, which ThreadSanitizer does not let it have";
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
    wanted.common.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
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
    if (test::children_have_one_thread)
        GTEST_SKIP() << "its child needs threads, which ThreadSanitizer does not let it have";
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

}  // namespace
}  // namespace lido::sqlite
