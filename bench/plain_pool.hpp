// Lido: what people write when they need a pool: a mutex, a condition variable and a vector used as a stack.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

namespace lido::bench {

/// No deadline, no fairness, no bookkeeping: the least that a pool can cost with a lock.
class plain_pool {
public:
    explicit plain_pool(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) idle_.push_back(i);
    }
    [[nodiscard]] std::size_t acquire() {
        std::unique_lock held(mutex_);
        if (idle_.empty()) {
            ++waiting_;
            returned_.wait(held, [this] { return !idle_.empty(); });
            --waiting_;
        }
        const std::size_t taken = idle_.back();
        idle_.pop_back();
        return taken;
    }
    void release(std::size_t taken) {
        bool wake = false;
        {
            const std::lock_guard held(mutex_);
            idle_.push_back(taken);
            wake = waiting_ > 0;
        }
        if (wake) returned_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::size_t> idle_;
    std::size_t waiting_ = 0;
};

}  // namespace lido::bench
