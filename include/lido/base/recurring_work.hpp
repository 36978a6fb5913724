// Lido: work that an owner posts again and again.
#pragma once

#include "lido/base/scheduler.hpp"

#include <memory>
#include <utility>

namespace lido {

/// Work that its owner posts whenever there is something to do, at most once at a time and without an allocation for
/// it. What is posted cannot be taken back, so it outlives an owner that dies meanwhile, and then does nothing. Only on
/// its scheduler.
class recurring_work final : private work {
public:
    using call = void (*)(void* context) noexcept;
    /// The owner's end: nothing is called afterwards.
    struct leave {
        void operator()(recurring_work* which) const noexcept { which->leave_alone(); }
    };
    using pointer = std::unique_ptr<recurring_work, leave>;

    /// `what(context)` is what is done; it may destroy the pointer.
    [[nodiscard]] static pointer make(scheduler& on, call what, void* context) {
        return pointer(new recurring_work(on, what, context));
    }
    recurring_work(recurring_work&&) = delete;

    /// It will be done once, at the end of this turn or in the next one.
    void post() noexcept {
        if (!std::exchange(is_posted_, true)) on_.post(*this);
    }

private:
    recurring_work(scheduler& on, call what, void* context) noexcept
        : work(&recurring_work::run_now), on_(on), what_(what), context_(context) {}
    ~recurring_work() = default;

    static void run_now(work& item) noexcept {
        auto& self = static_cast<recurring_work&>(item);
        self.is_posted_ = false;
        if (self.what_ != nullptr) return self.what_(self.context_);
        delete &self;
    }
    void leave_alone() noexcept {
        what_ = nullptr;
        if (!is_posted_) delete this;
    }

    scheduler& on_;
    call what_;
    void* context_;
    bool is_posted_ = false;
};

}  // namespace lido
