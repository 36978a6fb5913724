// Lido: accounts between which many users move money at once, and what they were told, for tests of what a database
// refuses when transactions are in each other's way.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/random.hpp"
#include "lido/net/runtime.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/pool.hpp"
#include "support/on_tasks.hpp"
#include "support/sql_load.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <vector>

namespace lido::test {

inline constexpr std::int64_t accounts = 4;  // few, so that users meet
inline constexpr std::int64_t first_amount = 1000;

struct transfer {
    std::int64_t number = 0;
    std::int64_t source = 0;
    std::int64_t target = 0;
    std::int64_t amount = 0;
};

/// In the placeholders of the database at hand.
struct transfer_statements {
    sql::statement note;    ///< number, source, target, amount
    sql::statement add;     ///< amount, id: the database adds
    sql::statement amount;  ///< id
    sql::statement put;     ///< amount, id: the user has added
};

/// How often something failed, by what it was.
class failure_counts {
public:
    void count(const error& failure) {
        const std::lock_guard held(mutex_);
        ++times_[failure.code()];
    }
    [[nodiscard]] std::size_t of(std::error_code what) const {
        const std::lock_guard held(mutex_);
        const auto found = times_.find(what);
        return found == times_.end() ? 0 : found->second;
    }
    [[nodiscard]] std::map<std::error_code, std::size_t> all() const {
        const std::lock_guard held(mutex_);
        return times_;
    }

private:
    mutable std::mutex mutex_;
    std::map<std::error_code, std::size_t> times_;
};

/// What users do and were told.
struct transfers {
    sql::pool& db;
    sql::pool* second = nullptr;  ///< of every other user, if there is one
    transfer_statements say;
    std::optional<sql::statement> limit{};  ///< said first in each transaction
    sql::transaction_options options{};
    bool database_adds = true;       ///< otherwise users read amounts and write back what they have computed
    std::size_t wanted = 0;          ///< acknowledged at the end
    std::size_t wanted_clashes = 0;  ///< transactions that the database ended because of others, at least
    std::function<bool()> until = [] { return true; };  ///< asked by many threads
    clock::time_point latest = clock::now() + std::chrono::seconds(60);

    write_record record{};
    failure_counts in_work{};  ///< of statements within transactions
    failure_counts told{};     ///< of whole transfers
    std::atomic<std::size_t> attempts{0};
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> patient_failures{0};  ///< of users who try again as often as it takes

    [[nodiscard]] std::size_t clashes() const {
        return in_work.of(make_error_code(sql::errc::deadlock)) +
               in_work.of(make_error_code(sql::errc::serialization_failure));
    }
    [[nodiscard]] bool are_over() const {
        const bool enough = record.acknowledged() >= wanted && clashes() >= wanted_clashes && until();
        return enough || clock::now() > latest;
    }
    [[nodiscard]] transfer next(random_source& dice) {
        transfer made;
        made.number = static_cast<std::int64_t>(++begun);
        made.source = static_cast<std::int64_t>(dice.below(accounts));
        made.target = (made.source + 1 + static_cast<std::int64_t>(dice.below(accounts - 1))) % accounts;
        made.amount = 1 + static_cast<std::int64_t>(dice.below(9));
        return made;
    }
};

/// Adds to the amount of one account, one way or the other.
inline task<result<sql::rows>> change_amount(sql::transaction& in, const transfers& of, std::int64_t id,
                                             std::int64_t by) {
    if (of.database_adds) {
        operation<sql::rows> adding = in.query(of.say.add, by, id);
        result<sql::rows> added = co_await std::move(adding);
        co_return std::move(added);
    }
    operation<sql::rows> asking = in.query(of.say.amount, id);
    const result<sql::rows> had = co_await std::move(asking);
    if (!had) co_return had.error();
    operation<sql::rows> putting = in.query(of.say.put, (*had)[0][0].as<std::int64_t>().value() + by, id);
    result<sql::rows> put = co_await std::move(putting);
    co_return std::move(put);
}

/// Moves it, the source first: two users in opposite directions hold what the other wants.
inline task<result<std::int64_t>> move_money(sql::transaction& in, transfers& of, transfer what) {
    ++of.attempts;
    if (of.limit) {
        operation<sql::rows> limiting = in.query(*of.limit);
        const result<sql::rows> limited = co_await std::move(limiting);
        if (!limited) co_return limited.error();
    }
    operation<sql::rows> noting = in.query(of.say.note, what.number, what.source, what.target, what.amount);
    result<sql::rows> done = co_await std::move(noting);
    if (done) done = co_await change_amount(in, of, what.source, -what.amount);
    if (done) done = co_await change_amount(in, of, what.target, what.amount);
    if (done) co_return what.number;
    of.in_work.count(done.error());
    co_return done.error();
}

/// One transfer, whose end is put down. A user who is patient tries again as often as it takes.
inline task<void> make_transfer(transfers& of, transfer what, bool is_patient) {
    auto work = [&of, what](sql::transaction& in) { return move_money(in, of, what); };
    const sql::transaction_retry retry{.max_retries = is_patient ? 100U : 0U};
    sql::pool& db = of.second != nullptr && is_patient ? *of.second : of.db;
    operation<std::int64_t> moving = db.transact(work, of.options, retry);
    const result<std::int64_t> moved = co_await std::move(moving);
    if (moved) {
        of.record.acknowledged(what.number);
        co_return;
    }
    of.told.count(moved.error());
    of.record.failed(what.number, moved.error(), false);
    if (is_patient) ++of.patient_failures;
}

inline task<void> make_transfers(transfers& of, std::uint64_t seed, bool is_patient) {
    random_source dice(seed);
    while (!of.are_over()) co_await make_transfer(of, of.next(dice), is_patient);
}

/// One transfer from the first account by each of so many users at once, who are patient.
inline void let_each_transfer(runtime& io, transfers& of, std::size_t users) {
    on_tasks(io, users, [&](std::size_t) {
        transfer only;
        only.number = static_cast<std::int64_t>(++of.begun);
        only.target = 1;
        only.amount = 3;
        return make_transfer(of, only, true);
    });
}

/// So many users at once until there were enough; every other one is patient.
inline void let_users_transfer(runtime& io, transfers& of, std::size_t users) {
    const std::uint64_t seed = random_source::entropy_seed();
    fmt::print("seed {}\n", seed);
    on_tasks(io, users, [&](std::size_t i) { return make_transfers(of, seed + i, i % 2 == 0); });
    EXPECT_GE(of.record.acknowledged(), of.wanted);
    EXPECT_GE(of.clashes(), of.wanted_clashes) << "without clashes this shows nothing";
    fmt::print("{} transfers in {} attempts, of which {} clashed\n", of.begun.load(), of.attempts.load(), of.clashes());
    for (const auto& [code, times] : of.told.all()) fmt::print("told {} times: {}\n", times, code.message());
}

}  // namespace lido::test
