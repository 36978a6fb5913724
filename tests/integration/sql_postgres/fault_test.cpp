// Servers that die, hang, refuse, change their role: what callers hear, and how soon work goes on.
#include "lido/net/resolver.hpp"
#include "postgres_world.hpp"
#include "support/test_certificates.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::HasSubstr;

/// From when the server answers a question past the pool until a query works again; fails after ten seconds.
duration time_to_recover(postgres::pool& db, const postgres_server& server) {
    server.ask("select 1");
    const auto begun = clock::now();
    while (clock::now() - begun < 10s) {
        if (db.query("select 1").wait()) return clock::now() - begun;
    }
    ADD_FAILURE() << "no recovery: " << db.query("select 1").wait().error().message();
    return 10s;
}

postgres::settings eager(std::string url, std::size_t max_size = 4) {
    postgres::settings made = settings_for(std::move(url), max_size);
    made.pool.connections.acquire_timeout = 2s;
    return made;
}

TEST(postgres_faults, after_a_killed_server_is_back_work_goes_on_and_no_commit_is_doubled) {
    postgres_server server;
    server.ask("create table written (a bigint)");
    postgres_world world(eager(server.url()));
    std::atomic<std::int64_t> confirmed{0};
    std::atomic<std::int64_t> unknown{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> users;
    for (int i = 0; i < 4; ++i) {
        users.emplace_back([&] {
            while (!stop) {
                const auto done = world.query("insert into written values (1)");
                if (done) {
                    ++confirmed;
                } else if (done.error() == errc::maybe_executed) {
                    ++unknown;
                } else {
                    EXPECT_THAT(
                        done.error().code(),
                        AnyOf(make_error_code(errc::connection_closed), make_error_code(errc::connect_failed),
                              make_error_code(errc::acquire_timeout), make_error_code(sql::errc::shutting_down)))
                        << done.error().message();
                }
            }
        });
    }
    EXPECT_TRUE(becomes_true([&] { return confirmed > 100; }));
    server.kill();
    EXPECT_TRUE(becomes_true([&] { return world.db.connections().statistics().connect_failed > 2; }));
    server.start();
    const duration took = time_to_recover(world.db, server);
    EXPECT_LT(took, 1500ms) << to_text(took);
    stop = true;
    for (std::thread& each : users) each.join();
    const std::int64_t there = std::stoll(server.ask("select count(*) from written"));
    EXPECT_GE(there, confirmed);
    EXPECT_LE(there, confirmed + unknown);
    // What has said good-bye is counted until its process has had its turn.
    EXPECT_TRUE(becomes_true([&] { return server.connections() <= 4; }));
}

TEST(postgres_faults, a_server_that_is_restarted_in_order_is_followed) {
    postgres_server server;
    postgres_world world(eager(server.url()));
    ASSERT_TRUE(world.query("select 1"));
    server.stop();
    const auto down = world.query("select 1");
    ASSERT_FALSE(down);
    EXPECT_EQ(down.error(), errc::connect_failed) << down.error().message();
    server.start();
    EXPECT_LT(time_to_recover(world.db, server), 1500ms);
}

TEST(postgres_faults, killed_sessions_cost_their_own_statements_only) {
    postgres_server server;
    postgres_world world(eager(server.url()));
    std::atomic<bool> stop{false};
    std::atomic<int> good{0};
    std::vector<std::thread> users;
    for (int i = 0; i < 4; ++i) {
        users.emplace_back([&] {
            while (!stop) {
                const auto got = world.query("select 1");
                if (got) {
                    ++good;
                } else {
                    EXPECT_THAT(got.error().code(),
                                AnyOf(make_error_code(sql::errc::shutting_down), make_error_code(errc::maybe_executed),
                                      make_error_code(errc::connection_closed)))
                        << got.error().message();
                }
            }
        });
    }
    for (int i = 0; i < 10; ++i) {
        const int before = good;
        EXPECT_TRUE(becomes_true([&] { return good > before + 20; }));
        server.ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lido' limit 1");
    }
    stop = true;
    for (std::thread& each : users) each.join();
    // What has said good-bye is counted until its process has had its turn.
    EXPECT_TRUE(becomes_true([&] { return server.connections() <= 4; }));
}

TEST(postgres_faults, a_server_that_stands_still_costs_the_statements_time_and_no_more) {
    postgres_server server;
    postgres::settings with = eager(server.url(), 2);
    with.pool.statement_timeout = 200ms;
    with.pool.connections.check_timeout = 300ms;
    with.pool.connections.connect_timeout = 500ms;
    with.pool.connections.acquire_timeout = 500ms;
    postgres_world world(with);
    ASSERT_TRUE(world.query("select 1"));
    server.freeze();
    const auto begun = clock::now();
    const auto got = world.query("select 1");
    EXPECT_FALSE(got);
    EXPECT_LT(clock::now() - begun, 3s);
    server.thaw();
    EXPECT_LT(time_to_recover(world.db, server), 1500ms);
}

TEST(postgres_faults, a_server_that_stands_still_in_a_transaction_costs_its_time_and_no_more) {
    postgres_server server;
    postgres::settings with = eager(server.url(), 1);
    with.pool.statement_timeout = 200ms;
    with.pool.connections.check_timeout = 300ms;
    postgres_world world(with);
    const auto work = [&server](postgres::pool::transaction& in) -> task<result<int>> {
        server.freeze();
        operation<sql::rows> asked = in.query("select 1");
        const result<sql::rows> got = co_await std::move(asked);
        if (!got) co_return got.error();
        co_return 1;
    };
    const auto begun = clock::now();
    const auto late = world.db.transact(work).wait();
    const duration took = clock::now() - begun;
    server.thaw();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::timeout) << late.error().message();
    EXPECT_LT(took, 3s) << "one statement's time, and the rollback's; a cancel request alone is waited for 10 s";
    EXPECT_LT(time_to_recover(world.db, server), 1500ms);
}

