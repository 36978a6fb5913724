#include "sink.hpp"

#include "command_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace lido::cli {

sink::sink(watch& where, const std::string& file) : where_(where), name_(file), descriptor_(STDOUT_FILENO) {
    if (file.empty() || file == "-") {
        name_ = "standard output";
        guards_terminal_ = file.empty() && isatty(STDOUT_FILENO) == 1;
        return;
    }
    file_ = net::unique_descriptor(open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
    if (!file_.valid()) fail(errno);
    descriptor_ = file_.get();
}

void sink::fail(int code) const {
    const bool is_file = name_ != "standard output";
    const std::string_view remedy = is_file ? "make room, or name another file by --output" : "make room";
    throw command_error(
        exit_write, fmt::format("cannot write to {}: {}; {}", name_, std::generic_category().message(code), remedy));
}

bool sink::write(std::string_view text) {
    // No text has a zero byte, and hardly anything else is without one for long: what curl looks for, too.
    if (guards_terminal_ && text.find('\0') != std::string_view::npos) {
        throw command_error(exit_write,
                            "what came is binary and standard output a terminal; write it to a file by -o FILE, or "
                            "here all the same by -o -");
    }
    while (!text.empty()) {
        // So that a signal is noticed while whoever reads stands still. A pipe that can be written to has room for
        // this much without waiting.
        if (!where_.wait_writable(descriptor_, never)) return false;
        const auto done = ::write(descriptor_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (done >= 0) {
            text.remove_prefix(static_cast<std::size_t>(done));
        } else if (errno == EPIPE) {
            return false;
        } else if (errno != EINTR && errno != EAGAIN) {
            fail(errno);
        }
    }
    return true;
}

void sink::close() {
    if (!file_.valid()) return;
    // What the system has put off comes out here. Some devices cannot be synchronised, and need not be.
    if (fsync(file_.get()) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS) fail(errno);
    file_.reset();
}

}  // namespace lido::cli
