// One body of tests for all databases, each opened by its URL: what a program may rely on whatever stands behind it.
#include "integration/sql_any/databases.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/mapping.hpp"
#include "support/work.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <tuple>
#include <vector>

namespace {

struct article {
    std::int64_t id = 0;
    std::string title;
    std::optional<double> price;
};

}  // namespace

template <>
struct lido::sql::mapping<article> {
    static constexpr auto columns =
        std::tuple(lido::sql::column("id", &article::id), lido::sql::column("title", &article::title),
                   lido::sql::column("price", &article::price));
};

namespace lido::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

INSTANTIATE_TEST_SUITE_P(of, any_database, testing::Values(&postgres_dialect, &mysql_dialect, &sqlite_dialect),
                         name_of_dialect);

TEST_P(any_database, is_opened_by_its_url_and_says_what_it_is) {
    sql::pool db = open();
    EXPECT_EQ(db.kind(), of().kind);
    const auto report = db.report().wait();
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->kind, of().kind);
    const bool is_file = of().kind == sql::database_kind::sqlite;
    EXPECT_EQ(report->role, is_file ? "writer" : "primary");
    EXPECT_FALSE(report->tls.empty());
    EXPECT_THAT(report->version, HasSubstr("."));
    EXPECT_GT(report->remaining_connections, is_file ? -2 : 10);
    EXPECT_GE(db.statistics().size(), 1U);
    EXPECT_TRUE(db.close().wait());
}

TEST_P(any_database, brings_every_type_of_value_back_as_it_was_bound) {
    sql::pool db = open();
    make_table(db, "every_type",
               fmt::format("b boolean, i bigint, r {}, t text, y {}, s {}, u {}, j {}, n bigint", of().real, of().bytes,
                           of().timestamp, of().uuid, of().json));
    const sql::bytes raw{std::byte{0}, std::byte{0xff}, std::byte{'\''}, std::byte{0}};
    const auto moment = sql::parse_timestamp("2026-11-21 18:04:05.000001").value();
    const auto id = sql::uuid::parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6").value();
    const auto stored = ask(db, "insert into every_type values (?, ?, ?, ?, ?, ?, ?, ?, ?)", true, -7, 0.1,
                            "täglich 'neu' \\ 漢", raw, moment, id, sql::json(R"({"a": [1, null]})"), sql::null);
    ASSERT_TRUE(stored) << stored.error().message();
    EXPECT_EQ(stored->affected(), 1U);
    const auto got = ask(db, "select b, i, r, t, y, s, u, j, n from every_type");
    ASSERT_TRUE(got) << got.error().message();
    const sql::row only = (*got)[0];
    EXPECT_TRUE(only[0].as<bool>().value());
    EXPECT_EQ(only[1].as<int>().value(), -7);
    EXPECT_EQ(only[2].as<double>().value(), 0.1);
    EXPECT_EQ(only[3].as<std::string>().value(), "täglich 'neu' \\ 漢");
    EXPECT_EQ(only[4].as<sql::bytes>().value(), raw);
    EXPECT_EQ(only[5].as<sql::timestamp>().value(), moment);
    EXPECT_EQ(only[6].as<sql::uuid>().value(), id);
    EXPECT_EQ(only[7].as<sql::json>().value().text, R"({"a": [1, null]})");
    EXPECT_TRUE(only[8].is_null());
    EXPECT_FALSE(only[8].as<std::int64_t>()) << "NULL is no number";
    EXPECT_FALSE(only[8].as<std::optional<std::int64_t>>().value());
}

TEST_P(any_database, keeps_numbers_to_the_limits_of_64_bits) {
    sql::pool db = open();
    make_table(db, "limits", "i bigint");
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t each : {least, most}) {
        ASSERT_TRUE(ask(db, "delete from limits"));
        ASSERT_TRUE(ask(db, "insert into limits values (?)", each));
        EXPECT_EQ(number(db, "select i from limits"), each);
        EXPECT_EQ(ask(db, "select count(*) from limits where i = ?", each).value()[0][0].as<int>().value(), 1);
        EXPECT_FALSE(ask(db, "select i from limits").value()[0][0].as<std::int32_t>()) << "it does not fit";
    }
}

