// SQLite through the pool beside its C interface in a loop on one thread: the same statements on the same file, whose
// results are copied in both. Before that, two hundred readers at once: how long they take, and what memory the process
// has grown by.
//
//   bench_versus_sqlite [SECONDS_PER_ROUND] [ROUNDS]
//
// It ends with 1 when the pool misses what it promises: one reader takes at most 1.3 times as long as the loop, many
// take less time than the loop, and two hundred have a connection each, p95 below 100 ms and less than 50 MB more
// memory than the process had at its start.
#include "database_load.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/sqlite/pool.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

double processor_seconds() {
    const auto used = lido::bench::processor_time::now();
    return used.user + used.system;
}

figures in_a_loop(const std::string& file, const work& what, lido::duration how_long) {
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    const std::string text(what.text.text());
    sqlite3_prepare_v3(db, text.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    std::uint64_t count = 0;
    const double processor = processor_seconds();
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
    const figures found = per_operation(count, lido::clock::now() - begin, processor_seconds() - processor);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return found;
}

/// Asks one statement after another and counts them; `db` is a pool, or a lease of one reader.
template <class Source>
task<result<std::uint64_t>> ask(Source& db, const work& what, lido::time_point until) {
    std::uint64_t count = 0;
    while (lido::clock::now() < until) {
        operation<lido::sql::rows> asking = db.query(what.text, static_cast<std::int64_t>(count * 7919) % what.spread);
        const result<lido::sql::rows> given = co_await std::move(asking);
        if (!given) co_return given.error();
        ++count;
    }
    co_return count;
}

/// The same with the time that each took.
task<result<std::uint64_t>> ask_and_time(pool::lease& own, const work& what, lido::time_point until,
                                         std::vector<lido::duration>& times) {
    for (auto begin = lido::clock::now(); begin < until;) {
        operation<lido::sql::rows> asking =
            own.query(what.text, static_cast<std::int64_t>(times.size() * 7919) % what.spread);
        const result<lido::sql::rows> given = co_await std::move(asking);
        if (!given) co_return given.error();
        const auto end = lido::clock::now();
        times.push_back(end - std::exchange(begin, end));
    }
    co_return times.size();
}

task<result<std::uint64_t>> acquire(pool& db, std::optional<pool::lease>& into) {
    operation<pool::lease> acquiring = db.readers().acquire();
    result<pool::lease> own = co_await std::move(acquiring);
    if (!own) co_return std::move(own).error();
    into.emplace(std::move(*own));
    co_return 1;
}

/// Starts what `task_of` makes for each number below `tasks`, and waits for the sum of what they counted.
template <class Function>
std::uint64_t run_tasks(lido::runtime& io, std::size_t tasks, Function task_of) {
    std::counting_semaphore<> done(0);
    std::vector<std::uint64_t> counts(tasks);
    for (std::size_t i = 0; i < tasks; ++i) {
        operation<std::uint64_t> asking(io, task_of(i));
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

std::uint64_t run_all(lido::runtime& io, pool& db, const work& what, std::size_t tasks, lido::duration how_long) {
    const auto until = lido::clock::now() + how_long;
    return run_tasks(io, tasks, [&](std::size_t) { return ask(db, what, until); });
}

figures through_the_pool(lido::runtime& io, pool& db, const work& what, std::size_t tasks, lido::duration how_long) {
    const double processor = processor_seconds();
    const auto begin = lido::clock::now();
    const std::uint64_t count = run_all(io, db, what, tasks, how_long);
    return per_operation(count, lido::clock::now() - begin, processor_seconds() - processor);
}

/// So many readers and tasks, on so many I/O threads.
struct way {
    const char* name;
    std::uint32_t io_threads;
    std::size_t readers;
    std::size_t tasks;
    double most;  // times the loop's time
};

/// A pool of its own for each way.
struct contender {
    contender(const way& what, const std::string& file) : how(what), io({.threads = what.io_threads}) {
        lido::sqlite::pool_settings settings;
        settings.file = file;
        settings.common.connections.max_size = what.readers;
        db.emplace(io, settings);
    }
    const way how;
    lido::runtime io;
    std::optional<pool> db;
    std::vector<figures> found;
};

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

void print(const char* name, const std::vector<figures>& found, const std::string& end) {
    std::vector<double> each;
    std::vector<double> processor;
    for (const figures& one : found) {
        each.push_back(one.each);
        processor.push_back(one.processor);
    }
    fmt::print("  {:<40} {:8.2f} us, processor {:8.2f} us{}\n", name, median(each), median(processor), end);
}

/// Prints what was found, taking turns, and says whether it is what was promised.
bool compare(const work& what, const std::string& file, std::vector<std::unique_ptr<contender>>& all, int rounds,
             lido::duration how_long) {
    std::vector<figures> plain;
    for (auto& each : all) {
        each->found.clear();
        run_all(each->io, *each->db, what, each->how.tasks, 50ms);
    }
    for (int round = 0; round < rounds; ++round) {
        plain.push_back(in_a_loop(file, what, how_long));
        for (auto& each : all) {
            each->found.push_back(through_the_pool(each->io, *each->db, what, each->how.tasks, how_long));
        }
    }
    bool kept = true;
    fmt::print("{}\n", what.name);
    print("C interface in a loop", plain, "");
    for (const auto& each : all) {
        std::vector<double> ratios;
        std::vector<double> processor;
        for (std::size_t i = 0; i < plain.size(); ++i) {
            ratios.push_back(each->found[i].each / plain[i].each);
            processor.push_back(each->found[i].processor / plain[i].processor);
        }
        const double ratio = median(ratios);
        const bool good = ratio <= each->how.most;
        kept = kept && good;
        print(each->how.name, each->found,
              fmt::format(": {:.2f} x the time, {:.2f} x the processor's{}", ratio, median(processor),
                          good ? "" : fmt::format(", more than the {} x promised", each->how.most)));
    }
    return kept;
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

/// `before`: the memory of the process when it had done nothing yet. What it has grown by since is the runtime, the
/// readers, the times that are noted here, and what the making of the database has left.
bool many_readers(const std::string& file, lido::duration how_long, double before) {
    constexpr std::size_t readers = 200;
    lido::runtime io;
    lido::sqlite::pool_settings settings;
    settings.file = file;
    settings.common.connections.max_size = readers;
    pool db(io, settings);
    std::vector<std::vector<lido::duration>> times(readers);
    std::vector<std::optional<pool::lease>> leases(readers);
    run_tasks(io, readers, [&](std::size_t i) { return acquire(db, leases[i]); });
    const auto until = lido::clock::now() + how_long;
    const std::uint64_t count =
        run_tasks(io, readers, [&](std::size_t i) { return ask_and_time(*leases[i], works()[0], until, times[i]); });
    const double memory = lido::bench::resident_megabytes() - before;
    std::vector<lido::duration> all;
    for (const auto& each : times) all.insert(all.end(), each.begin(), each.end());
    std::sort(all.begin(), all.end());
    const auto at = [&all](double share) {
        return std::chrono::duration<double, std::milli>(
                   all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))])
            .count();
    };
    const std::uint64_t connections = db.readers().connections().statistics().created;
    const bool kept = connections == readers && at(0.95) < 100 && memory < 50;
    fmt::print(
        "{} tasks with a reader each, one row by key: {} queries, p50 {:.2f} ms, p95 {:.2f} ms, p99 {:.2f} ms; "
        "{} connections, {:.1f} MB more memory than at the start{}\n",
        readers, count, at(0.5), at(0.95), at(0.99), connections, memory,
        kept ? "" : "; promised are a connection for each, p95 below 100 ms and less than 50 MB");
    return kept;
}

}  // namespace

