// Nothing of one borrower reaches another: every statement carries a number that its answer must bring back, while one
// in ten is given up at a random point; and nothing of a transaction that was abandoned is seen by the next.
#include "lido/base/random.hpp"
#include "postgres_world.hpp"
#include "support/cancelling.hpp"
#include "support/sanitized.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <latch>

namespace lido::test {
namespace {

/// How often, unless the environment says otherwise: LIDO_SQL_NONCES=1000000.
std::size_t times(const char* variable, std::size_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::stoul(text);
}

struct tally {
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> matched{0};
    std::atomic<std::size_t> cancelled{0};
    std::atomic<std::size_t> wrong{0};
};

void count(tally& counts, const result<sql::rows>& outcome, std::int64_t nonce) {
    if (outcome) {
        const auto came = (*outcome)[0][0].as<std::int64_t>().value();
        ++(came == nonce ? counts.matched : counts.wrong);
        if (came != nonce) ADD_FAILURE() << nonce << " was answered with " << came;
    } else if (outcome.error() == errc::cancelled) {
        ++counts.cancelled;
    } else {
        ++counts.wrong;
        ADD_FAILURE() << outcome.error().message();
    }
}

/// One in a hundred takes so long that its cancel has something to do.
operation<sql::rows> ask(postgres::pool& db, double draw, std::int64_t nonce) {
    if (draw < 0.01) return db.query("select $1::int8, pg_sleep(0.002)", nonce);
    if (draw < 0.3) return db.query("select $1::int8, repeat('x', 30000)", nonce);
    return db.query("select $1::int8", nonce);
}

task<void> use(postgres::pool& db, std::uint64_t seed, tally& counts, std::size_t wanted, std::latch& done) {
    random_source dice(seed);
    while (counts.matched.load() < wanted && counts.wrong.load() == 0) {
        const auto nonce = static_cast<std::int64_t>(++counts.begun);
        operation<sql::rows> asked = ask(db, dice.unit(), nonce);
        if (dice.unit() < 0.1) {
            const auto turns = static_cast<unsigned>(dice.unit() * 12);
            const result<sql::rows> outcome = co_await cancelled_after(std::move(asked), turns);
            count(counts, outcome, nonce);
        } else {
            const result<sql::rows> outcome = co_await std::move(asked);
            count(counts, outcome, nonce);
        }
    }
    done.count_down();
}

void run_nonce_test(const postgres::settings& with, std::uint32_t threads) {
    const std::uint64_t seed = random_source::entropy_seed();
    fmt::print("seed {}\n", seed);
    const std::size_t wanted = times("LIDO_SQL_NONCES", sanitized ? 3'000 : 20'000);
    constexpr std::size_t users = 24;
    runtime io({.threads = threads});
    postgres::pool db(io, with);
    tally counts;
    std::latch done(users);
    for (std::size_t i = 0; i < users; ++i) {
        io.spawn(use(db, seed + i, counts, wanted, done), static_cast<std::uint32_t>(i));
    }
    done.wait();
    EXPECT_EQ(counts.wrong, 0U);
    EXPECT_GE(counts.matched, wanted);
    EXPECT_GT(counts.cancelled, wanted / 50);
    const std::size_t allowed = with.pool.connections.max_size + with.shared_connections;
    EXPECT_LE(common_server().connections(), allowed);
    const auto numbers = db.connections().statistics();
    fmt::print("{} matched, {} cancelled, {} connections made\n", counts.matched.load(), counts.cancelled.load(),
               numbers.created);
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

task<void> abandon(postgres::pool& db, std::uint64_t seed, std::atomic<std::size_t>& left, std::atomic<int>& seen,
                   std::latch& done) {
    random_source dice(seed);
    while (left.load() > 0 && left.fetch_sub(1) < std::size_t{1} << 60U) {
        operation<postgres::pool::lease> asked = db.acquire();
        auto lease = co_await std::move(asked);
        if (!lease) {
            ADD_FAILURE() << lease.error().message();
            break;
        }
        // The server refuses a savepoint outside of a transaction: that it is taken would mean that one is open.
        operation<sql::rows> asked_in = lease->query("savepoint somebody");
        const auto inside = co_await std::move(asked_in);
        if (inside || !inside.error().what().starts_with("PostgreSQL 25P01")) ++seen;
        operation<sql::rows> begun = lease->query("begin");
        if (dice.unit() < 0.5) {
            static_cast<void>(co_await cancelled_after(std::move(begun), static_cast<unsigned>(dice.unit() * 6)));
            continue;
        }
        static_cast<void>(co_await std::move(begun));
        operation<sql::rows> written = lease->query("insert into abandoned values (1)");
        static_cast<void>(co_await cancelled_after(std::move(written), static_cast<unsigned>(dice.unit() * 6)));
    }
    done.count_down();
}

TEST(postgres_nonces, an_abandoned_transaction_is_never_seen_by_the_next_borrower) {
    common_server().ask("drop table if exists abandoned; create table abandoned (a int)");
    std::atomic<std::size_t> left{times("LIDO_SQL_ABANDONED", sanitized ? 500 : 4'000)};
    std::atomic<int> seen{0};
    constexpr std::size_t users = 8;
    std::latch done(users);
    const std::uint64_t seed = random_source::entropy_seed();
    fmt::print("seed {}\n", seed);
    postgres_world world(4);
    for (std::size_t i = 0; i < users; ++i) world.io.spawn(abandon(world.db, seed + i, left, seen, done));
    done.wait();
    EXPECT_EQ(seen, 0);
    EXPECT_EQ(common_server().ask("select count(*) from abandoned"), "0");
}

}  // namespace
}  // namespace lido::test
