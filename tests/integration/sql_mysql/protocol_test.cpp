// What the protocol has that statements seldom show: values of more than one packet, columns that change under a
// prepared statement, and procedures with several results.
#include "integration/sql_mysql/mysql_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t packet = 0xff'ffff;

class mysql_protocol : public mysql_world {
protected:
    void SetUp() override {
        mysql_world::SetUp();
        // It counts for connections that are made afterwards.
        ASSERT_TRUE(ask("set global max_allowed_packet = 67108864"));
        pool_.reset();
        settings_.pool.connections.max_size = 1;
    }
    [[nodiscard]] std::uint64_t created() { return pool().connections().statistics().created; }
    [[nodiscard]] std::string names_of(const result<sql::rows>& rows) {
        if (!rows) return rows.error().message();
        std::string made;
        for (std::size_t i = 0; i < rows->column_count(); ++i) made += rows->column_name(i) + " ";
        return made;
    }
};

TEST_F(mysql_protocol, values_of_more_than_a_packet_go_there_and_come_back) {
    // Beside a value there are five bytes of a row, or nineteen of an execution.
    for (const std::size_t size : {packet - 6, packet - 5, packet - 19, packet, 2 * packet - 5, 2 * packet + 100}) {
        std::string value(size, 'x');
        for (std::size_t i = 0; i < size; i += 997) value[i] = static_cast<char>('a' + i % 26);
        const auto given = ask("select ?, length(?), 7", value, std::string(10, 'y'));
        ASSERT_TRUE(given) << size << ": " << given.error().message();
        EXPECT_TRUE((*given)[0][0].text() == value) << size;
        EXPECT_EQ((*given)[0][1].as<int>().value(), 10);
        EXPECT_EQ((*given)[0][2].as<int>().value(), 7);
    }
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, statements_of_more_than_a_packet_are_sent) {
    const std::string filler(packet, ' ');
    EXPECT_EQ(ask(sql::trusted_sql("select 1" + filler + "+ 1")).value()[0][0].as<int>().value(), 2);
    const auto as_text = ask(sql::trusted_sql("execute immediate" + filler + "'select 3'"));
    ASSERT_TRUE(as_text) << as_text.error().message();
    EXPECT_EQ((*as_text)[0][0].as<int>().value(), 3);
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, rows_of_exactly_a_packet_are_whole) {
    // A null bit, the packet's first byte, and the four of the length.
    for (int more = -2; more <= 2; ++more) {
        const auto size = static_cast<std::int64_t>(packet) - 6 + more;
        const auto given = ask("select repeat('x', ?) union all select 'end'", size);
        ASSERT_TRUE(given) << given.error().message();
        ASSERT_EQ(given->size(), 2U);
        EXPECT_EQ((*given)[0][0].text().size(), static_cast<std::size_t>(size));
        EXPECT_EQ((*given)[1][0].text(), "end");
    }
    const auto text = ask("execute immediate 'select repeat(''x'', 17000000) union all select ''end'''");
    ASSERT_TRUE(text) << text.error().message();
    EXPECT_EQ((*text)[0][0].text().size(), 17'000'000U);
    EXPECT_EQ((*text)[1][0].text(), "end");
}

TEST_F(mysql_protocol, a_value_that_the_server_does_not_take_is_refused) {
    ASSERT_TRUE(ask("set global max_allowed_packet = 1048576"));
    pool_.reset();
    const auto refused = ask("select length(?)", std::string(3'000'000, 'x'));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error(), lido::errc::timeout) << refused.error().message();
    EXPECT_EQ(ask("select 7").value()[0][0].as<int>().value(), 7);
    ASSERT_TRUE(ask("set global max_allowed_packet = 67108864"));
}

