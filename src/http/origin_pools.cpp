#include "http/origin_pools.hpp"

#include "http/connect_tunnel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lido::http {
namespace {

/// May a connection to it turn out to be one of HTTP/2?
bool may_be_multiplexed(const identity& who) {
    if (who.versions == http_versions::http2) return true;
    const auto& offered = who.tls.alpn;
    return who.origin.secure && std::find(offered.begin(), offered.end(), "h2") != offered.end();
}

pool::settings pool_settings(const identity& who, const client_settings& settings) {
    const origin& of = who.origin;
    pool::settings made;
    made.name = of.to_text().substr(0, 100);
    made.max_size = settings.max_connections_per_origin;
    made.sizing = settings.sizing;
    if (settings.max_idle_per_origin != 0) made.max_idle = settings.max_idle_per_origin;
    made.max_waiters = settings.max_waiters_per_origin;
    made.on_full = settings.when_full;
    made.acquire_timeout = settings.acquire_timeout;
    made.connect_timeout = settings.connect_timeout;
    made.down_fail_fast = settings.down_fail_fast;
    made.back_off = settings.connect_back_off;
    made.idle_timeout = settings.idle_timeout;
    made.max_lifetime = settings.max_lifetime;
    made.max_uses = settings.keep_alive ? 0 : 1;
    // An idle connection keeps listening, so that its end is noticed, and is looked at again when it is lent: that is
    // all that a check could do without sending a request nobody asked for.
    made.check_after_idle = pool::settings::forever;
    made.keep_alive = pool::settings::forever;
    if (may_be_multiplexed(who)) {
        // Requests to a new origin wait for the first connection, which may do for all of them.
        made.expected_capacity = settings.http2.max_concurrent_streams;
        made.check_after_idle = settings.http2.ping_after;
        made.check_timeout = settings.http2.ping_timeout;
    }
    return made;
}

void add(client_statistics& sum, const pool::statistics& of) {
    sum.connections_created += of.created;
    sum.connections_closed += of.closed;
    sum.connections_failed += of.connect_failed;
    sum.connections_reused += of.served_reused;
}

void add(client_statistics& sum, const origin_pool& of) {
    add(sum, of.connections.statistics());
    const connection_book::sums done = of.book->totals();
    sum.http1 += done.http1;
    sum.http2 += done.http2;
    if (of.plan->tls.sessions == nullptr) return;
    sum.tls_handshakes += of.plan->tls.sessions->handshakes();
    sum.tls_resumed += of.plan->tls.sessions->resumed();
}

}  // namespace

origin_pool::origin_pool(scheduler_group& group, std::shared_ptr<const dial_plan> by, const client_settings& settings,
                         std::shared_ptr<connection_budget> budget)
    : plan(std::move(by)),
      text(plan->who.origin.to_text()),
      host_field(plan->who.origin.host_field()),
      absolute_prefix(plan->asks_proxy ? text : std::string()),
      authorization(plan->asks_proxy ? proxy_authorization(plan->who.proxies.back()) : secret()),
      book(std::make_shared<connection_book>()),
      connections(group, pool_settings(plan->who, settings),
                  connector(plan, std::move(budget), {settings.limits, settings.http2}, book)),
      retries(settings.retry_budget) {}

/// How the budget reaches the pools; it may be asked by a connect that ends after they have gone.
struct origin_pools::room_maker {
    std::mutex mutex;
    origin_pools* pools = nullptr;
};

origin_pools::origin_pools(scheduler_group& group, const client_settings& settings)
    : group_(group), settings_(settings), reach_(reach_of(settings).value()) {
    if (settings.max_connections == 0) return;
    room_maker_ = std::make_shared<room_maker>();
    room_maker_->pools = this;
    budget_ = std::make_shared<connection_budget>(settings.max_connections, [maker = room_maker_] {
        const std::lock_guard held(maker->mutex);
        if (maker->pools != nullptr) maker->pools->make_room();
    });
}

origin_pools::~origin_pools() {
    if (!room_maker_) return;
    const std::lock_guard held(room_maker_->mutex);
    room_maker_->pools = nullptr;
}

void origin_pools::make_room() {
    const std::lock_guard held(mutex_);
    // The times go on while this sorts, and an order that changes under it leads a sort anywhere: each is read once.
    std::vector<std::pair<duration::rep, origin_pool*>> by_use;
    by_use.reserve(pools_.size());
    for (const auto& [key, each] : pools_) by_use.emplace_back(each->last_used.load(), each.get());
    std::sort(by_use.begin(), by_use.end());
    for (const auto& [last_used, each] : by_use) {
        if (each->connections.close_one_idle()) return;
    }
}

