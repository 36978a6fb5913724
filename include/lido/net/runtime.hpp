// Lido: the I/O threads of a program.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/net/event_loop.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace lido {

/// Settings of a `runtime`.
struct runtime_settings {
    /// I/O threads, each with an event loop of its own; 1 … 256. One thread drives some 10^5 small requests a second.
    std::uint32_t threads = 1;
};

/// The I/O threads on which pools and clients of a program live. Make one, early, and let it outlive all of them.
///
/// Thread-safe. The threads block all signals, so that the program's own handling of them is not disturbed. Throws
/// `std::system_error` when threads or descriptors cannot be had and `lido::exception` when a setting is out of range.
class runtime final : public scheduler_group {
public:
    explicit runtime(runtime_settings settings = {});
    /// Stops and joins the threads. Operations that are still running are abandoned: end them first.
    ~runtime() override;

    [[nodiscard]] std::uint32_t size() const noexcept override { return static_cast<std::uint32_t>(loops_.size()); }
    [[nodiscard]] scheduler& at(std::uint32_t index) noexcept override { return *loops_.at(index); }
    [[nodiscard]] scheduler& pick() noexcept override;

    /// Runs `body` on one of the I/O threads and blocks until it ended. Rethrows what it throws.
    template <class T>
    T run(task<T> body) {
        return block_on(pick(), std::move(body));
    }

    /// Starts `body` on I/O thread `index` modulo their number and lets it run by itself. It must not throw
    /// (`std::terminate`). A request of `stop` destroys it where it is suspended.
    void spawn(task<void> body, std::uint32_t index, std::stop_token stop = {});
    void spawn(task<void> body) { spawn(std::move(body), pick().index()); }

private:
    std::vector<std::unique_ptr<net::event_loop>> loops_;
    std::vector<std::thread> threads_;
    std::atomic<std::uint32_t> next_{0};
};

}  // namespace lido