int main(int count, char** arguments) {
    const auto how_long =
        std::chrono::milliseconds(static_cast<std::int64_t>((count > 1 ? std::atof(arguments[1]) : 0.3) * 1000.0));
    const int rounds = count > 2 ? std::atoi(arguments[2]) : 5;
    const std::string folder = fmt::format("/tmp/lido-bench-sqlite-{}", getpid());
    const std::string file = folder + ".db";
    const double memory = lido::bench::resident_megabytes();
    make_database(file);
    bool kept = many_readers(file, how_long, memory);
    const std::uint32_t cores = std::max(2U, std::thread::hardware_concurrency());
    const std::vector<way> ways{{"pool, 1 reader, 1 task", 1, 1, 1, 1.3},
                                {"pool, 1 reader, 16 tasks", 1, 1, 16, 1.3},
                                {"pool, 4 readers, 16 tasks, all cores", cores, 4, 16, 1.0},
                                {"pool, 16 readers, 64 tasks, all cores", cores, 16, 64, 1.0}};
    std::vector<std::unique_ptr<contender>> all;
    for (const way& each : ways) all.push_back(std::make_unique<contender>(each, file));
    for (const work& each : works()) kept = compare(each, file, all, rounds, how_long) && kept;
    all.clear();
    compare_inserts(folder + "-insert.db");
    for (const char* end : {".db", ".db-wal", ".db-shm", "-insert.db", "-insert.db-wal", "-insert.db-shm"}) {
        std::remove((folder + end).c_str());
    }
    return kept ? 0 : 1;
}
