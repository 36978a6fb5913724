// Nothing of one borrower reaches another, with one query in ten given up at a random point; and nothing of a
// transaction that was abandoned is seen by the next.
#include "integration/sql_mysql/mysql_fixture.hpp"
#include "support/sql_nonces.hpp"

namespace lido::test {
namespace {

class mysql_nonces : public mysql_world {
protected:
    operation<sql::rows> ask_for(double draw, std::int64_t nonce) {
        // One in a hundred takes so long that its cancel has something to do.
        if (draw < 0.01) return pool().query("select ?, sleep(0.002)", nonce);
        if (draw < 0.3) return pool().query("select ?, repeat('x', 30000)", nonce);
        return pool().query("select ?", nonce);
    }
    void run_nonce_test(bool streamed) {
        settings_.pool.connections.max_size = 6;
        settings_.pool.stream_rows = 64;
        const nonce_question question = [&](random_source& dice, std::int64_t nonce) -> operation<std::int64_t> {
            if (!streamed) return {io_, first_number(ask_for(dice.unit(), nonce))};
            // Long enough, often enough, to be given up in their midst: short ones are over in a turn or two.
            const auto rows = static_cast<std::int64_t>(1 + dice.below(dice.below(3) == 0 ? 3000 : 100));
            auto asked = pool().stream("select ?, repeat('x', 50) from seq_1_to_3000 where seq <= ?", nonce, rows);
            return {io_, streamed_number(std::move(asked), static_cast<std::size_t>(rows))};
        };
        nonce_counts counts;
        expect_own_answers(io_, question, times("LIDO_SQL_NONCES", streamed ? 1'000 : 4'000), counts);
        fmt::print("{} connections made\n", pool().connections().statistics().created);
    }
};

TEST_F(mysql_nonces, come_back_to_whoever_sent_them) {
    run_nonce_test(false);
}

TEST_F(mysql_nonces, come_back_to_whoever_sent_them_in_every_row_of_a_stream) {
    run_nonce_test(true);
}

TEST_F(mysql_nonces, an_abandoned_transaction_is_never_seen_by_the_next_borrower) {
    ASSERT_TRUE(ask("create or replace table abandoned (a int)"));
    abandoned_work<mysql::pool::lease> work;
    work.look = [](mysql::pool::lease& lease) { return lease.query("select @@in_transaction"); };
    work.is_inside = [](const result<sql::rows>& came) { return !came || (*came)[0][0].as<int>().value() != 0; };
    work.rounds = times("LIDO_SQL_ABANDONED", 1'000);
    expect_nobody_sees_abandoned(io_, pool(), work);
    EXPECT_EQ(ask("select count(*) from abandoned").value()[0][0].as<int>().value(), 0);
}

TEST_F(mysql_nonces, a_transaction_that_is_dropped_costs_a_rollback_and_no_connection) {
    settings_.pool.connections.max_size = 2;
    for (int i = 0; i < 200; ++i) {
        auto scope = pool().begin().wait();
        ASSERT_TRUE(scope) << scope.error().message();
        ASSERT_TRUE(scope->query("insert into outfit (name) values ('abandoned')").wait());
    }
    EXPECT_EQ(count_rows(), 0);
    EXPECT_LE(pool().connections().statistics().created, 2U);
}

}  // namespace
}  // namespace lido::test
