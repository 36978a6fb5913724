#include "support/running_command.hpp"

#include "support/test_sockets.hpp"

#include <csignal>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lido::test {
namespace {

constexpr auto patience = std::chrono::minutes(1);

net::unique_descriptor new_file(const std::string& path) {
    return net::unique_descriptor(checked_call(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "open"));
}

std::string content_of(const std::string& path) {
    std::ifstream from(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(from), {}};
}

}  // namespace

running_command::running_command(const std::vector<std::string>& arguments, const variables& environment) {
    std::vector<char*> words{const_cast<char*>(LIDO_TEST_COMMAND)};
    for (const std::string& each : arguments) words.push_back(const_cast<char*>(each.c_str()));
    words.push_back(nullptr);
    const net::unique_descriptor output = new_file(folder_.file("output"));
    const net::unique_descriptor errors = new_file(folder_.file("errors"));
    const net::unique_descriptor nothing(checked_call(open("/dev/null", O_RDONLY | O_CLOEXEC), "open"));
    const pid_t parent = getpid();
    process_ = checked_call(fork(), "fork");
    if (process_ != 0) return;
    dup2(nothing.get(), 0);
    dup2(output.get(), 1);
    dup2(errors.get(), 2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    execv(words[0], words.data());
    _exit(127);
}

running_command::~running_command() {
    if (process_ < 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
}

void running_command::signal(int number) const {
    kill(process_, number);
}

std::string running_command::output_so_far() const {
    return content_of(folder_.file("output"));
}

command_outcome running_command::wait() {
    const auto until = std::chrono::steady_clock::now() + patience;
    int status = 0;
    rusage usage{};
    while (wait4(process_, &status, WNOHANG, &usage) == 0) {
        if (std::chrono::steady_clock::now() > until) throw std::runtime_error("lido does not end");
        // Nothing tells of the end of a process with a limit on the wait.
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    process_ = -1;
    command_outcome ended;
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended.output = content_of(folder_.file("output"));
    ended.errors = content_of(folder_.file("errors"));
    ended.peak_kibibytes = static_cast<std::size_t>(usage.ru_maxrss);
    return ended;
}

command_outcome run_command(const std::vector<std::string>& arguments, const running_command::variables& environment) {
    return running_command(arguments, environment).wait();
}

}  // namespace lido::test
