#include "lido/net/address_watch.hpp"

#include "base/start_in_background.hpp"
#include "lido/base/stoppable_sleep.hpp"

#include <algorithm>
#include <mutex>
#include <stop_token>
#include <utility>

namespace lido::net {

/// Owned by the watch and by its task.
struct address_watch::state {
    struct name {
        std::string host;
        std::vector<std::string> addresses;  // in order; empty before the first look-up that was answered
    };

    static task<void> run(std::shared_ptr<state> self);
    task<bool> look_up(name& which, time_point deadline);
    void tell() {
        const std::lock_guard held(mutex);
        if (!ended.stop_requested()) changed();
    }

    duration interval{};
    std::shared_ptr<resolver> names;
    std::vector<name> watched;
    std::function<void()> changed;
    std::stop_source ended;
    std::mutex mutex;  // over a call of `changed`
};

task<void> address_watch::state::run(std::shared_ptr<state> self) {
    while (true) {
        const time_point next = deadline_after(scheduler::current()->now(), self->interval);
        bool any = false;
        for (name& each : self->watched) {
            const bool other = co_await self->look_up(each, next);
            any = any || other;
        }
        if (any) self->tell();
        co_await stoppable_sleep(next, self->ended.get_token());
        if (self->ended.stop_requested()) co_return;
    }
}

/// True: it was known, and leads elsewhere now.
task<bool> address_watch::state::look_up(name& which, time_point deadline) {
    constexpr std::uint16_t any_port = 1;
    resolver& by = names ? *names : default_resolver();
    const result<std::vector<address>> found = co_await by.resolve(which.host, any_port, deadline);
    if (!found) co_return false;
    std::vector<std::string> now;
    for (const address& each : *found) now.push_back(each.host_text());
    std::sort(now.begin(), now.end());
    const bool known = !which.addresses.empty();
    const bool other = now != which.addresses;
    which.addresses = std::move(now);
    co_return known&& other;
}

address_watch::address_watch(scheduler_group& group, std::vector<std::string> names, duration interval,
                             std::shared_ptr<resolver> resolver, std::function<void()> changed)
    : state_(std::make_shared<state>()) {
    for (std::string& each : names) {
        const bool stays = each.empty() || each == "localhost" || address::from_literal(each, 1);
        if (!stays) state_->watched.push_back({std::move(each), {}});
    }
    state_->interval = interval;
    state_->names = std::move(resolver);
    state_->changed = std::move(changed);
    if (!state_->watched.empty()) start_in_background(group.at(0), state::run(state_), state_->ended.get_token());
}

address_watch::~address_watch() {
    state_->ended.request_stop();
    const std::lock_guard held(state_->mutex);
}

}  // namespace lido::net
