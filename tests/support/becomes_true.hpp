// Lido: waiting for what nobody tells.
#pragma once

#include <chrono>
#include <thread>

namespace lido::test {

/// Waits until `condition()` holds, of which nothing tells: it is asked again and again. False after `patience`.
template <class Condition>
[[nodiscard]] bool becomes_true(Condition condition, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        // Nothing tells when a server's state changes.
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace lido::test
