// The load of the comparison with pgbench: N users, each selects one row by its key after another.
//
//   postgres_load MODE URL USERS SECONDS ROWS [SHARED_CONNECTIONS]
//
// MODE is lido (a pool with a connection for each user), shared (users share connections through the pipeline), connect
// (a new connection for each query), libpq (a thread and a connection for each user) or soci (threads over SOCI's
// pool). Prints one line: queries/s, CPU microseconds per query (user, system), p50 and p99 in microseconds.
#include "lido/base/histogram.hpp"
#include "lido/base/random.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/postgres/pool.hpp"
#include "postgres/peers.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace {

using lido::bench::load_window;

lido::task<void> user(lido::postgres::pool& db, load_window& window, int number, int rows) {
    lido::random_source dice(static_cast<std::uint64_t>(number) + 1);
    lido::time_point begun = lido::clock::now();
    while (begun < window.end) {
        const int key = 1 + static_cast<int>(dice.unit() * rows);
        lido::operation<lido::sql::rows> asked = db.query("SELECT abalance FROM pgbench_accounts WHERE aid = $1", key);
        const auto got = co_await std::move(asked);
        window.count(begun, got && got->size() == 1 && (*got)[0][0].as<int>());
    }
}

struct counted_user {
    static lido::task<void> run(lido::task<void> body, std::atomic<int>& left) {
        std::atomic<int>& counter = left;
        co_await std::move(body);
        counter.fetch_sub(1);
        counter.notify_all();
    }
};

double seconds(const timeval& value) {
    return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) * 1e-6;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 6) {
        std::fprintf(stderr, "usage: postgres_load MODE URL USERS SECONDS ROWS [SHARED_CONNECTIONS]\n");
        return 2;
    }
    const std::string mode = arguments[1];
    const std::string url = arguments[2];
    const int users = std::atoi(arguments[3]);
    const double length = std::atof(arguments[4]);
    const int rows = std::atoi(arguments[5]);

    const lido::time_point now = lido::clock::now();
    const lido::duration warm = std::chrono::milliseconds(500);
    const auto measured = std::chrono::duration_cast<lido::duration>(std::chrono::duration<double>(length));
    load_window window(now + warm, now + warm + measured);
    std::atomic<int> running{users};
    std::vector<std::thread> threads;
    std::unique_ptr<lido::runtime> io;
    std::unique_ptr<lido::postgres::pool> db;
    if (mode == "lido" || mode == "shared" || mode == "connect") {
        io = std::make_unique<lido::runtime>();
        lido::postgres::settings settings{.url = url};
        settings.pool.connections.max_size = static_cast<std::size_t>(users);
        settings.pool.connections.max_concurrent_connects = 8;
        if (mode == "connect") settings.pool.connections.max_uses = 1;
        if (mode == "shared") {
            settings.shared_connections = count > 6 ? static_cast<std::size_t>(std::atoi(arguments[6])) : 2;
            settings.pipeline_depth = 32;
        }
        db = std::make_unique<lido::postgres::pool>(*io, settings);
        for (int i = 0; i < users; ++i) io->spawn(counted_user::run(user(*db, window, i, rows), running), 0);
    } else if (mode == "libpq") {
        for (int i = 0; i < users; ++i) {
            threads.emplace_back([&, i] {
                lido::bench::libpq_user(url, window, i, rows);
                running.fetch_sub(1);
                running.notify_all();
            });
        }
    } else if (mode == "soci") {
        threads = lido::bench::soci_users(url, window, users, rows, running);
        if (threads.empty()) return 3;
    } else {
        return 2;
    }
    rusage before{};
    while (lido::clock::now() < window.measured_from) {
        timespec pause{0, 1'000'000};
        nanosleep(&pause, nullptr);
    }
    getrusage(RUSAGE_SELF, &before);
    const lido::time_point begun = lido::clock::now();
    for (int left = running.load(); left > 0; left = running.load()) running.wait(left);
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    const double elapsed = std::chrono::duration<double>(lido::clock::now() - begun).count();
    for (std::thread& each : threads) each.join();
    const auto queries = static_cast<double>(window.queries.load());
    const double user_time = seconds(after.ru_utime) - seconds(before.ru_utime);
    const double system_time = seconds(after.ru_stime) - seconds(before.ru_stime);
    std::printf("%.0f queries/s, cpu %.2f us/query (user %.2f, system %.2f), p50 %.0f us, p99 %.0f us, failures %llu\n",
                queries / elapsed, (user_time + system_time) / queries * 1e6, user_time / queries * 1e6,
                system_time / queries * 1e6, window.microseconds(0.5), window.microseconds(0.99),
                static_cast<unsigned long long>(window.failures.load()));
    return window.failures.load() == 0 ? 0 : 1;
}