TEST_F(mysql_protocol, a_row_beyond_the_limit_is_refused_alone_and_in_a_stream) {
    settings_.pool.max_result_bytes = 64 * 1024;
    settings_.pool.stream_bytes = 16 * 1024;
    const sql::statement large = "select 'small' union all select repeat('x', 3000000)";
    const auto refused = ask(large);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), lido::errc::limit_exceeded) << refused.error().message();
    {
        auto stream = pool().stream(large).wait().value();
        result<sql::rows> last = stream.next().wait();
        while (last && !last->empty()) last = stream.next().wait();
        ASSERT_FALSE(last);
        EXPECT_EQ(last.error(), lido::errc::limit_exceeded) << last.error().message();
    }
    EXPECT_EQ(ask("select 7").value()[0][0].as<int>().value(), 7) << "the rest of it reaches nobody";
}

TEST_F(mysql_protocol, columns_may_change_under_a_prepared_statement) {
    const sql::statement all = "select * from outfit";
    ASSERT_TRUE(ask("insert into outfit (name, size) values ('summer', 38)"));
    EXPECT_EQ(names_of(ask(all)), "id name size ");
    EXPECT_EQ(names_of(ask(all)), "id name size ");
    ASSERT_TRUE(ask("alter table outfit add column colour varchar(20) default 'red'"));
    const auto wider = ask(all);
    EXPECT_EQ(names_of(wider), "id name size colour ");
    EXPECT_EQ((*wider)[0].at("colour")->text(), "red");
    ASSERT_TRUE(ask("alter table outfit drop column name, modify size varchar(10)"));
    const auto other = ask(all);
    EXPECT_EQ(names_of(other), "id size colour ");
    EXPECT_EQ((*other)[0].at("size")->text(), "38") << "a number would have no text";
    ASSERT_TRUE(ask("alter table outfit change size measure int"));
    EXPECT_EQ(names_of(ask(all)), "id measure colour ");
    EXPECT_EQ(ask(all).value()[0].at("measure")->as<int>().value(), 38);
    ASSERT_TRUE(ask("drop table outfit"));
    EXPECT_EQ(ask(all).error(), sql::errc::no_such_object);
    ASSERT_TRUE(ask("create table outfit (only_one int)"));
    EXPECT_EQ(names_of(ask(all)), "only_one ");
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, columns_may_change_under_a_stream_that_is_prepared) {
    const auto first_of = [this](const sql::statement& what) {
        auto stream = pool().stream(what).wait().value();
        result<sql::rows> batch = stream.next().wait();
        std::string names = names_of(batch);
        while (batch && !batch->empty()) batch = stream.next().wait();
        return names;
    };
    const sql::statement all = "select * from outfit";
    ASSERT_TRUE(ask("insert into outfit (name) values ('summer')"));
    EXPECT_EQ(first_of(all), "id name size ");
    ASSERT_TRUE(ask("alter table outfit drop column size"));
    EXPECT_EQ(first_of(all), "id name ");
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, statements_whose_columns_differ_each_time_are_read_as_they_come) {
    ASSERT_TRUE(
        ask("create or replace procedure either(which int) begin "
            "if which = 1 then select 1 as a; else select 'x' as b, 2 as c; end if; end"));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(names_of(ask("call either(?)", 1)), "a ");
        const auto other = ask("call either(?)", 2);
        EXPECT_EQ(names_of(other), "b c ");
        EXPECT_EQ((*other)[0][1].as<int>().value(), 2);
    }
}

