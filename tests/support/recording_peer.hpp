// Lido: a peer that writes down every byte that reaches it.
#pragma once

#include "lido/net/socket.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lido::test {

/// Listens on a free port of 127.0.0.1. What it takes bytes for is the test's to say; what came is kept as it came.
class recording_peer {
public:
    /// What is said to what came on a connection and has not been answered yet, of which it takes off what it answers;
    /// nothing while more has to come. `step` counts the answers on this connection. Runs on the peer's thread.
    using answering = std::function<std::string(std::string& unanswered, std::size_t step)>;
    explicit recording_peer(answering answer);
    recording_peer(const recording_peer&) = delete;
    recording_peer& operator=(const recording_peer&) = delete;
    ~recording_peer();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// All that came so far, a text for each connection in the order of their coming.
    [[nodiscard]] std::vector<std::string> heard() const;

    /// Answers each request of HTTP/1.1 with an empty 200; a body has its length, or comes in chunks with trailers.
    [[nodiscard]] static std::string as_http1(std::string& unanswered, std::size_t step);
    /// The same for HTTP/2, cleartext.
    [[nodiscard]] static std::string as_http2(std::string& unanswered, std::size_t step);
    /// Opens each tunnel that CONNECT asks for, and is the server behind it.
    [[nodiscard]] static std::string as_tunnel(std::string& unanswered, std::size_t step);
    /// A SOCKS5 proxy that wants a login, takes any, and is the server behind it.
    [[nodiscard]] static std::string as_socks5(std::string& unanswered, std::size_t step);

private:
    struct connection {
        net::unique_descriptor descriptor;
        std::size_t number;
        std::string unanswered{};
        std::size_t step = 0;
    };
    void run(const net::unique_descriptor& listener);
    [[nodiscard]] bool serve(connection& on);

    answering answer_;
    std::uint16_t port_ = 0;
    std::atomic<bool> ends_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> heard_;
    std::thread thread_;
};

}  // namespace lido::test
