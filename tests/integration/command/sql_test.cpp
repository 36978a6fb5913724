// Goal: `lido sql`, `lido check` and `lido simulate --sql` with real servers: results in each form, of any size,
// cancelled by Ctrl-C at the server, and errors that say what is wrong and no password. Method: PostgreSQL and MariaDB,
// which are asked by other means what happened to them; the command in a process of its own.
#include "support/free_port.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/running_command.hpp"
#include "support/sanitized.hpp"
#include "support/test_certificates.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Asks until it is so; some seconds at most.
bool becomes_true(const std::function<bool()>& is_so) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > until) return false;
        // What a server does is known by asking it only.
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

void expect_refused(const command_outcome& ended, int code, const std::string& part) {
    EXPECT_EQ(ended.code, code) << ended.errors;
    EXPECT_EQ(ended.output, "");
    EXPECT_THAT(ended.errors, AllOf(StartsWith("lido "), HasSubstr(part), Not(HasSubstr("wr0ng-word"))));
    EXPECT_EQ(std::count(ended.errors.begin(), ended.errors.end(), '\n'), 1) << ended.errors;
}

/// The command by Ctrl-C in the middle of a statement that would take a minute.
void expect_cancelled(const std::vector<std::string>& arguments, const std::function<bool()>& runs) {
    running_command asked(arguments);
    ASSERT_TRUE(becomes_true(runs)) << "the statement does not begin";
    asked.signal(SIGINT);
    const auto begun = std::chrono::steady_clock::now();
    const command_outcome ended = asked.wait();
    EXPECT_EQ(ended.code, 130) << ended.errors;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
    // The server lists it until its process or thread has had its turn.
    EXPECT_TRUE(becomes_true([&] { return !runs(); })) << "the server goes on";
}

// ---- PostgreSQL -----------------------------------------------------------------------------------------------------

class postgres_command : public testing::Test {
protected:
    struct world {
        temporary_directory folder;
        certificate_authority ca{folder, "authority"};
        certificate_files files = ca.issue({.common_name = "localhost", .dns = {"localhost"}, .ips = {"127.0.0.1"}});
        postgres_server server{{.settings = "max_connections = 30\n",
                                .access = "host all guarded 127.0.0.1/32 scram-sha-256\n",
                                .certificate = files.certificate,
                                .key = files.key}};
    };
    static void SetUpTestSuite() {
        world_ = std::make_unique<world>();
        server().ask("create role guarded login password 'right'");
    }
    static void TearDownTestSuite() { world_.reset(); }

    static postgres_server& server() { return world_->server; }
    static command_outcome sql(const std::string& statement, const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"sql", server().url(), statement};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_command(arguments);
    }
    static std::string guarded(const std::string& password) {
        return fmt::format("postgresql://guarded{}@127.0.0.1:{}/postgres", password, server().port());
    }

    static std::unique_ptr<world> world_;
};

std::unique_ptr<postgres_command::world> postgres_command::world_;

TEST_F(postgres_command, prints_values_of_all_types) {
    const char* const statement =
        "select 1 as one, 'a \"b\", c' as text, null as nothing, true as yes, 1.5::float8 as real, '\\x00ff'::bytea as "
        "bytes, '' as empty";
    EXPECT_EQ(sql(statement, {"--output", "json"}).output,
              "{\"columns\":[\"one\",\"text\",\"nothing\",\"yes\",\"real\",\"bytes\",\"empty\"],"
              "\"rows\":[[1,\"a \\\"b\\\", c\",null,true,1.5,\"\\\\x00ff\",\"\"]],\"affected\":0}\n");
    EXPECT_EQ(sql(statement, {"--output", "csv"}).output,
              "one,text,nothing,yes,real,bytes,empty\r\n1,\"a \"\"b\"\", c\",,true,1.5,\\x00ff,\"\"\r\n");
    EXPECT_EQ(sql("select $1::int + 1 as sum, $2::text as word", {"--param", "41", "--param", "text:7"}).output,
              "sum  word\n---  ----\n42   7\n(1 row)\n");
}