TEST_P(any_database, maps_rows_to_structs_and_names_what_does_not_fit) {
    sql::pool db = open();
    make_table(db, "article", fmt::format("id bigint primary key, title varchar(100), price {}", of().real));
    std::vector<sql::parameters> sets{sql::make_parameters(1, "skirt", 19.5),
                                      sql::make_parameters(2, "cap", sql::null)};
    EXPECT_EQ(db.execute_many(text("insert into article values (?, ?, ?)"), sets).wait().value().affected(), 2U);
    const auto all = ask(db, "select price, title, id from article order by id").value().as<article>();
    ASSERT_TRUE(all) << all.error().message();
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ((*all)[0].price, 19.5);
    EXPECT_EQ((*all)[1].title, "cap");
    EXPECT_FALSE((*all)[1].price);
    const auto missing = ask(db, "select id, title from article").value().as<article>();
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().what(), HasSubstr("price"));
}

TEST_P(any_database, runs_a_statement_with_many_sets_of_parameters_or_with_none_of_them) {
    sql::pool db = open();
    make_table(db, "many", "id bigint primary key");
    std::vector<sql::parameters> sets;
    sets.reserve(500);
    for (int i = 0; i < 500; ++i) sets.push_back(sql::make_parameters(i));
    EXPECT_EQ(db.execute_many(text("insert into many values (?)"), sets).wait().value().affected(), 500U);
    sets = {sql::make_parameters(1000), sql::make_parameters(7)};
    const auto refused = db.execute_many(text("insert into many values (?)"), sets).wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::unique_violation);
    EXPECT_THAT(refused.error().what(), HasSubstr("set 2"));
    EXPECT_EQ(number(db, "select count(*) from many"), 500);
}

TEST_P(any_database, commits_rolls_back_and_returns_to_savepoints) {
    sql::pool db = open();
    make_table(db, "kept", "i bigint");
    {
        auto scope = db.begin({.isolation = sql::isolation::serializable}).wait().value();
        ASSERT_TRUE(scope.query(text("insert into kept values (1)")).wait());
        const unsigned outer = scope.savepoint().wait().value();
        ASSERT_TRUE(scope.query(text("insert into kept values (2)")).wait());
        const unsigned inner = scope.savepoint().wait().value();
        EXPECT_NE(outer, inner);
        ASSERT_TRUE(scope.query(text("insert into kept values (3)")).wait());
        ASSERT_TRUE(scope.rollback_to(inner).wait());
        ASSERT_TRUE(scope.rollback_to(outer).wait());
        ASSERT_TRUE(scope.query(text("insert into kept values (4)")).wait());
        ASSERT_TRUE(scope.commit().wait());
        EXPECT_FALSE(scope.query(text("select 1")).wait()) << "it has ended";
    }
    EXPECT_EQ(number(db, "select sum(i) from kept"), 5);
    {
        auto scope = db.begin().wait().value();
        ASSERT_TRUE(scope.query(text("insert into kept values (100)")).wait());
        ASSERT_TRUE(scope.rollback().wait());
    }
    {
        auto dropped = db.begin().wait().value();
        ASSERT_TRUE(dropped.query(text("insert into kept values (1000)")).wait());
    }
    EXPECT_EQ(number(db, "select sum(i) from kept"), 5);
}

TEST_P(any_database, refuses_what_follows_in_a_transaction_that_a_statement_has_ended) {
    sql::pool db = open();
    make_table(db, "ended", "i bigint");
    auto scope = db.begin().wait().value();
    ASSERT_TRUE(scope.query(text("insert into ended values (1)")).wait());
    ASSERT_TRUE(scope.query(text("commit")).wait());
    const auto refused = scope.query(text("insert into ended values (2)")).wait();
    ASSERT_FALSE(refused) << "it would last, whatever becomes of the transaction";
    EXPECT_EQ(refused.error(), sql::errc::transaction_failed) << refused.error().message();
    const auto committed = scope.commit().wait();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error(), sql::errc::transaction_failed) << committed.error().message();
    EXPECT_EQ(number(db, "select sum(i) from ended"), 1);
}

