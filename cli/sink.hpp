// Lido: where a subcommand writes what comes piece by piece.
#pragma once

#include "lido/net/socket.hpp"
#include "watch.hpp"

#include <string>
#include <string_view>

namespace lido::cli {

/// Standard output or a file, written to piece by piece. On the main thread.
class sink {
public:
    /// Empty: standard output. "-": the same, even for binary data on a terminal. Throws `command_error` when the file
    /// cannot be opened.
    sink(watch& where, const std::string& file);

    /// False: nobody reads any more, or a signal came; then there is no point in going on. Throws `command_error` for
    /// everything else, such as a full disk, and for binary data on a terminal, which it could turn upside down.
    [[nodiscard]] bool write(std::string_view text);
    /// Throws as `write` does.
    void close();

private:
    [[noreturn]] void fail(int code) const;

    watch& where_;
    std::string name_;
    net::unique_descriptor file_;
    int descriptor_;
    bool guards_terminal_ = false;
};

}  // namespace lido::cli
