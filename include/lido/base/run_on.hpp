// Lido: a task on a certain scheduler.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/single_scheduler.hpp"

#include <utility>

namespace lido {

/// Runs `body` on `there` and goes on where it was awaited. On that scheduler itself it is awaited directly, which
/// costs nothing beside. When the awaiting coroutine is destroyed meanwhile, `body` is cancelled over there some time
/// later: it must own what it uses.
template <class T>
task<result<T>> run_on(scheduler& there, task<result<T>> body) {
    if (there.is_current()) {
        result<T> here = co_await std::move(body);
        co_return std::move(here);
    }
    single_scheduler only(there);
    operation<T> elsewhere(only, std::move(body));
    result<T> outcome = co_await std::move(elsewhere);
    co_return std::move(outcome);
}

}  // namespace lido
