// Lido: a real PgBouncer for tests.
#pragma once

#include "support/free_port.hpp"
#include "support/postgres_server.hpp"
#include "support/server_process.hpp"
#include "support/temporary_directory.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>

#include <unistd.h>

namespace lido::test {

/// PgBouncer in transaction mode before a server, on a UNIX socket and a free loopback port. Ends with this object.
class pgbouncer {
public:
    pgbouncer(const postgres_server& behind, std::size_t server_connections) : port_(free_port()), process_(SIGKILL) {
        const std::string file = folder_.write(
            "pgbouncer.ini",
            fmt::format("[databases]\npostgres = host={} port={} user=lido dbname=postgres\n[pgbouncer]\n"
                        "listen_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir = {}\nauth_type = any\n"
                        "pool_mode = transaction\ndefault_pool_size = {}\nmax_client_conn = 200\n",
                        behind.socket_folder(), behind.port(), port_, folder_.path().string(), server_connections));
        give_to_server_user(folder_.path());
        process_.start({find_program({"/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"}, "pgbouncer"), file},
                       folder_.file("log"));
        const std::string listening = folder_.file(fmt::format(".s.PGSQL.{}", port_));
        process_.wait_until([&listening] { return access(listening.c_str(), F_OK) == 0; });
    }

    [[nodiscard]] std::string url() const { return fmt::format("postgresql://lido@127.0.0.1:{}/postgres", port_); }

private:
    temporary_directory folder_;
    std::uint16_t port_;
    server_process process_;
};

}  // namespace lido::test
