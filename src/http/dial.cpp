#include "http/dial.hpp"

#include <algorithm>

namespace lido::http {

result<std::shared_ptr<const net::tls_context>> tls_contexts::get(const net::tls_settings& of) {
    const std::lock_guard held(mutex_);
    const auto found = std::find_if(made_.begin(), made_.end(), [&](const auto& each) { return each.first == of; });
    if (found != made_.end()) return found->second;
    auto context = net::tls_context::client(of);
    if (!context) return std::move(context).error();
    if (made_.size() == most) made_.erase(made_.begin());
    made_.emplace_back(of, *context);
    return std::move(*context);
}

result<std::shared_ptr<const dial_plan>> plan_of(const identity& who, tls_contexts& contexts,
                                                 std::shared_ptr<net::resolver> names) {
    auto plan = std::make_shared<dial_plan>();
    plan->who = who;
    plan->names = std::move(names);
    if (who.origin.secure) {
        auto context = contexts.get(who.tls);
        if (!context) return std::move(context).error();
        plan->tls = std::move(*context);
    }
    return std::shared_ptr<const dial_plan>(std::move(plan));
}

task<result<std::unique_ptr<net::stream>>> dial(net::event_loop& loop, std::shared_ptr<const dial_plan> plan,
                                                time_point deadline) {
    net::open_options options(plan->who.origin.host, plan->who.origin.port, plan->tls);
    options.deadline = deadline;
    options.names = plan->names.get();
    task<result<std::unique_ptr<net::stream>>> opening = net::open_stream(loop, std::move(options));
    result<std::unique_ptr<net::stream>> opened = co_await std::move(opening);
    co_return opened;
}

}  // namespace lido::http
