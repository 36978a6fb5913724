// Servers that fail while many write, and networks that break: nothing acknowledged is lost, nothing is doubled, work
// goes on at once.
#include "integration/sql_mysql/mysql_fixture.hpp"
#include "support/sql_cuts.hpp"

#include <memory>
#include <set>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

class mysql_outage : public mysql_world {
protected:
    static constexpr std::size_t most = 4;

    void SetUp() override {
        mysql_world::SetUp();
        ASSERT_TRUE(ask("create or replace table written (a bigint)"));
        ASSERT_TRUE(
            ask(sql::trusted_sql(fmt::format("create or replace user writer@'%' identified by '{}'", test_secret))));
        ASSERT_TRUE(ask("grant all on shop.* to writer@'%'"));
        ASSERT_TRUE(ask("create or replace user gazer@'%' identified by 'g'"));
        ASSERT_TRUE(ask("grant all on *.* to gazer@'%'"));
        pool_.reset();
        mysql::pool_settings own;
        own.url = url_of("gazer", "g", server().port());
        own.pool.connections.acquire_timeout = 1s;
        own.pool.connections.back_off.maximum = 200ms;
        own.pool.statement_timeout = 1s;
        looking_ = std::make_unique<mysql::pool>(io_, own);
        settings_ = through(server().port());
    }
    static std::string url_of(std::string_view user, std::string_view password, std::uint16_t port) {
        return fmt::format("mysql://{}:{}@127.0.0.1:{}/shop", user, password, port);
    }
    static mysql::pool_settings through(std::uint16_t port) {
        mysql::pool_settings made;
        made.url = url_of("writer", test_secret, port);
        made.pool.connections.max_size = most;
        made.pool.connections.acquire_timeout = 2s;
        return made;
    }
    [[nodiscard]] result<sql::rows> gaze(const sql::statement& what) { return looking_->query(what).wait(); }
    [[nodiscard]] std::vector<std::int64_t> there() {
        std::vector<std::int64_t> all;
        for (const sql::row each : gaze("select a from written").value()) {
            all.push_back(each[0].as<std::int64_t>().value());
        }
        return all;
    }
    [[nodiscard]] std::set<std::int64_t> connected() {
        std::set<std::int64_t> all;
        const auto got =
            gaze("select id from information_schema.processlist where user = 'writer' and command <> 'Killed'");
        for (const sql::row each : got.value()) all.insert(each[0].as<std::int64_t>().value());
        return all;
    }
    /// Of the pool.
    [[nodiscard]] std::size_t connections() {
        return lasting_connections([this] { return connected(); }, most);
    }
    [[nodiscard]] observed_server observed() {
        observed_server made;
        made.there = [this] { return there(); };
        made.connections = [this] { return connections(); };
        made.may_be_told = {errc::maybe_executed,
                            errc::connection_closed,
                            errc::connect_failed,
                            errc::acquire_timeout,
                            make_error_code(sql::errc::shutting_down),
                            make_error_code(sql::errc::statement_cancelled)};
        return made;
    }
    /// Ends the connections, or only the statements, that the pool has just now.
    void kill_each(std::string_view what) {
        const auto ids = gaze("select id from information_schema.processlist where user = 'writer'").value();
        for (const sql::row each : ids) {
            // It may have gone by itself meanwhile.
            static_cast<void>(
                gaze(sql::trusted_sql(fmt::format("kill {} {}", what, each[0].as<std::int64_t>().value()))));
        }
    }

    std::unique_ptr<mysql::pool> looking_;
};

TEST_F(mysql_outage, a_server_that_is_killed_costs_no_commit) {
    expect_survives(pool(), observed(), [&] {
        server().kill();
        EXPECT_TRUE(becomes_true([&] { return pool().connections().statistics().connect_failed > 2; }));
        server().start();
    });
}

TEST_F(mysql_outage, a_server_that_is_restarted_costs_no_commit) {
    expect_survives(pool(), observed(), [&] {
        server().stop();
        server().start();
    });
}

TEST_F(mysql_outage, connections_that_are_ended_cost_no_commit) {
    expect_survives(pool(), observed(), [&](const write_record& record) {
        EXPECT_TRUE(becomes_true([&] {
            kill_each("connection");
            return record.failures() > 20;
        }));
    });
}