TEST(postgres_faults, a_commit_to_a_server_that_stands_still_may_have_been_executed) {
    postgres_server server;
    server.ask("create table written (a bigint)");
    postgres::settings with = eager(server.url(), 1);
    with.pool.statement_timeout = 300ms;
    with.pool.cancel_abandoned = false;
    postgres_world world(with);
    auto scope = world.db.begin().wait().value();
    ASSERT_TRUE(scope.query("insert into written values (1)").wait());
    server.freeze();
    const auto committed = scope.commit().wait();
    server.thaw();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error(), errc::maybe_executed) << committed.error().message();
    EXPECT_TRUE(becomes_true([&] { return server.ask("select count(*) from written") == "1"; })) << "and it was";
}

TEST(postgres_faults, a_server_that_stands_still_keeps_no_cancel_from_another) {
    constexpr std::size_t many = 12;
    postgres_server still;
    postgres_server healthy;
    postgres::settings with = eager(still.url(), many);
    with.pool.statement_timeout = 100ms;
    postgres_world stuck(with);
    with.url = healthy.url();
    with.pool.connections.max_size = 1;
    postgres_world good(with);
    const auto session = [&good] {
        result<sql::rows> got = sql::rows();
        // On a machine that is busy 100 ms may be too short even for this.
        EXPECT_TRUE(becomes_true([&] {
            got = good.query("select pg_backend_pid()");
            return got.has_value();
        }));
        return got.value()[0][0].as<int>().value();
    };
    const int before = session();
    std::vector<postgres::pool::lease> leases;
    for (std::size_t i = 0; i < many; ++i) leases.push_back(stuck.db.acquire().wait().value());
    still.freeze();
    // Each of them asks for a cancel, and none of these requests is answered.
    for (postgres::pool::lease& each : leases) EXPECT_EQ(each.query("select 1").wait().error(), errc::timeout);
    EXPECT_EQ(good.query("select pg_sleep(20)").error(), errc::timeout);
    EXPECT_EQ(session(), before) << "its statement was cancelled in time, or its connection would have been closed";
    still.thaw();
}

TEST(postgres_faults, a_server_that_takes_no_more_connections_says_so) {
    postgres_server server({.settings = "max_connections = 8\nsuperuser_reserved_connections = 1\n"});
    server.ask("create user clerk");
    postgres_world world(eager(fmt::format("postgresql://clerk@127.0.0.1:{}/postgres", server.port()), 20));
    std::vector<postgres::pool::lease> held;
    std::optional<error> refused;
    while (held.size() < 20 && !refused) {
        auto lease = world.db.acquire({.timeout = 1500ms}).wait();
        if (lease) {
            held.push_back(std::move(*lease));
        } else {
            refused = lease.error();
        }
    }
    ASSERT_TRUE(refused);
    EXPECT_THAT(refused->message(), HasSubstr("53300"));
    EXPECT_EQ(held.size(), 7U);
    held.clear();
    EXPECT_TRUE(world.query("select 1"));
}

