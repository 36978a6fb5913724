// Lido: a coroutine that steps aside.
#pragma once

#include "lido/base/scheduler.hpp"

#include <coroutine>

namespace lido::cli {

/// `co_await`ed, it lets everything else that is ready on this scheduler run first. Make it as a named local.
class let_others_run final {
public:
    let_others_run() noexcept = default;
    let_others_run(let_others_run&&) = delete;
    ~let_others_run() {
        if (item_ != nullptr) item_->owner = nullptr;
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
        // Posted work cannot be taken back, so it must outlive a coroutine that is destroyed meanwhile.
        item_ = new item(this, waiter);
        scheduler::current()->post(*item_);
    }
    void await_resume() const noexcept {}

private:
    struct item final : work {
        item(let_others_run* awaiter, std::coroutine_handle<> to_resume) noexcept
            : work([](work& self) noexcept { static_cast<item&>(self).finish(); }), owner(awaiter), waiter(to_resume) {}
        void finish() noexcept {
            let_others_run* const awaiter = owner;
            const std::coroutine_handle<> resumed = waiter;
            delete this;
            if (awaiter == nullptr) return;
            awaiter->item_ = nullptr;
            resumed.resume();
        }
        let_others_run* owner;
        std::coroutine_handle<> waiter;
    };

    item* item_ = nullptr;
};

}  // namespace lido::cli