/// Takes from one row and gives to another, after the other side has its first row too, if it gets it in time.
task<result<int>> move_one(sql::transaction& in, const sql::statement& what, int from, int to,
                           std::atomic<int>* have_one, std::chrono::milliseconds patience) {
    operation<sql::rows> first = in.query(what, -1, from);
    const result<sql::rows> taken = co_await std::move(first);
    if (!taken) co_return taken.error();
    have_one->fetch_add(1);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (have_one->load() < 2 && std::chrono::steady_clock::now() < until) co_await delay(5ms);
    operation<sql::rows> second = in.query(what, 1, to);
    const result<sql::rows> given = co_await std::move(second);
    if (!given) co_return given.error();
    co_return 1;
}

TEST_P(any_database, runs_a_transaction_again_when_the_database_asks_for_it) {
    sql::pool db = open();
    make_table(db, "account", "id bigint primary key, amount bigint");
    ASSERT_TRUE(ask(db, "insert into account values (1, 100), (2, 100)"));
    const sql::statement change = text("update account set amount = amount + ? where id = ?");
    // Where there is but one writer nothing can collide: the other side waits for this one, which must not wait long.
    const bool has_one_writer = of().kind == sql::database_kind::sqlite;
    const std::chrono::milliseconds patience = has_one_writer ? 250ms : 20s;
    std::atomic<int> attempts{0};
    const auto transfer = [&](int from, int to) {
        const auto work = [&, from, to](sql::transaction& in) {
            return move_one(in, change, from, to, &attempts, patience);
        };
        return db.transact(work, {}, {.max_retries = 20}).wait();
    };
    result<int> there = 0;
    std::thread other([&] { there = transfer(1, 2); });
    const result<int> back = transfer(2, 1);
    other.join();
    ASSERT_TRUE(there) << there.error().message();
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_GE(attempts, has_one_writer ? 2 : 3);
    EXPECT_EQ(number(db, "select min(amount) from account"), 100);
    EXPECT_EQ(number(db, "select max(amount) from account"), 100);
}

TEST_P(any_database, streams_a_large_result_piece_by_piece_and_lets_go_of_it_half_way) {
    settings_.connections.max_size = 1;
    settings_.stream_rows = 100;
    settings_.max_result_bytes = 64 * 1024;
    sql::pool db = open();
    const auto whole = ask(db, of().many_numbers);
    ASSERT_FALSE(whole);
    EXPECT_EQ(whole.error(), errc::limit_exceeded) << whole.error().message();
    const auto begin = std::chrono::steady_clock::now();
    {
        auto stream = db.stream(text(of().many_numbers)).wait().value();
        std::int64_t expected = 1;
        for (int i = 0; i < 20; ++i) {
            const auto batch = stream.next().wait();
            ASSERT_TRUE(batch) << batch.error().message();
            ASSERT_LE(batch->size(), 100U);
            ASSERT_GE(batch->size(), 1U);
            for (const sql::row each : *batch) ASSERT_EQ(each[0].as<std::int64_t>().value(), expected++);
        }
    }
    EXPECT_EQ(number(db, "select 7"), 7);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s) << "the rest was not read";
}

TEST_P(any_database, streams_to_the_end) {
    settings_.stream_rows = 7;
    sql::pool db = open();
    make_table(db, "streamed", "i bigint");
    std::vector<sql::parameters> sets;
    sets.reserve(100);
    for (int i = 0; i < 100; ++i) sets.push_back(sql::make_parameters(i));
    ASSERT_TRUE(db.execute_many(text("insert into streamed values (?)"), sets).wait());
    auto stream = db.stream(text("select i from streamed where i >= ?"), 10).wait().value();
    std::size_t count = 0;
    while (true) {
        const auto batch = stream.next().wait().value();
        if (batch.empty()) break;
        count += batch.size();
    }
    EXPECT_EQ(count, 90U);
}

TEST_P(any_database, streams_within_a_transaction_what_it_has_written) {
    settings_.stream_rows = 7;
    sql::pool db = open();
    make_table(db, "streamed_within", "i bigint");
    auto scope = db.begin().wait().value();
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(scope.query(text("insert into streamed_within values (?)"), i).wait());
    }
    std::size_t count = 0;
    {
        auto stream = scope.stream(text("select i from streamed_within where i >= ?"), 5).wait().value();
        for (std::size_t got = 1; got > 0; count += got) got = stream.next().wait().value().size();
    }
    EXPECT_EQ(count, 15U);
    ASSERT_TRUE(scope.commit().wait());
    EXPECT_EQ(scope.stream(text("select i from streamed_within")).wait().error(), errc::invalid_argument);
    EXPECT_EQ(number(db, "select count(*) from streamed_within"), 20);
}

