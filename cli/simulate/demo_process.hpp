// Lido: the built-in demo service, beside the simulation.
#pragma once

#include "lido/net/socket.hpp"
#include "watch.hpp"

#include <string>

#include <sys/types.h>

namespace lido::cli::simulate {

/// `lido demo-server` as a child process on a free port, so that its CPU time is not taken for the simulation's. It
/// never outlives this object, nor this process, however that ends.
class demo_process {
public:
    /// Returns when the service listens. Throws `command_error` when it does not within some seconds; on a signal it
    /// returns early, with an empty `url()`.
    explicit demo_process(watch& where);
    demo_process(const demo_process&) = delete;
    demo_process& operator=(const demo_process&) = delete;
    ~demo_process();

    /// "http://127.0.0.1:41234"
    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    /// Has it ended by itself?
    [[nodiscard]] bool has_ended() noexcept;

private:
    void read_url(int from, watch& where);
    void end() noexcept;

    pid_t child_ = -1;
    std::string url_;
};

}  // namespace lido::cli::simulate
