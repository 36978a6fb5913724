// Nothing of one borrower reaches another, with one query in ten given up at a random point; and nothing of a
// transaction that was abandoned is seen by the next.
#include "support/sql_nonces.hpp"
#include "world.hpp"

#include <chrono>

namespace lido::sqlite {
namespace {

class sqlite_nonces : public test::sqlite_world {
protected:
    void run_nonce_test(bool streamed) {
        auto wanted = settings();
        wanted.common.connections.max_size = 4;
        // Some reach their age meanwhile, as in a program that runs for hours.
        wanted.common.connections.max_lifetime = std::chrono::milliseconds(200);
        wanted.common.stream_rows = 64;
        pool db(io, wanted);
        const test::nonce_question question = [&](random_source& dice, std::int64_t nonce) -> operation<std::int64_t> {
            if (streamed) {
                const auto rows = static_cast<std::int64_t>(1 + dice.below(dice.below(10) == 0 ? 3000 : 100));
                auto asked = db.stream(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) SELECT ?1, i FROM n",
                    nonce, rows);
                return {io, test::streamed_number(std::move(asked), static_cast<std::size_t>(rows))};
            }
            // One in fifty takes so long that its interrupt has something to do.
            if (dice.below(50) > 0) return {io, test::first_number(db.query("SELECT ?, 1", nonce))};
            return {io, test::first_number(db.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                                    "WHERE i < 20000) SELECT ?, max(i) FROM n",
                                                    nonce))};
        };
        test::nonce_counts counts;
        test::expect_own_answers(io, question, test::times("LIDO_SQL_NONCES", streamed ? 2'000 : 5'000), counts);
        const auto seen = db.readers().connections().statistics();
        EXPECT_LE(seen.created - seen.closed_lifetime, 4U) << "given up ones are used again, until they are too old";
        EXPECT_EQ(seen.closed_broken, 0U);
    }
};

TEST_F(sqlite_nonces, come_back_to_whoever_sent_them) {
    run_nonce_test(false);
}

TEST_F(sqlite_nonces, come_back_to_whoever_sent_them_in_every_row_of_a_stream) {
    run_nonce_test(true);
}

TEST_F(sqlite_nonces, an_abandoned_transaction_is_never_seen_by_the_next_borrower) {
    pool db(io, settings());
    run(db.query("CREATE TABLE abandoned (a INTEGER)"));
    test::abandoned_work<pool::lease> work;
    work.look = [](pool::lease& lease) { return lease.query("SELECT count(*) FROM abandoned"); };
    work.is_inside = [](const result<sql::rows>& came) {
        return !came || (*came)[0][0].as<std::int64_t>().value() != 0;
    };
    work.rounds = test::times("LIDO_SQL_ABANDONED", 1'000);
    test::expect_nobody_sees_abandoned(io, db, work);
    EXPECT_EQ(number(db.query("SELECT count(*) FROM abandoned")), 0);
    const auto seen = db.writer()->connections().statistics();
    EXPECT_LE(seen.created - seen.closed_lifetime, 1 + work.rounds / 100);
}

}  // namespace
}  // namespace lido::sqlite
