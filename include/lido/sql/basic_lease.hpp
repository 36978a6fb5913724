// Lido: a database connection that is borrowed for several statements.
#pragma once

#include "lido/base/operation.hpp"
#include "lido/base/random.hpp"
#include "lido/base/run_on.hpp"
#include "lido/pool/pool.hpp"
#include "lido/sql/batch.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/pool_settings.hpp"
#include "lido/sql/session.hpp"
#include "lido/sql/transaction_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace lido::sql {

namespace detail {

/// What a pool of databases and its operations share.
template <class Connector>
struct sql_pool_state {
    sql_pool_state(scheduler_group& of, const pool_settings& with, Connector kind)
        : group(of),
          settings(with),
          connections(of, (settings.validate().value(), settings.connections), std::move(kind)) {}

    /// Statements whose length a protocol's field might not hold are refused before a driver sees them.
    [[nodiscard]] result<void> check_size(const statement& what, const parameters& with) const {
        return check_size(size_of(what, with));
    }
    [[nodiscard]] result<void> check_size(const batch& what) const {
        std::size_t size = 0;
        for (const batch::item& each : what.items()) size += size_of(each.what, each.with);
        return check_size(size);
    }
    [[nodiscard]] static std::size_t size_of(const statement& what, const parameters& with) {
        std::size_t size = what.text().size();
        for (const value& each : with) size += each.size();
        return size;
    }
    [[nodiscard]] result<void> check_size(std::size_t size) const {
        if (size <= settings.max_statement_bytes) return {};
        return error(lido::errc::limit_exceeded,
                     fmt::format("a statement with its parameters has {} bytes, max_statement_bytes is {}", size,
                                 settings.max_statement_bytes),
                     "send less at once, or raise max_statement_bytes");
    }
    [[nodiscard]] result<void> check_size(const statement& what, const std::vector<parameters>& with) const {
        for (const parameters& each : with) {
            if (auto fits = check_size(what, each); !fits) return fits;
        }
        return {};
    }
    /// A failure may mean that the server is not what it was: then all connections of now are retired.
    void note(const error& failure, const typename Connector::connection& where) {
        if (connections.kind().ends_generation(failure, where)) connections.retire_all();
    }
    [[nodiscard]] duration back_off(const back_off_settings& how, unsigned failures) {
        const std::lock_guard held(mutex);
        return back_off_delay(how, failures, random);
    }

    /// Should one who asks something, and has let the others on its scheduler go first for so many turns and so long,
    /// do so once more before it asks for a connection? See `basic_pool::query_at_once_of`.
    [[nodiscard]] bool gives_way(unsigned turns, duration so_long) const noexcept {
        if (!last_was_at_once.load(std::memory_order_relaxed)) return false;
        if (turns == 0 && Connector::connection::turn_is_over()) return true;
        return turns < most_turns && so_long < longest_way && connections.is_exhausted();
    }
    void note_at_once(bool was) noexcept {
        // Written only when it changes, because all threads read it.
        if (last_was_at_once.load(std::memory_order_relaxed) != was) {
            last_was_at_once.store(was, std::memory_order_relaxed);
        }
    }

    /// A turn in which nothing happens takes about a microsecond; one in which others are served may take 200.
    static constexpr unsigned most_turns = 64;
    static constexpr duration longest_way = std::chrono::milliseconds(2);

    scheduler_group& group;
    const pool_settings settings;
    lido::pool::pool<Connector> connections;
    std::atomic<bool> last_was_at_once{false};
    std::mutex mutex;
    random_source random{random_source::entropy_seed()};
};

/// A lease that its user's object and its running operations own together: what runs on another thread may end later
/// than the object.
template <class Connector>
struct sql_held {
    using session = typename Connector::connection;
    using pool_lease = typename lido::pool::pool<Connector>::lease;

    sql_held(std::shared_ptr<sql_pool_state<Connector>> of, pool_lease what)
        : owner(std::move(of)), lease(std::move(what)) {}

