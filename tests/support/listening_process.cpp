#include "support/listening_process.hpp"

namespace lido::test {

listening_process::listening_process(std::vector<std::string> command, std::uint16_t port,
                                     const std::string& debian_package, const std::string& log_file, int end_signal)
    : port_(port), process_(std::make_unique<server_process>(end_signal)) {
    const std::string name = command.front();
    command.front() = find_program({"/usr/sbin/" + name, "/usr/bin/" + name}, debian_package);
    process_->start(command, log_file);
    process_->wait_until([this] { return can_connect(port_); });
}

}  // namespace lido::test
