// Lido: many tasks at once.
#pragma once

#include "lido/net/runtime.hpp"

#include <cstddef>
#include <cstdint>
#include <latch>
#include <utility>

namespace lido::test {

/// Spreads `count` tasks over the threads of a runtime and waits for all. `make(i)` gives the task.
template <class Make>
void on_tasks(runtime& io, std::size_t count, Make make) {
    std::latch done(static_cast<std::ptrdiff_t>(count));
    struct wrapper {
        static task<void> run(task<void> body, std::latch& counted) {
            const bool started = true;
            co_await std::move(body);
            counted.count_down(started ? 1 : 0);
        }
    };
    for (std::size_t i = 0; i < count; ++i) {
        io.spawn(wrapper::run(make(i), done), static_cast<std::uint32_t>(i));
    }
    done.wait();
}

}  // namespace lido::test
