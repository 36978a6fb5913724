// A disk that is full, a lock that is held, another process that dies, all while many write: nothing acknowledged is
// lost, nothing is doubled, work goes on at once.
#include "sql/sqlite/turn_locks.hpp"
#include "support/sanitized.hpp"
#include "support/sql_load.hpp"
#include "world.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lido::sqlite {
namespace {

using namespace std::chrono_literals;

class sqlite_outage : public test::sqlite_world {
protected:
    [[nodiscard]] pool_settings four_readers() const {
        auto made = settings();
        made.common.connections.max_size = 4;
        return made;
    }
    /// Handles of this process on the database: four readers, the writer, the one that keeps the file open, and turn
    /// locks.
    [[nodiscard]] test::observed_server observed(pool& db) {
        test::observed_server made;
        made.insert = "INSERT INTO written (a, filler) VALUES (?, zeroblob(2000))";
        made.there = [&db] {
            std::vector<std::int64_t> all;
            const auto got = db.query("SELECT a FROM written").wait().value();
            for (const sql::row each : got) all.push_back(each[0].as<std::int64_t>().value());
            return all;
        };
        made.connections = [this] { return handles(); };
        made.max_connections = 6 + turn_locks_of_one_pool();
        return made;
    }
    [[nodiscard]] static std::size_t turn_locks_of_one_pool() {
        return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, turn_locks::most);
    }
    [[nodiscard]] std::size_t handles() const {
        std::size_t count = 0;
        for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code gone;
            if (std::filesystem::read_symlink(each, gone) == file()) ++count;
        }
        return count;
    }
    /// So that readers are open too, and go on reading.
    static void read_with_all(pool& db) {
        std::vector<pool::connections_of::lease> held;
        for (int i = 0; i < 4; ++i) held.push_back(db.readers().acquire().wait().value());
    }
};

TEST_F(sqlite_outage, a_database_that_may_not_grow_costs_no_commit_and_goes_on_when_it_may) {
    pool db(io, four_readers());
    run(db.query("CREATE TABLE written (a INTEGER, filler BLOB)"));
    read_with_all(db);
    test::observed_server server = observed(db);
    server.may_be_told = {sql::errc::disk_full, sql::errc::transaction_failed};
    test::expect_survives(db, server, [&](const test::write_record& record) {
        run(db.query("PRAGMA max_page_count = 1"));
        EXPECT_TRUE(test::becomes_true([&] {
            const auto got = db.query("INSERT INTO written VALUES (-1, zeroblob(100000))").wait();
            return !got && got.error() == sql::errc::disk_full && record.failures() > 0;
        }));
        EXPECT_GT(number(db.query("SELECT count(*) FROM written")), 0) << "reading goes on";
        run(db.query("PRAGMA max_page_count = 1000000"));
    });
}

