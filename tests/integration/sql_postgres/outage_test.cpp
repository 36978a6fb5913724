// Servers that fail while many write: nothing acknowledged is lost, nothing is doubled, work goes on at once.
#include "postgres_world.hpp"
#include "support/sql_load.hpp"

#include <csignal>
#include <set>
#include <sstream>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

/// Through TCP, with a password that nobody asks for and no error may show.
std::string watched_url(const postgres_server& server) {
    return fmt::format("postgresql://lido:{}@127.0.0.1:{}/postgres", test_secret, server.port());
}

postgres::settings impatient(std::string url) {
    postgres::settings made = settings_for(std::move(url));
    made.pool.connections.acquire_timeout = 2s;
    return made;
}

constexpr std::size_t most = 4;

/// The numbers in the text that a question is answered with.
std::vector<std::int64_t> numbers_at(const postgres_server& server, const std::string& question) {
    std::istringstream from(server.ask(question));
    std::vector<std::int64_t> all;
    for (std::int64_t each = 0; from >> each;) all.push_back(each);
    return all;
}

/// Of the pool.
std::size_t connections_at(const postgres_server& server) {
    const auto processes = [&server] {
        const auto all = numbers_at(server,
                                    "select string_agg(pid::text, ' ') from pg_stat_activity where backend_type = "
                                    "'client backend' and application_name = 'lido'");
        return std::set<std::int64_t>(all.begin(), all.end());
    };
    return lasting_connections(processes, most);
}

/// `is_asked`: the server that counts in the end, and is looked at meanwhile.
observed_server observed(const postgres_server& is_asked) {
    return {.insert = "insert into written values ($1)",
            .there = [&is_asked] { return numbers_at(is_asked, "select string_agg(a::text, ' ') from written"); },
            .connections = [&is_asked] { return connections_at(is_asked); },
            .max_connections = most,
            .may_be_told = {errc::maybe_executed, errc::connection_closed, errc::connect_failed, errc::acquire_timeout,
                            sql::errc::shutting_down}};
}

/// The process of one connection of the pool.
pid_t some_backend(const postgres_server& server) {
    return std::stoi(server.ask("select pid from pg_stat_activity where application_name = 'lido' limit 1"));
}

class postgres_outage : public testing::Test {
protected:
    postgres_outage() { server_.ask("create table written (a bigint)"); }
    postgres_server server_;
};

TEST_F(postgres_outage, a_server_that_is_killed_costs_no_commit) {
    postgres_world world(impatient(watched_url(server_)));
    expect_survives(world.db, observed(server_), [&] {
        server_.kill();
        EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().connect_failed > 2; }));
        server_.start();
    });
}

TEST_F(postgres_outage, a_server_that_is_killed_costs_no_commit_over_shared_connections) {
    postgres::settings with = impatient(watched_url(server_));
    with.shared_connections = 2;
    with.pool.connections.max_size = 2;
    postgres_world world(with);
    observed_server server = observed(server_);
    server.users = 12;
    expect_survives(world.db, server, [&] {
        server_.kill();
        EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().connect_failed > 1; }));
        server_.start();
    });
}

TEST_F(postgres_outage, a_server_that_is_restarted_costs_no_commit) {
    postgres_world world(impatient(watched_url(server_)));
    expect_survives(world.db, observed(server_), [&] {
        server_.stop();
        server_.start();
    });
}

/// The server then ends all its sessions and recovers by itself.
TEST_F(postgres_outage, a_killed_process_of_the_server_costs_no_commit) {
    postgres_world world(impatient(watched_url(server_)));
    expect_survives(world.db, observed(server_), [&] {
        const std::string checkpointer = "select pid from pg_stat_activity where backend_type = 'checkpointer'";
        const std::string before = server_.ask(checkpointer);
        ASSERT_EQ(::kill(some_backend(server_), SIGKILL), 0);
        EXPECT_TRUE(becomes_true([&] {
            try {
                return server_.ask(checkpointer) != before;
            } catch (const std::exception&) {
                return false;
            }
        }));
    });
}

TEST_F(postgres_outage, sessions_that_are_ended_cost_no_commit) {
    postgres_world world(impatient(watched_url(server_)));
    expect_survives(world.db, observed(server_), [&](const write_record& record) {
        EXPECT_TRUE(becomes_true([&] {
            server_.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lido' limit 1");
            return record.failures() > 10;
        }));
    });
}

TEST_F(postgres_outage, statements_that_are_cancelled_cost_their_own_commit_only) {
    postgres_world world(impatient(watched_url(server_)));
    observed_server server = observed(server_);
    server.insert = "insert into written select $1 from pg_sleep(0.002)";
    server.may_be_told = {sql::errc::statement_cancelled};
    expect_survives(world.db, server, [&](const write_record& record) {
        EXPECT_TRUE(becomes_true([&] {
            server_.ask("select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'lido'");
            return record.failures() > 50;
        }));
    });
    EXPECT_EQ(world.db.connections().statistics().created, 4U) << "none of it costs a connection";
}

