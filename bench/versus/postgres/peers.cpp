#include "postgres/peers.hpp"

#include <libpq-fe.h>

#include <memory>

#ifdef LIDO_BENCH_SOCI
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#endif

namespace lido::bench {
namespace {

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

}  // namespace

void libpq_users(const std::string& url, load& on, int rows) {
    for (int i = 0; i < on.users(); ++i) {
        on.start([&on, url, i, rows] { libpq_user(url, on.window(), i, rows); });
    }
}

#ifdef LIDO_BENCH_SOCI
bool soci_users(const std::string& url, load& on, int rows) {
    const auto pool = std::make_shared<soci::connection_pool>(static_cast<std::size_t>(on.users()));
    for (int i = 0; i < on.users(); ++i) pool->at(static_cast<std::size_t>(i)).open(soci::postgresql, url);
    for (int i = 0; i < on.users(); ++i) {
        on.start([&on, pool, i, rows] {
            random_source dice(static_cast<std::uint64_t>(i) + 1);
            time_point begun = clock::now();
            while (begun < on.window().end) {
                soci::session by(*pool);
                int key = 1 + static_cast<int>(dice.unit() * rows);
                int balance = 0;
                by << "SELECT abalance FROM pgbench_accounts WHERE aid = :key", soci::use(key), soci::into(balance);
                on.window().count(begun, by.got_data());
            }
        });
    }
    return true;
}
#else
bool soci_users(const std::string&, load&, int) {
    return false;
}
#endif

}  // namespace lido::bench
