#include "support/python_server.hpp"

#include "support/test_sockets.hpp"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lido::test {

python_server::python_server(std::string_view program) {
    const std::string file = fmt::format("{}/tests/support/{}", LIDO_TEST_SOURCE_DIR, program);
    int input[2] = {-1, -1};
    int output[2] = {-1, -1};
    checked_call(pipe2(input, O_CLOEXEC), "pipe");
    checked_call(pipe2(output, O_CLOEXEC), "pipe");
    const net::unique_descriptor reads(input[0]);
    net::unique_descriptor writes(output[1]);
    const net::unique_descriptor said(output[0]);
    input_ = net::unique_descriptor(input[1]);
    const pid_t parent = getpid();
    // The system's own, which sees Debian's packages.
    const std::array<const char*, 4> arguments{"/usr/bin/python3", "-B", file.c_str(), nullptr};
    process_ = checked_call(fork(), "fork");
    if (process_ == 0) {
        dup2(reads.get(), 0);
        dup2(writes.get(), 1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(125);
        execv(arguments[0], const_cast<char* const*>(arguments.data()));
        _exit(127);
    }
    std::string line;
    char letter = 0;
    // The other end is the child's alone once this one is closed, so its death ends the loop.
    writes.reset();
    while (read(said.get(), &letter, 1) == 1 && letter != '\n') line += letter;
    port_ = line.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoul(line));
    if (port_ == 0) throw std::runtime_error(file + " does not come up; is python3-h2 installed?");
}

python_server::~python_server() {
    input_.reset();
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
}

std::vector<std::string> python_server::scripts_of(std::string_view program) {
    const std::string command =
        fmt::format("/usr/bin/python3 -B '{}/tests/support/{}' --list", LIDO_TEST_SOURCE_DIR, program);
    const std::unique_ptr<FILE, int (*)(FILE*)> said(popen(command.c_str(), "r"), &pclose);
    if (!said) throw std::runtime_error(command + " does not run");
    std::vector<std::string> names;
    std::array<char, 200> line{};
    while (fgets(line.data(), line.size(), said.get()) != nullptr) {
        names.emplace_back(line.data());
        if (names.back().ends_with('\n')) names.back().pop_back();
    }
    return names;
}

std::string python_server::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}

}  // namespace lido::test