result<std::shared_ptr<origin_pool>> origin_pools::get(const origin& of, time_point now) {
    return get(identity_of(of, reach_), now);
}

result<std::shared_ptr<origin_pool>> origin_pools::get(const identity& of, time_point now) {
    std::shared_ptr<origin_pool> evicted;  // destroyed after the lock is given up
    const std::lock_guard held(mutex_);
    if (sealed_) return error(errc::pool_closed, "the HTTP client is closed");
    if (const auto found = pools_.find(of); found != pools_.end()) {
        found->second->in_use.fetch_add(1, std::memory_order_relaxed);
        return found->second;
    }
    if (pools_.size() >= settings_.max_origins) {
        evicted = take_least_recent_locked();
        if (!evicted) {
            return error(errc::pool_exhausted,
                         fmt::format("all {} origins that the client may have are in use", settings_.max_origins),
                         "raise max_origins");
        }
    }
    auto plan =
        plan_of(of, contexts_, {settings_.names, settings_.egress, settings_.limits, settings_.tls_handshake_timeout});
    if (!plan) return std::move(plan).error();
    auto made = std::make_shared<origin_pool>(group_, std::move(*plan), settings_, budget_);
    made->last_used = now.time_since_epoch().count();
    made->in_use = 1;
    pools_.emplace(of, made);
    ++gone_.pools_created;
    return made;
}

void origin_pools::retire_locked(const origin_pool& gone) {
    add(gone_, gone);
    ++gone_.pools_closed;
}

std::shared_ptr<origin_pool> origin_pools::take_least_recent_locked() {
    auto oldest = pools_.end();
    for (auto each = pools_.begin(); each != pools_.end(); ++each) {
        if (each->second->in_use > 0) continue;
        if (oldest == pools_.end() || each->second->last_used < oldest->second->last_used) oldest = each;
    }
    if (oldest == pools_.end()) return nullptr;
    std::shared_ptr<origin_pool> taken = std::move(oldest->second);
    pools_.erase(oldest);
    retire_locked(*taken);
    return taken;
}

std::vector<std::shared_ptr<origin_pool>> origin_pools::take_unused(time_point now, duration unused_for) {
    std::vector<std::shared_ptr<origin_pool>> unused;
    const std::lock_guard held(mutex_);
    for (auto each = pools_.begin(); each != pools_.end();) {
        const time_point last{duration(each->second->last_used)};
        if (each->second->in_use > 0 || now - last < unused_for) {
            ++each;
            continue;
        }
        retire_locked(*each->second);
        unused.push_back(std::move(each->second));
        each = pools_.erase(each);
    }
    return unused;
}

std::vector<std::shared_ptr<origin_pool>> origin_pools::seal() {
    const std::lock_guard held(mutex_);
    sealed_ = true;
    std::vector<std::shared_ptr<origin_pool>> all;
    all.reserve(pools_.size());
    for (const auto& [key, each] : pools_) all.push_back(each);
    return all;
}

std::vector<std::shared_ptr<origin_pool>> origin_pools::take_all() {
    const std::lock_guard held(mutex_);
    std::vector<std::shared_ptr<origin_pool>> all;
    for (auto& [key, each] : pools_) {
        retire_locked(*each);
        all.push_back(std::move(each));
    }
    pools_.clear();
    return all;
}

void origin_pools::describe(client_statistics& into) const {
    const std::lock_guard held(mutex_);
    into.pools_created = gone_.pools_created;
    into.pools_closed = gone_.pools_closed;
    into.connections_created = gone_.connections_created;
    into.connections_closed = gone_.connections_closed;
    into.connections_failed = gone_.connections_failed;
    into.connections_reused = gone_.connections_reused;
    into.tls_handshakes = gone_.tls_handshakes;
    into.tls_resumed = gone_.tls_resumed;
    into.http1 = gone_.http1;
    into.http2 = gone_.http2;
    const time_point now = clock::now();
    for (const auto& [key, each] : pools_) {
        origin_statistics one{each->text, each->connections.statistics(), each->book->describe(now)};
        add(into, *each);
        into.origins.push_back(std::move(one));
    }
}

}  // namespace lido::http
