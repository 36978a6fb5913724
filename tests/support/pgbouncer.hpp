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
#include <stdexcept>
#include <string>
#include <string_view>

namespace lido::test {

/// PgBouncer in transaction mode before a server, on a UNIX socket and a free loopback port. Ends with this object.
class pgbouncer {
public:
    /// `settings`: further lines of pgbouncer.ini.
    pgbouncer(const postgres_server& behind, std::size_t server_connections, std::string_view settings = {})
        : port_(free_port(database_ports)), process_(SIGKILL) {
        file_ = folder_.write(
            "pgbouncer.ini",
            fmt::format("[databases]\npostgres = host={} port={} user=lido dbname=postgres\n[pgbouncer]\n"
                        "listen_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir = {}\nauth_type = any\n"
                        "pool_mode = transaction\ndefault_pool_size = {}\n{}\n",
                        behind.socket_folder(), behind.port(), port_, folder_.path().string(), server_connections,
                        settings));
        give_to_server_user(folder_.path());
        start();
    }

    /// Started anew, it may find its port taken for a moment: by whoever was given it, or by a connect to it that met
    /// itself.
    void start() {
        for (int attempt = 1;; ++attempt) {
            process_.start({find_program({"/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"}, "pgbouncer"), file_},
                           folder_.file("log"));
            try {
                return process_.wait_until([this] { return can_connect(port_); });
            } catch (const std::runtime_error&) {
                if (attempt == 5) throw;
            }
        }
    }
    /// Ends it at once, as `kill -9` does.
    void kill() { process_.end_with(SIGKILL); }

    [[nodiscard]] std::string url() const { return fmt::format("postgresql://lido@127.0.0.1:{}/postgres", port_); }
    [[nodiscard]] std::string socket_url() const {
        return fmt::format("postgresql://lido@:{}/postgres?host={}", port_, folder_.path().string());
    }

private:
    temporary_directory folder_;
    std::string file_;
    std::uint16_t port_;
    server_process process_;
};

}  // namespace lido::test
