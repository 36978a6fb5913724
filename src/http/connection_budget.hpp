// Lido: how many connections a client may have over all its origins.
#pragma once

#include "lido/base/result.hpp"
#include "lido/base/scheduler.hpp"

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace lido::http {

/// A number of permits that the pools of a client share: one for each connection, from before it is opened until it is
/// gone. Handed out first come, first served. Thread-safe; to be owned by a shared_ptr, and must outlive its permits.
///
/// When none is left, `make_room` is called, outside any lock and on the asking thread, to close a connection that is
/// idle in some pool; the permit comes back when it is gone.
class connection_budget : public std::enable_shared_from_this<connection_budget> {
public:
    /// The right to one connection. Gives itself back.
    class permit {
    public:
        permit() noexcept = default;
        permit(permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
        permit& operator=(permit&& other) noexcept {
            if (this != &other) {
                give_back();
                from_ = std::exchange(other.from_, nullptr);
            }
            return *this;
        }
        ~permit() { give_back(); }

    private:
        friend class connection_budget;
        explicit permit(connection_budget& from) noexcept : from_(&from) {}
        void give_back() noexcept {
            if (from_ != nullptr) std::exchange(from_, nullptr)->give_back();
        }
        connection_budget* from_ = nullptr;
    };

    /// `max` is at least 1.
    connection_budget(std::size_t max, std::function<void()> make_room) : max_(max), make_room_(std::move(make_room)) {}
    connection_budget(const connection_budget&) = delete;
    connection_budget& operator=(const connection_budget&) = delete;
    ~connection_budget();

    class take_awaiter;
    /// Awaits a permit on the current scheduler; `pool_exhausted` when none came until `deadline`. Destroying the wait
    /// takes it back.
    [[nodiscard]] take_awaiter take(time_point deadline) noexcept;

    [[nodiscard]] std::size_t in_use() const noexcept;
    /// Somebody waits for a permit.
    [[nodiscard]] bool is_wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t max() const noexcept { return max_; }

private:
    struct waiting;
    [[nodiscard]] bool try_take() noexcept;
    void give_back() noexcept;
    void note_queue_locked() noexcept { wanted_.store(!queue_.empty(), std::memory_order_relaxed); }

    const std::size_t max_;
    const std::function<void()> make_room_;
    mutable std::mutex mutex_;
    std::size_t used_ = 0;
    std::deque<waiting*> queue_;
    std::atomic<bool> wanted_{false};  // the queue is not empty
};

class [[nodiscard]] connection_budget::take_awaiter : private timer {
public:
    take_awaiter(connection_budget& from, time_point deadline) noexcept;
    take_awaiter(take_awaiter&&) = delete;
    ~take_awaiter();
    [[nodiscard]] bool await_ready() noexcept;
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter);
    [[nodiscard]] result<permit> await_resume();

private:
    friend struct connection_budget::waiting;
    void expire() noexcept;
    void leave() noexcept;

    connection_budget& from_;
    time_point deadline_;
    bool taken_ = false;
    waiting* node_ = nullptr;
};

inline connection_budget::take_awaiter connection_budget::take(time_point deadline) noexcept {
    return {*this, deadline};
}

}  // namespace lido::http