TEST_F(postgres_command, says_what_changed) {
    EXPECT_EQ(sql("create table changed (n integer)").output, "0 rows changed\n");
    EXPECT_EQ(sql("insert into changed select generate_series(1, 7)").output, "7 rows changed\n");
    EXPECT_EQ(sql("select * from changed where n > 7").output, "n\n-\n(0 rows)\n");
    EXPECT_EQ(sql("insert into changed values (8) returning n", {"--output", "csv"}).output, "n\r\n8\r\n");
    EXPECT_EQ(server().ask("select count(*) from changed"), "8");
}

TEST_F(postgres_command, a_huge_result_is_not_held_in_memory) {
    const std::string statement = "select i, repeat('x', 200) as text from generate_series(1, 200000) i";
    for (const char* form : {"csv", "table"}) {
        const command_outcome ended = sql(statement, {"--output", form});
        EXPECT_EQ(ended.code, 0) << ended.errors;
        EXPECT_GT(ended.output.size(), 40'000'000U);
        EXPECT_THAT(ended.output.substr(ended.output.size() - 250), HasSubstr("200000"));
        if (!sanitized) {
            EXPECT_LT(ended.peak_kibibytes, 32U * 1024) << form;
        }
    }
}

TEST_F(postgres_command, a_signal_cancels_the_statement_at_the_server) {
    const auto runs = [] {
        return server().ask(
                   "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and "
                   "state = 'active'") != "0";
    };
    expect_cancelled({"sql", server().url(), "select pg_sleep(60)", "--timeout", "2m"}, runs);
    expect_cancelled({"simulate", "--sql", server().url(), "--statement", "select pg_sleep(60)", "--timeout", "2m",
                      "--num-users", "3", "--duration", "1h"},
                     runs);
}

TEST_F(postgres_command, a_statement_that_takes_too_long_is_cancelled_too) {
    expect_refused(sql("select pg_sleep(61)", {"--timeout", "200ms"}), 1, "in time");
    EXPECT_TRUE(becomes_true([] {
        return server().ask(
                   "select count(*) from pg_stat_activity where query like 'select pg_sleep(61)%' and "
                   "state = 'active'") == "0";
    }));
}

TEST_F(postgres_command, says_why_it_cannot_connect_and_no_password) {
    for (const char* subcommand : {"sql", "check"}) {
        std::vector<std::string> more;
        if (std::string(subcommand) == "sql") more.emplace_back("select 1");
        const auto ask = [&](const std::string& url) {
            std::vector<std::string> arguments{subcommand, url};
            arguments.insert(arguments.end(), more.begin(), more.end());
            return run_command(arguments);
        };
        expect_refused(ask(guarded(":wr0ng-word")), 1, "password authentication failed");
        expect_refused(ask("postgresql://me:wr0ng-word@no-such-host.invalid/shop"), 1, "no-such-host.invalid");
        expect_refused(ask(fmt::format("postgresql://me:wr0ng-word@127.0.0.1:{}/shop", free_port())), 1, "refused");
        expect_refused(ask(server().url() + "&sslmode=sometimes"), 2, "sslmode=sometimes");
        EXPECT_EQ(ask(guarded(":right")).code, 0);
    }
    EXPECT_EQ(run_command({"sql", guarded(""), "select 1"}, {{"PGPASSWORD", "right"}}).code, 0);
}

TEST_F(postgres_command, says_what_the_server_refuses) {
    expect_refused(sql("select * from nowhere"), 1, "\"nowhere\" does not exist");
    expect_refused(sql("selekt 1"), 1, "syntax error");
    expect_refused(sql("select $1::int"), 1, "parameter");
}

TEST_F(postgres_command, check_says_version_role_latency_and_what_is_left) {
    const command_outcome ended = run_command({"check", server().url()});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    for (const char* part : {"version +PostgreSQL 15", "role +primary", "connect +[0-9.]+ ms", "latency +[0-9.]+ ms",
                             "connections +2[0-9] more"}) {
        EXPECT_THAT(ended.output, ContainsRegex(part));
    }
    EXPECT_THAT(run_command({"check", server().url(), "--output", "json"}).output,
                ContainsRegex("\"remaining_connections\":2[0-9]"));
}