/// In a process of its own, because a limit of files counts for all of it: RLIMIT_FSIZE stands for a disk that is full.
TEST_F(sqlite_outage, a_disk_that_is_full_for_a_while_costs_no_commit) {
    if (test::children_have_one_thread)
        GTEST_SKIP() << "its child needs threads, which ThreadSanitizer does not let it have";
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        {
            runtime own;
            pool db(own, four_readers());
            run(db.query("CREATE TABLE written (a INTEGER, filler BLOB)"));
            test::observed_server server = observed(db);
            server.may_be_told = {sql::errc::disk_full, sql::errc::transaction_failed};
            test::expect_survives(db, server, [&](const test::write_record& record) {
                rlimit limit{};
                getrlimit(RLIMIT_FSIZE, &limit);
                const rlim_t before = limit.rlim_cur;
                limit.rlim_cur = 10'000;
                setrlimit(RLIMIT_FSIZE, &limit);
                EXPECT_TRUE(test::becomes_true([&] {
                    const auto got = db.query("CREATE TABLE more AS SELECT zeroblob(100000)").wait();
                    return !got && got.error() == sql::errc::disk_full && record.failures() > 0;
                }));
                limit.rlim_cur = before;
                setrlimit(RLIMIT_FSIZE, &limit);
            });
            EXPECT_EQ(db.query("PRAGMA integrity_check").wait().value()[0][0].text(), "ok");
        }
        std::fflush(stdout);
        _exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

/// A process that waits to be told, begins to write, says so, and is killed. Made before this one has opened anything:
/// SQLite must not be carried over a fork.
class dying_writer {
public:
    explicit dying_writer(const std::string& file) {
        if (pipe(tell_.data()) != 0 || pipe(hear_.data()) != 0) throw std::runtime_error("pipe");
        child_ = fork();
        if (child_ != 0) return;
        char told = 0;
        sqlite3* other = nullptr;
        if (read(tell_[0], &told, 1) != 1) _exit(1);
        sqlite3_open(file.c_str(), &other);
        sqlite3_busy_timeout(other, 10'000);
        const int code = sqlite3_exec(other,
                                      "BEGIN IMMEDIATE; PRAGMA cache_size = 1;"
                                      "INSERT INTO written SELECT -2, zeroblob(50000)",
                                      nullptr, nullptr, nullptr);
        if (code != SQLITE_OK || write(hear_[1], "x", 1) != 1) _exit(1);
        pause();
        _exit(0);
    }
    dying_writer(const dying_writer&) = delete;
    dying_writer& operator=(const dying_writer&) = delete;
    ~dying_writer() {
        kill(child_, SIGKILL);
        waitpid(child_, nullptr, 0);
        for (const int each : {tell_[0], tell_[1], hear_[0], hear_[1]}) close(each);
    }
    void write_and_die() {
        char told = 0;
        EXPECT_EQ(write(tell_[1], "x", 1), 1);
        EXPECT_EQ(read(hear_[0], &told, 1), 1);
        EXPECT_EQ(kill(child_, SIGKILL), 0);
    }

private:
    std::array<int, 2> tell_{};
    std::array<int, 2> hear_{};
    pid_t child_ = -1;
};

TEST_F(sqlite_outage, another_process_that_dies_in_its_transaction_costs_no_commit) {
    dying_writer other(file());
    pool db(io, four_readers());
    run(db.query("CREATE TABLE written (a INTEGER, filler BLOB)"));
    read_with_all(db);
    test::expect_survives(db, observed(db), [&] { other.write_and_die(); });
}

TEST_F(sqlite_outage, a_lock_of_another_that_is_held_too_long_costs_no_commit) {
    auto wanted = four_readers();
    wanted.busy_timeout = 50ms;
    pool db(io, wanted);
    run(db.query("CREATE TABLE written (a INTEGER, filler BLOB)"));
    pool other(io, settings());
    test::observed_server server = observed(db);
    server.max_connections = 8 + 2 * turn_locks_of_one_pool();
    server.may_be_told = {sql::errc::lock_timeout};
    test::expect_survives(db, server, [&](const test::write_record& record) {
        auto scope = other.begin().wait().value();
        EXPECT_TRUE(test::becomes_true([&] {
            const auto got = db.query("DELETE FROM written WHERE a < 0").wait();
            return !got && got.error() == sql::errc::lock_timeout && record.failures() > 0;
        }));
    });
}

TEST_F(sqlite_outage, two_pools_that_write_one_file_wait_for_each_other) {
    pool db(io, four_readers());
    pool other(io, settings());
    run(db.query("CREATE TABLE written (a INTEGER, filler BLOB)"));
    run(db.query("CREATE TABLE others (a INTEGER)"));
    test::observed_server server = observed(db);
    server.max_connections = 9 + 2 * turn_locks_of_one_pool();
    test::expect_survives(db, server, [&] {
        for (int i = 0; i < 100; ++i) run(other.query("INSERT INTO others VALUES (?)", i));
    });
    EXPECT_EQ(number(db.query("SELECT count(*) FROM others")), 100);
}

}  // namespace
}  // namespace lido::sqlite
