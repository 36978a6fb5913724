// Lido: a real event loop that a test drives by hand, on its own thread.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/net/event_loop.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <utility>

#include <poll.h>

namespace lido::test {

/// A task that runs on a `test_loop`. Copies share it.
template <class T>
class running {
public:
    [[nodiscard]] bool done() const noexcept { return state_->value || state_->failure || state_->cancelled; }
    [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled; }
    /// Its value, moved out; rethrows its exception.
    [[nodiscard]] T take() const {
        if (state_->failure) std::rethrow_exception(state_->failure);
        return std::move(state_->value.value());
    }
    /// Destroys it where it stands, in the loop's next turn.
    void cancel() const { state_->stop.request_stop(); }

private:
    friend class test_loop;
    struct shared {
        std::optional<T> value;
        std::exception_ptr failure;
        bool cancelled = false;
        std::stop_source stop;
    };
    struct sink {
        std::shared_ptr<shared> state;
        void complete(T value) { state->value.emplace(std::move(value)); }
        void fail(std::exception_ptr failure) { state->failure = std::move(failure); }
        void cancelled() { state->cancelled = true; }
    };
    std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

/// One embedded event loop and its group of one. Nothing runs but in `turn`, `run_until` and `run`, so a test can stop
/// at every turn and look, or destroy. One thread only.
class test_loop final : public scheduler_group {
public:
    test_loop() = default;

    [[nodiscard]] std::uint32_t size() const noexcept override { return 1; }
    [[nodiscard]] scheduler& at(std::uint32_t) noexcept override { return loop_; }
    [[nodiscard]] scheduler& pick() noexcept override { return loop_; }
    [[nodiscard]] net::event_loop& loop() noexcept { return loop_; }

    /// Waits at most `patience` for something to do, and does it; false when nothing came.
    bool turn(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
        pollfd watched{loop_.descriptor(), POLLIN, 0};
        if (::poll(&watched, 1, static_cast<int>(patience.count())) <= 0) return false;
        loop_.run_ready();
        return true;
    }
    /// Turns until `condition()`; throws when nothing happens for twenty seconds before that.
    template <class Condition>
    void run_until(Condition condition) {
        while (!condition()) {
            if (!turn()) throw std::runtime_error("the test waits for something that does not happen");
        }
    }
    /// Turns until nothing is ready any more.
    void settle() {
        while (turn(std::chrono::milliseconds(0))) {
        }
    }

    /// Starts `body` in the next turn. `T` is not void.
    template <class T>
    [[nodiscard]] running<T> start(task<T> body) {
        running<T> handle;
        using sink = typename running<T>::sink;
        detail::started_task<T, sink>::launch(loop_, std::move(body), sink{handle.state_},
                                              handle.state_->stop.get_token(), false);
        return handle;
    }
    /// Runs `body` to its end.
    template <class T>
    T run(task<T> body) {
        const running<T> handle = start(std::move(body));
        run_until([&handle] { return handle.done(); });
        return handle.take();
    }
    void run(task<void> body) { run(with_value(std::move(body))); }

private:
    static task<bool> with_value(task<void> body) {
        const bool ended = true;
        co_await std::move(body);
        co_return ended;
    }

    net::event_loop loop_{*this, 0, net::event_loop::drive::embedded};
};

}  // namespace lido::test
