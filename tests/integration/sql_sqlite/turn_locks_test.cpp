// A lock on SQLite's log that is held for a whole turn of a loop, so that its statements need no system call for
// theirs.
#include "sql/sqlite/turn_locks.hpp"

#include "sql/sqlite/database.hpp"
#include "support/virtual_scheduler.hpp"
#include "world.hpp"

#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lido::sqlite {
namespace {

using namespace std::chrono_literals;

class sqlite_turn_locks : public test::sqlite_world {
protected:
    sqlite_turn_locks() {
        pool db(io, settings());
        run(db.query("CREATE TABLE outfit (id INTEGER PRIMARY KEY, name TEXT)"));
        run(db.query("INSERT INTO outfit VALUES (1, 'one')"));
        sqlite3_open(file().c_str(), &stranger);
        locks->open_one(uri_of(file()), 1);
    }
    ~sqlite_turn_locks() override { sqlite3_close(stranger); }

    /// Somebody reads the log as it is before this call.
    [[nodiscard]] bool log_is_read() {
        const char* const change = "INSERT INTO outfit (name) VALUES ('another')";
        EXPECT_EQ(sqlite3_exec(stranger, change, nullptr, nullptr, nullptr), SQLITE_OK);
        const int code = sqlite3_wal_checkpoint_v2(stranger, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
        EXPECT_TRUE(code == SQLITE_OK || code == SQLITE_BUSY) << code;
        return code == SQLITE_BUSY;
    }
    /// So many statements come in one turn.
    void statements(int count) {
        loop.enter([&] {
            for (int i = 0; i < count; ++i) locks->hold();
        });
    }
    void next_turn() {
        loop.run_until_idle();
        loop.advance(1us);
    }

    sqlite3* stranger = nullptr;
    test::virtual_scheduler loop;
    std::shared_ptr<turn_locks> locks = std::make_shared<turn_locks>();
};

TEST_F(sqlite_turn_locks, are_held_from_the_second_statement_of_a_turn_until_its_end) {
    statements(1);
    EXPECT_FALSE(log_is_read());
    statements(1);
    EXPECT_TRUE(log_is_read());
    statements(10);
    EXPECT_TRUE(log_is_read());
    next_turn();
    EXPECT_FALSE(log_is_read());
    statements(1);
    EXPECT_FALSE(log_is_read()) << "a turn with one statement";
}

TEST_F(sqlite_turn_locks, leave_one_millisecond_of_eight_to_those_who_want_to_begin_the_log_anew) {
    int held = 0;
    for (int i = 0; i < 16; ++i) {
        statements(10);
        if (log_is_read()) ++held;
        loop.run_until_idle();
        loop.advance(duration(1 << 20));
    }
    EXPECT_EQ(held, 14);
}

/// One that does not rest is enough to keep the log from being begun anew.
TEST_F(sqlite_turn_locks, of_all_loops_rest_at_the_same_time) {
    test::virtual_group loops(turn_locks::most);
    for (std::size_t i = 1; i < turn_locks::most; ++i) locks->open_one(uri_of(file()), turn_locks::most);
    int held = 0;
    for (int i = 0; i < 16; ++i) {
        for (std::uint32_t which = 0; which < loops.size(); ++which) {
            for (std::uint32_t turns = 0; turns < 1 + which % 3; ++turns) {  // some have had more than others
                loops.run_until_idle();
                loops.advance(1us);
                loops.at(which).enter([&] {
                    locks->hold();
                    locks->hold();
                });
            }
        }
        if (log_is_read()) ++held;
        loops.run_until_idle();
        loops.advance(duration(1 << 20) - 15us);
    }
    EXPECT_EQ(held, 14);
}

TEST_F(sqlite_turn_locks, are_not_taken_while_the_process_writes) {
    {
        const turn_locks::writing now(locks.get());
        statements(10);
        EXPECT_FALSE(log_is_read());
    }
    statements(2);
    EXPECT_TRUE(log_is_read());
}

TEST_F(sqlite_turn_locks, are_let_go_with_the_next_statement_when_the_process_begins_to_write) {
    statements(2);
    const turn_locks::writing now(locks.get());
    EXPECT_TRUE(log_is_read());
    statements(1);
    EXPECT_FALSE(log_is_read());
    next_turn();
    EXPECT_FALSE(log_is_read());
}

TEST_F(sqlite_turn_locks, end_with_their_turn_though_nobody_has_them_any_more) {
    statements(2);
    locks.reset();
    EXPECT_TRUE(log_is_read());
    next_turn();
    EXPECT_FALSE(log_is_read());
}

/// Who closes last writes the log back, and these cannot: whatever copies the file alone would miss what is in the log.
TEST_F(sqlite_turn_locks, are_closed_before_what_writes_the_log_back) {
    sqlite3_close(std::exchange(stranger, nullptr));
    locks.reset();
    {
        runtime loops({.threads = 2});
        pool db(loops, settings());
        run(db.query("INSERT INTO outfit VALUES (7, 'seven')"));
        for (int i = 0; i < 10; ++i) run(db.query("SELECT name FROM outfit WHERE id = ?", 7));
    }
    EXPECT_FALSE(std::filesystem::exists(file() + "-wal"));
}

TEST_F(sqlite_turn_locks, that_are_held_are_closed_at_the_end_of_their_turn_and_then_what_is_last) {
    auto last = std::make_shared<int>(7);
    const std::weak_ptr<int> there = last;
    statements(2);
    locks->close(std::move(last));
    EXPECT_TRUE(log_is_read());
    EXPECT_FALSE(there.expired());
    next_turn();
    EXPECT_TRUE(there.expired());
    statements(2);
    EXPECT_FALSE(log_is_read());
    locks->open_one(uri_of(file()), turn_locks::most);
    statements(2);
    EXPECT_FALSE(log_is_read());
}

TEST_F(sqlite_turn_locks, are_none_of_those_who_are_on_no_loop) {
    locks->hold();
    locks->hold();
    EXPECT_FALSE(log_is_read());
}

TEST_F(sqlite_turn_locks, do_without_a_database_whose_journal_is_another_one) {
    const std::string other = (folder.path() / "other.db").string();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(other.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE t (i)", nullptr, nullptr, nullptr), SQLITE_OK);
    const auto none = std::make_shared<turn_locks>();
    none->open_one(uri_of(other), 1);
    none->open_one(uri_of(other + "-missing"), 1);
    loop.enter([&] {
        none->hold();
        none->hold();
    });
    EXPECT_EQ(sqlite3_exec(db, "INSERT INTO t VALUES (1)", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
}

TEST_F(sqlite_turn_locks, keep_no_statement_from_the_last_commit) {
    pool_settings patient = settings();
    patient.longest_on_loop = 1ms;
    database from(patient);
    const auto reader = from.open(role::reader).value();
    constexpr sql::statement count = "SELECT count(*) FROM outfit";
    static_cast<void>(reader->run(count, {}, clock::now() + 20s).value());
    const auto rows = [&] {
        time_point now = clock::now();
        const auto given = loop.enter([&] { return reader->run_briefly(count, {}, clock::now() + 20s, now); });
        return given ? given->value()[0][0].as<std::int64_t>().value() : -1;
    };
    EXPECT_EQ(rows(), 1);
    EXPECT_EQ(rows(), 1);
    EXPECT_TRUE(log_is_read()) << "and one more by that";
    EXPECT_EQ(rows(), 2);
    next_turn();
}

/// Without an end to the turns' locks the log would become as large as all that is written.
TEST_F(sqlite_turn_locks, do_not_keep_the_log_from_being_begun_anew_while_all_read_and_write) {
    constexpr int writes = 1000;
    constexpr std::uintmax_t each = 60'000;
    runtime loops({.threads = 2});
    pool_settings wanted = settings();
    wanted.common.connections.max_size = 4;
    pool db(loops, wanted);
    run(db.query("CREATE TABLE written (filler BLOB)"));
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> reads{0};
    const auto read = [&]() -> task<> {
        while (!done) {
            operation<sql::rows> asking = db.query("SELECT name FROM outfit WHERE id = ?", 1);
            const result<sql::rows> given = co_await std::move(asking);
            if (!given) throw std::runtime_error(given.error().message());
            ++reads;
        }
    };
    std::vector<std::thread> readers;
    for (std::uint32_t i = 0; i < 8; ++i) readers.emplace_back([&, i] { block_on(loops.at(i % 2), read()); });
    for (int i = 0; i < writes; ++i) run(db.query("INSERT INTO written VALUES (zeroblob(?))", std::int64_t(each)));
    done = true;
    for (std::thread& one : readers) one.join();
    EXPECT_GT(reads, 1000U);
    EXPECT_LT(std::filesystem::file_size(file() + "-wal"), writes * each / 3);
    RecordProperty("wal_bytes", std::to_string(std::filesystem::file_size(file() + "-wal")));
    RecordProperty("reads", std::to_string(reads));
}

}  // namespace
}  // namespace lido::sqlite
