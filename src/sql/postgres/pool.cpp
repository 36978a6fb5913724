#include "lido/sql/postgres/pool.hpp"

#include "sql/follow_names.hpp"
#include "sql/postgres/connect_parameters.hpp"
#include "sql/postgres/statement_kind.hpp"

#include <algorithm>

namespace lido::postgres {
namespace {

sql::pool_settings shared_settings(const settings& of) {
    sql::pool_settings made = of.pool;
    made.connections.max_size = of.shared_connections;
    made.connections.min_size = 0;
    made.connections.max_idle = lido::pool::settings::unlimited;
    made.connections.name += " shared";
    // What is too much for them goes to the exclusive ones.
    if (made.connections.on_full == lido::pool::when_full::overflow) {
        made.connections.on_full = lido::pool::when_full::wait;
    }
    made.reset = sql::reset_policy::none;  // there is nothing that could be reset
    return made;
}

}  // namespace

pool::pool(scheduler_group& group, const postgres::settings& of) : plain(group, of.pool, connector(of)) {
    const postgres::settings counting = with_url_options(of).value();
    if (counting.shared_connections != 0) {
        shared_.emplace(group, shared_settings(counting), connector(of, sharing::pipelined));
        connector::fence_together(shared(), shared_->shared());
    }
    follow_names(group, of);
}

/// The pools of connections stay where they are when this object moves.
void pool::follow_names(scheduler_group& group, const postgres::settings& of) {
    std::vector<std::string> hosts;
    for (const sql::server_place& each : read_target(of).value().places) {
        if (!is_unix_socket(each)) hosts.push_back(each.host);
    }
    connection_pool* const leased = &connections();
    connection_pool* const shared = shared_connections();
    names_ = sql::follow_names(group, of.pool, std::move(hosts), [leased, shared] {
        leased->retire_all();
        if (shared != nullptr) shared->retire_all();
    });
}

operation<sql::rows> pool::query_with(sql::statement what, sql::parameters with) {
    if (!shared_ || !may_share_connection(what.text())) return plain::query_with(std::move(what), std::move(with));
    return {shared()->group, connector::query<sql::statement, sql::parameters>(shared_->shared(), std::move(what),
                                                                               std::move(with), shared())};
}

void pool::retire_all() {
    connections().retire_all();
    if (shared_) shared_->connections().retire_all();
}

std::vector<lido::pool::statistics> pool::statistics() const {
    std::vector<lido::pool::statistics> all = plain::statistics();
    if (shared_) all.push_back(shared_->connections().statistics());
    return all;
}

operation<std::size_t> pool::close(duration timeout) {
    if (!shared_) return plain::close(timeout);
    operation<std::size_t> first = plain::close(timeout);
    scheduler_group& group = first.group();
    return {group, close_of(std::move(first), shared_->close(timeout))};
}

task<result<std::size_t>> pool::close_of(operation<std::size_t> first, operation<std::size_t> second) {
    result<std::size_t> left = co_await std::move(first);
    result<std::size_t> shared_left = co_await std::move(second);
    if (!left) co_return std::move(left).error();
    if (!shared_left) co_return std::move(shared_left).error();
    co_return *left + *shared_left;
}

}  // namespace lido::postgres
