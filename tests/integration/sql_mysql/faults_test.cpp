// What becomes of callers and connections when the server, the network or the caller fails.
#include "integration/sql_mysql/mysql_fixture.hpp"
#include "support/becomes_true.hpp"
#include "support/cutting_proxy.hpp"

#include <fmt/format.h>

#include <atomic>
#include <fstream>
#include <semaphore>
#include <sstream>
#include <stop_token>
#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

using mysql_faults = mysql_world;

TEST_F(mysql_faults, a_statement_whose_time_is_over_is_ended_at_the_server_and_its_connection_closed) {
    settings_.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    settings_.pool.connections.max_size = 1;
    const auto begun = clock::now();
    const auto late = ask("select sleep(20)");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), lido::errc::timeout);
    EXPECT_EQ(ask("select 7").value()[0][0].as<int>().value(), 7) << "not the answer of the other";
    EXPECT_LT(clock::now() - begun, 10s);
    // That it is to end is acknowledged before it has ended.
    EXPECT_TRUE(becomes_true([&] {
        const auto running = ask("select count(*) from information_schema.processlist where info like 'select sleep%'");
        return running.value()[0][0].as<int>().value() == 0;
    }));
}

/// When the next probe of each idle connection to that port is due, in hundredths of a second, by /proc/net/tcp.
std::vector<unsigned long> probes_to(std::uint16_t port) {
    constexpr const char* established = "01";
    constexpr const char* by_keep_alive = "02:";
    std::vector<unsigned long> found;
    std::ifstream from("/proc/net/tcp");
    std::string line;
    while (std::getline(from, line)) {
        std::istringstream words(line);
        std::string number, local, remote, state, queues, probe;
        words >> number >> local >> remote >> state >> queues >> probe;
        if (state != established || !remote.ends_with(fmt::format(":{:04X}", port))) continue;
        found.push_back(probe.starts_with(by_keep_alive) ? std::stoul(probe.substr(3), nullptr, 16) : 1'000'000);
    }
    return found;
}

TEST_F(mysql_faults, a_connection_whose_server_is_gone_without_a_word_is_noticed) {
    settings_.url = fmt::format("mysql://tester:lido%27s@127.0.0.1:{}/shop", server().port());
    settings_.pool.connections.max_size = 1;
    ASSERT_TRUE(ask("select 1"));
    const std::vector<unsigned long> probes = probes_to(server().port());
    ASSERT_FALSE(probes.empty());
    for (const unsigned long each : probes) EXPECT_LE(each, 3'000U) << "within half a minute";
}

TEST_F(mysql_faults, without_a_statement_cache_nobody_waits_for_rows_that_were_given_up) {
    settings_.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    settings_.pool.statement_cache = 0;
    settings_.pool.connections.max_size = 1;
    settings_.pool.connections.connect_timeout = 15s;
    const auto begun = clock::now();
    // The first row is too large for the server to keep it back; the second takes its time.
    const auto late = ask("select repeat('x', 200000), sleep(20 * (seq - 1)) from seq_1_to_2");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), lido::errc::timeout);
    EXPECT_EQ(ask("select 7").value()[0][0].as<int>().value(), 7);
    EXPECT_LT(clock::now() - begun, 10s);
}

TEST_F(mysql_faults, a_caller_that_goes_away_ends_its_statement_too) {
    settings_.pool.connections.max_size = 1;
    std::stop_source stop;
    std::binary_semaphore ended(0);
    std::atomic<bool> cancelled{false};
    pool()
        .query("select sleep(20)")
        .start(
            [&](const result<sql::rows>& outcome) {
                cancelled = !outcome && outcome.error() == lido::errc::cancelled;
                ended.release();
            },
            stop.get_token());
    while (pool().connections().statistics().leases == 0) std::this_thread::yield();
    stop.request_stop();
    ended.acquire();
    EXPECT_TRUE(cancelled);
    const auto begun = clock::now();
    EXPECT_EQ(ask("select 8").value()[0][0].as<int>().value(), 8);
    EXPECT_LT(clock::now() - begun, 10s);
}

