// Lido: what a connection counts about itself.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace lido::http {

/// Written on the connection's loop, read from anywhere. A few plain stores for each request.
class connection_counts {
public:
    /// Another request begins, and with it `running` of them run.
    void begun(std::uint32_t running) noexcept {
        requests_.store(requests_.load(relaxed) + 1, relaxed);
        most_.store(std::max(most_.load(relaxed), running), relaxed);
        running_.store(running, relaxed);
    }
    /// So many run, and so many may.
    void note(std::uint32_t running, std::uint32_t limit) noexcept {
        running_.store(running, relaxed);
        limit_.store(limit, relaxed);
    }

    [[nodiscard]] std::uint32_t running() const noexcept { return running_.load(relaxed); }
    [[nodiscard]] std::uint32_t limit() const noexcept { return limit_.load(relaxed); }
    [[nodiscard]] std::uint32_t most_at_once() const noexcept { return most_.load(relaxed); }
    [[nodiscard]] std::uint64_t requests() const noexcept { return requests_.load(relaxed); }

private:
    static constexpr std::memory_order relaxed = std::memory_order_relaxed;
    std::atomic<std::uint32_t> running_{0};
    std::atomic<std::uint32_t> limit_{1};
    std::atomic<std::uint32_t> most_{0};
    std::atomic<std::uint64_t> requests_{0};
};

}  // namespace lido::http