    /// One operation at a time: the second would wait for, or read, the answer of the first.
    class turn {
    public:
        explicit turn(sql_held& of) noexcept : of_(of), mine_(!of.in_use.exchange(true)) {}
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn() {
            if (mine_) of_.in_use.store(false);
        }
        /// May it run, and is there time for it? Where there is none nothing is sent, so it is known what became of it.
        [[nodiscard]] result<void> check() const {
            if (auto free = check_free(); !free) return free;
            if (scheduler::current()->now() < of_.until) return {};
            return error(lido::errc::timeout, "nothing was sent: the transaction's time was over before",
                         "raise transaction_options::timeout, or do less in one transaction");
        }
        /// The same for what may come after the transaction's time, too.
        [[nodiscard]] result<void> check_free() const {
            if (!mine_) {
                return error(lido::errc::invalid_argument, "another operation of this lease is under way",
                             "await it first, or use a lease for each");
            }
            if (!of_.lease.valid()) {
                return error(lido::errc::invalid_argument, "the lease was given back already", "acquire another one");
            }
            // What follows would run alone and be kept, and an undo would undo nothing.
            if (of_.in_transaction && of_.lease->state() == session_state::idle) {
                return error(
                    errc::transaction_failed,
                    "nothing was sent: a statement has ended the transaction, and so what came before it lasts, "
                    "or was undone",
                    "leave statements that commit by themselves, and COMMIT and ROLLBACK as text, out of it");
            }
            return {};
        }

    private:
        sql_held& of_;
        bool mine_;
    };

    /// Of a statement that begins now.
    [[nodiscard]] time_point deadline() const { return std::min(own_deadline(), until); }
    /// Of one that has its own time whatever there is left for the transaction: what undoes it.
    [[nodiscard]] time_point own_deadline() const {
        return deadline_after(scheduler::current()->now(), owner->settings.statement_timeout);
    }
    /// Where its operations run.
    [[nodiscard]] scheduler& where() const noexcept {
        if constexpr (lido::pool::roaming<Connector>) {
            scheduler* const here = scheduler::current();
            if (here != nullptr && &here->group() == &owner->group) return *here;
        }
        return lease.where();
    }

