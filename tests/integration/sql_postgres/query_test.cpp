// Statements, values both ways, prepared statements, limits.
#include "postgres_world.hpp"

#include <cmath>
#include <limits>

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

template <class T, class Value>
T round_trip(postgres_world& world, const sql::statement& what, Value&& value) {
    const auto got = world.query(what, std::forward<Value>(value)).value();
    return got[0][0].template as<T>().value();
}

TEST(postgres_query, brings_rows_with_names_and_counts_what_changed) {
    postgres_world world;
    const auto got = world.query("select 1 as one, 'two' as two union all select 3, null order by 1").value();
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got.column_name(0), "one");
    EXPECT_EQ(got[0].at("two")->as<std::string>().value(), "two");
    EXPECT_EQ(got[1][0].as<int>().value(), 3);
    EXPECT_TRUE(got[1][1].is_null());
    ASSERT_TRUE(world.query("create temporary table t (a int)"));
    EXPECT_EQ(world.query("insert into t select generate_series(1, 7)")->affected(), 7U);
    EXPECT_EQ(world.query("delete from t where a > $1", 5)->affected(), 2U);
    EXPECT_TRUE(world.query("select a from t where a > 100")->empty());
    EXPECT_TRUE(world.query("")->empty());
}

TEST(postgres_query, values_come_back_as_they_went) {
    postgres_world world;
    constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
    constexpr auto highest = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(round_trip<std::int64_t>(world, "select $1::int8", lowest), lowest);
    EXPECT_EQ(round_trip<std::int64_t>(world, "select $1::int8", highest), highest);
    EXPECT_EQ(round_trip<bool>(world, "select $1::bool", true), true);
    EXPECT_EQ(round_trip<bool>(world, "select $1::bool", false), false);
    for (const double each : {0.1, -0.0, 1e308, 5e-324, HUGE_VAL, -HUGE_VAL}) {
        EXPECT_EQ(round_trip<double>(world, "select $1::float8", each), each);
    }
    EXPECT_TRUE(std::isnan(round_trip<double>(world, "select $1::float8", std::nan(""))));
    EXPECT_EQ(round_trip<float>(world, "select $1::float4", 0.1F), 0.1F);
    const std::string text = "it's \\ \"quoted\" \xc3\xa4 \xf0\x9f\x91\x97\n";
    EXPECT_EQ(round_trip<std::string>(world, "select $1::text", text), text);
    EXPECT_EQ(round_trip<std::string>(world, "select $1::text", ""), "");
    sql::bytes all(256);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i);
    EXPECT_EQ(round_trip<sql::bytes>(world, "select $1::bytea", all), all);
    EXPECT_EQ(round_trip<sql::bytes>(world, "select $1::bytea", sql::bytes{}), sql::bytes{});
    const sql::timestamp when{std::chrono::microseconds(1'763'749'445'000'001)};
    EXPECT_EQ(round_trip<sql::timestamp>(world, "select $1::timestamptz", when), when);
    const auto id = sql::uuid::parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6").value();
    EXPECT_EQ(round_trip<sql::uuid>(world, "select $1::uuid", id), id);
    EXPECT_EQ(round_trip<sql::json>(world, "select $1::json", sql::json(R"({"a": [1]})")).text, R"({"a": [1]})");
    EXPECT_EQ(round_trip<std::string>(world, "select $1::numeric", "12345678901234567890.5"), "12345678901234567890.5");
    EXPECT_EQ(round_trip<std::optional<int>>(world, "select $1::int", sql::null), std::nullopt);
}

TEST(postgres_query, arrays_come_back_as_they_went) {
    postgres_world world;
    const std::vector<int> numbers{1, -2, 3};
    EXPECT_EQ(round_trip<std::vector<int>>(world, "select $1::int[]", sql::array(numbers)), numbers);
    const std::vector<std::string> texts{"a", "", "b\"c", "NULL", "{,}", "\\"};
    EXPECT_EQ(round_trip<std::vector<std::string>>(world, "select $1::text[]", sql::array(texts)), texts);
    const auto got = world.query("select array[1, null]").value();
    EXPECT_EQ(got[0][0].as<std::vector<std::optional<int>>>().value(), (std::vector<std::optional<int>>{1, {}}));
    EXPECT_EQ(world.query("select count(*) from generate_series(1, 9) i where i = any($1)", sql::array(numbers))
                  .value()[0][0]
                  .as<int>()
                  .value(),
              2);
}

TEST(postgres_query, time_stamps_are_understood_whatever_the_sessions_settings_were) {
    postgres_server server({.settings = "datestyle = 'SQL, DMY'\ntimezone = 'Asia/Kolkata'\nbytea_output = escape\n"});
    postgres_world world(settings_for(server.url()));
    const auto got = world.query("select '2026-11-21 18:00:00+00'::timestamptz, '\\x00ff5c'::bytea").value();
    EXPECT_EQ(got[0][0].as<sql::timestamp>().value(), sql::parse_timestamp("2026-11-21T18:00:00Z").value());
    EXPECT_EQ(got[0][1].as<sql::bytes>().value(), (sql::bytes{std::byte{0}, std::byte{255}, std::byte{0x5c}}));
}

TEST(postgres_query, refusals_are_known_by_their_kind) {
    postgres_world world(1);
    ASSERT_TRUE(world.query("create temporary table p (id int primary key, n int not null check (n > 0))"));
    ASSERT_TRUE(world.query("create temporary table c (p int references p deferrable initially deferred)"));
    ASSERT_TRUE(world.query("insert into p values (1, 1)"));
    const auto refused = [&](const sql::statement& what) { return world.query(what).error(); };
    EXPECT_EQ(refused("insert into p values (1, 1)"), sql::errc::unique_violation);
    EXPECT_THAT(refused("insert into p values (1, 1)").what(), HasSubstr("23505"));
    EXPECT_THAT(refused("insert into p values (1, 1)").what(), HasSubstr("p_pkey"));
    EXPECT_EQ(refused("insert into p values (2, null)"), sql::errc::not_null_violation);
    EXPECT_EQ(refused("insert into p values (2, 0)"), sql::errc::check_violation);
    EXPECT_EQ(refused("insert into c values (7)"), sql::errc::foreign_key_violation) << "found at the Sync";
    EXPECT_EQ(refused("selec"), sql::errc::syntax_error);
    EXPECT_EQ(refused("select * from nowhere"), sql::errc::no_such_object);
    EXPECT_EQ(refused("select 1 / 0"), sql::errc::invalid_value);
    EXPECT_EQ(world.query("select $1::int", "my secret").error(), sql::errc::invalid_value);
    EXPECT_THAT(world.query("select $1::int", "my secret").error().message(), testing::Not(HasSubstr("my secret")));
    EXPECT_EQ(world.query("select 1").value()[0][0].as<int>().value(), 1) << "an error touches nothing after it";
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_query, a_statement_of_several_is_refused) {
    postgres_world world;
    EXPECT_EQ(world.query("select 1; select 2").error(), sql::errc::syntax_error);
}

TEST(postgres_query, copy_as_an_ordinary_statement_is_refused_with_what_to_do) {
    postgres_world world(1);
    const auto got = world.query("copy (select 1) to stdout");
    ASSERT_FALSE(got);
    EXPECT_THAT(got.error().message(), HasSubstr("copy_out"));
    EXPECT_TRUE(world.query("select 1")) << "by another connection";
}

TEST(postgres_query, keeps_no_more_prepared_statements_than_it_may) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.statement_cache = 3;
    postgres_world world(with);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 8; ++i) {
            ASSERT_EQ(
                world.query(sql::trusted_sql(fmt::format("select {} + $1", i)), 1).value()[0][0].as<int>().value(),
                i + 1);
        }
    }
    EXPECT_EQ(world.query("select count(*) from pg_prepared_statements").value()[0][0].as<int>().value(), 3);
}

