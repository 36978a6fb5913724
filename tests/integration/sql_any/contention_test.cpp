// Many who move money between few accounts, in opposite directions: databases end some transactions so that others can
// go on, and afterwards the money is counted.
#include "integration/sql_any/contention.hpp"

#include "support/sql_nonces.hpp"

namespace lido::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t users = 16;
constexpr std::size_t connections = 8;

/// LIDO_SQL_TRANSFERS=100000 for the long form.
std::size_t wanted_transfers() {
    return times("LIDO_SQL_TRANSFERS", 200);
}

class transfers_between_accounts : public any_contention {
public:
    void SetUp() override {
        any_contention::SetUp();
        settings_.connections.max_size = connections;
        // Those of the tests before are at their end; here all are counted.
        ASSERT_TRUE(is_file() || becomes_true([this] { return connections_at_server() == 0; }));
        if (is(sql::database_kind::postgres)) {
            // It looks for deadlocks only when somebody has waited for so long.
            static_cast<void>(any_postgres().ask("alter role lido set deadlock_timeout = '10ms'"));
        }
    }

protected:
    [[nodiscard]] transfers usual(sql::pool& db) const {
        const std::size_t wanted = wanted_transfers();
        return {.db = db,
                .say = statements(),
                .wanted = wanted,
                // SQLite has one writer, and so nothing that could clash.
                .wanted_clashes = is_file() ? 0 : wanted / 20,
                .latest = clock::now() + 60s + wanted * 20ms};
    }
    /// Users transfer while the server's connections are counted.
    void run(transfers& of) {
        if (is_file()) return let_users_transfer(io_, of, users);
        largest_of seen([this] { return connections_at_server(); });
        let_users_transfer(io_, of, users);
        EXPECT_TRUE(becomes_true([&] { return seen.answers() > 2; }));
        seen.stop();
        EXPECT_LE(seen.value(), connections);
    }
    /// What is to be so after clashes alone: who tries again succeeds, the rest is told why by name, and no connection
    /// was lost to it.
    void expect_only_clashes(const transfers& of, sql::pool& db) {
        EXPECT_EQ(of.patient_failures, 0U);
        of.record.expect_only({sql::errc::deadlock, sql::errc::serialization_failure});
        EXPECT_EQ(of.told.of(make_error_code(errc::maybe_executed)), 0U);
        EXPECT_GE(of.attempts.load(), of.record.acknowledged() + of.clashes());
        for (const lido::pool::statistics& each : db.statistics()) {
            EXPECT_LE(each.created, each.max_size) << each.name;
            EXPECT_EQ(each.closed_broken, 0U) << each.name;
        }
        EXPECT_EQ(trouble_of(db, is_file() ? 1 : connections), "");
        expect_right(of);
    }
};

/// Where there are servers that can end a connection.
class transfers_over_dying_connections : public transfers_between_accounts {};

/// Where two pools are strangers to each other, as two processes are.
class transfers_in_one_file : public transfers_between_accounts {};

INSTANTIATE_TEST_SUITE_P(of, transfers_between_accounts,
                         testing::Values(&postgres_dialect, &mysql_dialect, &sqlite_dialect), name_of_dialect);
INSTANTIATE_TEST_SUITE_P(of, transfers_over_dying_connections, testing::Values(&postgres_dialect, &mysql_dialect),
                         name_of_dialect);

INSTANTIATE_TEST_SUITE_P(of, transfers_in_one_file, testing::Values(&sqlite_dialect), name_of_dialect);

TEST_P(transfers_between_accounts, deadlock_in_opposite_directions_and_each_acknowledged_one_is_there_once) {
    const std::size_t before = deadlocks_at_server();
    sql::pool db = open();
    transfers made = usual(db);
    run(made);
    expect_only_clashes(made, db);
    const std::size_t deadlocks = made.in_work.of(make_error_code(sql::errc::deadlock));
    EXPECT_EQ(deadlocks, made.clashes()) << "each row is locked before it is changed";
    close_beside();
    ASSERT_TRUE(db.close().wait());  // a session of PostgreSQL tells its numbers at its end
    EXPECT_TRUE(becomes_true([&] { return deadlocks_at_server() >= before + deadlocks; }))
        << "the server has seen them";
    if (!is_file()) {
        EXPECT_GT(made.told.of(make_error_code(sql::errc::deadlock)), 0U) << "who does not try again";
    }
}

TEST_P(transfers_between_accounts, that_are_computed_by_their_users_lose_no_update_when_serializable) {
    sql::pool db = open();
    transfers made = usual(db);
    made.database_adds = false;
    made.options.isolation = sql::isolation::serializable;
    run(made);
    expect_only_clashes(made, db);
}

TEST_P(transfers_over_dying_connections, are_there_once_when_acknowledged_and_at_most_once_when_nobody_knows) {
    sql::pool db = open();
    transfers made = usual(db);
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> ended{0};
    made.until = [&ended] { return ended > 10; };
    std::thread ending([&] {
        while (!stop) {
            const std::size_t before = made.record.acknowledged();
            end_a_connection();
            ++ended;
            // Work goes on before the next one dies.
            static_cast<void>(becomes_true([&] { return stop || made.record.acknowledged() > before + 5; }));
        }
    });
    let_users_transfer(io_, made, users);
    stop = true;
    ending.join();
    EXPECT_GT(ended, 10U);
    made.record.expect_only({errc::maybe_executed, errc::connection_closed, errc::connect_failed,
                             sql::errc::shutting_down, sql::errc::statement_cancelled, sql::errc::deadlock,
                             sql::errc::serialization_failure});
    // The last one may have been ended just now, and the pool not heard of it.
    EXPECT_TRUE(becomes_true([&] { return trouble_of(db, connections).empty(); }));
    expect_right(made);
    EXPECT_TRUE(becomes_true([&] {
        close_beside();
        return connections_at_server() <= connections;
    }));
}

TEST_P(transfers_in_one_file, of_two_pools_wait_for_each_other_and_none_fails) {
    sql::pool db = open();
    sql::pool other = open();
    transfers made = usual(db);
    made.second = &other;
    run(made);
    EXPECT_EQ(made.record.failures(), 0U);
    expect_right(made);
}

}  // namespace
}  // namespace lido::test
