// Lido: the three databases, each opened by its URL, and what their dialects call things.
#pragma once

#include "lido/net/runtime.hpp"
#include "lido/sql/pool.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_directory.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lido::test {

/// What a test of all databases has to know of one.
struct dialect {
    const char* name;
    sql::database_kind kind;
    std::string (*url)();  ///< starts the server when it is first asked for
    const char* bytes;
    const char* real;
    const char* timestamp;
    const char* uuid;
    const char* json;
    const char* table_end;     ///< behind the columns of CREATE TABLE
    const char* many_numbers;  ///< a statement whose result is endless for a test
    const char* slow;          ///< one that takes half a minute
};

[[nodiscard]] inline postgres_server& any_postgres() {
    static postgres_server only;
    return only;
}
[[nodiscard]] inline mariadb_server& any_mariadb() {
    static mariadb_server only;
    return only;
}
[[nodiscard]] inline std::string sqlite_url() {
    static const temporary_directory folder;
    return "sqlite:" + folder.file("shop.db") + "?busy_timeout=20000";
}

inline const dialect postgres_dialect{"postgresql",
                                      sql::database_kind::postgres,
                                      [] { return any_postgres().url(); },
                                      "bytea",
                                      "double precision",
                                      "timestamptz",
                                      "uuid",
                                      "jsonb",
                                      "",
                                      "select n from generate_series(1, 10000000) as n",
                                      "select pg_sleep(30)"};
inline const dialect mysql_dialect{"mysql",
                                   sql::database_kind::mysql,
                                   [] { return any_mariadb().url(); },
                                   "blob",
                                   "double",
                                   "datetime(6)",
                                   "varchar(36)",
                                   "json",
                                   "engine = innodb character set utf8mb4",
                                   "select seq as n from seq_1_to_10000000",
                                   "select sleep(30)"};
inline const dialect sqlite_dialect{
    "sqlite",
    sql::database_kind::sqlite,
    [] { return sqlite_url(); },
    "blob",
    "real",
    "text",
    "text",
    "text",
    "",
    "with recursive s(n) as (select 1 union all select n + 1 from s where n < 10000000) select n from s",
    "with recursive s(n) as (select 1 union all select n + 1 from s) select count(*) from s"};

/// A pool by URL; its statements are written with `?`, which is what PostgreSQL's $1, $2 … are made of.
class any_database : public testing::TestWithParam<const dialect*> {
public:
    void SetUp() override { settings_.connections.max_size = 4; }

protected:
    [[nodiscard]] const dialect& of() const { return *GetParam(); }
    [[nodiscard]] sql::pool open() { return sql::pool::open(io_, of().url(), settings_).value(); }
    [[nodiscard]] sql::statement text(std::string_view with_question_marks) const {
        std::string made;
        int number = 0;
        for (const char each : with_question_marks) {
            if (each == '?' && of().kind == sql::database_kind::postgres) {
                made += fmt::format("${}", ++number);
            } else {
                made += each;
            }
        }
        return sql::trusted_sql(std::move(made));
    }
    template <class... Values>
    [[nodiscard]] result<sql::rows> ask(sql::pool& db, std::string_view what, Values&&... values) const {
        return db.query(text(what), std::forward<Values>(values)...).wait();
    }
    /// A table that is not there before.
    void make_table(sql::pool& db, std::string_view name, std::string_view columns) const {
        ASSERT_TRUE(ask(db, fmt::format("drop table if exists {}", name)));
        const auto made = ask(db, fmt::format("create table {} ({}) {}", name, columns, of().table_end));
        ASSERT_TRUE(made) << made.error().message();
    }
    [[nodiscard]] std::int64_t number(sql::pool& db, std::string_view what) const {
        return ask(db, what).value()[0][0].as<std::int64_t>().value();
    }

    runtime io_;
    sql::pool_settings settings_;
};

inline std::string name_of_dialect(const testing::TestParamInfo<const dialect*>& info) {
    return info.param->name;
}

}  // namespace lido::test
