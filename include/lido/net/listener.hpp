// Lido: a socket that takes connections, for test servers and the demo service.
#pragma once

#include "lido/base/task.hpp"
#include "lido/net/endpoint.hpp"
#include "lido/net/event_loop.hpp"
#include "lido/net/socket.hpp"

#include <chrono>
#include <coroutine>
#include <memory>
#include <string>

namespace lido::net {

/// Where and how a `listener` listens.
struct listen_options {
    listen_options(std::string on_host, std::uint16_t on_port) : host(std::move(on_host)), port(on_port) {}

    /// An address literal, or "localhost" for 127.0.0.1.
    std::string host;
    /// 0: a free one, see `listener::port()`.
    std::uint16_t port;
    /// Connections that may wait to be accepted; the system caps it (net.core.somaxconn).
    int backlog = 4096;
    /// Lets several listeners share address and port, such as one for each loop (SO_REUSEPORT).
    bool share_port = false;
};

/// Accepts TCP connections on one event loop, and belongs to it.
class listener final : public event_source {
public:
    /// `connect_failed` naming address and reason ("listen on 127.0.0.1:80: permission denied"), with a remedy.
    [[nodiscard]] static result<std::unique_ptr<listener>> open(event_loop& loop, const listen_options& options);
    listener(listener&&) = delete;
    ~listener();

    /// The next connection, TCP_NODELAY set, as a socket on the listener's loop. Waits as long as it takes; destroying
    /// the task takes the wait back. One caller at a time. When the process has no descriptor left it tries again after
    /// 10 ms, and then ever more slowly up to 100 ms, so that a full process does not spin. Fails only when the
    /// listening socket itself is broken.
    [[nodiscard]] task<result<std::unique_ptr<socket>>> accept();
    /// The same as a bare non-blocking descriptor, for a socket on another loop.
    [[nodiscard]] task<result<unique_descriptor>> accept_descriptor();

    [[nodiscard]] const address& local() const noexcept { return local_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return local_.port(); }
    [[nodiscard]] event_loop& loop() const noexcept { return loop_; }

private:
    class readable_awaiter;
    listener(event_loop& loop, unique_descriptor descriptor, const address& local) noexcept;
    void on_events(std::uint32_t events) noexcept override;

    event_loop& loop_;
    unique_descriptor descriptor_;
    address local_;
    bool readable_ = false;
    readable_awaiter* waiter_ = nullptr;
};

}  // namespace lido::net
