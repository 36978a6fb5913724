#include "integration/sql_mysql/mysql_fixture.hpp"

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

using mysql_queries = mysql_world;

TEST_F(mysql_queries, rows_come_back_as_they_were_written) {
    const auto made = ask("insert into outfit (name, size) values (?, ?)", "summer", 38);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->affected(), 1U);
    EXPECT_EQ(made->last_insert_id(), 1);
    ASSERT_TRUE(ask("insert into outfit (name, size) values (?, ?)", sql::null, std::nullopt));
    const auto all = ask("select id, name, size from outfit order by id");
    ASSERT_TRUE(all) << all.error().message();
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ((*all)[0].at("name")->as<std::string>().value(), "summer");
    EXPECT_EQ((*all)[0].at("size")->as<int>().value(), 38);
    EXPECT_TRUE((*all)[1].at("name")->is_null());
    EXPECT_EQ((*all)[1].at("size")->as<std::optional<int>>().value(), std::nullopt);
}

TEST_F(mysql_queries, every_type_survives_the_way_there_and_back) {
    ASSERT_TRUE(
        ask("create or replace table kinds (b boolean, i bigint, u bigint unsigned, d double, t text, y blob,"
            " w datetime(6), j json, c decimal(20,4), f float)"));
    const sql::timestamp when = sql::parse_timestamp("2026-11-21 18:04:05.000007").value();
    constexpr char strange[] = "é'\"\\\0end\n";
    const std::string text(strange, sizeof strange - 1);
    const sql::bytes raw{std::byte{0}, std::byte{255}, std::byte{39}};
    ASSERT_TRUE(ask("insert into kinds values (?,?,?,?,?,?,?,?,?,?)", true, std::numeric_limits<std::int64_t>::min(),
                    "18446744073709551615", 0.1, text, raw, when, sql::json("{\"a\": 1}"), "12345678901234.5678",
                    1.5F));
    const auto back = ask("select * from kinds");
    ASSERT_TRUE(back) << back.error().message();
    const sql::row row = (*back)[0];
    EXPECT_TRUE(row[0].as<bool>().value());
    EXPECT_EQ(row[1].as<std::int64_t>().value(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(row[2].as<std::uint64_t>().value(), std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(row[3].as<double>().value(), 0.1);
    EXPECT_EQ(row[4].as<std::string>().value(), text);
    EXPECT_EQ(row[5].as<sql::bytes>().value(), raw);
    EXPECT_EQ(row[6].as<sql::timestamp>().value(), when);
    EXPECT_EQ(row[7].as<sql::json>().value().text, "{\"a\": 1}");
    EXPECT_EQ(row[8].as<std::string>().value(), "12345678901234.5678");
    EXPECT_EQ(row[9].as<float>().value(), 1.5F);
}

TEST_F(mysql_queries, a_uuid_is_text) {
    const auto id = sql::uuid::parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6").value();
    EXPECT_EQ(ask("select ?", id).value()[0][0].as<sql::uuid>().value(), id);
}

TEST_F(mysql_queries, an_array_is_refused_before_anything_is_sent) {
    const auto refused = ask("select ?", sql::array(std::vector<int>{1, 2}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::invalid_argument);
    EXPECT_TRUE(ask("select 1")) << "and the connection is as good as before";
}

TEST_F(mysql_queries, errors_have_a_meaning_and_leave_the_connection_usable) {
    ASSERT_TRUE(ask("insert into outfit (id, name) values (1, 'first')"));
    const std::pair<sql::errc, result<sql::rows>> cases[] = {
        {sql::errc::unique_violation, ask("insert into outfit (id) values (?)", 1)},
        {sql::errc::syntax_error, ask("selekt 1")},
        {sql::errc::syntax_error, ask("select ?", 1, 2)},
        {sql::errc::no_such_object, ask("select * from nothing")},
        {sql::errc::no_such_object, ask("select nothing from outfit")},
        {sql::errc::invalid_value, ask("insert into outfit (size) values (?)", "not a number")},
        {sql::errc::read_only,
         [&] {
             auto scope = pool().begin({.access = sql::access_mode::read_only}).wait().value();
             return scope.query("insert into outfit (name) values ('x')").wait();
         }()},
    };
    for (const auto& [meaning, outcome] : cases) {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code(), make_error_code(meaning)) << outcome.error().message();
    }
    EXPECT_TRUE(ask("select 1"));
    EXPECT_EQ(pool().connections().statistics().created, 1U) << "none of these costs a connection";
}

// From MariaDB 10.6.2 on, what is about prepared statements is what cannot be prepared.

TEST_F(mysql_queries, statements_that_cannot_be_prepared_go_as_text) {
    auto lease = pool().acquire().wait().value();
    ASSERT_TRUE(lease.query("prepare mine from 'select 7 as a, null as b, ''it''''s'' as c'").wait());
    const auto given = lease.query("execute mine").wait();
    ASSERT_TRUE(given) << given.error().message();
    ASSERT_EQ(given->size(), 1U);
    EXPECT_EQ((*given)[0][0].text(), "7") << "a number would have none: it was prepared";
    EXPECT_EQ((*given)[0].at("a")->as<int>().value(), 7);
    EXPECT_TRUE((*given)[0].at("b")->is_null());
    EXPECT_EQ((*given)[0].at("c")->as<std::string>().value(), "it's");
    ASSERT_TRUE(lease.query("deallocate prepare mine").wait());

    const auto made = lease.query("execute immediate 'insert into outfit (name) values (''summer''), (null)'").wait();
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->affected(), 2U);
    EXPECT_EQ(made->last_insert_id(), 1);
    const auto refused = lease.query("execute immediate 'select * from nothing'").wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::no_such_object) << refused.error().message();
    EXPECT_EQ(lease.query("select count(*) from outfit").wait().value()[0][0].as<int>().value(), 2);
}

TEST_F(mysql_queries, one_that_goes_as_text_has_no_parameters) {
    settings_.pool.connections.max_size = 1;
    const auto refused = ask("execute immediate 'select 1'", 7);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), HasSubstr("1295"));
    EXPECT_TRUE(ask("select 1"));
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

