// Statements that are run on the thread of the event loop itself, because they are short.
#include "sql/sqlite/database.hpp"
#include "sql/sqlite/engine.hpp"
#include "world.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace lido::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr sql::statement by_key = "SELECT name FROM outfit WHERE id = ?";
constexpr sql::statement count_up =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n";

class sqlite_brief_test : public test::sqlite_world {
protected:
    sqlite_brief_test() {
        pool db(io, settings());
        run(db.query("CREATE TABLE outfit (id INTEGER PRIMARY KEY, name TEXT)"));
        run(db.query("INSERT INTO outfit VALUES (1, 'one'), (2, 'two')"));
    }
    [[nodiscard]] pool_settings patient() const {
        pool_settings made = settings();
        made.longest_on_loop = 1ms;
        return made;
    }
    /// A reader that has run both statements before.
    [[nodiscard]] static std::shared_ptr<engine> reader_of(database& from) {
        std::shared_ptr<engine> made = from.open(role::reader).value();
        const sql::parameters one = sql::make_parameters(1);
        static_cast<void>(made->run(by_key, one, later()).value());
        static_cast<void>(made->run(count_up, one, later()).value());
        return made;
    }
    [[nodiscard]] static time_point later() { return clock::now() + 20s; }
    [[nodiscard]] static std::optional<result<sql::rows>> ask(engine& on, const sql::statement& what,
                                                              std::int64_t value) {
        const sql::parameters with = sql::make_parameters(value);
        time_point now = clock::now();
        return on.run_briefly(what, with, later(), now);
    }
};

TEST_F(sqlite_brief_test, brings_the_result_of_a_statement_that_was_short_before) {
    database from(patient());
    const auto reader = reader_of(from);
    auto given = ask(*reader, by_key, 2);
    ASSERT_TRUE(given);
    EXPECT_EQ(given->value()[0][0].text(), "two");
    EXPECT_EQ(reader->state(), sql::session_state::idle);
}

TEST_F(sqlite_brief_test, leaves_alone_what_it_does_not_know) {
    database from(patient());
    const auto reader = reader_of(from);
    EXPECT_FALSE(ask(*reader, "SELECT id FROM outfit WHERE id = ?", 1));
    EXPECT_FALSE(ask(*from.open(role::writer).value(), by_key, 1));
}

TEST_F(sqlite_brief_test, stops_what_takes_longer_than_it_may_and_does_not_try_it_again_soon) {
    database from(patient());
    const auto reader = reader_of(from);
    const auto begun = clock::now();
    EXPECT_FALSE(ask(*reader, count_up, 100'000'000));
    EXPECT_LT(clock::now() - begun, 1s);
    EXPECT_EQ(reader->state(), sql::session_state::idle);
    EXPECT_FALSE(ask(*reader, count_up, 1));
    const sql::parameters few = sql::make_parameters(1000);
    EXPECT_EQ(reader->run(count_up, few, later()).value()[0][0].as<int>().value(), 1000);
}

// What was cancelled refuses everybody, so it must not look as if the next borrower could have it.
TEST_F(sqlite_brief_test, a_connection_that_was_cancelled_is_busy_until_it_is_reset) {
    database from(patient());
    const auto reader = reader_of(from);
    const sql::parameters none;
    ASSERT_TRUE(reader->run("BEGIN", none, later()));
    reader->cancel();
    EXPECT_FALSE(reader->run("ROLLBACK", none, later()));
    EXPECT_EQ(reader->state(), sql::session_state::busy);
    ASSERT_TRUE(reader->reset(false, later()));
    EXPECT_EQ(reader->state(), sql::session_state::idle);
    EXPECT_TRUE(reader->run("BEGIN", none, later()));
}

// A thread that has taken a call from the queue may lose the processor before it begins.
TEST_F(sqlite_brief_test, a_call_that_a_reset_has_overtaken_does_nothing) {
    database from(patient());
    const auto reader = reader_of(from);
    const sql::parameters none;
    const engine::visit late = reader->visit_until(later());
    reader->cancel();
    ASSERT_TRUE(reader->reset(false, later()));
    EXPECT_TRUE(reader->run("BEGIN", none, late).error() == sql::errc::statement_cancelled);
    EXPECT_TRUE(reader->start(by_key, sql::make_parameters(1), late).error() == sql::errc::statement_cancelled);
    EXPECT_EQ(reader->state(), sql::session_state::idle);
    EXPECT_TRUE(reader->run("BEGIN", none, reader->visit_until(later())));
}

TEST_F(sqlite_brief_test, does_not_wait_for_a_lock) {
    pool_settings memory = patient();
    memory.file = ":memory:";
    database from(memory);
    const auto writer = from.open(role::writer).value();
    const sql::parameters none;
    static_cast<void>(writer->run("CREATE TABLE outfit (id INTEGER PRIMARY KEY, name TEXT)", none, later()).value());
    const auto reader = reader_of(from);
    static_cast<void>(writer->run("BEGIN EXCLUSIVE", none, later()).value());
    static_cast<void>(writer->run("INSERT INTO outfit VALUES (1, 'one')", none, later()).value());
    const auto begun = clock::now();
    EXPECT_FALSE(ask(*reader, by_key, 1));
    EXPECT_LT(clock::now() - begun, 5s);  // busy_timeout is 20 s
    static_cast<void>(writer->run("COMMIT", none, later()).value());
}

TEST_F(sqlite_brief_test, runs_nothing_that_was_given_up) {
    database from(patient());
    const auto reader = reader_of(from);
    reader->cancel();
    const auto given = ask(*reader, by_key, 1);
    EXPECT_TRUE(!given || !*given);
    EXPECT_TRUE(reader->reset(false, later()));
    EXPECT_TRUE(ask(*reader, by_key, 1)->value().size() == 1);
}

/// The turns that the loop had while a coroutine on it asked for one short statement after another.
task<result<std::uint64_t>> turns_meanwhile(pool& db, duration how_long) {
    const auto& loop = dynamic_cast<const net::event_loop&>(*scheduler::current());
    const std::uint64_t before = loop.turn();
    for (const auto begun = clock::now(); clock::now() - begun < how_long;) {
        operation<sql::rows> asked = db.query(by_key, 1);
        const result<sql::rows> given = co_await std::move(asked);
        if (!given) co_return given.error();
    }
    co_return loop.turn() - before;
}

TEST_F(sqlite_brief_test, leaves_the_loop_its_turns_although_it_never_waits) {
    pool db(io, patient());
    operation<std::uint64_t> asking(io, turns_meanwhile(db, 200ms));
    EXPECT_GT(std::move(asking).wait().value(), 20U);
}

}  // namespace
}  // namespace lido::sqlite
