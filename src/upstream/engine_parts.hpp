// Lido: what the sources of the engine share.
#pragma once

#include "lido/base/assert.hpp"
#include "lido/upstream/engine.hpp"
#include "upstream/abandoned_turns.hpp"
#include "upstream/router.hpp"

#include <fmt/format.h>

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lido::upstream {

inline time_point time_here() noexcept {
    const scheduler* here = scheduler::current();
    return here != nullptr ? here->now() : clock::now();
}

inline error closed_error(const std::string& name) {
    return {errc::pool_closed, fmt::format("service {} is closed", name)};
}

/// One event: the lock, and behind it whatever the observer is to be told.
class engine::step {
public:
    explicit step(engine& of) : of_(of), held_(of.mutex_) {}
    step(const step&) = delete;
    step& operator=(const step&) = delete;
    ~step() {
        if (of_.watcher_ != nullptr) tell();
    }

private:
    void tell() noexcept {
        const std::vector<router::event> seen = of_.router_->take_events();
        held_.unlock();
        for (const router::event& each : seen) each(*of_.watcher_, of_.policies().name);
    }

    engine& of_;
    std::unique_lock<std::mutex> held_;
};

/// A caller that waits for a place in the bulkhead. On the way to its scheduler when the caller may have gone already,
/// so it lives by itself.
struct engine::waiter : work, std::enable_shared_from_this<waiter> {
    waiter() noexcept : work([](work& item) noexcept { static_cast<waiter&>(item).arrive(); }) {}
    void arrive() noexcept;
    void call_locked() noexcept {
        keep = shared_from_this();
        where->post(*this);
    }

    scheduler* where = nullptr;
    std::list<std::shared_ptr<waiter>>::iterator place;
    bool waiting = true;   // protected by the engine's mutex
    bool refused = false;  // the same
    std::shared_ptr<waiter> keep;
    place_awaiter* on_call = nullptr;  // on `where` only
};

}  // namespace lido::upstream
