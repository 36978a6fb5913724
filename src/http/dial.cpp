#include "http/dial.hpp"

#include "http/connect_tunnel.hpp"
#include "http/socks5.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lido::http {
namespace {

using opened_stream = result<std::unique_ptr<net::stream>>;

result<tls_plan> tls_plan_of(const net::tls_settings& settings, tls_contexts& contexts) {
    auto context = contexts.get(settings);
    if (!context) return std::move(context).error();
    return tls_plan{std::move(*context), std::make_shared<net::tls_session_store>()};
}

net::endpoint place_of(const proxy& which) {
    return {which.host, which.port};
}

/// A zone means something on this machine only: nobody else can connect to it.
result<net::endpoint> target_behind(const identity& who, std::size_t number) {
    if (number + 1 < who.proxies.size()) return place_of(who.proxies[number + 1]);
    if (who.origin.host.find('%') == std::string::npos) return net::endpoint(who.origin.host, who.origin.port);
    return error(errc::invalid_argument, "an address with a zone cannot be reached through a proxy",
                 "name it in no_proxy");
}

/// The connection to whoever comes first.
task<opened_stream> open_first(net::event_loop& loop, const dial_plan& plan, time_point deadline) {
    const identity& who = plan.who;
    const bool direct = who.proxies.empty();
    net::open_options options(direct ? who.origin.host : who.proxies.front().host,
                              direct ? who.origin.port : who.proxies.front().port);
    options.unix_path = who.unix_socket;
    options.connect.egress = plan.how.egress;
    options.deadline = deadline;
    options.names = plan.how.names.get();
    if (!who.local_address.empty()) options.connect.local_address = net::address::from_literal(who.local_address, 0);
    task<opened_stream> opening = net::open_stream(loop, std::move(options));
    opened_stream opened = co_await std::move(opening);
    co_return opened;
}

task<result<void>> secure(net::stream& which, const tls_plan& by, const dial_plan& plan, net::endpoint peer,
                          time_point deadline) {
    const time_point until = std::min(deadline, deadline_after(which.loop().now(), plan.how.tls_handshake_timeout));
    task<result<void>> starting = which.start_tls(by.context, peer.host, until, by.sessions);
    result<void> started = co_await std::move(starting);
    if (!started) co_return std::move(started).error().with_context("TLS handshake with " + peer.to_text());
    co_return started;
}

/// From a connection to the proxy of that number to one to whoever is behind it.
task<result<void>> pass_proxy(net::stream& through, const dial_plan& plan, std::size_t number, time_point deadline) {
    const proxy& by = plan.who.proxies[number];
    const bool is_last = number + 1 == plan.who.proxies.size();
    if (plan.proxy_tls[number].context != nullptr) {
        task<result<void>> securing = secure(through, plan.proxy_tls[number], plan, place_of(by), deadline);
        result<void> secured = co_await std::move(securing);
        if (!secured) co_return secured;
    }
    if (is_last && plan.asks_proxy) co_return result<void>();
    result<net::endpoint> target = target_behind(plan.who, number);
    if (!target) co_return std::move(target).error();
    if (by.kind == proxy_kind::socks5) {
        task<result<void>> passing = socks5_tunnel(through, by, *target, deadline);
        result<void> passed = co_await std::move(passing);
        co_return passed;
    }
    task<result<void>> passing = connect_tunnel(through, by, *target, plan.how.limits, deadline);
    result<void> passed = co_await std::move(passing);
    if (!passed) co_return std::move(passed).error().with_context("CONNECT " + target->to_text());
    co_return passed;
}

}  // namespace

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

result<std::shared_ptr<const dial_plan>> plan_of(const identity& who, tls_contexts& contexts, dial_settings how) {
    auto plan = std::make_shared<dial_plan>();
    plan->who = who;
    plan->how = std::move(how);
    if (who.origin.secure) {
        auto made = tls_plan_of(who.tls, contexts);
        if (!made) return std::move(made).error();
        plan->tls = std::move(*made);
    }
    for (const proxy& each : who.proxies) {
        tls_plan none;
        plan->proxy_tls.push_back(std::move(none));
        if (each.kind != proxy_kind::https) continue;
        auto made = tls_plan_of(each.tls, contexts);
        if (!made) return std::move(made).error().with_context("proxy " + each.to_text());
        plan->proxy_tls.back() = std::move(*made);
    }
    const bool by_http = !who.proxies.empty() && who.proxies.back().kind != proxy_kind::socks5;
    plan->asks_proxy = by_http && !who.origin.secure && !who.tunnel_plain;
    return std::shared_ptr<const dial_plan>(std::move(plan));
}

task<result<std::unique_ptr<net::stream>>> dial(net::event_loop& loop, std::shared_ptr<const dial_plan> plan,
                                                time_point deadline) {
    const identity& who = plan->who;
    if (deadline != never) deadline = loop.now() + (deadline - loop.now()) * 9 / 10;
    task<opened_stream> opening = open_first(loop, *plan, deadline);
    opened_stream opened = co_await std::move(opening);
    if (!opened) {
        if (who.proxies.empty()) co_return std::move(opened).error();
        co_return std::move(opened).error().with_context("proxy " + who.proxies.front().to_text());
    }
    for (std::size_t i = 0; i < who.proxies.size(); ++i) {
        task<result<void>> passing = pass_proxy(**opened, *plan, i, deadline);
        result<void> passed = co_await std::move(passing);
        if (!passed) co_return std::move(passed).error().with_context("proxy " + who.proxies[i].to_text());
    }
    if (plan->tls.context != nullptr) {
        net::endpoint peer(who.origin.host, who.origin.port);
        task<result<void>> securing = secure(**opened, plan->tls, *plan, std::move(peer), deadline);
        result<void> secured = co_await std::move(securing);
        if (!secured) co_return std::move(secured).error();
    }
    co_return opened;
}

}  // namespace lido::http
