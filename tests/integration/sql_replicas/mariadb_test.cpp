// One pool over a MariaDB primary and its replica.
#include "lido/net/runtime.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/mysql/pool.hpp"
#include "lido/sql/replicated_pool.hpp"
#include "support/becomes_true.hpp"
#include "support/mariadb_server.hpp"
#include "support/sql_load.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using clock_type = std::chrono::steady_clock;

class replicated_mariadb : public testing::Test {
public:
    void SetUp() override {
        at_primary("create table kept (id bigint primary key) engine = innodb");
        at_replica(
            fmt::format("change master to master_host = '127.0.0.1', master_port = {}, master_user = 'tester', "
                        "master_password = 'lido''s', master_use_gtid = slave_pos, master_connect_retry = 1",
                        primary_.port()));
        at_replica("start slave");
    }

protected:
    void at_primary(const std::string& text) { ask(primary_, text); }
    void at_replica(const std::string& text) { ask(replica_, text); }
    [[nodiscard]] sql::replicated_pool open() { return open({replica_.url(), primary_.url()}); }
    [[nodiscard]] sql::replicated_pool open(const std::array<std::string, 2>& urls) {
        sql::replicated_settings made;
        made.pool.connections.max_size = 4;
        made.max_lag = 1s;
        made.policies.health.interval = 100ms;
        made.policies.health.trouble_interval = 100ms;
        return sql::replicated_pool::open(io_, urls, made).value();
    }
    [[nodiscard]] static std::int64_t number(const result<sql::rows>& of) {
        return of ? (*of)[0][0].as<std::int64_t>().value() : -1;
    }
    [[nodiscard]] static std::int64_t read_port(sql::replicated_pool& db) {
        return number(db.read("select @@port").wait());
    }
    [[nodiscard]] static std::int64_t write_port(sql::replicated_pool& db) {
        return number(db.query("select @@port").wait());
    }

    runtime io_;
    mariadb_server primary_{{"--server-id=1", "--log-bin=binlog"}};
    mariadb_server replica_{{"--server-id=2", "--read-only=1", "--skip-slave-start"}};

    /// Past the pool that is tested; nothing if it fails.
    [[nodiscard]] sql::rows look(const mariadb_server& whom, const std::string& text) {
        mysql::pool_settings with;
        with.url = whom.url();
        mysql::pool direct(io_, with);
        auto got = direct.query(sql::trusted_sql(text)).wait();
        EXPECT_TRUE(got) << text << ": " << got.error().message();
        return got ? std::move(*got) : sql::rows();
    }
    [[nodiscard]] static std::vector<std::int64_t> numbers(const sql::rows& of) {
        std::vector<std::int64_t> all;
        for (const sql::row each : of) all.push_back(each[0].as<std::int64_t>().value());
        return all;
    }

private:
    void ask(const mariadb_server& whom, const std::string& text) { static_cast<void>(look(whom, text)); }
};

TEST_F(replicated_mariadb, is_read_at_its_replica_within_the_lag_limit_and_follows_a_failover) {
    sql::replicated_pool db = open();
    EXPECT_EQ(write_port(db), primary_.port());
    ASSERT_TRUE(db.query("insert into kept values (1)").wait());
    ASSERT_TRUE(becomes_true([&] { return read_port(db) == replica_.port(); }));
    EXPECT_TRUE(becomes_true([&] { return number(db.read("select count(*) from kept").wait()) == 1; }));

    at_replica("stop slave sql_thread");
    ASSERT_TRUE(db.query("insert into kept values (2)").wait());
    ASSERT_TRUE(becomes_true([&] { return read_port(db) == primary_.port(); })) << "the replica is too far behind";
    EXPECT_EQ(number(db.read("select count(*) from kept").wait()), 2);
    at_replica("start slave sql_thread");
    ASSERT_TRUE(becomes_true([&] { return read_port(db) == replica_.port(); })) << "it has come after";
    EXPECT_EQ(number(db.read("select count(*) from kept").wait()), 2);

    primary_.kill();
    ASSERT_TRUE(becomes_true([&] {
        const auto refused = db.query("insert into kept values (3)").wait();
        return !refused && refused.error() == errc::circuit_open;
    }));
    const auto begin = clock_type::now();
    EXPECT_THAT(db.query("insert into kept values (3)").wait().error().what(), HasSubstr("no primary takes writes"));
    EXPECT_LT(clock_type::now() - begin, 500ms) << "at once";
    EXPECT_EQ(read_port(db), replica_.port()) << "reads go on";

    at_replica("stop slave");
    at_replica("set global read_only = 0");
    EXPECT_TRUE(becomes_true([&] { return write_port(db) == replica_.port(); }, 1500ms));
    ASSERT_TRUE(db.query("insert into kept values (3)").wait());
    primary_.start();
    ASSERT_TRUE(becomes_true([&] { return db.report()[1].role == "old primary"; }));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(write_port(db), replica_.port());
    EXPECT_EQ(number(db.query("select count(*) from kept").wait()), 3);
}

TEST_F(replicated_mariadb, after_a_failover_no_acknowledged_commit_is_lost_or_doubled) {
    // The primary acknowledges what the replica has got; it has applied all of that before it is promoted.
    at_replica("set global rpl_semi_sync_slave_enabled = 1");
    at_replica("stop slave io_thread");
    at_replica("start slave io_thread");
    at_primary("set global rpl_semi_sync_master_wait_point = AFTER_SYNC");
    at_primary("set global rpl_semi_sync_master_timeout = 60000");
    at_primary("set global rpl_semi_sync_master_enabled = 1");
    ASSERT_TRUE(becomes_true(
        [&] { return look(primary_, "show status like 'Rpl_semi_sync_master_clients'")[0][1].text() == "1"; }));
    at_primary(fmt::format("create user writer@'%' identified by '{}'", test_secret));
    at_primary("grant all on shop.* to writer@'%'");
    at_primary("create table written (a bigint) engine = innodb");
    ASSERT_TRUE(becomes_true([&] {
        return look(replica_, "select user from mysql.user where user = 'writer'").size() == 1 &&
               look(replica_, "show tables like 'written'").size() == 1;
    }));
    const auto url = [](const mariadb_server& of) {
        return fmt::format("mysql://writer:{}@127.0.0.1:{}/shop", test_secret, of.port());
    };
    sql::replicated_pool db = open({url(replica_), url(primary_)});
    ASSERT_EQ(write_port(db), primary_.port());

    observed_server seen;
    seen.there = [&] { return numbers(look(replica_, "select a from written")); };
    seen.max_connections = 5;  // one is there to ask for its role
    seen.connections = [&] {
        return lasting_connections(
            [&] {
                const auto all =
                    numbers(look(replica_, "select id from information_schema.processlist where user = 'writer'"));
                return std::set<std::int64_t>(all.begin(), all.end());
            },
            seen.max_connections);
    };
    seen.may_be_told = {errc::maybe_executed, errc::connection_closed, errc::connect_failed, errc::circuit_open};
    expect_survives(db, seen, [&] {
        primary_.kill();
        ASSERT_TRUE(becomes_true([&] {
            const sql::rows at = look(replica_, "show slave status");
            return at[0].at("Slave_IO_Running").value().text() != "Yes" &&
                   at[0].at("Gtid_IO_Pos").value().text() == look(replica_, "select @@gtid_slave_pos")[0][0].text();
        }));
        at_replica("stop slave");
        at_replica("set global read_only = 0");
    });
    EXPECT_EQ(write_port(db), replica_.port());
}

}  // namespace
}  // namespace lido::test