TEST_F(postgres_command, check_says_that_a_server_is_a_replica_unless_another_role_is_asked_for) {
    const postgres_server replica(server(), {});
    const auto ask = [](const std::string& url) { return run_command({"check", url}); };
    for (const std::string& url : {replica.url(), replica.tcp_url(), replica.tcp_url() + "?", replica.url("&role=any"),
                                   replica.url("&role=replica"), replica.url("&target_session_attrs=standby")}) {
        const command_outcome ended = ask(url);
        EXPECT_EQ(ended.code, 0) << url << ": " << ended.errors;
        EXPECT_THAT(ended.output, AllOf(ContainsRegex("role +replica"), StartsWith("postgresql://lido@")));
    }
    // What was added is not shown.
    EXPECT_THAT(ask(replica.tcp_url()).output, StartsWith(replica.tcp_url() + "\n"));
    for (const char* asked : {"&role=primary", "&target_session_attrs=read-write"}) {
        expect_refused(ask(replica.url(asked)), 1, "it is a replica");
        EXPECT_THAT(ask(server().url(asked)).output, ContainsRegex("role +primary"));
    }
    expect_refused(ask(server().url("&role=replica")), 1, "it is the primary");
}

TEST_F(postgres_command, check_shows_tls) {
    const std::string plain = run_command({"check", server().tcp_url()}).output;
    EXPECT_THAT(plain, ContainsRegex("TLS +none"));
    const std::string secure =
        fmt::format("{}?sslmode=verify-full&sslrootcert={}", server().tcp_url("localhost"), world_->ca.ca_file());
    const command_outcome ended = run_command({"check", secure});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, ContainsRegex("TLS +TLSv1"));
    temporary_directory folder;
    const certificate_authority other(folder, "another");
    expect_refused(run_command({"check", fmt::format("{}?sslmode=verify-full&sslrootcert={}",
                                                     server().tcp_url("localhost"), other.ca_file())}),
                   1, "certificate");
}

TEST_F(postgres_command, users_read_and_write) {
    const command_outcome ended = run_command({"simulate",
                                               "--sql",
                                               server().url(),
                                               "--setup",
                                               "create table load (n integer)",
                                               "--statement",
                                               "select count(*) from load where n = $1::int",
                                               "--param",
                                               "random:1-10",
                                               "--write-statement",
                                               "insert into load values ($1::int)",
                                               "--write-param",
                                               "random:1-10",
                                               "--write-ratio",
                                               "0.3",
                                               "--num-users",
                                               "12",
                                               "--cycles",
                                               "40",
                                               "--pool-size",
                                               "4",
                                               "--seed",
                                               "3"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    const std::string written = server().ask("select count(*) from load");
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr(fmt::format("   {} writing\n", written)), HasSubstr("failed              0\n"),
                      HasSubstr("Pool size: 4\n"), ContainsRegex("created +[1-8]\n"),
                      HasSubstr("database            postgresql://lido@")));
    EXPECT_TRUE(becomes_true([] { return server().connections() == 0; }));
}

// ---- MariaDB --------------------------------------------------------------------------------------------------------

class mysql_command : public testing::Test {
protected:
    struct world {
        temporary_directory folder;
        certificate_authority ca{folder, "authority"};
        certificate_files files = ca.issue({.common_name = "localhost", .dns = {"localhost"}});
        mariadb_server server{{}, files.certificate, files.key};
    };
    static void SetUpTestSuite() { world_ = std::make_unique<world>(); }
    static void TearDownTestSuite() { world_.reset(); }

    static mariadb_server& server() { return world_->server; }
    static command_outcome sql(const std::string& statement, const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"sql", server().url(), statement};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_command(arguments);
    }
    static std::unique_ptr<world> world_;
};

std::unique_ptr<mysql_command::world> mysql_command::world_;

TEST_F(mysql_command, prints_values_of_all_types) {
    EXPECT_EQ(sql("select 1 as one, 'a,b' as text, null as nothing, 1.5e0 as f, x'00ff' as bytes, ? as given",
                  {"--param", "7", "--output", "json"})
                  .output,
              "{\"columns\":[\"one\",\"text\",\"nothing\",\"f\",\"bytes\",\"given\"],"
              "\"rows\":[[1,\"a,b\",null,1.5,\"\\\\x00ff\",7]],\"affected\":0}\n");
}

