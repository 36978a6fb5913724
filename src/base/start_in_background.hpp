// Lido: tasks that nobody waits for.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/scheduler.hpp"
#include "lido/base/task.hpp"

#include <exception>
#include <stop_token>
#include <utility>

namespace lido {

/// Starts `body` on `where`; it ends by itself or when `until` asks for it. What it throws ends the program: there is
/// nobody to tell.
inline void start_in_background(scheduler& where, task<void> body, std::stop_token until) {
    struct sink {
        void complete() const noexcept {}
        [[noreturn]] void fail(const std::exception_ptr&) const noexcept { std::terminate(); }
        void cancelled() const noexcept {}
    };
    lido::detail::started_task<void, sink>::launch(where, std::move(body), sink{}, std::move(until), false);
}

}  // namespace lido