TEST(postgres_query, prepares_nothing_for_a_proxy_of_transactions) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.transaction_pooling = true;
    postgres_world world(with);
    EXPECT_EQ(world.query("select $1::int", 5).value()[0][0].as<int>().value(), 5);
    EXPECT_EQ(world.query("select count(*) from pg_prepared_statements").value()[0][0].as<int>().value(), 0);
}

TEST(postgres_query, prepares_anew_what_the_server_has_changed_or_forgotten) {
    postgres_world world(1);
    ASSERT_TRUE(world.query("create temporary table changing (a int)"));
    ASSERT_TRUE(world.query("select * from changing"));
    ASSERT_TRUE(world.query("alter table changing add b text"));
    EXPECT_EQ(world.query("select * from changing").value().column_count(), 2U);
    ASSERT_TRUE(world.query("deallocate all"));
    EXPECT_EQ(world.query("select * from changing").value().column_count(), 2U);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_query, a_result_beyond_the_limit_is_given_up_and_its_connection_is_used_again) {
    postgres::settings with = settings_for(common_server().url(), 1);
    with.pool.max_result_bytes = 1024 * 1024;
    postgres_world world(with);
    const auto got = world.query("select repeat('x', 1000) from generate_series(1, 1000000)");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::limit_exceeded);
    EXPECT_EQ(world.query("select 7").value()[0][0].as<int>().value(), 7);
    EXPECT_EQ(world.db.connections().statistics().created, 1U);
}