TEST_F(mysql_command, says_what_changed) {
    EXPECT_EQ(sql("create table changed (n integer)").output, "0 rows changed\n");
    EXPECT_EQ(sql("insert into changed values (1), (2), (3)").output, "3 rows changed\n");
    EXPECT_EQ(sql("select * from changed where n > 5", {"--output", "csv"}).output, "n\r\n");
}

TEST_F(mysql_command, a_huge_result_is_not_held_in_memory) {
    const command_outcome ended = sql("select seq, repeat('x', 200) as text from seq_1_to_200000", {"--output", "csv"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_GT(ended.output.size(), 40'000'000U);
    if (!sanitized) {
        EXPECT_LT(ended.peak_kibibytes, 32U * 1024);
    }
}

TEST_F(mysql_command, a_signal_cancels_the_statement_at_the_server) {
    const auto runs = [] {
        const char* const asks =
            "select count(*) as n from information_schema.processlist where info like 'select sleep(%'";
        return sql(asks, {"--output", "csv"}).output != "n\r\n0\r\n";
    };
    expect_cancelled({"sql", server().url(), "select sleep(60)", "--timeout", "2m"}, runs);
}

TEST_F(mysql_command, says_why_it_cannot_connect_and_no_password) {
    expect_refused(
        run_command({"sql", fmt::format("mysql://tester:wr0ng-word@127.0.0.1:{}/shop", server().port()), "select 1"}),
        1, "Access denied");
    expect_refused(run_command({"check", fmt::format("mysql://me:wr0ng-word@127.0.0.1:{}/shop", free_port())}), 1,
                   "127.0.0.1");
    expect_refused(sql("select * from nowhere"), 1, "doesn't exist");
}

TEST_F(mysql_command, check_says_version_role_latency_and_what_is_left) {
    const command_outcome ended = run_command({"check", server().url()});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    for (const char* part :
         {"version +.*10\\.11", "role +[a-z]", "TLS +[a-zA-Z]", "latency +[0-9.]+ ms", "connections +[0-9]+ more"}) {
        EXPECT_THAT(ended.output, ContainsRegex(part));
    }
}

TEST_F(mysql_command, check_shows_tls) {
    const auto ask = [](const std::string& options) {
        return run_command(
            {"check", fmt::format("mysql://tester:lido%27s@localhost:{}/shop?ssl-mode={}", server().port(), options)});
    };
    EXPECT_THAT(ask("disabled").output, ContainsRegex("TLS +none"));
    const command_outcome ended = ask("verify-full&ssl-ca=" + world_->ca.ca_file());
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, ContainsRegex("TLS +TLSv1"));
    temporary_directory folder;
    const certificate_authority other(folder, "another");
    expect_refused(ask("verify-full&ssl-ca=" + other.ca_file()), 1, "certificate");
}

TEST_F(mysql_command, users_read_and_write) {
    const command_outcome ended = run_command({"simulate",
                                               "--sql",
                                               server().url(),
                                               "--setup",
                                               "create table load_of_users (n integer)",
                                               "--statement",
                                               "select count(*) from load_of_users where n = ?",
                                               "--param",
                                               "random:1-10",
                                               "--write-statement",
                                               "insert into load_of_users values (?)",
                                               "--write-param",
                                               "random:1-10",
                                               "--write-ratio",
                                               "0.3",
                                               "--num-users",
                                               "6",
                                               "--cycles",
                                               "30",
                                               "--pool-size",
                                               "3",
                                               "--seed",
                                               "3"});
    EXPECT_EQ(ended.code, 0) << ended.errors;
    std::string written = sql("select count(*) as n from load_of_users", {"--output", "csv"}).output;
    written = written.substr(3, written.find_last_not_of("\r\n") - 2);
    EXPECT_THAT(ended.output,
                AllOf(HasSubstr(fmt::format("   {} writing\n", written)), HasSubstr("failed              0\n")));
}

}  // namespace
}  // namespace lido::test
