#include "support/listening_process.hpp"

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace lido::test {
listening_process::listening_process(std::vector<std::string> command, std::uint16_t port,
                                     const std::string& debian_package, const std::string& log_file)
    : port_(port), process_(std::make_unique<server_process>(SIGKILL)) {
    const std::string name = command.front();
    command.front() = find_program({"/usr/sbin/" + name, "/usr/bin/" + name}, debian_package);
    process_->start(command, log_file);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!can_connect(port_)) {
        if (!process_->is_running() || std::chrono::steady_clock::now() > until) {
            throw std::runtime_error(name + " does not start; remedy: look at " + log_file);
        }
        // Nothing tells when a process begins to listen.
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

}  // namespace lido::test
