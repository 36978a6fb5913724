#include "support/server_process.hpp"

#include "support/test_sockets.hpp"

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lido::test {
namespace {

/// The ordinary user that root becomes.
struct ordinary_user {
    uid_t id = 65534;
    gid_t group = 65534;
    ordinary_user() {
        if (const passwd* const nobody = getpwnam("nobody")) {
            id = nobody->pw_uid;
            group = nobody->pw_gid;
        }
    }
};

}  // namespace

void server_process::start(const std::vector<std::string>& command, const std::string& log_file) {
    end();
    log_file_ = log_file;
    std::vector<char*> arguments;
    for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    const bool is_root = geteuid() == 0;
    const ordinary_user nobody;
    const pid_t parent = getpid();
    const int end_signal = end_signal_;
    const net::unique_descriptor log(
        checked_call(open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), "open"));
    // Some servers open it again by its name.
    if (is_root) checked_call(fchown(log.get(), nobody.id, nobody.group), "chown");
    process_ = checked_call(fork(), "fork");
    if (process_ != 0) return;
    // Between fork and exec only what is safe in a signal handler.
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(log.get(), 1);
    dup2(log.get(), 2);
    if (is_root && (setgroups(0, nullptr) != 0 || setgid(nobody.group) != 0 || setuid(nobody.id) != 0)) _exit(126);
    prctl(PR_SET_PDEATHSIG, end_signal);
    if (getppid() != parent) _exit(125);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
}

int server_process::wait() {
    if (process_ < 0) return -1;
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void server_process::signal(int number) const {
    if (process_ > 0) ::kill(process_, number);
}

void server_process::end() {
    end_with(end_signal_);
}

void server_process::end_with(int number) {
    if (process_ < 0) return;
    signal(number);
    signal(SIGCONT);
    static_cast<void>(wait());
}

bool server_process::is_running() {
    if (process_ > 0 && waitpid(process_, nullptr, WNOHANG) == process_) process_ = -1;
    return process_ > 0;
}

std::vector<pid_t> server_process::children() const {
    std::vector<pid_t> found;
    std::ifstream from("/proc/" + std::to_string(process_) + "/task/" + std::to_string(process_) + "/children");
    for (pid_t each = 0; from >> each;) found.push_back(each);
    return found;
}

void server_process::wait_until(const std::function<bool()>& is_ready, std::chrono::seconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!is_ready()) {
        const bool died = !is_running();
        if (died || std::chrono::steady_clock::now() > until) {
            end();
            throw std::runtime_error((died ? "a server does not start: " : "a server is not ready: ") + output());
        }
        // Nothing tells when a process of somebody else's begins to listen.
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

std::string server_process::output() const {
    std::ifstream from(log_file_);
    std::ostringstream all;
    all << from.rdbuf();
    return all.str();
}

bool can_connect(std::uint16_t port) {
    const net::unique_descriptor probe(checked_call(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const net::address where = *net::address::from_literal("127.0.0.1", port);
    return connect(probe.get(), where.data(), where.size()) == 0;
}

void give_to_server_user(const std::filesystem::path& what) {
    if (geteuid() != 0) return;
    const ordinary_user nobody;
    checked_call(lchown(what.c_str(), nobody.id, nobody.group), "chown");
    for (const auto& each : std::filesystem::recursive_directory_iterator(what)) {
        checked_call(lchown(each.path().c_str(), nobody.id, nobody.group), "chown");
    }
}

std::string find_program(const std::vector<std::string>& candidates, const std::string& debian_package) {
    for (const std::string& each : candidates) {
        if (access(each.c_str(), X_OK) == 0) return each;
    }
    throw std::runtime_error(candidates.front() + " is not installed; remedy: apt-get install " + debian_package);
}

}  // namespace lido::test
