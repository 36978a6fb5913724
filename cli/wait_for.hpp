// Lido: the main thread waits for an operation.
#pragma once

#include "lido/base/operation.hpp"
#include "watch.hpp"

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

namespace lido::cli {

/// Runs an operation to its end, which a signal brings about. An operation must be given the chance to take back what
/// it has begun, so this waits until it has really ended.
template <class T>
result<T> wait_for(watch& where, operation<T> what) {
    std::stop_source stop;
    std::optional<result<T>> outcome;
    live_count running(where);
    auto finish = [&outcome, alive = std::make_shared<live_count::token>(running.enter())](result<T> value) mutable {
        outcome.emplace(std::move(value));
        alive.reset();
    };
    std::move(what).start(std::move(finish), stop.get_token());
    while (running.running() != 0) {
        if (where.wait(never) == watch::woken_by::signal) stop.request_stop();
    }
    return *std::move(outcome);
}

}  // namespace lido::cli
