// The face of all databases, opened by URL; what the typed pools do is in their own tests.
#include "lido/sql/error.hpp"
#include "lido/sql/mapping.hpp"
#include "lido/sql/pool.hpp"
#include "world.hpp"

#include <string>
#include <tuple>
#include <vector>

namespace {

struct article {
    std::int64_t id = 0;
    std::string title;
};

}  // namespace

template <>
struct lido::sql::mapping<article> {
    static constexpr auto columns =
        std::tuple(lido::sql::column("id", &article::id), lido::sql::column("title", &article::title));
};

namespace lido::sql {
namespace {

using testing::HasSubstr;

class any_pool_test : public test::sqlite_world {
protected:
    [[nodiscard]] std::string url() const { return "sqlite:" + file(); }
};

TEST_F(any_pool_test, opens_what_a_url_names_and_maps_rows_to_structs) {
    pool db = pool::open(io, url()).value();
    EXPECT_EQ(db.kind(), database_kind::sqlite);
    run(db.query("CREATE TABLE article (id INTEGER PRIMARY KEY, title TEXT)"));
    std::vector<parameters> sets{make_parameters(1, "one"), make_parameters(2, "two")};
    EXPECT_EQ(db.execute_many("INSERT INTO article VALUES (?, ?)", sets).wait().value().affected(), 2U);
    const auto all = db.query("SELECT title, id FROM article ORDER BY id").wait().value().as<article>().value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[1].id, 2);
    EXPECT_EQ(all[1].title, "two");
    EXPECT_EQ(db.statistics().size(), 2U);
    EXPECT_TRUE(db.close().wait());
}

TEST_F(any_pool_test, runs_transactions_and_streams) {
    pool db = pool::open(io, url()).value();
    run(db.query("CREATE TABLE t (i INTEGER)"));
    auto scope = db.begin().wait().value();
    run(scope.query("INSERT INTO t VALUES (1)"));
    const unsigned point = scope.savepoint().wait().value();
    run(scope.query("INSERT INTO t VALUES (2)"));
    run(scope.rollback_to(point));
    EXPECT_TRUE(scope.commit().wait());
    auto stream = db.stream("SELECT i FROM t").wait().value();
    EXPECT_EQ(stream.next().wait().value().size(), 1U);
    EXPECT_TRUE(stream.next().wait().value().empty());
}

TEST_F(any_pool_test, runs_a_function_in_a_transaction_again_as_often_as_the_database_asks) {
    pool db = pool::open(io, url()).value();
    run(db.query("CREATE TABLE t (i INTEGER)"));
    int attempts = 0;
    const auto work = [&attempts](transaction& in) -> task<result<int>> {
        ++attempts;
        operation<rows> inserting = in.query("INSERT INTO t VALUES (?)", attempts);
        const result<rows> inserted = co_await std::move(inserting);
        if (!inserted) co_return inserted.error();
        if (attempts < 3) co_return error(errc::serialization_failure, "made up");
        co_return attempts;
    };
    EXPECT_EQ(db.transact(work).wait().value(), 3);
    EXPECT_EQ(number(db.query("SELECT sum(i) FROM t")), 3);
}

TEST_F(any_pool_test, says_what_it_found) {
    pool db = pool::open(io, url() + "?synchronous=full").value();
    const auto report = db.report().wait().value();
    EXPECT_THAT(report.version, HasSubstr("SQLite 3."));
    EXPECT_EQ(report.role, "writer");
}

TEST_F(any_pool_test, names_what_is_wrong_with_a_url_or_its_settings) {
    const auto refusal = [this](std::string_view text) { return pool::open(io, text).error().what(); };
    EXPECT_THAT(refusal("oracle:x"), HasSubstr("oracle"));
    EXPECT_THAT(refusal("sqlite:x.db?mode=never"), HasSubstr("mode=never"));
    pool_settings wrong;
    wrong.stream_rows = 0;
    EXPECT_THAT(pool::open(io, url(), wrong).error().what(), HasSubstr("stream_rows"));
}

}  // namespace
}  // namespace lido::sql