    std::shared_ptr<sql_pool_state<Connector>> owner;
    pool_lease lease;
    time_point until = never;         // the end of the transaction's time
    bool in_transaction = false;      // one was begun, and is not yet to end
    std::atomic<bool> in_use{false};  // one that was given up may still be ending elsewhere when the next begins
};

template <class Connector>
task<result<rows>> run_held(std::shared_ptr<sql_held<Connector>> held, statement what, parameters with,
                            time_point deadline) {
    const typename sql_held<Connector>::turn mine(*held);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    auto& on = *held->lease;
    result<rows> given = co_await on.run(what, with, deadline);
    if (!given) held->owner->note(given.error(), on);
    co_return std::move(given);
}

/// What is told of a COMMIT that failed. One whose answer did not come in time may take effect all the same; where the
/// session has an answer, the database has said what became of it.
template <class Session>
error commit_failure(error why, const Session& on) {
    const session_state now = on.state();
    const bool is_answered = now != session_state::busy && now != session_state::broken;
    if (why != lido::errc::timeout || is_answered) return why;
    return error(lido::errc::maybe_executed, "COMMIT: its answer did not come in time",
                 "look in the database whether it took effect")
        .with_cause(std::move(why));
}

[[nodiscard]] inline error given_back_already() {
    return {lido::errc::invalid_argument, "the lease was given back already, or the transaction has ended",
            "acquire another one"};
}

/// From wherever the user's coroutine is to the connection's scheduler, and back.
template <class Connector>
task<result<rows>> query_held(std::shared_ptr<sql_held<Connector>> held, statement what, parameters with) {
    if (held == nullptr || !held->lease.valid()) {
        co_return given_back_already();
    }
    if (auto fits = held->owner->check_size(what, with); !fits) co_return std::move(fits).error();
    scheduler& where = held->where();
    const time_point deadline = held->deadline();
    result<rows> given = co_await run_on(where, run_held(std::move(held), std::move(what), std::move(with), deadline));
    co_return std::move(given);
}

/// Sessions that have a faster way for one statement with many sets of parameters than one after the other.
template <class S>
concept runs_many =
    requires(S& on, const statement& what, std::shared_ptr<const std::vector<parameters>> with, time_point deadline) {
        { on.run_many(what, std::move(with), deadline) } -> std::same_as<task<result<rows>>>;
    };

template <class Connector>
task<result<rows>> run_each_held(std::shared_ptr<sql_held<Connector>> held, statement what,
                                 std::shared_ptr<const std::vector<parameters>> with, time_point deadline) {
    using session = typename sql_held<Connector>::session;
    const typename sql_held<Connector>::turn mine(*held);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *held->lease;
    rows all;
    if constexpr (runs_many<session>) {
        result<rows> given = co_await on.run_many(what, with, deadline);
        if (!given) held->owner->note(given.error(), on);
        co_return std::move(given);
    } else {
        for (std::size_t i = 0; i < with->size(); ++i) {
            result<rows> given = co_await on.run(what, (*with)[i], deadline);
            if (!given) {
                held->owner->note(given.error(), on);
                co_return std::move(given).error().with_context(fmt::format("set {} of parameters", i + 1));
            }
            all.set_affected(all.affected() + given->affected());
            all.set_last_insert_id(given->last_insert_id());
        }
        co_return std::move(all);
    }
}

template <class Connector>
task<result<rows>> query_each_held(std::shared_ptr<sql_held<Connector>> held, statement what,
                                   std::shared_ptr<const std::vector<parameters>> with) {
    scheduler& where = held->where();
    const time_point deadline = held->deadline();
    result<rows> given =
        co_await run_on(where, run_each_held(std::move(held), std::move(what), std::move(with), deadline));
    co_return std::move(given);
}

template <class Connector>
task<result<void>> start_held(std::shared_ptr<sql_held<Connector>> held, statement what, parameters with,
                              time_point deadline) {
    const typename sql_held<Connector>::turn mine(*held);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    auto& on = *held->lease;
    result<void> started = co_await on.start(what, with, deadline);
    if (!started) held->owner->note(started.error(), on);
    co_return std::move(started);
}

template <transaction_beginner C>
result<std::vector<statement>> statements_that_begin(const C& kind, const transaction_options& options) {
    if constexpr (requires { kind.begin_statements(options); }) {
        return kind.begin_statements(options);
    } else {
        result<statement> only = kind.begin_statement(options);
        if (!only) return std::move(only).error();
        std::vector<statement> all;
        all.push_back(std::move(*only));
        return all;
    }
}

/// Sessions that send several statements before the first is answered.
template <class S>
concept runs_batches = requires(S& on, const batch& what, time_point deadline) {
    { on.run_batch(what, deadline) } -> std::same_as<task<result<std::vector<rows>>>>;
};

/// One after the other, in a transaction of their own unless there is one.
template <class Connector>
task<result<std::vector<rows>>> run_one_by_one(sql_held<Connector>& held, const batch& what, time_point deadline) {
    auto& on = *held.lease;
    const bool is_whole = on.state() == session_state::idle;
    const parameters none;
    if (is_whole) {
        const transaction_options plain;
        const result<std::vector<statement>> texts = statements_that_begin(held.owner->connections.kind(), plain);
        if (!texts) co_return texts.error();
        for (const statement& each : *texts) {
            const result<rows> begun = co_await on.run(each, none, deadline);
            if (!begun) co_return begun.error();
        }
    }
    std::vector<rows> all;
    for (std::size_t i = 0; i < what.size(); ++i) {
        const batch::item& next = what.items()[i];
        result<rows> given = co_await on.run(next.what, next.with, deadline);
        if (given) {
            all.push_back(std::move(*given));
            continue;
        }
        const bool can_go_on = on.state() == session_state::open || on.state() == session_state::failed;
        if (is_whole && can_go_on) {
            const statement undo = "ROLLBACK";
            const result<rows> undone = co_await on.run(undo, none, deadline);
            static_cast<void>(undone);  // the connection is reset or closed in any case
        }
        co_return std::move(given).error().with_context(place_in(what, i));
    }
    if (is_whole) {
        const statement last = "COMMIT";
        const result<rows> committed = co_await on.run(last, none, deadline);
        if (!committed) co_return commit_failure(committed.error(), on);
    }
    co_return std::move(all);
}

template <class Connector>
task<result<std::vector<rows>>> run_batch_there(std::shared_ptr<sql_held<Connector>> held,
                                                std::shared_ptr<const batch> what, time_point deadline) {
    using session = typename sql_held<Connector>::session;
    const typename sql_held<Connector>::turn mine(*held);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    session& on = *held->lease;
    result<std::vector<rows>> given = std::vector<rows>();
    if constexpr (runs_batches<session>) {
        given = co_await on.run_batch(*what, deadline);
    } else {
        given = co_await run_one_by_one(*held, *what, deadline);
    }
    if (!given) held->owner->note(given.error(), on);
    co_return std::move(given);
}

template <class Connector>
task<result<std::vector<rows>>> batch_held(std::shared_ptr<sql_held<Connector>> held,
                                           std::shared_ptr<const batch> what) {
    if (held == nullptr || !held->lease.valid()) {
        co_return given_back_already();
    }
    if (auto valid = what->validate(); !valid) co_return std::move(valid).error();
    if (auto fits = held->owner->check_size(*what); !fits) co_return std::move(fits).error();
    if (what->empty()) co_return std::vector<rows>();
    scheduler& where = held->where();
    const time_point deadline = held->deadline();
    result<std::vector<rows>> given =
        co_await run_on(where, run_batch_there(std::move(held), std::move(what), deadline));
    co_return std::move(given);
}

/// The next rows, and whether there may be more.
struct fetched {
    rows batch;
    bool more = false;
};

template <class Connector>
task<result<fetched>> fetch_held(std::shared_ptr<sql_held<Connector>> held, time_point deadline) {
    const typename sql_held<Connector>::turn mine(*held);
    if (auto allowed = mine.check(); !allowed) co_return std::move(allowed).error();
    auto& on = *held->lease;
    fetched got;
    result<bool> more = co_await on.fetch(got.batch, deadline);
    if (!more) {
        held->owner->note(more.error(), on);
        co_return std::move(more).error();
    }
    got.more = *more;
    co_return std::move(got);
}

}  // namespace detail

