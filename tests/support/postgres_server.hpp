// Lido: a real PostgreSQL for tests.
#pragma once

#include "support/server_process.hpp"
#include "support/temporary_directory.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lido::test {

/// What of a PostgreSQL server a test decides.
struct postgres_configuration {
    /// Lines of postgresql.conf.
    std::string settings = {};
    /// Lines of pg_hba.conf, before the one that trusts everybody.
    std::string access = {};
    /// Both set: the server speaks TLS. PEM files, which are copied.
    std::string certificate = {};
    std::string key = {};
    /// With them: whose certificates of clients it believes.
    std::string client_authority = {};
};

/// A PostgreSQL 15 of its own, as an ordinary user, in a temporary folder, on a UNIX socket and a free loopback port.
/// It ends with this object. Its superuser is "lido", its database "postgres". The folder of a fresh server is made
/// once for a build and then copied. Throws, with the remedy, when PostgreSQL is not installed or does not start.
class postgres_server {
public:
    explicit postgres_server(postgres_configuration configuration = {});
    /// A replica that streams from `primary`.
    postgres_server(const postgres_server& primary, postgres_configuration configuration);
    postgres_server(const postgres_server&) = delete;
    postgres_server& operator=(const postgres_server&) = delete;
    ~postgres_server();

    /// "postgresql://lido@/postgres?host=/tmp/…": over the UNIX socket. `options`: "&name=value…".
    [[nodiscard]] std::string url(std::string_view options = {}) const;
    /// "postgresql://lido@127.0.0.1:20000/postgres".
    [[nodiscard]] std::string tcp_url(std::string_view host = "127.0.0.1") const;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::string socket_folder() const { return folder_.path().string(); }

    /// Runs statements by a connection of its own, as superuser, and returns the first value of the last result.
    std::string ask(const std::string& statements) const;
    /// Connections of clients, that of the question aside; of those that call themselves `application` only.
    [[nodiscard]] std::size_t connections(const std::string& application = "lido") const;

    void start();
    /// In order: clients are cut off, what was committed is written.
    void stop();
    /// As `kill -9` of all its processes.
    void kill();
    /// Stands still, as a machine that hangs does.
    void freeze() const;
    void thaw() const;
    /// Makes a replica the primary, and waits until it is.
    void promote() const;

private:
    [[nodiscard]] std::string data() const { return folder_.file("data"); }
    void configure(bool is_replica);

    temporary_directory folder_;
    postgres_configuration configuration_;
    std::uint16_t port_;
    std::string primary_folder_;  // of a replica
    std::uint16_t primary_port_ = 0;
    server_process process_;
};

}  // namespace lido::test