TEST_F(mysql_protocol, of_a_procedure_with_parameters_that_come_out_the_first_result_is_given) {
    ASSERT_TRUE(
        ask("create or replace procedure three(in a int, out b int, inout c varchar(20)) begin "
            "select a as first; select a + 1, 'second'; set b = a * 2; set c = concat(c, '!'); end"));
    ASSERT_TRUE(ask("create or replace procedure quiet(out b int) set b = 5"));
    for (int i = 0; i < 3; ++i) {
        const auto given = ask("call three(?, ?, ?)", i, sql::null, "x");
        ASSERT_TRUE(given) << given.error().message();
        EXPECT_EQ(names_of(given), "first ");
        EXPECT_EQ((*given)[0][0].as<int>().value(), i);
        const auto out = ask("call quiet(?)", sql::null);
        ASSERT_TRUE(out) << out.error().message();
        EXPECT_EQ((*out)[0][0].as<int>().value(), 5) << "what comes out is its only result";
        EXPECT_EQ(ask("select 3").value()[0][0].as<int>().value(), 3);
    }
    auto lease = pool().acquire().wait().value();
    ASSERT_TRUE(lease.query("call three(4, @b, @c)").wait());
    EXPECT_EQ(lease.query("select @b").wait().value()[0][0].as<int>().value(), 8);
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, of_a_procedure_that_is_streamed_the_first_result_is_given) {
    ASSERT_TRUE(
        ask("create or replace procedure many() begin select seq from seq_1_to_1000; "
            "select seq, 'x' from seq_1_to_3000; end"));
    for (int i = 0; i < 2; ++i) {
        auto stream = pool().stream("call many()").wait().value();
        std::int64_t sum = 0;
        for (auto batch = stream.next().wait(); batch && !batch->empty(); batch = stream.next().wait()) {
            for (const sql::row each : *batch) sum += each[0].as<std::int64_t>().value();
        }
        EXPECT_EQ(sum, 1000 * 1001 / 2);
    }
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, a_procedure_that_fails_behind_a_result_is_an_error_and_costs_no_connection) {
    ASSERT_TRUE(ask("create or replace procedure fails() begin select 1; select * from nothing; end"));
    for (int i = 0; i < 2; ++i) {
        const auto refused = ask("call fails()");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), sql::errc::no_such_object) << refused.error().message();
        EXPECT_EQ(ask("select 3").value()[0][0].as<int>().value(), 3);
    }
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, columns_that_came_before_an_error_are_those_of_the_next_execution) {
    // A MariaDB from 10.6 on does not say them twice, also where the rows behind them ended with an error.
    const auto run = [this](const sql::value& value, int bad_row) {
        return ask("select ? as v, if(seq = ?, (select 1 union select 2), seq) from seq_1_to_3", value, bad_row);
    };
    const auto as_integer = run(7, 0);
    ASSERT_TRUE(as_integer) << as_integer.error().message();
    EXPECT_EQ((*as_integer)[2][0].as<int>().value(), 7);
    const auto refused = run("sevenbytes", 2);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error(), lido::errc::protocol_error) << refused.error().message();
    for (const char* text : {"sevenbytes", "seven..", "x"}) {
        const auto as_text = run(text, 0);
        ASSERT_TRUE(as_text) << as_text.error().message();
        EXPECT_EQ((*as_text)[0][0].text(), text);
        EXPECT_EQ((*as_text)[2][0].text(), text);
    }
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, an_error_that_a_procedure_signals_has_any_number) {
    for (const int number : {5001, 2500, 65534}) {
        ASSERT_TRUE(
            ask(sql::trusted_sql(fmt::format("create or replace procedure signals() signal sqlstate '45000' set "
                                             "mysql_errno = {}, message_text = 'no stock'",
                                             number))));
        const auto refused = ask("call signals()");
        ASSERT_FALSE(refused);
        EXPECT_THAT(refused.error().what(), testing::HasSubstr(fmt::format("no stock ({}", number)));
        EXPECT_EQ(ask("select 3").value()[0][0].as<int>().value(), 3);
    }
    EXPECT_EQ(created(), 1U);
}

TEST_F(mysql_protocol, a_full_reset_forgets_statements_at_both_ends) {
    settings_.pool.reset = sql::reset_policy::full;
    settings_.pool.statement_cache = 2;
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(ask("select 1").value()[0][0].as<int>().value(), 1);
        EXPECT_EQ(ask("select @@time_zone").value()[0][0].text(), "+00:00");
        EXPECT_EQ(ask("select ?", i).value()[0][0].as<int>().value(), i);
        EXPECT_EQ(ask("select 'é'").value()[0][0].text(), "é");
    }
    EXPECT_EQ(created(), 1U);
}

}  // namespace
}  // namespace lido::test