TEST_F(mysql_faults, a_session_whose_state_is_not_told_after_an_error_in_time_is_not_used_again) {
    settings_.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    std::atomic<std::size_t> allowed{1'000'000};
    cutting_proxy network(
        server().port(), 7, [&allowed](random_source&) { return allowed.load(); }, {}, breaking::stall);
    settings_.url = fmt::format("mysql://tester:lido%27s@127.0.0.1:{}/shop", network.port());
    settings_.pool.connections.max_size = 1;
    const auto refused = ask("selekt 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::syntax_error);
    // The last that came was the answer to the ping: this time it stops short of its end.
    allowed = network.answers_passed() - 1;
    pool_.reset();
    const auto again = ask("selekt 1");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error(), sql::errc::syntax_error) << again.error().message();
    allowed = 1'000'000;
    EXPECT_TRUE(ask("select 1"));
    EXPECT_EQ(pool().connections().statistics().created, 2U);
}

TEST_F(mysql_faults, a_stream_that_fails_in_its_midst_costs_no_connection) {
    settings_.pool.connections.max_size = 1;
    std::optional<error> failure;
    {
        auto stream =
            pool().stream("select (select a.seq from seq_1_to_2 a where t.seq = 3) from seq_1_to_5 t").wait().value();
        while (!failure) {
            const auto batch = stream.next().wait();
            if (!batch) failure = batch.error();
            ASSERT_TRUE(!batch || !batch->empty()) << "it came to a good end";
        }
    }
    EXPECT_THAT(failure->message(), HasSubstr("1242"));
    EXPECT_TRUE(ask("select 1"));
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

TEST_F(mysql_faults, an_idle_connection_that_the_server_ends_is_never_lent) {
    settings_.pool.connections.max_size = 1;
    const auto id = ask("select connection_id()").value()[0][0].as<std::int64_t>().value();
    mysql::pool_settings own = settings_;
    mysql::pool other(io_, own);
    ASSERT_TRUE(other.query(sql::trusted_sql("kill " + std::to_string(id))).wait());
    while (pool().connections().statistics().closed == 0) std::this_thread::yield();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(ask("select 1"));
}

TEST_F(mysql_faults, a_statement_whose_connection_is_killed_may_have_been_executed) {
    auto lease = pool().acquire().wait().value();
    const auto id = lease.session().id();
    std::binary_semaphore ended(0);
    std::optional<error> failure;
    lease.query("select sleep(20)").start([&](const result<sql::rows>& outcome) {
        if (!outcome) failure = outcome.error();
        ended.release();
    });
    mysql::pool other(io_, settings_);
    const sql::trusted_sql seen(
        "select count(*) from information_schema.processlist where info like 'select sleep%' and id = " +
        std::to_string(id));
    while (other.query(seen).wait().value()[0][0].as<int>().value() == 0) std::this_thread::yield();
    ASSERT_TRUE(other.query(sql::trusted_sql("kill " + std::to_string(id))).wait());
    ended.acquire();
    ASSERT_TRUE(failure);
    const bool is_known = *failure == lido::errc::maybe_executed || *failure == sql::errc::statement_cancelled;
    EXPECT_TRUE(is_known) << failure->message();
}

TEST_F(mysql_faults, a_server_that_stands_still_costs_no_more_than_the_time_out) {
    settings_.pool.statement_timeout = 300ms;
    settings_.pool.connections.close_timeout = 500ms;
    ASSERT_TRUE(ask("select 1"));
    server().freeze();
    const auto begun = clock::now();
    const auto late = ask("select 1");
    EXPECT_FALSE(late);
    EXPECT_LT(clock::now() - begun, 5s);
    server().thaw();
    result<sql::rows> answer = ask("select 1");
    while (!answer && clock::now() - begun < 20s) answer = ask("select 1");
    EXPECT_TRUE(answer) << answer.error().message();
}

TEST_F(mysql_faults, never_more_connections_than_allowed_are_counted_at_the_server) {
    settings_.pool.connections.max_size = 3;
    // The server still counts what closed before.
    while (connections_at_server() > 0) std::this_thread::yield();
    std::counting_semaphore<100> ended(0);
    constexpr int callers = 60;
    for (int i = 0; i < callers; ++i) {
        pool().query("select sleep(0.02)").start([&](const result<sql::rows>& outcome) {
            EXPECT_TRUE(outcome);
            ended.release();
        });
    }
    std::int64_t most = 0;
    int left = callers;
    do {
        while (left > 0 && ended.try_acquire()) --left;
        most = std::max(most, connections_at_server());  // the last time when there surely are some
    } while (left > 0);
    EXPECT_LE(most, 3);
    EXPECT_GE(most, 1);
}

TEST_F(mysql_faults, too_many_connections_at_the_server_is_an_error_that_says_so) {
    ASSERT_TRUE(ask("set global max_connections = 10"));
    settings_.pool.connections.max_size = 30;
    settings_.pool.connections.down_fail_fast = 100ms;
    pool_.reset();
    std::vector<mysql::pool::lease> held;
    std::optional<error> refused;
    while (held.size() < 30 && !refused) {
        auto lease = pool().acquire({.timeout = 2s}).wait();
        if (lease) {
            held.push_back(std::move(*lease));
        } else {
            refused = lease.error();
        }
    }
    ASSERT_TRUE(refused);
    EXPECT_THAT(refused->message(), HasSubstr("Too many connections"));
    ASSERT_TRUE(held.front().query("set global max_connections = 151").wait());
}

class mysql_read_only : public mysql_world {
protected:
    void SetUp() override {
        mysql_world::SetUp();
        // The tester may write to a server that is read-only.
        ASSERT_TRUE(ask("create or replace user writer@'%' identified by 'w'"));
        ASSERT_TRUE(ask("grant select, insert on shop.* to writer@'%'"));
        mysql::pool_settings own = settings_;
        own.url = "mysql://writer:w@127.0.0.1:" + std::to_string(server().port()) + "/shop";
        own.pool.connections.max_size = 1;
        writers_.emplace(io_, own);
    }
    [[nodiscard]] result<sql::rows> write() { return writers_->query("insert into outfit (name) values ('a')").wait(); }
    [[nodiscard]] std::uint64_t created() const { return writers_->connections().statistics().created; }

    std::optional<mysql::pool> writers_;
};

TEST_F(mysql_read_only, a_server_that_becomes_it_ends_the_generation) {
    ASSERT_TRUE(write());
    ASSERT_TRUE(ask("set global read_only = 1"));
    const auto refused = write();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::read_only) << refused.error().message();
    ASSERT_TRUE(ask("set global read_only = 0"));
    EXPECT_TRUE(write());
    EXPECT_EQ(created(), 2U);
}

TEST_F(mysql_read_only, a_server_that_stays_it_is_not_connected_to_anew_for_each_write) {
    ASSERT_TRUE(ask("set global read_only = 1"));
    const auto begun = clock::now();
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(write());
    const auto pauses = static_cast<std::uint64_t>((clock::now() - begun) / 1s);
    EXPECT_LE(created(), 2 + pauses);
    ASSERT_TRUE(ask("set global read_only = 0"));
}

TEST_F(mysql_read_only, another_option_that_prevents_a_statement_says_nothing_about_the_server) {
    settings_.pool.connections.max_size = 1;
    const auto refused = ask("select 1 into outfile '/nowhere/to/write'");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::permission_denied) << refused.error().message();
    EXPECT_THAT(refused.error().message(), HasSubstr("1290"));
    EXPECT_TRUE(ask("select 1"));
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

}  // namespace
}  // namespace lido::test