/// A result that is fetched piece by piece. It holds its connection until it is read to its end or dropped; dropped
/// before, the statement is cancelled or the connection closed. Not thread-safe; movable.
template <class Connector>
class [[nodiscard]] basic_row_stream {
public:
    explicit basic_row_stream(std::shared_ptr<detail::sql_held<Connector>> held) noexcept : held_(std::move(held)) {}

    /// The next rows, at least one; an empty `rows` is the end. Nothing more is taken from the server until it is
    /// called again.
    [[nodiscard]] operation<rows> next() { return {group(), next_of(this)}; }

private:
    [[nodiscard]] scheduler_group& group() const noexcept { return held_->owner->group; }
    static task<result<rows>> next_of(basic_row_stream* self) {
        if (!self->more_) co_return rows();
        const auto held = self->held_;
        // It has not come to its end: rows are missing.
        if (!held->lease.valid()) co_return detail::given_back_already();
        scheduler& where = held->where();
        result<detail::fetched> got = co_await run_on(where, detail::fetch_held(held, held->deadline()));
        if (!got) {
            self->more_ = false;
            co_return std::move(got).error();
        }
        self->more_ = got->more;
        co_return std::move(got->batch);
    }

    std::shared_ptr<detail::sql_held<Connector>> held_;
    bool more_ = true;
};

namespace detail {

template <class Connector>
task<result<basic_row_stream<Connector>>> stream_held(std::shared_ptr<sql_held<Connector>> held, statement what,
                                                      parameters with) {
    if (held == nullptr || !held->lease.valid()) co_return given_back_already();
    if (auto fits = held->owner->check_size(what, with); !fits) co_return std::move(fits).error();
    scheduler& where = held->where();
    const time_point deadline = held->deadline();
    result<void> started = co_await run_on(where, start_held(held, std::move(what), std::move(with), deadline));
    if (!started) co_return std::move(started).error();
    co_return basic_row_stream<Connector>(std::move(held));
}

}  // namespace detail

