// Every type of column, as it comes from a real server.
#include "integration/sql_mysql/mysql_fixture.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lido::test {
namespace {

using mysql_types = mysql_world;

/// What a column of that type gives for that literal.
std::string text_of(mysql::pool& db, std::string_view type, std::string_view literal) {
    const std::string create = fmt::format("create or replace table one (it {})", type);
    const std::string insert = fmt::format("insert into one values ({})", literal);
    EXPECT_TRUE(db.query(sql::trusted_sql(create)).wait()) << create;
    EXPECT_TRUE(db.query(sql::trusted_sql(insert)).wait()) << insert;
    const auto given = db.query("select it from one").wait();
    if (!given) return given.error().what();
    return (*given)[0][0].to_text();
}

struct type_case {
    std::string_view type;
    std::string_view literal;
    std::string_view expected;
};

TEST_F(mysql_types, whole_numbers_come_at_their_bounds) {
    for (const auto& [type, literal, expected] : std::vector<type_case>{
             {"tinyint", "-128", "-128"},
             {"tinyint unsigned", "255", "255"},
             {"smallint", "-32768", "-32768"},
             {"smallint unsigned", "65535", "65535"},
             {"mediumint", "-8388608", "-8388608"},
             {"mediumint unsigned", "16777215", "16777215"},
             {"int", "-2147483648", "-2147483648"},
             {"int unsigned", "4294967295", "4294967295"},
             {"bigint", "-9223372036854775808", "-9223372036854775808"},
             {"bigint unsigned", "9223372036854775807", "9223372036854775807"},
             {"bigint unsigned", "18446744073709551615", "18446744073709551615"},
             {"int(7) zerofill", "42", "42"},
             {"year", "2026", "2026"},
             {"year", "0", "0"},
         }) {
        EXPECT_EQ(text_of(pool(), type, literal), expected) << type;
    }
}

TEST_F(mysql_types, numbers_that_are_not_whole_come_as_such_or_as_the_server_writes_them) {
    for (const auto& [type, literal, expected] : std::vector<type_case>{
             {"float", "-1.5", "-1.5"},
             {"float(7,2)", "1.25", "1.25"},
             {"double", "-2.5e-300", "-2.5e-300"},
             {"double", "0", "0"},
             {"decimal(65,30)", "-0.000000000000000000000000000001", "-0.000000000000000000000000000001"},
             {"decimal(10,2) unsigned", "12345678.90", "12345678.90"},
         }) {
        EXPECT_EQ(text_of(pool(), type, literal), expected) << type;
    }
}

TEST_F(mysql_types, dates_and_times_come_as_the_server_writes_them) {
    for (const auto& [type, literal, expected] : std::vector<type_case>{
             {"date", "'2026-11-21'", "2026-11-21"},
             {"date", "'9999-12-31'", "9999-12-31"},
             {"date", "'2026-02-00'", "2026-02-00"},
             {"datetime", "'2026-11-21 18:04:05'", "2026-11-21 18:04:05"},
             {"datetime", "'2026-11-21 00:00:00'", "2026-11-21 00:00:00"},
             {"datetime(6)", "'2026-11-21 18:04:05.000007'", "2026-11-21 18:04:05.000007"},
             {"datetime(6)", "'2026-11-21 00:00:00'", "2026-11-21 00:00:00.000000"},
             {"datetime(3)", "'1000-01-01 00:00:00.25'", "1000-01-01 00:00:00.250"},
             {"timestamp(2)", "'2026-11-21 18:04:05.5'", "2026-11-21 18:04:05.50"},
             {"timestamp", "'1970-01-01 00:00:01'", "1970-01-01 00:00:01"},
             {"time", "'00:00:00'", "00:00:00"},
             {"time", "'-00:00:01'", "-00:00:01"},
             {"time", "'838:59:59'", "838:59:59"},
             {"time(6)", "'-838:59:58.000001'", "-838:59:58.000001"},
             {"time(6)", "'-34:22:33.123456'", "-34:22:33.123456"},
             {"time(1)", "'24:00:00.9'", "24:00:00.9"},
             {"time(3)", "'00:00:00'", "00:00:00.000"},
         }) {
        EXPECT_EQ(text_of(pool(), type, literal), expected) << type << ' ' << literal;
    }
}

TEST_F(mysql_types, dates_of_nothing_come_as_zeros) {
    settings_.pool.connections.max_size = 1;
    settings_.pool.reset = sql::reset_policy::rollback;
    ASSERT_TRUE(ask("set sql_mode = ''"));
    for (const auto& [type, literal, expected] : std::vector<type_case>{
             {"date", "'0000-00-00'", "0000-00-00"},
             {"datetime", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"},
             {"datetime(4)", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00.0000"},
             {"timestamp null", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"},
         }) {
        EXPECT_EQ(text_of(pool(), type, literal), expected) << type << ' ' << literal;
    }
}

TEST_F(mysql_types, texts_and_bytes_come_as_they_are) {
    for (const auto& [type, literal, expected] : std::vector<type_case>{
             {"char(5)", "'äb'", "äb"},
             {"varchar(50)", "''", ""},
             {"tinytext", "'a'", "a"},
             {"mediumtext", "'b'", "b"},
             {"longtext", "'c'", "c"},
             {"json", "'[1]'", "[1]"},
             {"enum('a','b')", "'b'", "b"},
             {"set('a','b')", "'a,b'", "a,b"},
             {"inet6", "'::1'", "::1"},
             {"uuid", "'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
         }) {
        EXPECT_EQ(text_of(pool(), type, literal), expected) << type;
    }
    for (const auto& [type, literal, expected] : std::vector<type_case>{
             {"binary(3)", "x'0102'", "010200"},
             {"varbinary(10)", "x'ff00'", "ff00"},
             {"tinyblob", "x'00'", "00"},
             {"blob", "''", ""},
             {"mediumblob", "x'0a'", "0a"},
             {"longblob", "x'0b'", "0b"},
             {"bit(1)", "b'1'", "01"},
             {"bit(64)", "b'1000000000000001'", "0000000000008001"},
             {"point", "point(0, 0)", "00000000010100000000000000000000000000000000000000"},
         }) {
        EXPECT_TRUE(text_of(pool(), type, literal).ends_with(expected))
            << type << ' ' << text_of(pool(), type, literal);
    }
}

TEST_F(mysql_types, expressions_have_types_as_well) {
    const auto given = ask(
        "select null, 1 + 1, 18446744073709551615, 1.50, 1e0, now(6) is null, 'x', x'01', cast('10:11:12' as time), "
        "cast('2026-11-21' as date), true, sum(1), timediff('10:00:00', '11:00:00.5'), "
        "addtime('2026-11-21 01:02:03', 1)");
    ASSERT_TRUE(given) << given.error().message();
    std::vector<std::string> all;
    for (std::size_t i = 0; i < given->column_count(); ++i) all.push_back((*given)[0][i].to_text());
    EXPECT_EQ(all,
              (std::vector<std::string>{"NULL", "2", "18446744073709551615", "1.50", "1", "0", "x", "\\x01", "10:11:12",
                                        "2026-11-21", "1", "1", "-01:00:00.5", "2026-11-21 01:02:04"}));
}

TEST_F(mysql_types, nothing_is_nothing_in_each_of_many_columns) {
    std::string create = "create or replace table wide (";
    std::string insert = "insert into wide values (";
    constexpr int columns = 300;
    for (int i = 0; i < columns; ++i) {
        create += fmt::format("{}c{} int", i == 0 ? "" : ", ", i);
        insert += fmt::format("{}{}", i == 0 ? "" : ", ", i % 3 == 0 ? "null" : std::to_string(i));
    }
    ASSERT_TRUE(ask(sql::trusted_sql(create + ")")));
    ASSERT_TRUE(ask(sql::trusted_sql(insert + ")")));
    const auto given = ask("select * from wide");
    ASSERT_TRUE(given) << given.error().message();
    ASSERT_EQ(given->column_count(), 300U);
    for (std::size_t i = 0; i < columns; ++i) {
        const auto value = (*given)[0][i].as<std::optional<int>>().value();
        EXPECT_EQ(value, i % 3 == 0 ? std::nullopt : std::optional<int>(static_cast<int>(i))) << i;
    }
}

TEST_F(mysql_types, many_parameters_of_every_kind_come_back) {
    std::string text = "select ";
    sql::parameters with;
    for (int i = 0; i < 300; ++i) {
        text += i == 0 ? "?" : ", ?";
        if (i % 3 == 0) {
            with.emplace_back(sql::null);
        } else if (i % 3 == 1) {
            with.emplace_back(i);
        } else {
            with.emplace_back(std::string(static_cast<std::size_t>(i), 'x'));
        }
    }
    auto lease = pool().acquire().wait().value();
    for (int times = 0; times < 2; ++times) {
        const auto given = lease.query_with(sql::trusted_sql(text), with).wait();
        ASSERT_TRUE(given) << given.error().message();
        for (std::size_t i = 0; i < 300; ++i) {
            const sql::cell cell = (*given)[0][i];
            if (i % 3 == 0) {
                EXPECT_TRUE(cell.is_null()) << i;
            } else if (i % 3 == 1) {
                EXPECT_EQ(cell.as<int>().value(), static_cast<int>(i));
            } else {
                EXPECT_EQ(cell.text().size(), i);
            }
        }
    }
}

}  // namespace
}  // namespace lido::test