TEST_P(any_database, ends_a_statement_whose_time_is_over_or_whose_caller_went_away) {
    settings_.connections.max_size = 1;
    settings_.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    sql::pool db = open();
    const auto begin = std::chrono::steady_clock::now();
    const auto late = ask(db, of().slow);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::timeout) << late.error().message();
    EXPECT_EQ(number(db, "select 7"), 7);

    std::stop_source stop;
    std::binary_semaphore ended(0);
    std::optional<result<sql::rows>> outcome;
    db.query(text(of().slow))
        .start(
            [&](result<sql::rows> came) {
                outcome.emplace(std::move(came));
                ended.release();
            },
            stop.get_token());
    // Until it surely runs; that it may not have begun is a case as well.
    std::this_thread::sleep_for(50ms);
    stop.request_stop();
    ended.acquire();
    EXPECT_EQ(outcome->error(), errc::cancelled);
    EXPECT_EQ(number(db, "select 8"), 8) << "its own answer, and not what is left of the other's";
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
}

TEST_P(any_database, ends_a_transaction_whose_time_is_over_and_nothing_of_it_lasts) {
    settings_.connections.max_size = 1;
    sql::pool db = open();
    make_table(db, "hurried", "i bigint");
    const sql::statement insert = text("insert into hurried values (1)");
    const sql::statement slow = text(of().slow);
    const auto work = [&](sql::transaction& in) -> task<result<int>> {
        operation<sql::rows> first = in.query(insert);
        const result<sql::rows> stored = co_await std::move(first);
        if (!stored) co_return stored.error();
        operation<sql::rows> second = in.query(slow);
        const result<sql::rows> waited = co_await std::move(second);
        if (!waited) co_return waited.error();
        co_return 1;
    };
    const auto begin = std::chrono::steady_clock::now();
    const auto late = db.transact(work, {.timeout = 500ms}).wait();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "a statement alone would have 30 s";
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::timeout) << late.error().message();
    EXPECT_EQ(number(db, "select count(*) from hurried"), 0);
}

TEST_P(any_database, gives_errors_by_their_reason) {
    sql::pool db = open();
    make_table(db, "strict", "id bigint primary key, name varchar(10) not null, size bigint check (size > 0)");
    ASSERT_TRUE(ask(db, "insert into strict values (1, 'a', 1)"));
    EXPECT_EQ(ask(db, "insert into strict values (1, 'b', 1)").error(), sql::errc::unique_violation);
    EXPECT_EQ(ask(db, "insert into strict values (2, ?, 1)", sql::null).error(), sql::errc::not_null_violation);
    EXPECT_EQ(ask(db, "insert into strict values (3, 'c', ?)", -1).error(), sql::errc::check_violation);
    EXPECT_EQ(ask(db, "selekt").error(), sql::errc::syntax_error);
    EXPECT_EQ(ask(db, "select * from nowhere").error(), sql::errc::no_such_object);
    const auto secret = ask(db, "insert into strict values (1, ?, 1)", "s3cr3t");
    EXPECT_THAT(secret.error().message(), Not(HasSubstr("s3cr3t")));
    EXPECT_EQ(number(db, "select count(*) from strict"), 1);
}

TEST_P(any_database, serves_many_at_once_with_few_connections) {
    sql::pool db = open();
    make_table(db, "counted", "i bigint");
    std::vector<std::thread> users;
    users.reserve(4);
    std::atomic<int> wrong{0};
    for (int user = 0; user < 4; ++user) {
        users.emplace_back([&, user] {
            for (int i = 0; i < 50; ++i) {
                const int sent = user * 1000 + i;
                const auto got = ask(db, "select i + ? from (select 0 as i) as zero", sent);
                if (!got || (*got)[0][0].as<int>().value() != sent) ++wrong;
                if (!ask(db, "insert into counted values (?)", sent)) ++wrong;
            }
        });
    }
    for (std::thread& each : users) each.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(number(db, "select count(*) from counted"), 200);
    for (const auto& each : db.statistics()) EXPECT_LE(each.created, 4U);
}

