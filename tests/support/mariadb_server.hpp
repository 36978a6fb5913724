// Lido: a real MariaDB for tests.
#pragma once

#include "support/server_process.hpp"
#include "support/temporary_directory.hpp"

#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lido::test {

/// A MariaDB of its own on a UNIX socket and a free port of 127.0.0.1, as an ordinary user, in a temporary folder. Its
/// user `tester` has the password `lido's` and may do everything; there is a database `shop`. It ends with this object,
/// and in any case with the thread that started it. Throws, with the remedy, when MariaDB is not installed or does not
/// start. Making its data takes about two seconds.
class mariadb_server {
public:
    /// `options` are further options of the server, "--max-connections=10". With `certificate` and `key`, PEM files
    /// that are copied, it offers TLS; with `client_authority` it believes the certificates that this one has signed.
    explicit mariadb_server(std::vector<std::string> options = {}, const std::string& certificate = {},
                            const std::string& key = {}, const std::string& client_authority = {});
    mariadb_server(const mariadb_server&) = delete;
    mariadb_server& operator=(const mariadb_server&) = delete;
    ~mariadb_server();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::string socket() const { return folder_.file("server.sock"); }
    /// "mysql://tester:lido%27s@127.0.0.1:20000/shop"
    [[nodiscard]] std::string url() const;
    /// The same over the UNIX socket.
    [[nodiscard]] std::string socket_url() const;

    /// Ends it at once, as `kill -9` does.
    void kill();
    /// Stands still, as a machine that hangs does.
    void freeze() const;
    void thaw() const;
    /// Asks it to end, and waits for that.
    void stop();
    void start();

private:
    temporary_directory folder_;
    std::vector<std::string> options_;
    std::uint16_t port_ = 0;
    server_process process_{SIGKILL};
};

}  // namespace lido::test