TEST(postgres_query, a_large_result_and_large_parameters_come_whole) {
    postgres_world world;
    const std::string large(3'000'000, 'x');
    EXPECT_EQ(round_trip<std::string>(world, "select $1::text", large), large);
    const auto many = world.query("select i, repeat('y', i % 50) from generate_series(1, 100000) i").value();
    ASSERT_EQ(many.size(), 100'000U);
    EXPECT_EQ(many[99'999][0].as<int>().value(), 100'000);
}

TEST(postgres_query, says_at_connect_what_is_wrong_with_the_password) {
    postgres_server server({.access = "host all clerk 127.0.0.1/32 scram-sha-256\n"});
    server.ask("create user clerk password 'right'");
    const auto url = [&server](std::string_view password) {
        return fmt::format("postgresql://clerk:{}@127.0.0.1:{}/postgres", password, server.port());
    };
    postgres_world right(settings_for(url("right")));
    EXPECT_EQ(right.query("select current_user").value()[0][0].as<std::string>().value(), "clerk");
    postgres_world wrong(settings_for(url("hunter2")));
    const auto got = wrong.query("select 1");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), sql::errc::authentication_failed) << got.error().message();
    EXPECT_THAT(got.error().message(), HasSubstr("28P01"));
    EXPECT_THAT(got.error().message(), testing::Not(HasSubstr("hunter2")));
}

TEST(postgres_query, runs_from_any_number_of_loops_and_threads) {
    runtime io({.threads = 2});
    postgres::pool db(io, settings_for(common_server().url(), 3));
    std::vector<std::thread> users;
    for (int user = 0; user < 6; ++user) {
        users.emplace_back([&db, user] {
            for (int i = 0; i < 50; ++i) {
                const auto got = db.query("select $1::int * 1000 + $2::int", user, i).wait();
                ASSERT_TRUE(got) << got.error().message();
                EXPECT_EQ((*got)[0][0].as<int>().value(), user * 1000 + i);
            }
        });
    }
    for (std::thread& each : users) each.join();
    // What has said good-bye, of earlier tests too, is counted until its process has had its turn.
    EXPECT_TRUE(becomes_true([] { return common_server().connections() <= 3; }));
}

}  // namespace
}  // namespace lido::test