TEST_F(mysql_queries, a_transaction_that_is_begun_as_text_is_one) {
    settings_.pool.connections.max_size = 1;
    {
        auto lease = pool().acquire().wait().value();
        ASSERT_TRUE(lease.query("execute immediate 'start transaction'").wait());
        ASSERT_TRUE(lease.query("execute immediate 'insert into outfit (name) values (''gone'')'").wait());
    }
    EXPECT_EQ(count_rows(), 0);
    EXPECT_EQ(pool().connections().statistics().created, 1U) << "a rollback is enough";
}

TEST_F(mysql_queries, one_that_goes_as_text_and_is_given_up_leaves_a_session_that_nobody_gets) {
    settings_.pool.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    settings_.pool.connections.max_size = 1;
    ASSERT_TRUE(ask("select 1"));
    // The second stops within its rows: the first row is too large for the server to keep it back.
    for (const char* each :
         {"execute immediate 'select sleep(5)'",  // it is the server that sleeps, here and below
          "execute immediate 'select repeat(''x'', 200000), sleep(5 * (seq - 1)) from seq_1_to_2'"}) {
        const std::uint64_t before = pool().connections().statistics().created;
        const auto late = ask(sql::trusted_sql(each));
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error(), lido::errc::timeout) << late.error().message();
        EXPECT_EQ(ask("select 7").value()[0][0].as<int>().value(), 7) << "not the answer of the other";
        EXPECT_EQ(pool().connections().statistics().created, before + 1);
    }
}

TEST_F(mysql_queries, a_result_as_text_beyond_its_limit_is_refused) {
    settings_.pool.max_result_bytes = 64 * 1024;
    settings_.pool.connections.max_size = 1;
    const auto refused = ask("execute immediate 'select seq, repeat(''x'', 1000) from seq_1_to_500'");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::limit_exceeded);
    EXPECT_EQ(ask("select 7").value()[0][0].as<int>().value(), 7) << "the rest of it reaches nobody";
    EXPECT_EQ(pool().connections().statistics().created, 2U);
}

