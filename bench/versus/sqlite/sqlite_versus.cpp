// SQLite through the pool beside its C interface in a loop on one thread: the same statements on the same file, whose
// results are copied in both. Then two hundred readers at once: how long they take, and what memory they need.
#include "lido/net/runtime.hpp"
#include "lido/sql/sqlite/pool.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using lido::operation;
using lido::result;
using lido::task;
using lido::sqlite::pool;

constexpr int rows_there = 10'000;

struct work {
    const char* name;
    lido::sql::statement text;
    std::int64_t spread;  // keys are drawn below it
};

const std::vector<work>& works() {
    static const std::vector<work> all{
        {"one row by key", "SELECT id, name, price FROM outfit WHERE id = ?", rows_there},
        {"100 rows", "SELECT id, name, price FROM outfit WHERE id >= ? LIMIT 100", rows_there - 100},
        {"1000 rows", "SELECT id, name, price FROM outfit WHERE id >= ? LIMIT 1000", rows_there - 1000},
        {"a sum over 10,000", "SELECT count(*), sum(price), max(name) FROM outfit WHERE id >= ?", 10},
    };
    return all;
}

/// Processor time of the whole process, in seconds.
double processor_time() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& of) {
        return static_cast<double>(of.tv_sec) + static_cast<double>(of.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double resident_megabytes() {
    std::ifstream file("/proc/self/statm");
    double pages = 0;
    file >> pages >> pages;
    return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

struct figures {
    double each = 0;       // microseconds of wall time
    double processor = 0;  // of processor time
};

figures per_operation(std::uint64_t count, lido::duration wall, double processor) {
    const auto operations = static_cast<double>(count);
    return {std::chrono::duration<double, std::micro>(wall).count() / operations, processor * 1e6 / operations};
}

/// A row as a program without a pool keeps it.
struct plain_row {
    std::int64_t id;
    std::string name;
    double price;
};

figures in_a_loop(const std::string& file, const work& what, lido::duration how_long) {
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    const std::string text(what.text.text());
    sqlite3_prepare_v3(db, text.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    std::uint64_t count = 0;
    const double processor = processor_time();
    const auto begin = lido::clock::now();
    while (lido::clock::now() - begin < how_long) {
        std::vector<plain_row> rows;
        sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(count * 7919) % what.spread);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            const auto* name = reinterpret_cast<const char*>(sqlite3_column_text(statement, 1));
            rows.push_back(
                {sqlite3_column_int64(statement, 0), name == nullptr ? "" : name, sqlite3_column_double(statement, 2)});
        }
        sqlite3_reset(statement);
        ++count;
    }
    const figures found = per_operation(count, lido::clock::now() - begin, processor_time() - processor);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return found;
}

task<result<std::uint64_t>> ask(pool& db, const work& what, lido::time_point until,
                                std::vector<lido::duration>* times) {
    std::uint64_t count = 0;
    while (lido::clock::now() < until) {
        const auto begin = lido::clock::now();
        operation<lido::sql::rows> asking = db.query(what.text, static_cast<std::int64_t>(count * 7919) % what.spread);
        const result<lido::sql::rows> given = co_await std::move(asking);
        if (!given) co_return given.error();
        if (times != nullptr) times->push_back(lido::clock::now() - begin);
        ++count;
    }
    co_return count;
}

std::uint64_t run_all(lido::runtime& io, pool& db, const work& what, std::size_t tasks, lido::duration how_long,
                      std::vector<std::vector<lido::duration>>* times = nullptr) {
    std::counting_semaphore<> done(0);
    std::vector<std::uint64_t> counts(tasks);
    const auto until = lido::clock::now() + how_long;
    for (std::size_t i = 0; i < tasks; ++i) {
        operation<std::uint64_t> asking(io, ask(db, what, until, times == nullptr ? nullptr : &(*times)[i]));
        std::move(asking).start([&counts, &done, i](result<std::uint64_t> given) {
            counts[i] = given.value();
            done.release();
        });
    }
    for (std::size_t i = 0; i < tasks; ++i) done.acquire();
    std::uint64_t sum = 0;
    for (const std::uint64_t each : counts) sum += each;
    return sum;
}

figures through_the_pool(lido::runtime& io, const std::string& file, const work& what, std::size_t readers,
                         std::size_t tasks, lido::duration how_long) {
    lido::sqlite::pool_settings settings;
    settings.file = file;
    settings.mode = lido::sqlite::open_mode::read_only;
    settings.common.connections.max_size = readers;
    pool db(io, settings);
    run_all(io, db, what, tasks, 100ms);
    const double processor = processor_time();
    const auto begin = lido::clock::now();
    const std::uint64_t count = run_all(io, db, what, tasks, how_long);
    return per_operation(count, lido::clock::now() - begin, processor_time() - processor);
}

void make_database(const std::string& file) {
    lido::runtime io;
    lido::sqlite::pool_settings settings;
    settings.file = file;
    pool db(io, settings);
    static_cast<void>(db.query("CREATE TABLE outfit (id INTEGER PRIMARY KEY, name TEXT, price REAL)").wait().value());
    std::vector<lido::sql::parameters> sets;
    for (int i = 0; i < rows_there; ++i) {
        sets.push_back(lido::sql::make_parameters(i, fmt::format("a name of some length {}", i), i * 0.25));
    }
    static_cast<void>(db.execute_many("INSERT INTO outfit VALUES (?, ?, ?)", std::move(sets)).wait().value());
}

void compare_inserts(const std::string& file) {
    constexpr int count = 50'000;
    const auto report = [](const char* name, lido::duration took) {
        fmt::print("  {:<40} {:8.2f} us a row\n", name,
                   std::chrono::duration<double, std::micro>(took).count() / count);
    };
    fmt::print("{} rows inserted in one transaction\n", count);
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    sqlite3_open(file.c_str(), &db);
    sqlite3_exec(db,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE a (i INTEGER, t TEXT); "
                 "CREATE TABLE b (i INTEGER, t TEXT)",
                 nullptr, nullptr, nullptr);
    sqlite3_prepare_v2(db, "INSERT INTO a VALUES (?, ?)", -1, &statement, nullptr);
    auto begin = lido::clock::now();
    sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    for (int i = 0; i < count; ++i) {
        sqlite3_bind_int64(statement, 1, i);
        sqlite3_bind_text(statement, 2, "some text", -1, SQLITE_STATIC);
        sqlite3_step(statement);
        sqlite3_reset(statement);
    }
    sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
    report("C interface", lido::clock::now() - begin);
    sqlite3_finalize(statement);
    sqlite3_close(db);

    lido::runtime io;
    lido::sqlite::pool_settings settings;
    settings.file = file;
    pool through(io, settings);
    std::vector<lido::sql::parameters> sets;
    for (int i = 0; i < count; ++i) sets.push_back(lido::sql::make_parameters(i, "some text"));
    begin = lido::clock::now();
    static_cast<void>(through.execute_many("INSERT INTO b VALUES (?, ?)", std::move(sets)).wait().value());
    report("execute_many", lido::clock::now() - begin);
}

void many_readers(lido::runtime& io, const std::string& file, lido::duration how_long) {
    constexpr std::size_t readers = 200;
    const double before = resident_megabytes();
    lido::sqlite::pool_settings settings;
    settings.file = file;
    settings.mode = lido::sqlite::open_mode::read_only;
    settings.common.connections.max_size = readers;
    pool db(io, settings);
    std::vector<std::vector<lido::duration>> times(readers);
    const std::uint64_t count = run_all(io, db, works()[0], readers, how_long, &times);
    std::vector<lido::duration> all;
    for (const auto& each : times) all.insert(all.end(), each.begin(), each.end());
    std::sort(all.begin(), all.end());
    const auto at = [&all](double share) {
        return std::chrono::duration<double, std::milli>(
                   all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))])
            .count();
    };
    fmt::print(
        "200 tasks, up to 200 readers, one row by key: {} queries, p50 {:.2f} ms, p95 {:.2f} ms, p99 {:.2f} ms; "
        "{} connections, {:.1f} MB more than before\n",
        count, at(0.5), at(0.95), at(0.99), db.readers().connections().statistics().created,
        resident_megabytes() - before);
}

}  // namespace