TEST_F(mysql_outage, statements_that_are_cancelled_cost_their_own_commit_only) {
    observed_server server = observed();
    // So slow that they are under way when they are cancelled. A sleep that is interrupted gives 1, and if the server
    // looks no more whether it was, the statement has succeeded: then the row must be there.
    server.insert = "insert into written select ? where sleep(0.002) < 2";
    server.may_be_told = {sql::errc::statement_cancelled};
    expect_survives(pool(), server, [&](const write_record& record) {
        EXPECT_TRUE(becomes_true([&] {
            kill_each("query");
            return record.failures() > 10;
        }));
    });
}

TEST_F(mysql_outage, a_server_that_stands_still_costs_no_commit_and_nobody_waits_for_it) {
    settings_.pool.statement_timeout = 200ms;
    settings_.pool.connections.connect_timeout = 300ms;
    settings_.pool.connections.check_timeout = 300ms;
    settings_.pool.connections.close_timeout = 300ms;
    settings_.pool.connections.acquire_timeout = 500ms;
    observed_server server = observed();
    server.may_be_told.insert(server.may_be_told.end(), {errc::timeout, errc::connect_timeout});
    // What was given up while the server stood still is there until it has noticed: neither side can know of the other.
    server.max_connections = 100;
    expect_survives(pool(), server, [&] {
        mysql_world::server().freeze();
        EXPECT_TRUE(becomes_true([&] { return !ask("select 1"); })) << "a signal takes its time";
        for (int i = 0; i < 5; ++i) {
            const auto begun = clock::now();
            EXPECT_FALSE(ask("select 1"));
            EXPECT_LT(clock::now() - begun, 1500ms);
        }
        mysql_world::server().thaw();
    });
    EXPECT_TRUE(becomes_true([&] { return connections() <= 4; }));
}

TEST_F(mysql_outage, a_server_that_is_read_only_for_a_while_costs_no_commit) {
    observed_server server = observed();
    server.may_be_told = {sql::errc::read_only};
    expect_survives(pool(), server, [&](const write_record& record) {
        ASSERT_TRUE(gaze("set global read_only = 1"));
        EXPECT_TRUE(becomes_true([&] {
            const auto got = ask("delete from written where false");
            return !got && got.error() == sql::errc::read_only && record.failures() > 0;
        }));
        ASSERT_TRUE(gaze("set global read_only = 0"));
    });
}

/// Writes over a connection of its own; see `break_at_every_byte`.
write_through writer_on(runtime& io, const mysql::pool_settings& with) {
    return [&io, with](std::uint16_t port, std::int64_t number, write_record& record) {
        mysql::pool_settings mine = with;
        mine.url = fmt::format("mysql://writer:{}@127.0.0.1:{}/shop", test_secret, port);
        mine.pool.connections.max_size = 1;
        mine.pool.connections.down_fail_fast = duration::zero();
        mysql::pool db(io, mine);
        const auto done = db.query("insert into written values (?)", number).wait();
        done ? record.acknowledged(number) : record.failed(number, done.error(), false);
    };
}

TEST_F(mysql_outage, a_network_cut_at_any_byte_is_told_at_once_and_nothing_is_doubled) {
    write_record record;
    const std::size_t exchanges =
        break_at_every_byte(server().port(), breaking::cut, 1, 5s, writer_on(io_, settings_), record);
    EXPECT_GT(exchanges, 300U);
    record.expect_only({errc::connect_failed, errc::maybe_executed, errc::connection_closed});
    EXPECT_TRUE(becomes_true([&] { return connections() == 0; }));
    record.compare(there());
}

TEST_F(mysql_outage, a_network_that_stands_still_at_any_byte_is_waited_for_no_longer_than_the_deadlines_say) {
    settings_.pool.statement_timeout = 200ms;
    settings_.pool.connections.connect_timeout = 200ms;
    settings_.pool.connections.close_timeout = 200ms;
    write_record record;
    static_cast<void>(break_at_every_byte(server().port(), breaking::stall, 41, 6s, writer_on(io_, settings_), record));
    record.expect_only({errc::connect_timeout, errc::connect_failed, errc::timeout, errc::maybe_executed});
    EXPECT_TRUE(becomes_true([&] { return connections() == 0; }));
    record.compare(there());
}

}  // namespace
}  // namespace lido::test
