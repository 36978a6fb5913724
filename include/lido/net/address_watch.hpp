// Lido: names whose addresses may change.
#pragma once

#include "lido/base/scheduler.hpp"
#include "lido/base/time.hpp"
#include "lido/net/resolver.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lido::net {

/// Looks names up again and again, in the background, and says when one of them leads elsewhere: to other addresses
/// than before, in whatever order. A look-up that fails says nothing. For names whose server gives out another part of
/// their addresses each time it is of no use.
///
/// Thread-safe. `group` must outlive it. The destructor waits for a call of `changed` that is under way; none follows.
class address_watch {
public:
    /// Of `names`, those that always lead to the same place are left out: addresses, "localhost", an empty name.
    /// `changed` is called on a scheduler of the group, at most once for each round of look-ups; it must not block,
    /// throw, or destroy the watch. `resolver` must live until the last look-up that has begun ends; null:
    /// `default_resolver()`.
    address_watch(scheduler_group& group, std::vector<std::string> names, duration interval,
                  std::shared_ptr<resolver> resolver, std::function<void()> changed);
    address_watch(const address_watch&) = delete;
    address_watch& operator=(const address_watch&) = delete;
    ~address_watch();

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace lido::net
