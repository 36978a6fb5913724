#include "output.hpp"

#include "command_error.hpp"
#include "lido/net/socket.hpp"
#include "printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lido::cli {
namespace {

std::string reason(int code) {
    return std::generic_category().message(code);
}

[[noreturn]] void fail_to_write(const std::string& path, int code) {
    throw command_error(exit_failed, fmt::format("cannot write the report to {}: {}; name another file by --report",
                                                 path, reason(code)));
}

/// What is there but cannot be replaced by a rename: a device, a pipe. Following links, as opening does.
bool is_special(const std::string& path) noexcept {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

void write_special(const std::string& path, std::string_view text) {
    const net::unique_descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!file.valid()) fail_to_write(path, errno);
    if (const int code = write_all(file.get(), text); code != 0) fail_to_write(path, code);
}

/// Where the file really is, so that a symbolic link stays one.
std::string resolved(const std::string& path) {
    char* const real = realpath(path.c_str(), nullptr);
    if (real == nullptr) return path;
    std::string text = real;
    std::free(real);  // NOLINT(cppcoreguidelines-no-malloc): realpath's own
    return text;
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

int write_all(int descriptor, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t written = write(descriptor, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            // Somebody else made our terminal or pipe non-blocking.
            pollfd ready{descriptor, POLLOUT, 0};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

void print_output(std::string_view text) {
    const int code = write_all(STDOUT_FILENO, text);
    if (code == 0 || code == EPIPE) return;
    throw command_error(exit_failed, fmt::format("cannot write to standard output: {}", reason(code)));
}

void print_error(std::string line) {
    std::replace(line.begin(), line.end(), '\n', ' ');
    // There is nowhere to say that standard error cannot be written to.
    static_cast<void>(write_all(STDERR_FILENO, in_one_line(line) + '\n'));
}

void write_file(const std::string& path, std::string_view text) {
    if (is_special(path)) return write_special(path, text);
    const std::string target = resolved(path);
    std::string temporary = target + ".XXXXXX";
    const net::unique_descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
    if (!file.valid()) fail_to_write(path, errno);
    // mkostemp makes it for the owner alone; a report is an ordinary file.
    const mode_t mask = umask(0);
    umask(mask);
    int code = fchmod(file.get(), 0666 & ~mask) == 0 ? 0 : errno;
    if (code == 0) code = write_all(file.get(), text);
    if (code == 0 && fsync(file.get()) != 0) code = errno;
    if (code == 0 && rename(temporary.c_str(), target.c_str()) != 0) code = errno;
    if (code == 0) return;
    unlink(temporary.c_str());
    fail_to_write(path, code);
}

void check_writable(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) fail_to_write(path, EISDIR);
    if (is_special(path)) return;
    const std::string folder = folder_of(resolved(path));
    if (access(folder.c_str(), W_OK | X_OK) != 0) fail_to_write(path, errno);
}

std::string read_file(std::string_view option, const std::string& path) {
    const auto fail = [&](int code) {
        return usage_error(
            fmt::format("{}: cannot read {}: {}; name a file that can be read", option, path, reason(code)));
    };
    const net::unique_descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file.valid()) throw fail(errno);
    std::string text;
    std::string chunk(std::size_t{64} * 1024, '\0');
    while (true) {
        const ssize_t got = read(file.get(), chunk.data(), chunk.size());
        if (got == 0) return text;
        if (got > 0) {
            text.append(chunk, 0, static_cast<std::size_t>(got));
        } else if (errno != EINTR) {
            throw fail(errno);
        }
    }
}

}  // namespace lido::cli