TEST(postgres_faults, a_server_that_becomes_read_only_is_left_for_one_that_writes) {
    postgres_server first;
    postgres_server second;
    for (const postgres_server* each : {&first, &second}) each->ask("create table t (a int)");
    postgres_world world(
        eager(fmt::format("postgresql://lido@127.0.0.1:{},127.0.0.1:{}/postgres", first.port(), second.port())));
    ASSERT_TRUE(world.query("insert into t values (1)"));
    EXPECT_EQ(first.ask("select count(*) from t"), "1");
    first.ask("alter system set default_transaction_read_only = on");
    first.ask("select pg_reload_conf()");
    // The error itself is what tells: nothing is sent twice.
    EXPECT_TRUE(becomes_true([&] {
        const auto done = world.query("insert into t values (2)");
        EXPECT_TRUE(done || done.error() == sql::errc::read_only) << done.error().message();
        return done && second.ask("select count(*) from t") != "0";
    }));
}

TEST(postgres_faults, a_primary_that_writes_no_more_before_its_replica_is_promoted_is_left_in_time) {
    postgres_server primary;
    primary.ask("create table t (a int)");
    postgres_server replica(primary, {});
    postgres_world world(
        eager(fmt::format("postgresql://lido@127.0.0.1:{},127.0.0.1:{}/postgres", primary.port(), replica.port())));
    ASSERT_TRUE(world.query("insert into t values (1)"));
    EXPECT_TRUE(becomes_true([&] { return replica.ask("select count(*) from t") == "1"; }));
    primary.ask("alter system set default_transaction_read_only = on");
    primary.ask("select pg_reload_conf()");
    const auto write = [&world] { return world.query("insert into t values (2)"); };
    EXPECT_TRUE(becomes_true([&] { return !write(); }));
    EXPECT_EQ(write().error(), sql::errc::read_only) << "there is no other yet";
    replica.promote();
    const auto begun = clock::now();
    EXPECT_TRUE(becomes_true([&] { return write().has_value(); }));
    EXPECT_LT(clock::now() - begun, 1500ms);
    EXPECT_NE(replica.ask("select count(*) from t"), "1");
}

TEST(postgres_faults, a_server_that_becomes_read_only_loses_shared_and_exclusive_connections_together) {
    for (const char* write : {"insert into t values (1)", "create table u (a int)"}) {
        postgres_server server;
        server.ask("create table t (a int)");
        postgres::settings with = eager(server.url());
        with.shared_connections = 1;
        postgres_world world(with);
        ASSERT_TRUE(world.query("select 1"));
        { const auto lease = world.db.acquire().wait().value(); }
        server.ask("alter system set default_transaction_read_only = on");
        server.ask("select pg_reload_conf()");
        EXPECT_TRUE(becomes_true([&] {
            const auto done = world.query(sql::trusted_sql(write));
            return !done && done.error() == sql::errc::read_only;
        })) << write;
        EXPECT_TRUE(becomes_true([&] {
            const auto all = world.db.statistics();
            return all.size() == 2 && all[0].closed_retired == 1 && all[1].closed_retired == 1;
        })) << write;
    }
}

TEST(postgres_faults, a_failover_to_the_replica_is_followed) {
    postgres_server primary;
    primary.ask("create table t (a int)");
    postgres_server replica(primary, {});
    const std::string hosts =
        fmt::format("postgresql://lido@127.0.0.1:{},127.0.0.1:{}/postgres", replica.port(), primary.port());
    postgres_world writers(eager(hosts));
    postgres_world readers(eager(hosts + "?role=replica"));
    ASSERT_TRUE(writers.query("insert into t values (1)")) << "the first host is a replica";
    const auto port_of = [](postgres_world& world) {
        return world.query("select current_setting('port')::int").value()[0][0].as<int>().value();
    };
    EXPECT_EQ(port_of(writers), primary.port());
    EXPECT_EQ(port_of(readers), replica.port());
    EXPECT_EQ(readers.query("insert into t values (9)").error(), sql::errc::read_only);
    EXPECT_TRUE(becomes_true([&] { return replica.ask("select count(*) from t") == "1"; }));
    primary.kill();
    EXPECT_FALSE(writers.query("insert into t values (2)"));
    EXPECT_TRUE(readers.query("select * from t")) << "reads go on";
    replica.promote();
    EXPECT_LT(time_to_recover(writers.db, replica), 1500ms);
    ASSERT_TRUE(writers.query("insert into t values (3)"));
    EXPECT_EQ(port_of(writers), replica.port());
    EXPECT_TRUE(becomes_true([&] { return !readers.query("select 1"); })) << "there is no replica any more";
    EXPECT_THAT(readers.query("select 1").error().message(), HasSubstr("it is the primary"));
}

