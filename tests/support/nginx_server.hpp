// Lido: a real nginx for tests.
#pragma once

#include "support/server_process.hpp"
#include "support/temporary_directory.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lido::test {

/// What of nginx's configuration a test decides.
struct nginx_configuration {
    /// Inside `server { }`: locations, keepalive_timeout and so on. Every request that no location takes is answered
    /// from `files()`.
    std::string server = {};
    /// Inside `http { }`: maps, zones.
    std::string http = {};
    /// Both set: the server speaks TLS. PEM files, which are copied.
    std::string certificate = {};
    std::string key = {};
    /// It speaks HTTP/2: with TLS beside HTTP/1.1, without instead of it.
    bool http2 = false;
    /// It has a master process, so that it can read its settings again while it serves.
    bool reloads = false;
};

/// An nginx of its own on a free port of 127.0.0.1, as an ordinary user, in a temporary folder. It ends with this
/// object, and in any case with the thread that started it. Throws, with the remedy, when nginx is not installed or
/// does not start: a test that needs it fails then.
class nginx_server {
public:
    explicit nginx_server(nginx_configuration configuration = {});
    nginx_server(const nginx_server&) = delete;
    nginx_server& operator=(const nginx_server&) = delete;
    ~nginx_server();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// "http://127.0.0.1:20000", or "https://localhost:20000".
    [[nodiscard]] std::string url() const;

    /// Puts a file where it is served from.
    void put_file(std::string_view name, std::string_view content) const;
    void remove_file(std::string_view name) const;

    /// Connections accepted since it was started last, those of these questions aside.
    [[nodiscard]] std::size_t accepted();
    /// Connections open now, that of the question aside.
    [[nodiscard]] std::size_t active();

    /// Makes it read its settings again: a new process takes over, the old one ends what it is at. Needs `reloads`.
    void reload() const;

    /// Ends it at once, as `kill -9` does: connections are reset or closed, whatever they are at.
    void kill();
    /// Stands still, as a machine that hangs does: the kernel still takes connections for it.
    void freeze() const;
    void thaw() const;
    /// Ends it, which lets no request end either.
    void stop();
    void start();

private:
    struct status {
        std::size_t active;
        std::size_t accepted;
    };
    [[nodiscard]] status ask_status();
    [[nodiscard]] std::string configuration_text() const;
    void launch();

    temporary_directory folder_;
    nginx_configuration configuration_;
    std::uint16_t port_ = 0;
    std::uint16_t status_port_ = 0;
    server_process process_;
    std::size_t questions_ = 0;
};

}  // namespace lido::test
