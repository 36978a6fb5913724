// Lido: a way to a server on which connections break.
#pragma once

#include "lido/base/random.hpp"
#include "lido/net/socket.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace lido::test {

/// What becomes of a connection that has used up an allowance.
enum class breaking : std::uint8_t {
    cut,    ///< both ends are closed, half of them with a reset
    stall,  ///< it stays, and nothing passes any more
};

/// Listens on a free port of 127.0.0.1 and passes everything on to another port there and back. Each connection has as
/// many bytes of answers, and of requests, as the allowances say; then it breaks.
class cutting_proxy {
public:
    using allowance = std::function<std::size_t(random_source& dice)>;
    /// Without `requests` these have no end.
    cutting_proxy(std::uint16_t to, std::uint64_t seed, allowance answers, allowance requests = {},
                  breaking how = breaking::cut);
    cutting_proxy(const cutting_proxy&) = delete;
    cutting_proxy& operator=(const cutting_proxy&) = delete;
    ~cutting_proxy();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::size_t accepted() const noexcept { return accepted_.load(); }
    [[nodiscard]] std::size_t cut() const noexcept { return cut_.load(); }
    /// Bytes that have passed on the connection that was accepted last. What has reached an end is in it.
    [[nodiscard]] std::size_t answers_passed() const noexcept { return answers_passed_.load(); }
    [[nodiscard]] std::size_t requests_passed() const noexcept { return requests_passed_.load(); }
    /// The most connections that there were at once.
    [[nodiscard]] std::size_t peak() const noexcept { return peak_.load(); }

private:
    void run(const net::unique_descriptor& listener);

    const std::uint16_t to_;
    std::uint16_t port_ = 0;
    random_source dice_;
    allowance answers_;
    allowance requests_;
    const breaking how_;
    std::atomic<bool> ends_{false};
    std::atomic<std::size_t> accepted_{0};
    std::atomic<std::size_t> cut_{0};
    std::atomic<std::size_t> answers_passed_{0};
    std::atomic<std::size_t> requests_passed_{0};
    std::atomic<std::size_t> peak_{0};
    std::thread thread_;
};

}  // namespace lido::test
