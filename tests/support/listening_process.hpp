// Lido: a real server for tests that listens on a loopback port.
#pragma once

#include "support/server_process.hpp"

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lido::test {

/// A program of a Debian package that runs as long as this object. Throws, with the remedy, when it is not installed or
/// does not start.
class listening_process {
public:
    /// `command` begins with the program's name, looked for where Debian has servers. It has started when somebody
    /// listens at `port` of 127.0.0.1. Its output goes to `log_file`. `end_signal` ends it with its children.
    listening_process(std::vector<std::string> command, std::uint16_t port, const std::string& debian_package,
                      const std::string& log_file, int end_signal = SIGKILL);

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    std::uint16_t port_;
    std::unique_ptr<server_process> process_;
};

}  // namespace lido::test
