// Lido: does anything of one borrower of a database connection reach another?
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/random.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/rows.hpp"
#include "lido/sql/statement.hpp"
#include "support/cancelling.hpp"
#include "support/on_tasks.hpp"
#include "support/sanitized.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

namespace lido::test {

/// How often, unless the environment says otherwise: LIDO_SQL_NONCES=1000000, LIDO_SQL_ABANDONED=100000.
[[nodiscard]] inline std::size_t times(const char* variable, std::size_t otherwise) {
    const char* const text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets any
    if (text != nullptr) return std::stoul(text);
    return sanitized ? otherwise / 5 : otherwise;
}

struct nonce_counts {
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> matched{0};
    std::atomic<std::size_t> cancelled{0};
    std::atomic<std::size_t> wrong{0};

    void count(const result<std::int64_t>& outcome, std::int64_t nonce, bool may_be_cancelled) {
        if (outcome && *outcome == nonce) {
            ++matched;
        } else if (!outcome && may_be_cancelled && outcome.error() == errc::cancelled) {
            ++cancelled;
        } else {
            ++wrong;
            ADD_FAILURE() << nonce
                          << (outcome ? fmt::format(" was answered with {}", *outcome)
                                      : ": " + outcome.error().message());
        }
    }
};

/// Asks the database for a number that its answer must bring back.
using nonce_question = std::function<operation<std::int64_t>(random_source& dice, std::int64_t nonce)>;

/// The number that a result begins with.
inline task<result<std::int64_t>> first_number(operation<sql::rows> asked) {
    result<sql::rows> given = co_await std::move(asked);
    if (!given) co_return std::move(given).error();
    co_return (*given)[0][0].as<std::int64_t>();
}

/// The number that all rows of a stream begin with; another when one of them differs, or not all came.
template <class Stream>
task<result<std::int64_t>> streamed_number(operation<Stream> asked, std::size_t wanted) {
    result<Stream> stream = co_await std::move(asked);
    if (!stream) co_return std::move(stream).error();
    std::int64_t first = -1;
    for (std::size_t count = 0;;) {
        operation<sql::rows> next = stream->next();
        result<sql::rows> batch = co_await std::move(next);
        if (!batch) co_return std::move(batch).error();
        if (batch->empty()) co_return count == wanted ? first : -2;
        for (const sql::row each : *batch) {
            const std::int64_t number = each[0].as<std::int64_t>().value();
            if (count++ == 0) first = number;
            if (number != first) co_return -3;
        }
    }
}

inline task<void> ask_nonces(const nonce_question& question, std::uint64_t seed, std::size_t wanted,
                             nonce_counts& counts) {
    random_source dice(seed);
    while (counts.matched.load() < wanted && counts.wrong.load() == 0) {
        const auto nonce = static_cast<std::int64_t>(++counts.begun);
        operation<std::int64_t> asked = question(dice, nonce);
        if (dice.unit() < 0.1) {
            // Half of them early: before anything was sent, or as the answer begins.
            const auto turns = static_cast<unsigned>(dice.unit() * (dice.below(2) == 0 ? 12 : 300));
            const result<std::int64_t> outcome = co_await cancelled_after(std::move(asked), turns);
            counts.count(outcome, nonce, true);
        } else {
            const result<std::int64_t> outcome = co_await std::move(asked);
            counts.count(outcome, nonce, false);
        }
    }
}

/// Twenty-four users ask until so many answers have come, and give up one question in ten at a random point.
inline void expect_own_answers(runtime& io, const nonce_question& question, std::size_t wanted, nonce_counts& counts) {
    const std::uint64_t seed = random_source::entropy_seed();
    fmt::print("seed {}\n", seed);
    on_tasks(io, 24, [&](std::size_t i) { return ask_nonces(question, seed + i, wanted, counts); });
    fmt::print("{} right, {} given up, {} wrong or failed\n", counts.matched.load(), counts.cancelled.load(),
               counts.wrong.load());
    EXPECT_EQ(counts.wrong, 0U);
    EXPECT_GE(counts.matched, wanted);
    EXPECT_GT(counts.cancelled, wanted / 50);
}

/// How a connection that must not be in a transaction is told from one that is, and what is left behind in one.
template <class Lease>
struct abandoned_work {
    std::function<operation<sql::rows>(Lease&)> look;
    std::function<bool(const result<sql::rows>&)> is_inside;
    sql::statement begin = "BEGIN";
    sql::statement write = "INSERT INTO abandoned VALUES (1)";
    std::size_t rounds = 0;
};

template <class Pool>
task<void> abandon(Pool& db, const abandoned_work<typename Pool::lease>& work, std::uint64_t seed,
                   std::atomic<std::size_t>& begun, std::atomic<std::size_t>& seen) {
    random_source dice(seed);
    while (++begun <= work.rounds) {
        operation<typename Pool::lease> asked = db.acquire();
        auto lease = co_await std::move(asked);
        if (!lease) {
            ADD_FAILURE() << lease.error().message();
            break;
        }
        operation<sql::rows> looked = work.look(*lease);
        const result<sql::rows> came = co_await std::move(looked);
        if (work.is_inside(came)) ++seen;
        operation<sql::rows> begins = lease->query(work.begin);
        const unsigned most_turns = dice.below(2) == 0 ? 6 : 100;
        const auto turns = static_cast<unsigned>(dice.unit() * most_turns);
        if (dice.unit() < 0.5) {
            static_cast<void>(co_await cancelled_after(std::move(begins), turns));
            continue;
        }
        const result<sql::rows> inside = co_await std::move(begins);
        if (!inside) ADD_FAILURE() << inside.error().message();
        operation<sql::rows> writes = lease->query(work.write);
        static_cast<void>(co_await cancelled_after(std::move(writes), turns));
    }
}

/// Eight users leave transactions behind, half of them while they begin and half while they write; the next borrower of
/// each connection looks whether he is in one.
template <class Pool>
void expect_nobody_sees_abandoned(runtime& io, Pool& db, const abandoned_work<typename Pool::lease>& work) {
    const std::uint64_t seed = random_source::entropy_seed();
    fmt::print("seed {}\n", seed);
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> seen{0};
    on_tasks(io, 8, [&](std::size_t i) { return abandon(db, work, seed + i, begun, seen); });
    EXPECT_EQ(seen, 0U);
}

}  // namespace lido::test
