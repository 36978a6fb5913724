// Databases behind the policies of upstream::service: breaker, retry and checks are those of every other kind.
#include "lido/upstream/service.hpp"

#include "integration/sql_any/databases.hpp"
#include "lido/sql/mysql/connector.hpp"
#include "lido/sql/postgres/connector.hpp"
#include "support/becomes_true.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

template <class Connector>
struct databases {
    using service = upstream::service<Connector>;

    /// The first is the primary, the second its backup.
    databases(std::vector<std::string> urls, typename service::connector_maker make)
        : all(io, policies(), endpoints(urls), service::default_pools(), std::move(make)) {}

    [[nodiscard]] static upstream::settings policies() {
        upstream::settings made;
        made.health.interval = 100ms;
        made.health.trouble_interval = 100ms;
        made.timeout = 5s;
        return made;
    }
    [[nodiscard]] static std::vector<upstream::endpoint_settings> endpoints(const std::vector<std::string>& urls) {
        std::vector<upstream::endpoint_settings> made;
        for (const std::string& each : urls) {
            upstream::endpoint_settings one;
            one.name = each;
            if (!made.empty()) one.role = resilience::endpoint_role::backup;
            made.push_back(one);
        }
        return made;
    }
    /// The port of the server that answers; -1: none did.
    [[nodiscard]] std::int64_t port(const sql::statement& question) {
        const auto work = [&question](typename service::lease& on, time_point deadline) -> task<result<std::int64_t>> {
            const sql::parameters none;
            const result<sql::rows> got = co_await on->run(question, none, deadline);
            if (!got) co_return got.error();
            co_return (*got)[0][0].template as<std::int64_t>();
        };
        return all.run(work, {.repeatable = true, .writes = false}).wait().value_or(-1);
    }
    [[nodiscard]] resilience::breaker_state breaker() { return all.report().endpoints[0].breaker->state; }

    runtime io;
    service all;
};

/// Users go on while the primary is dead, its breaker opens, and it gets them back when it lives again.
template <class Connector, class Server>
void expect_failover(databases<Connector>& of, Server& primary, Server& backup, const sql::statement& question) {
    EXPECT_EQ(of.port(question), primary.port());
    primary.kill();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(of.port(question), backup.port());
    EXPECT_TRUE(becomes_true([&] {
        static_cast<void>(of.port(question));
        return of.breaker() == resilience::breaker_state::open ||
               of.all.report().endpoints[0].health == upstream::health_state::unhealthy;
    }));
    primary.start();
    EXPECT_TRUE(becomes_true([&] { return of.port(question) == primary.port(); }));
}

TEST(databases_behind_policies, postgresql_fails_over_and_back) {
    postgres_server primary;
    databases<postgres::connector> of({primary.tcp_url(), any_postgres().tcp_url()},
                                      [](const upstream::endpoint_settings& which) {
                                          postgres::settings with;
                                          with.url = which.name;
                                          return postgres::connector(with);
                                      });
    expect_failover(of, primary, any_postgres(), "select inet_server_port()::bigint");
}

TEST(databases_behind_policies, mariadb_fails_over_and_back) {
    mariadb_server primary;
    databases<mysql::connector> of({primary.url(), any_mariadb().url()}, [](const upstream::endpoint_settings& which) {
        mysql::pool_settings with;
        with.url = which.name;
        return mysql::connector(with);
    });
    expect_failover(of, primary, any_mariadb(), "select @@port");
}

}  // namespace
}  // namespace lido::test
