// One pool over a primary and its streaming replica: which server reads, which one writes, and what follows when one
// goes.
#include "lido/net/runtime.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/replicated_pool.hpp"
#include "support/becomes_true.hpp"
#include "support/postgres_server.hpp"
#include "support/sql_load.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using clock_type = std::chrono::steady_clock;

/// A primary, a replica, and a pool over both that names the replica first.
struct cluster {
    explicit cluster(const sql::replicated_settings& with = quick()) {
        primary.ask("create table kept (id bigint primary key)");
        replica = std::make_unique<postgres_server>(primary, postgres_configuration{});
        pool.emplace(sql::replicated_pool::open(io, url(), with).value());
        EXPECT_EQ(write_port(), primary.port());
    }
    [[nodiscard]] static sql::replicated_settings quick() {
        sql::replicated_settings made;
        made.pool.connections.max_size = 4;
        made.pool.statement_timeout = 5s;
        made.max_lag = 1s;
        made.policies.health.interval = 100ms;
        made.policies.health.trouble_interval = 100ms;
        return made;
    }
    [[nodiscard]] std::string url() const {
        return fmt::format("postgresql://lido@127.0.0.1:{},127.0.0.1:{}/postgres", replica->port(), primary.port());
    }
    [[nodiscard]] static std::int64_t number(const result<sql::rows>& of) {
        return of ? (*of)[0][0].as<std::int64_t>().value() : -1;
    }
    /// The port of the server that answers.
    [[nodiscard]] std::int64_t read_port() { return number(pool->read("select inet_server_port()::bigint").wait()); }
    [[nodiscard]] std::int64_t write_port() { return number(pool->query("select inet_server_port()::bigint").wait()); }

    postgres_server primary;
    std::unique_ptr<postgres_server> replica;
    runtime io;
    std::optional<sql::replicated_pool> pool;
};

TEST(replicated_postgres, reads_go_to_the_replica_and_writes_to_the_primary) {
    cluster of;
    EXPECT_TRUE(becomes_true([&] { return of.read_port() == of.replica->port(); }));
    ASSERT_TRUE(of.pool->query("insert into kept values (1)").wait());
    EXPECT_TRUE(becomes_true([&] { return cluster::number(of.pool->read("select count(*) from kept").wait()) == 1; }));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(of.read_port(), of.replica->port());

    auto reading = of.pool->begin({.access = sql::access_mode::read_only}).wait().value();
    EXPECT_EQ(cluster::number(reading.query("select inet_server_port()::bigint").wait()), of.replica->port());
    ASSERT_TRUE(reading.commit().wait());
    auto writing = of.pool->begin().wait().value();
    EXPECT_EQ(cluster::number(writing.query("select inet_server_port()::bigint").wait()), of.primary.port());
    ASSERT_TRUE(writing.rollback().wait());

    const auto refused = of.pool->read("insert into kept values (2)").wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::read_only) << "a write never happens at a replica";
    const auto report = of.pool->report();
    ASSERT_EQ(report.size(), 2U);
    EXPECT_EQ(report[0].role, "replica");
    EXPECT_EQ(report[1].role, "primary");
    EXPECT_TRUE(report[0].lag);
    EXPECT_TRUE(of.pool->close().wait());
}

TEST(replicated_postgres, a_replica_that_is_too_far_behind_is_left_out_and_comes_back) {
    cluster of;
    ASSERT_TRUE(becomes_true([&] { return of.read_port() == of.replica->port(); }));
    of.replica->ask("select pg_wal_replay_pause()");
    ASSERT_TRUE(of.pool->query("insert into kept values (1)").wait());
    ASSERT_TRUE(becomes_true([&] { return of.read_port() == of.primary.port(); })) << "nobody else is near";
    EXPECT_FALSE(of.pool->report()[0].is_read);
    EXPECT_GT(of.pool->report()[0].lag.value_or(0s), 1s);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(cluster::number(of.pool->read("select count(*) from kept").wait()), 1);
    of.replica->ask("select pg_wal_replay_resume()");
    EXPECT_TRUE(becomes_true([&] { return of.read_port() == of.replica->port(); }));
    EXPECT_EQ(cluster::number(of.pool->read("select count(*) from kept").wait()), 1);
}

TEST(replicated_postgres, without_its_primary_reads_go_on_and_writes_fail_at_once_with_the_reason) {
    cluster of;
    ASSERT_TRUE(becomes_true([&] { return of.read_port() == of.replica->port(); }));
    of.primary.kill();
    for (int i = 0; i < 50; ++i) {
        const auto begin = clock_type::now();
        const auto refused = of.pool->query("insert into kept values (1)").wait();
        ASSERT_FALSE(refused);
        EXPECT_LT(clock_type::now() - begin, 1s);
        EXPECT_EQ(of.read_port(), of.replica->port());
        std::this_thread::sleep_for(10ms);  // until it has surely been found out
    }
    const auto refused = of.pool->query("insert into kept values (1)").wait();
    EXPECT_EQ(refused.error(), errc::circuit_open) << refused.error().message();
    EXPECT_THAT(refused.error().what(), HasSubstr(fmt::format("127.0.0.1:{}: primary", of.primary.port())));
    EXPECT_THAT(refused.error().what(), HasSubstr("no primary takes writes"));
    of.primary.start();
    EXPECT_TRUE(becomes_true([&] { return of.write_port() == of.primary.port(); }, 1500ms));
}

