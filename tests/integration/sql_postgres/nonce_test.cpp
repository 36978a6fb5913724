// Nothing of one borrower reaches another: every statement carries a number that its answer must bring back, while one
// in ten is given up at a random point; and nothing of a transaction that was abandoned is seen by the next.
#include "postgres_world.hpp"
#include "support/sql_nonces.hpp"

namespace lido::test {
namespace {

/// One in a hundred takes so long that its cancel has something to do.
operation<sql::rows> ask(postgres::pool& db, double draw, std::int64_t nonce) {
    if (draw < 0.01) return db.query("select $1::int8, pg_sleep(0.002)", nonce);
    if (draw < 0.3) return db.query("select $1::int8, repeat('x', 30000)", nonce);
    return db.query("select $1::int8", nonce);
}

void run_nonce_test(const postgres::settings& with, std::uint32_t threads, bool streamed = false) {
    runtime io({.threads = threads});
    postgres::pool db(io, with);
    const nonce_question question = [&](random_source& dice, std::int64_t nonce) -> operation<std::int64_t> {
        if (!streamed) return {io, first_number(ask(db, dice.unit(), nonce))};
        const auto rows = static_cast<std::int64_t>(1 + dice.below(dice.below(10) == 0 ? 3000 : 100));
        auto asked = db.stream("select $1::int8, repeat('x', 50) from generate_series(1, $2::int8)", nonce, rows);
        return {io, streamed_number(std::move(asked), static_cast<std::size_t>(rows))};
    };
    nonce_counts counts;
    expect_own_answers(io, question, times("LIDO_SQL_NONCES", streamed ? 5'000 : 15'000), counts);
    // What has said good-bye, of earlier tests too, is counted until its process has had its turn.
    const std::size_t most = with.pool.connections.max_size + with.shared_connections;
    EXPECT_TRUE(becomes_true([most] { return common_server().connections() <= most; }));
    const auto numbers = db.connections().statistics();
    fmt::print("{} connections made\n", numbers.created);
    EXPECT_LE(numbers.created, with.pool.connections.max_size + counts.begun / 100) << "given up ones are used again";
}

TEST(postgres_nonces, come_back_to_whoever_sent_them) {
    run_nonce_test(settings_for(common_server().url(), 6), 1);
}

TEST(postgres_nonces, come_back_to_whoever_sent_them_when_leases_cross_loops) {
    run_nonce_test(settings_for(common_server().url(), 6), 2);
}

TEST(postgres_nonces, come_back_to_whoever_sent_them_over_shared_connections) {
    postgres::settings with = settings_for(common_server().url(), 2);
    with.shared_connections = 3;
    run_nonce_test(with, 2);
}

TEST(postgres_nonces, come_back_to_whoever_sent_them_in_every_row_of_a_stream) {
    postgres::settings with = settings_for(common_server().url(), 6);
    with.pool.stream_rows = 64;
    run_nonce_test(with, 2, true);
}

TEST(postgres_nonces, an_abandoned_transaction_is_never_seen_by_the_next_borrower) {
    common_server().ask("drop table if exists abandoned; create table abandoned (a int)");
    postgres_world world(4);
    abandoned_work<postgres::pool::lease> work;
    // The server refuses a savepoint outside of a transaction: that it is taken would mean that one is open.
    work.look = [](postgres::pool::lease& lease) { return lease.query("savepoint somebody"); };
    work.is_inside = [](const result<sql::rows>& came) {
        return came || !came.error().what().starts_with("PostgreSQL 25P01");
    };
    work.rounds = times("LIDO_SQL_ABANDONED", 4'000);
    expect_nobody_sees_abandoned(world.io, world.db, work);
    EXPECT_EQ(common_server().ask("select count(*) from abandoned"), "0");
    EXPECT_LE(world.db.connections().statistics().created, 4 + work.rounds / 100);
}

}  // namespace
}  // namespace lido::test
