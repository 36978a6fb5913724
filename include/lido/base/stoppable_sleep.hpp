// Lido: a wait that can be cut short.
#pragma once

#include "lido/base/scheduler.hpp"

#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

namespace lido {

/// `co_await stoppable_sleep(when, stop)` goes on at `when`, or soon after `stop` was requested on any thread, on the
/// same scheduler; at once when either holds already. Destroying the waiting coroutine takes the wait back. Costs two
/// allocations.
class [[nodiscard]] stoppable_sleep : private timer {
public:
    stoppable_sleep(time_point when, std::stop_token stop) noexcept
        : timer([](timer& self) noexcept { static_cast<stoppable_sleep&>(self).go_on(); }),
          when_(when),
          stop_(std::move(stop)) {}
    stoppable_sleep(const stoppable_sleep&) = delete;
    stoppable_sleep& operator=(const stoppable_sleep&) = delete;
    ~stoppable_sleep() { leave(); }

    [[nodiscard]] bool await_ready() const noexcept {
        return when_ <= scheduler::current()->now() || stop_.stop_requested();
    }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        where_ = scheduler::current();
        where_->arm(*this, when_);
        alarm_ = std::make_shared<alarm>(*this);
        on_stop_.emplace(stop_, ring{alarm_.get()});
    }
    void await_resume() const noexcept {}

private:
    /// On the way to the scheduler when the pause may be over already, so it lives by itself.
    struct alarm : work, std::enable_shared_from_this<alarm> {
        explicit alarm(stoppable_sleep& whom) noexcept
            : work([](work& item) noexcept {
                  auto& self = static_cast<alarm&>(item);
                  const auto alive = std::move(self.keep);
                  if (self.owner != nullptr) self.owner->go_on();
              }),
              owner(&whom) {}
        stoppable_sleep* owner;
        std::shared_ptr<alarm> keep;
    };
    struct ring {
        alarm* what;
        void operator()() const noexcept {
            what->keep = what->shared_from_this();
            what->owner->where_->post(*what);
        }
    };

    void go_on() noexcept {
        leave();
        waiter_.resume();
    }
    void leave() noexcept {
        if (where_ == nullptr) return;
        on_stop_.reset();  // waits for one that is running on another thread
        alarm_->owner = nullptr;
        where_->disarm(*this);
        where_ = nullptr;
    }

    time_point when_;
    std::stop_token stop_;
    scheduler* where_ = nullptr;
    std::coroutine_handle<> waiter_;
    std::shared_ptr<alarm> alarm_;
    std::optional<std::stop_callback<ring>> on_stop_;
};

}  // namespace lido