template <class Connector>
class basic_transaction;

/// A borrowed connection. Dropping it gives it back; an open transaction is then rolled back before anybody else gets
/// it. Not thread-safe; movable; one operation at a time. It keeps its pool's state alive, and the pool waits for it in
/// `close`.
template <class Connector>
class [[nodiscard]] basic_lease {
public:
    using held = detail::sql_held<Connector>;

    explicit basic_lease(std::shared_ptr<held> what) noexcept : held_(std::move(what)) {}

    /// See `basic_pool::query`; on this connection, so within its transaction if it has begun one.
    template <class... Values>
    [[nodiscard]] operation<rows> query(statement what, Values&&... values) {
        return query_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<rows> query_with(statement what, parameters with) {
        return {group(), detail::query_held(held_, std::move(what), std::move(with))};
    }
    /// Runs several statements, without waiting for the answer of one before the next is sent where the database can
    /// do that: their results, in their order. See `batch` for what a failure means. One deadline and one
    /// `max_statement_bytes` over all of them; for PostgreSQL one `max_result_bytes` too.
    [[nodiscard]] operation<std::vector<rows>> run_batch(batch what) {
        return {group(), detail::batch_held(held_, std::make_shared<const batch>(std::move(what)))};
    }
    template <class... Values>
    [[nodiscard]] operation<basic_row_stream<Connector>> stream(statement what, Values&&... values) {
        return stream_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<basic_row_stream<Connector>> stream_with(statement what, parameters with) {
        return {group(), detail::stream_held(held_, std::move(what), std::move(with))};
    }

    /// Begins a transaction; this object is empty afterwards, the connection belongs to the transaction. Its time, if
    /// `options` has one, begins now.
    [[nodiscard]] operation<basic_transaction<Connector>> begin(const transaction_options& options = {}) && {
        return {group(), basic_transaction<Connector>::begin_on(std::exchange(held_, nullptr), options)};
    }

    /// The session itself, for what only its kind can do; on `where()` alone.
    [[nodiscard]] typename held::session& session() const noexcept { return *held_->lease; }
    [[nodiscard]] scheduler& where() const noexcept { return held_->where(); }
    /// Has the connection served anybody before?
    [[nodiscard]] bool reused() const noexcept { return held_->lease.reused(); }
    [[nodiscard]] const std::shared_ptr<held>& shared() const noexcept { return held_; }

private:
    [[nodiscard]] scheduler_group& group() const noexcept { return held_->owner->group; }
    std::shared_ptr<held> held_;
};

/// A transaction. Dropped without `commit` it is rolled back, before its connection is lent again. Not thread-safe;
/// movable; one operation at a time. When a statement has ended it (MySQL commits before most that define tables;
/// COMMIT as text), all that follows is refused by `transaction_failed`.
template <class Connector>
class [[nodiscard]] basic_transaction {
public:
    using held = detail::sql_held<Connector>;

    explicit basic_transaction(std::shared_ptr<held> what) noexcept
        : group_(&what->owner->group), held_(std::move(what)) {}

    template <class... Values>
    [[nodiscard]] operation<rows> query(statement what, Values&&... values) {
        return query_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<rows> query_with(statement what, parameters with) {
        return {*group_, detail::query_held(held_, std::move(what), std::move(with))};
    }
    /// See `basic_lease::run_batch`.
    [[nodiscard]] operation<std::vector<rows>> run_batch(batch what) {
        return {*group_, detail::batch_held(held_, std::make_shared<const batch>(std::move(what)))};
    }
    template <class... Values>
    [[nodiscard]] operation<basic_row_stream<Connector>> stream(statement what, Values&&... values) {
        return stream_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<basic_row_stream<Connector>> stream_with(statement what, parameters with) {
        return {*group_, detail::stream_held(held_, std::move(what), std::move(with))};
    }

    /// Runs a statement once with each set of parameters; one deadline over all. The counts are added up, rows are
    /// dropped; stops at the first that fails. See `basic_pool::execute_many`.
    [[nodiscard]] operation<rows> execute_each(statement what, std::shared_ptr<const std::vector<parameters>> with) {
        return {*group_, each_of(held_, std::move(what), std::move(with))};
    }

    /// Makes it last, and gives the connection back. `maybe_executed` when the connection broke, or the time was over,
    /// before the answer came: nobody knows then but the database.
    [[nodiscard]] operation<void> commit() {
        return {*group_, end_of(std::exchange(held_, nullptr), statement("COMMIT"))};
    }
    /// Undoes it, and gives the connection back. It has the pool's `statement_timeout` for that, also where the
    /// transaction's own time is over.
    [[nodiscard]] operation<void> rollback() {
        return {*group_, end_of(std::exchange(held_, nullptr), statement("ROLLBACK"))};
    }

    /// A point to which `rollback_to` returns. Named by a number; they nest.
    [[nodiscard]] operation<unsigned> savepoint() { return {*group_, savepoint_of(this)}; }
    [[nodiscard]] operation<rows> rollback_to(unsigned point) {
        return query(trusted_sql(fmt::format("ROLLBACK TO SAVEPOINT lido_{}", point)));
    }

private:
    friend class basic_lease<Connector>;

    static task<result<basic_transaction>> begin_on(std::shared_ptr<held> what, transaction_options options) {
        what->until = detail::end_of_time(options, scheduler::current()->now());
        result<std::vector<statement>> texts = detail::statements_that_begin(what->owner->connections.kind(), options);
        if (!texts) co_return std::move(texts).error();
        for (const statement& each : *texts) {
            result<rows> begun = co_await detail::query_held(what, each, parameters());
            if (!begun) co_return std::move(begun).error();
        }
        what->in_transaction = true;
        co_return basic_transaction(std::move(what));
    }
    static task<result<void>> end_of(std::shared_ptr<held> what, statement how) {
        if (what == nullptr) {
            co_return error(lido::errc::invalid_argument, "the transaction has ended already", "begin another one");
        }
        scheduler& where = what->where();
        result<void> ended = co_await run_on(where, end_held(std::move(what), std::move(how)));
        co_return std::move(ended);
    }
    static task<result<void>> end_held(std::shared_ptr<held> what, statement how) {
        const typename held::turn mine(*what);
        const bool commits = how.text() == "COMMIT";
        auto allowed = commits ? mine.check() : mine.check_free();
        if (!allowed) co_return std::move(allowed).error();
        auto& on = *what->lease;
        const bool failed_before = on.state() == session_state::failed;
        const parameters none;
        const time_point deadline = commits ? what->deadline() : what->own_deadline();
        result<rows> given = co_await on.run(how, none, deadline);
        if (!given) {
            what->owner->note(given.error(), on);
            if (commits) co_return detail::commit_failure(std::move(given).error(), on);
            co_return std::move(given).error();
        }
        what->lease.release();
        // PostgreSQL answers COMMIT in a failed transaction with a rollback and no error.
        if (failed_before && commits) {
            co_return error(errc::transaction_failed, "COMMIT: an earlier statement of the transaction had failed",
                            "roll back, and run the transaction again");
        }
        co_return result<void>();
    }
    static task<result<rows>> each_of(std::shared_ptr<held> what, statement text,
                                      std::shared_ptr<const std::vector<parameters>> with) {
        if (what == nullptr) {
            co_return error(lido::errc::invalid_argument, "the transaction has ended already", "begin another one");
        }
        if (auto fits = what->owner->check_size(text, *with); !fits) co_return std::move(fits).error();
        result<rows> given = co_await detail::query_each_held(std::move(what), std::move(text), std::move(with));
        co_return std::move(given);
    }
    static task<result<unsigned>> savepoint_of(basic_transaction* self) {
        const unsigned point = ++self->last_savepoint_;
        statement text(trusted_sql(fmt::format("SAVEPOINT lido_{}", point)));
        result<rows> made = co_await detail::query_held(self->held_, std::move(text), parameters());
        if (!made) co_return std::move(made).error();
        co_return point;
    }

    scheduler_group* group_;
    std::shared_ptr<held> held_;  // null once it has ended
    unsigned last_savepoint_ = 0;
};

}  // namespace lido::sql