/// Answers "server.test" with the loopback address, and for "silent.test" nobody answers before this object's end.
class half_silent_names {
public:
    half_silent_names() {
        net::resolver_settings made;
        made.lookup = [until =
                           end_.get_future().share()](const std::string& host) -> result<std::vector<net::address>> {
            if (host == "silent.test") until.wait();
            return std::vector<net::address>{*net::address::from_literal("127.0.0.1", 0)};
        };
        resolver_ = std::make_shared<net::resolver>(made);
    }
    half_silent_names(const half_silent_names&) = delete;
    half_silent_names& operator=(const half_silent_names&) = delete;
    ~half_silent_names() { end_.set_value(); }
    [[nodiscard]] const std::shared_ptr<net::resolver>& resolver() const noexcept { return resolver_; }

private:
    std::promise<void> end_;
    std::shared_ptr<net::resolver> resolver_;
};

TEST(postgres_hosts, one_whose_name_nobody_answers_costs_the_others_no_more_than_its_share_of_the_time) {
    const std::uint16_t port = common_server().port();
    for (const char* hosts : {"server.test:{0},silent.test:{0}", "silent.test:{0},server.test:{0}"}) {
        const half_silent_names names;
        postgres::settings with =
            eager(fmt::format("postgresql://lido@{}/postgres", fmt::format(fmt::runtime(hosts), port)), 1);
        with.pool.names = names.resolver();
        with.pool.connections.connect_timeout = 1s;
        postgres_world world(with);
        const auto got = world.query("select 1");
        EXPECT_TRUE(got) << hosts << ": " << got.error().message();
        EXPECT_EQ(world.db.connections().statistics().connect_failed, 0U) << hosts;
    }
}

TEST(postgres_hosts, whose_names_nobody_answers_are_told_in_time) {
    const half_silent_names names;
    postgres::settings with = eager("postgresql://lido@silent.test/postgres", 1);
    with.pool.names = names.resolver();
    with.pool.connections.connect_timeout = 200ms;
    postgres_world world(with);
    const auto got = world.query("select 1");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::connect_timeout) << got.error().message();
}

TEST(postgres_tls, verifies_the_servers_name_and_authority) {
    const temporary_directory folder;
    certificate_authority authority(folder);
    certificate_authority stranger(folder, "Another CA");
    const certificate_files files = authority.issue({.common_name = "localhost", .dns = {"localhost"}});
    postgres_server server({.settings = "", .access = "", .certificate = files.certificate, .key = files.key});
    const auto query = [](const std::string& url, const std::string& ca_file) {
        postgres::settings with = eager(url, 1);
        with.ca_file = ca_file;
        postgres_world world(with);
        return world.query("select ssl::text || version from pg_stat_ssl where pid = pg_backend_pid()");
    };
    const std::string by_name = server.tcp_url("localhost") + "?sslmode=verify-full";
    const auto right = query(by_name, authority.ca_file());
    ASSERT_TRUE(right) << right.error().message();
    EXPECT_EQ((*right)[0][0].as<std::string>().value(), "trueTLSv1.3");
    EXPECT_EQ(query(server.tcp_url() + "?sslmode=verify-full", authority.ca_file()).error(), errc::tls_failed)
        << "another name";
    EXPECT_TRUE(query(server.tcp_url() + "?sslmode=verify-ca", authority.ca_file()));
    EXPECT_EQ(query(by_name, stranger.ca_file()).error(), errc::tls_failed);
    EXPECT_EQ(query(by_name, "").error(), errc::tls_failed) << "the system does not know this authority";
    postgres_server plain;
    EXPECT_EQ(query(plain.tcp_url("localhost") + "?sslmode=verify-full", authority.ca_file()).error(), errc::tls_failed)
        << "never in plain text instead";
}

TEST(postgres_tls, large_results_come_whole) {
    const temporary_directory folder;
    certificate_authority authority(folder);
    const certificate_files files = authority.issue({.common_name = "localhost", .dns = {"localhost"}});
    postgres_server server({.settings = "", .access = "", .certificate = files.certificate, .key = files.key});
    postgres::settings with = eager(server.tcp_url("localhost") + "?sslmode=verify-full", 1);
    with.ca_file = authority.ca_file();
    with.shared_connections = 1;
    postgres_world world(with);
    for (const int size : {1, 8000, 8192, 16384, 16385, 100'000, 3'000'000}) {
        const auto got = world.query("select repeat('x', $1::int)", size);
        ASSERT_TRUE(got) << got.error().message();
        EXPECT_EQ((*got)[0][0].text().size(), static_cast<std::size_t>(size));
    }
}

}  // namespace
}  // namespace lido::test
