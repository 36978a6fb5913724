// The load of the comparison with pgbench: N users, each selects one row by its key after another.
//
//   postgres_load MODE URL USERS SECONDS ROWS [SHARED_CONNECTIONS]
//
// MODE is lido (a pool with a connection for each user), many (the same, and all connections are open before the first
// query), shared (users share connections through the pipeline), connect (a new connection for each query), libpq (a
// thread and a connection for each user) or soci (threads over SOCI's pool). Prints one line: queries/s, CPU
// microseconds per query (user, system), quantiles of the time that a query took, and the memory that the process has
// grown by. Before it, "many" prints a line with the number of connections and the memory that they took.
#include "lido/sql/postgres/pool.hpp"
#include "postgres/peers.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

constexpr lido::sql::statement by_key = "SELECT abalance FROM pgbench_accounts WHERE aid = $1";

lido::postgres::settings settings_for(const std::string& mode, const std::string& url, int users, int shared) {
    lido::postgres::settings made{.url = url};
    made.pool.connections.max_size = static_cast<std::size_t>(users);
    made.pool.connections.max_concurrent_connects = 8;
    if (mode == "connect") made.pool.connections.max_uses = 1;
    if (mode == "shared") {
        made.shared_connections = static_cast<std::size_t>(shared);
        made.pipeline_depth = 32;
    }
    return made;
}

/// Borrows a connection for each user, and gives them back when all are there.
void open_all(lido::postgres::pool& db, int users) {
    const double before = lido::bench::resident_megabytes();
    std::vector<lido::postgres::pool::lease> held;
    for (int i = 0; i < users; ++i) held.push_back(db.acquire().wait().value());
    std::printf("%llu connections, memory %.1f MB\n",
                static_cast<unsigned long long>(db.connections().statistics().created),
                lido::bench::resident_megabytes() - before);
    std::fflush(stdout);
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
    const int rows = std::atoi(arguments[5]);
    const int shared = count > 6 ? std::atoi(arguments[6]) : 2;

    if (mode == "libpq" || mode == "soci") {
        lido::bench::load on(users, std::atof(arguments[4]));
        if (mode == "soci" && !lido::bench::soci_users(url, on, rows)) return 3;
        if (mode == "libpq") lido::bench::libpq_users(url, on, rows);
        return on.report();
    }
    if (mode != "lido" && mode != "many" && mode != "shared" && mode != "connect") return 2;
    lido::runtime io;
    std::optional<lido::bench::load> on;  // its time begins when it is made
    lido::postgres::pool db(io, settings_for(mode, url, users, shared));
    if (mode == "many") open_all(db, users);
    on.emplace(users, std::atof(arguments[4]));
    for (int i = 0; i < users; ++i) on->spawn(io, lido::bench::selects_by_key(db, on->window(), by_key, i, rows));
    return on->report();
}
