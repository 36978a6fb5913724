#include "postgres/peers.hpp"

#include "lido/base/random.hpp"

#include <libpq-fe.h>

#include <memory>

#ifdef LIDO_BENCH_SOCI
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#endif

namespace lido::bench {

void libpq_user(const std::string& url, load_window& window, int number, int rows) {
    const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(url.c_str()), &PQfinish);
    PQclear(PQprepare(connection.get(), "by_key", "SELECT abalance FROM pgbench_accounts WHERE aid = $1", 1, nullptr));
    random_source dice(static_cast<std::uint64_t>(number) + 1);
    time_point begun = clock::now();
    while (begun < window.end) {
        const std::string key = std::to_string(1 + static_cast<int>(dice.unit() * rows));
        const char* const value = key.c_str();
        PGresult* const got = PQexecPrepared(connection.get(), "by_key", 1, &value, nullptr, nullptr, 0);
        window.count(begun, PQntuples(got) == 1);
        PQclear(got);
    }
}

#ifdef LIDO_BENCH_SOCI
std::vector<std::thread> soci_users(const std::string& url, load_window& window, int users, int rows,
                                    std::atomic<int>& running) {
    const auto pool = std::make_shared<soci::connection_pool>(static_cast<std::size_t>(users));
    for (int i = 0; i < users; ++i) pool->at(static_cast<std::size_t>(i)).open(soci::postgresql, url);
    std::vector<std::thread> threads;
    for (int i = 0; i < users; ++i) {
        threads.emplace_back([&window, &running, pool, i, rows] {
            random_source dice(static_cast<std::uint64_t>(i) + 1);
            time_point begun = clock::now();
            while (begun < window.end) {
                soci::session by(*pool);
                int key = 1 + static_cast<int>(dice.unit() * rows);
                int balance = 0;
                by << "SELECT abalance FROM pgbench_accounts WHERE aid = :key", soci::use(key), soci::into(balance);
                window.count(begun, by.got_data());
            }
            running.fetch_sub(1);
            running.notify_all();
        });
    }
    return threads;
}
#else
std::vector<std::thread> soci_users(const std::string&, load_window&, int, int, std::atomic<int>&) {
    return {};
}
#endif

}  // namespace lido::bench