TEST_P(any_database, runs_several_statements_together_all_or_none) {
    sql::pool db = open();
    make_table(db, "together", "id bigint primary key, n bigint");
    sql::batch good;
    good.add(text("insert into together values (?, ?)"), 1, 10);
    good.add(text("insert into together values (?, ?)"), 2, 20);
    good.add(text("update together set n = n + 1 where id >= ?"), 1);
    good.add(text("select sum(n) from together"));
    const auto given = db.run_batch(good).wait();
    ASSERT_TRUE(given) << given.error().message();
    ASSERT_EQ(given->size(), 4U);
    EXPECT_EQ((*given)[0].affected(), 1U);
    EXPECT_EQ((*given)[2].affected(), 2U);
    EXPECT_EQ((*given)[3][0][0].as<int>().value(), 32);

    sql::batch bad;
    bad.add(text("insert into together values (3, 30)"));
    bad.add(text("insert into together values (1, 1)"));
    bad.add(text("insert into together values (4, 40)"));
    const auto refused = db.run_batch(bad).wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), sql::errc::unique_violation) << refused.error().message();
    EXPECT_THAT(refused.error().what(), HasSubstr("statement 2 of 3"));
    EXPECT_EQ(number(db, "select count(*) from together"), 2);

    auto scope = db.begin().wait().value();
    sql::batch inside;
    inside.add(text("insert into together values (5, 50)")).add(text("select count(*) from together"));
    EXPECT_EQ(scope.run_batch(inside).wait().value()[1][0][0].as<int>().value(), 3);
    ASSERT_TRUE(scope.rollback().wait());
    EXPECT_EQ(number(db, "select count(*) from together"), 2);
}

TEST_P(any_database, a_batch_that_is_given_up_has_not_happened) {
    settings_.connections.max_size = 1;
    sql::pool patient = open();
    make_table(patient, "given_up", "id bigint");
    settings_.statement_timeout = 1s;  // enough, also on a busy machine, for what is to succeed
    sql::pool db = open();
    sql::batch late;
    late.add(text("insert into given_up values (1)")).add(text(of().slow)).add(text("insert into given_up values (2)"));
    const auto outcome = db.run_batch(late).wait();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), errc::timeout) << outcome.error().message();
    EXPECT_EQ(number(db, "select count(*) from given_up"), 0);
}

TEST_P(any_database, lends_clean_connections_again_and_dirty_ones_never_as_they_are) {
    constexpr std::size_t uses = 300;
    for (const sql::reset_policy policy :
         {sql::reset_policy::none, sql::reset_policy::rollback, sql::reset_policy::full}) {
        SCOPED_TRACE(static_cast<int>(policy));
        settings_.connections.max_size = 1;
        settings_.reset = policy;
        sql::pool db = open();
        make_table(db, "lent", "i bigint");
        const auto created = [&db] {
            std::uint64_t sum = 0;
            for (const auto& each : db.statistics()) sum += each.created;
            return sum;
        };
        const auto at_first = created();
        for (std::size_t i = 0; i < uses; ++i) ASSERT_TRUE(ask(db, "insert into lent values (1)"));
        EXPECT_LE(created() - at_first, uses / 100) << "of a hundred uses 99 are of a connection that was there";
        const auto before = created();
        for (int i = 0; i < 10; ++i) {
            auto dropped = db.begin().wait().value();
            ASSERT_TRUE(dropped.query(text("insert into lent values (2)")).wait());
        }
        EXPECT_EQ(number(db, "select count(*) from lent where i = 2"), 0) << "not even to the next borrower";
        if (policy == sql::reset_policy::none) {
            EXPECT_GE(created() - before, 9U) << "what is in a transaction is closed";
        } else {
            EXPECT_LE(created() - before, 1U);
        }
        ASSERT_TRUE(ask(db, "create temporary table session_state (i bigint)"));
        if (policy == sql::reset_policy::full) {
            EXPECT_EQ(ask(db, "insert into session_state values (1)").error(), sql::errc::no_such_object);
        } else {
            EXPECT_TRUE(ask(db, "insert into session_state values (1)"));
        }
    }
}

}  // namespace
}  // namespace lido::test
