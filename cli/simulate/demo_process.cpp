#include "simulate/demo_process.hpp"

#include "command_error.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lido::cli::simulate {
namespace {

constexpr duration start_timeout = std::chrono::seconds(10);

[[noreturn]] void fail(const std::string& why) {
    throw command_error(exit_failed,
                        fmt::format("the demo service did not start: {}; try `lido demo-server` by itself", why));
}

std::string own_program() {
    std::array<char, 4096> path{};
    const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0) fail("/proc/self/exe: " + std::generic_category().message(errno));
    return {path.data(), static_cast<std::size_t>(size)};
}

/// In the child, between fork and exec: only calls that are safe there. Never returns.
[[noreturn]] void become_demo_server(const char* program, int output, pid_t parent) noexcept {
    // A process group of its own: Ctrl-C is for the simulation, which still needs the service to end in order.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // The parent may have died before the line above asked to be told.
    if (getppid() != parent || dup2(output, STDOUT_FILENO) < 0) _exit(127);
    const std::array<const char*, 5> arguments{program, "demo-server", "--port", "0", nullptr};
    execv(program, const_cast<char* const*>(arguments.data()));  // NOLINT(cppcoreguidelines-pro-type-const-cast): C
    _exit(127);
}

}  // namespace

demo_process::demo_process(watch& where) {
    const std::string program = own_program();
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(std::generic_category().message(errno));
    const net::unique_descriptor reading(ends[0]);
    net::unique_descriptor writing(ends[1]);
    const pid_t parent = getpid();
    child_ = fork();
    if (child_ < 0) fail(std::generic_category().message(errno));
    if (child_ == 0) become_demo_server(program.c_str(), writing.get(), parent);
    writing.reset();
    try {
        read_url(reading.get(), where);
    } catch (...) {
        end();
        throw;
    }
}

void demo_process::read_url(int from, watch& where) {
    const time_point deadline = deadline_after(clock::now(), start_timeout);
    std::string line;
    while (line.find('\n') == std::string::npos) {
        if (!where.wait_readable(from, deadline)) {
            if (where.signal() != 0) return;
            fail(fmt::format("it said nothing for {}", to_text(start_timeout)));
        }
        std::array<char, 256> chunk{};
        const ssize_t got = read(from, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) fail("it ended at once");
        line.append(chunk.data(), static_cast<std::size_t>(got));
    }
    const std::size_t begin = line.find("http");
    if (begin == std::string::npos) fail(fmt::format("it said '{}'", line));
    url_ = line.substr(begin, line.find_first_of(" \n", begin) - begin);
}

bool demo_process::has_ended() noexcept {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child_;
}

demo_process::~demo_process() {
    end();
}

void demo_process::end() noexcept {
    if (child_ <= 0) return;
    // It has nothing to save.
    kill(child_, SIGKILL);
    while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
}

}  // namespace lido::cli::simulate
