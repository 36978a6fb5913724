// Lido: a server's process, run as an ordinary user.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace lido::test {

/// A process that is started with a program and its arguments, and ends with this object at the latest, or with the
/// thread that started it. Root becomes `nobody` in it: database servers refuse root. Its output goes to a file.
class server_process {
public:
    /// `end_signal` is what it gets when it must end at once.
    explicit server_process(int end_signal) noexcept : end_signal_(end_signal) {}
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;
    ~server_process() { end(); }

    void start(const std::vector<std::string>& command, const std::string& log_file);
    /// Waits for its end and returns its exit code, or 128 and the signal.
    int wait();
    void signal(int number) const;
    /// Ends it with `end_signal` and waits.
    void end();
    void end_with(int number);
    /// False when it has ended by itself; then it is forgotten.
    [[nodiscard]] bool is_running();
    [[nodiscard]] pid_t id() const noexcept { return process_; }
    /// The processes that it has started, as they are now.
    [[nodiscard]] std::vector<pid_t> children() const;
    /// Waits until `is_ready()`; throws with what it has written when it ended before, or took longer than `patience`.
    void wait_until(const std::function<bool()>& is_ready, std::chrono::seconds patience = std::chrono::seconds(20));
    /// What it has written.
    [[nodiscard]] std::string output() const;

private:
    int end_signal_;
    pid_t process_ = -1;
    std::string log_file_;
};

/// Gives a folder, with all in it, to the user that `server_process` runs as.
void give_to_server_user(const std::filesystem::path& what);

/// The first of the paths that is a program; throws with the remedy otherwise.
[[nodiscard]] std::string find_program(const std::vector<std::string>& candidates, const std::string& debian_package);

/// Can 127.0.0.1 be connected to at that port?
[[nodiscard]] bool can_connect(std::uint16_t port);

}  // namespace lido::test
