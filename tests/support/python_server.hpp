// Lido: a server of a test that is written in Python.
#pragma once

#include "lido/net/socket.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace lido::test {

/// Runs a program of tests/support that prints its port and serves until its standard input ends. Throws, with what it
/// said, when it does not come up: a test that needs it fails then.
class python_server {
public:
    explicit python_server(std::string_view program);
    python_server(const python_server&) = delete;
    python_server& operator=(const python_server&) = delete;
    ~python_server();

    /// The names of what the program can do, as it says with --list.
    [[nodiscard]] static std::vector<std::string> scripts_of(std::string_view program);

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// "http://127.0.0.1:20000".
    [[nodiscard]] std::string url() const;

private:
    pid_t process_ = -1;
    net::unique_descriptor input_;
    std::uint16_t port_ = 0;
};

}  // namespace lido::test