TEST_F(mysql_queries, of_several_results_as_text_the_first_is_given_and_nothing_left_behind) {
    settings_.pool.connections.max_size = 1;
    ASSERT_TRUE(ask("create or replace procedure two() begin select 1; select 2; end"));
    const auto first = ask("execute immediate 'call two()'");
    ASSERT_TRUE(first) << first.error().message();
    ASSERT_EQ(first->size(), 1U);
    EXPECT_EQ((*first)[0][0].as<int>().value(), 1);
    EXPECT_EQ(ask("select 3").value()[0][0].as<int>().value(), 3);
    EXPECT_EQ(pool().connections().statistics().created, 1U);
}

TEST_F(mysql_queries, a_second_statement_in_one_text_is_an_error) {
    const auto refused = ask("select 1; select 2");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::syntax_error);
}

TEST_F(mysql_queries, a_procedure_with_several_results_gives_the_first_and_leaves_nothing_behind) {
    ASSERT_TRUE(ask("create or replace procedure two() begin select 1; select 2; end"));
    const auto first = ask("call two()");
    ASSERT_TRUE(first) << first.error().message();
    EXPECT_EQ((*first)[0][0].as<int>().value(), 1);
    EXPECT_EQ(ask("select 3").value()[0][0].as<int>().value(), 3);
}

TEST_F(mysql_queries, a_result_beyond_its_limit_is_refused_and_can_be_streamed) {
    settings_.pool.max_result_bytes = 64 * 1024;
    settings_.pool.stream_bytes = 16 * 1024;
    const sql::statement many = "select seq, repeat('x', 1000) from seq_1_to_500";
    const auto refused = ask(many);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::limit_exceeded);
    EXPECT_EQ(ask("select 7").value()[0][0].as<int>().value(), 7) << "the rest of it reaches nobody";

    auto stream = pool().stream(many).wait();
    ASSERT_TRUE(stream) << stream.error().message();
    std::int64_t sum = 0;
    std::size_t batches = 0;
    while (true) {
        const auto batch = stream->next().wait();
        ASSERT_TRUE(batch) << batch.error().message();
        if (batch->empty()) break;
        ++batches;
        EXPECT_LT(batch->stored_bytes(), 32 * 1024U);
        for (const sql::row each : *batch) sum += each[0].as<std::int64_t>().value();
    }
    EXPECT_EQ(sum, 500 * 501 / 2);
    EXPECT_GT(batches, 10U);
}

TEST_F(mysql_queries, the_statement_cache_has_a_bound) {
    settings_.pool.statement_cache = 8;
    settings_.pool.connections.max_size = 1;
    for (int i = 0; i < 50; ++i) {
        const auto given = ask(sql::trusted_sql("select " + std::to_string(i)));
        ASSERT_EQ(given.value()[0][0].as<int>().value(), i);
    }
    const auto prepared = ask("show session status like 'Prepared_stmt_count'");
    EXPECT_LE(ask("show global status like 'Prepared_stmt_count'").value()[0][1].as<int>().value(), 8);
    EXPECT_TRUE(prepared);
}

TEST_F(mysql_queries, it_works_over_a_unix_socket) {
    settings_.url = server().socket_url();
    EXPECT_EQ(ask("select 5").value()[0][0].as<int>().value(), 5);
}

TEST_F(mysql_queries, a_wrong_password_is_said_without_it) {
    settings_.url = "mysql://tester:topsecret@127.0.0.1:" + std::to_string(server().port()) + "/shop";
    const auto refused = ask("select 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::authentication_failed) << refused.error().message();
    EXPECT_THAT(refused.error().message(), testing::Not(HasSubstr("topsecret")));
}

}  // namespace
}  // namespace lido::test
