// A lock that somebody holds while many want it: each is told so by name, by the database's time-out or by his own
// deadline; nothing of what he began stays, and work goes on when the lock is free.
#include "integration/sql_any/contention.hpp"

#include <optional>

namespace lido::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t users = 6;

class held_lock : public any_contention {
public:
    void SetUp() override {
        any_contention::SetUp();
        settings_.connections.max_size = users;
    }

protected:
    /// SQLite's time-out stands in its URL; the others' are of the session.
    [[nodiscard]] sql::pool open_impatient() {
        if (!is_file()) return open();
        std::string url = of().url();
        url.replace(url.find('?'), std::string::npos, "?busy_timeout=50");
        return sql::pool::open(io_, url, settings_).value();
    }
    [[nodiscard]] std::optional<sql::statement> limit_of_session() const {
        if (is(sql::database_kind::postgres)) return text("set local lock_timeout = '100ms'");
        if (is(sql::database_kind::mysql)) return text("set innodb_lock_wait_timeout = 1");
        return std::nullopt;
    }
    /// An open transaction, from another pool, that has changed the first account.
    [[nodiscard]] sql::transaction hold() {
        sql::transaction holder = beside().begin().wait().value();
        EXPECT_TRUE(holder.query(text("update account set amount = amount + 1 where id = 0")).wait());
        return holder;
    }
    /// Statements at the server that wait for a lock.
    [[nodiscard]] std::size_t waiting_at_server() {
        if (is_file()) return 0;
        if (is(sql::database_kind::postgres)) {
            return std::stoul(
                any_postgres().ask("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"));
        }
        // Not INNODB_TRX, which shows the same as long as it is asked more often than each 100 ms.
        return looking()
            .query("select count(*) from information_schema.processlist where user = 'tester' and info like 'update%'")
            .wait()
            .value()[0][0]
            .as<std::size_t>()
            .value();
    }
    [[nodiscard]] std::int64_t first_account() { return number(beside(), "select amount from account where id = 0"); }
};

INSTANTIATE_TEST_SUITE_P(of, held_lock, testing::Values(&postgres_dialect, &mysql_dialect, &sqlite_dialect),
                         name_of_dialect);

TEST_P(held_lock, that_outlasts_the_databases_limit_is_named_and_nothing_of_its_victims_stays) {
    sql::pool db = open_impatient();
    transfers made{.db = db, .say = statements(), .limit = limit_of_session()};
    {
        sql::transaction holder = hold();
        let_each_transfer(io_, made, users);
        EXPECT_EQ(made.record.acknowledged(), 0U);
        EXPECT_EQ(made.told.of(make_error_code(sql::errc::lock_timeout)), users);
        // SQLite's writers wait before their transaction begins.
        if (!is_file()) {
            EXPECT_EQ(made.attempts, users) << "nobody tries again by himself: the lock may be held for long";
        }
        ASSERT_TRUE(holder.rollback().wait());
    }
    let_each_transfer(io_, made, users);
    EXPECT_EQ(made.record.acknowledged(), users);
    made.record.expect_only({sql::errc::lock_timeout});
    for (const lido::pool::statistics& each : db.statistics()) EXPECT_EQ(each.closed_broken, 0U) << each.name;
    EXPECT_EQ(trouble_of(db, is_file() ? 1 : users), "");
    expect_right(made);
}

TEST_P(held_lock, is_waited_for_until_the_callers_deadline_and_the_statement_ends_at_the_server_too) {
    settings_.statement_timeout = 300ms;
    sql::pool db = open();
    settings_.statement_timeout = 20s;
    transfers made{.db = db, .say = statements()};
    {
        sql::transaction holder = hold();
        const auto begun = clock::now();
        let_each_transfer(io_, made, users);
        // One after the other where there is one writer.
        EXPECT_LT(clock::now() - begun, is_file() ? 6s : 3s);
        EXPECT_EQ(made.told.of(make_error_code(errc::timeout)), users);
        EXPECT_TRUE(becomes_true([&] { return waiting_at_server() == 0; })) << "they are cancelled there";
        ASSERT_TRUE(holder.commit().wait());
    }
    EXPECT_EQ(first_account(), first_amount + 1) << "nobody else has changed it";
    EXPECT_EQ(number(beside(), "select count(*) from ledger"), 0);
    // On a busy machine 300 ms may be too short even for what waits for nobody. Done twice or late it changes nothing.
    EXPECT_TRUE(becomes_true([&] {
        return ask(db, "update account set amount = ? where id = 0 and amount = ?", first_amount, first_amount + 1)
            .has_value();
    })) << "work goes on";
    EXPECT_TRUE(becomes_true([&] { return trouble_of(db, is_file() ? 1 : users).empty(); }));
    // And all the more for six, one after the other.
    sql::pool patient = open();
    made.second = &patient;
    let_each_transfer(io_, made, users);
    EXPECT_EQ(made.record.acknowledged(), users) << "work goes on for all";
    made.record.expect_only({errc::timeout});
    expect_right(made);
}

}  // namespace
}  // namespace lido::test