TEST_F(postgres_outage, a_server_that_stands_still_costs_no_commit_and_nobody_waits_for_it) {
    postgres::settings with = impatient(watched_url(server_));
    with.pool.statement_timeout = 200ms;
    with.pool.connections.connect_timeout = 300ms;
    with.pool.connections.check_timeout = 300ms;
    with.pool.connections.acquire_timeout = 500ms;
    postgres_world world(with);
    observed_server server = observed(server_);
    server.may_be_told.insert(server.may_be_told.end(),
                              {errc::timeout, errc::connect_timeout, make_error_code(sql::errc::statement_cancelled)});
    // What was given up while the server stood still is there until it has noticed: neither side can know of the other.
    server.max_connections = 100;
    expect_survives(world.db, server, [&] {
        server_.freeze();
        EXPECT_TRUE(becomes_true([&] { return !world.query("select 1"); })) << "a signal takes its time";
        for (int i = 0; i < 5; ++i) {
            const auto begun = clock::now();
            const auto late = world.query("select 1");
            EXPECT_FALSE(late);
            EXPECT_LT(clock::now() - begun, 1500ms);
        }
        server_.thaw();
    });
    EXPECT_TRUE(becomes_true([&] { return server_.connections() <= 4; }));
}

TEST_F(postgres_outage, a_server_that_is_read_only_for_a_while_costs_no_commit) {
    postgres_world world(impatient(watched_url(server_)));
    observed_server server = observed(server_);
    server.may_be_told = {sql::errc::read_only};
    expect_survives(world.db, server, [&](const write_record& record) {
        server_.ask("alter system set default_transaction_read_only = on");
        server_.ask("select pg_reload_conf()");
        EXPECT_TRUE(becomes_true([&] {
            const auto got = world.query("delete from written where false");
            return !got && got.error() == sql::errc::read_only && record.failures() > 0;
        }));
        server_.ask("alter system reset default_transaction_read_only");
        server_.ask("select pg_reload_conf()");
    });
}

/// What the primary acknowledges the replica has, so that nothing is lost with the primary.
TEST_F(postgres_outage, a_failover_to_a_synchronous_replica_costs_no_commit) {
    postgres_server replica(server_, {});
    server_.ask("alter system set synchronous_standby_names = '*'");
    server_.ask("select pg_reload_conf()");
    ASSERT_TRUE(becomes_true(
        [&] { return server_.ask("select count(*) from pg_stat_replication where sync_state = 'sync'") == "1"; }));
    postgres_world world(impatient(fmt::format("postgresql://lido:{}@127.0.0.1:{},127.0.0.1:{}/postgres", test_secret,
                                               server_.port(), replica.port())));
    observed_server server = observed(replica);
    server.may_be_told.push_back(sql::errc::read_only);
    expect_survives(world.db, server, [&] {
        server_.kill();
        replica.promote();
    });
}

TEST_F(postgres_outage, a_lock_that_is_held_too_long_and_a_deadlock_are_named) {
    server_.ask("insert into written values (1), (2)");
    postgres_world world(impatient(watched_url(server_)));
    auto first = world.db.begin().wait().value();
    auto second = world.db.begin().wait().value();
    ASSERT_TRUE(second.query("set local lock_timeout = '100ms'").wait());
    ASSERT_TRUE(first.query("update written set a = 11 where a = 1").wait());
    const auto late = second.query("update written set a = 21 where a = 1").wait();
    EXPECT_EQ(late.error(), sql::errc::lock_timeout) << late.error().message();
    ASSERT_TRUE(second.rollback().wait());

    second = world.db.begin().wait().value();
    ASSERT_TRUE(second.query("update written set a = 22 where a = 2").wait());
    result<sql::rows> of_first = error(errc::cancelled, "not yet");
    std::thread other([&] { of_first = first.query("update written set a = 12 where a = 2").wait(); });
    const auto of_second = second.query("update written set a = 21 where a = 1").wait();
    other.join();
    ASSERT_NE(of_first.has_value(), of_second.has_value()) << "one is the victim";
    const error victim = of_first ? of_second.error() : of_first.error();
    EXPECT_EQ(victim, sql::errc::deadlock) << victim.message();
    EXPECT_THAT(victim.message(), testing::HasSubstr("run the transaction again"));
    EXPECT_EQ((of_first ? second : first).commit().wait().error(), sql::errc::transaction_failed);
    ASSERT_TRUE((of_first ? first : second).commit().wait());
    EXPECT_EQ(server_.ask("select count(*) from written where a in (11, 12)"), of_first ? "2" : "0");
}

}  // namespace
}  // namespace lido::test
