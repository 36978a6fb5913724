// The load of the comparison with pgbench: N users, each selects one row by its key after another.
//
//   postgres_load MODE URL USERS SECONDS ROWS [SHARED_CONNECTIONS]
//
// MODE is lido (a pool with a connection for each user), shared (users share connections through the pipeline), connect
// (a new connection for each query), libpq (a thread and a connection for each user) or soci (threads over SOCI's
// pool). Prints one line: queries/s, CPU microseconds per query (user, system), quantiles of the time that a query
// took, and the memory that the process has grown by.
#include "lido/sql/postgres/pool.hpp"
#include "postgres/peers.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

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
    if (mode != "lido" && mode != "shared" && mode != "connect") return 2;
    lido::runtime io;
    lido::bench::load on(users, std::atof(arguments[4]));
    lido::postgres::pool db(io, settings_for(mode, url, users, shared));
    for (int i = 0; i < users; ++i) on.spawn(io, lido::bench::selects_by_key(db, on.window(), by_key, i, rows));
    return on.report();
}