int main(int count, char** arguments) {
    const auto how_long =
        std::chrono::milliseconds(static_cast<std::int64_t>((count > 1 ? std::atof(arguments[1]) : 1.0) * 1000.0));
    const std::string folder = fmt::format("/tmp/lido-bench-sqlite-{}", getpid());
    const std::string file = folder + ".db";
    make_database(file);
    lido::runtime io;
    many_readers(io, file, how_long);
    for (const work& each : works()) {
        const figures plain = in_a_loop(file, each, how_long);
        fmt::print("{}\n  {:<40} {:8.2f} us, processor {:8.2f} us\n", each.name, "C interface in a loop", plain.each,
                   plain.processor);
        for (const auto& [readers, tasks] : {std::pair(1, 1), std::pair(1, 16), std::pair(4, 16), std::pair(16, 64)}) {
            const figures pooled = through_the_pool(io, file, each, static_cast<std::size_t>(readers),
                                                    static_cast<std::size_t>(tasks), how_long);
            fmt::print("  {:<40} {:8.2f} us, processor {:8.2f} us: {:.2f} x the time\n",
                       fmt::format("pool, {} readers, {} tasks", readers, tasks), pooled.each, pooled.processor,
                       pooled.each / plain.each);
        }
    }
    compare_inserts(folder + "-insert.db");
    for (const char* end : {".db", ".db-wal", ".db-shm", "-insert.db", "-insert.db-wal", "-insert.db-shm"}) {
        std::remove((folder + end).c_str());
    }
    return 0;
}