TEST(replicated_postgres, without_its_primary_nothing_is_read_where_that_is_not_allowed) {
    sql::replicated_settings strict = cluster::quick();
    strict.reads_without_primary = false;
    cluster of(strict);
    ASSERT_TRUE(becomes_true([&] { return of.read_port() == of.replica->port(); }));
    of.primary.kill();
    ASSERT_TRUE(becomes_true([&] { return of.read_port() == -1; }));
    const auto refused = of.pool->read("select 1").wait();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what(), HasSubstr("no member can be read"));
}

TEST(replicated_postgres, a_dead_replica_is_gone_around) {
    cluster of;
    ASSERT_TRUE(becomes_true([&] { return of.read_port() == of.replica->port(); }));
    of.replica->kill();
    for (int i = 0; i < 50; ++i) EXPECT_EQ(of.read_port(), of.primary.port()) << i;
}

TEST(replicated_postgres, after_a_failover_no_acknowledged_commit_is_lost_or_doubled) {
    cluster of;
    // The primary acknowledges what the replica has.
    of.primary.ask("alter system set synchronous_standby_names = '*'");
    of.primary.ask("select pg_reload_conf()");
    ASSERT_TRUE(becomes_true(
        [&] { return of.primary.ask("select count(*) from pg_stat_replication where sync_state = 'sync'") == "1"; }));
    observed_server seen;
    seen.insert = "insert into kept values ($1)";
    seen.there = [&of] {
        std::vector<std::int64_t> all;
        std::istringstream lines(of.replica->ask("select string_agg(id::text, ' ') from kept"));
        for (std::int64_t id = 0; lines >> id;) all.push_back(id);
        return all;
    };
    seen.max_connections = 5;  // one is there to ask for its role
    seen.connections = [&of] { return of.replica->connections(); };
    seen.may_be_told = {errc::maybe_executed, errc::connection_closed, errc::connect_failed, errc::circuit_open,
                        make_error_code(sql::errc::shutting_down)};
    expect_survives(*of.pool, seen, [&of] {
        of.primary.kill();
        of.replica->promote();
    });

    // The old primary comes back as if nothing had happened: it gets nothing.
    of.primary.start();
    ASSERT_TRUE(becomes_true([&] { return of.pool->report()[1].role == "old primary"; }));
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(of.write_port(), of.replica->port());
        EXPECT_EQ(of.read_port(), of.replica->port());
    }
}

TEST(replicated_postgres, a_primary_that_becomes_read_only_gets_no_more_writes_until_it_takes_them) {
    cluster of;
    ASSERT_TRUE(of.pool->query("insert into kept values (1)").wait());
    of.primary.ask("alter system set default_transaction_read_only = on");
    of.primary.ask("select pg_reload_conf()");
    ASSERT_TRUE(becomes_true([&] {
        const auto refused = of.pool->query("insert into kept values (2)").wait();
        return !refused && refused.error() == errc::circuit_open;
    }));
    EXPECT_TRUE(of.pool->read("select count(*) from kept").wait());
    of.primary.ask("alter system reset default_transaction_read_only");
    of.primary.ask("select pg_reload_conf()");
    EXPECT_TRUE(becomes_true([&] { return of.pool->query("insert into kept values (3)").wait().has_value(); }));
}

TEST(replicated_postgres, what_is_wrong_with_its_settings_is_named) {
    runtime io;
    const auto refusal = [&io](std::string_view url, const sql::replicated_settings& with = {}) {
        const auto made = sql::replicated_pool::open(io, url, with);
        return made ? std::string("it was taken") : made.error().message();
    };
    EXPECT_THAT(refusal("sqlite:shop.db"), HasSubstr("no replicas"));
    EXPECT_THAT(refusal("postgresql://a,b/shop?role=any"), HasSubstr("role"));
    sql::replicated_settings wrong;
    wrong.policies.panic = true;
    EXPECT_THAT(refusal("postgresql://a,b/shop", wrong), HasSubstr("panic"));
    wrong = {};
    wrong.max_lag = 25h;
    EXPECT_THAT(refusal("postgresql://a,b/shop", wrong), HasSubstr("max_lag"));
    wrong = {};
    wrong.policies.health.interval = upstream::health_check_settings::off;
    EXPECT_THAT(refusal("postgresql://a,b/shop", wrong), HasSubstr("interval"));
}

}  // namespace
}  // namespace lido::test
