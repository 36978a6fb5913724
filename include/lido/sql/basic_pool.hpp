// Lido: a pool of database connections of one kind.
#pragma once

#include "lido/base/next_turn.hpp"
#include "lido/base/operation.hpp"
#include "lido/pool/pool.hpp"
#include "lido/sql/basic_lease.hpp"
#include "lido/sql/error.hpp"
#include "lido/sql/transact.hpp"

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace lido::sql {

/// A connector with a coroutine of its own for what is done most often: borrow a connection, run one statement, give it
/// back. It does what `basic_pool` would do with the session's `run`, without a second coroutine for that. `Text` and
/// `Values` are `statement` and `parameters`, or references to such that live longer than the task.
template <class Connector>
concept queries_by_itself = requires(std::shared_ptr<detail::sql_pool_state<Connector>> of, const statement& known,
                                     const parameters& with, statement what, parameters values) {
    {
        Connector::template query<statement, parameters>(of, std::move(what), std::move(values))
    } -> std::same_as<task<result<rows>>>;
    {
        Connector::template query<const statement&, const parameters&>(of, known, with)
    } -> std::same_as<task<result<rows>>>;
};

/// What all pools of databases can do; `postgres::pool`, `mysql::pool` and `sqlite::pool` add what only they have.
///
/// Thread-safe. The runtime must outlive it; operations keep what they use alive. `close` or the destructor end it as
/// they end `pool::pool`.
template <session_connector Connector>
class basic_pool {
public:
    using lease = basic_lease<Connector>;
    using transaction = basic_transaction<Connector>;
    using row_stream = basic_row_stream<Connector>;
    using connection_pool = lido::pool::pool<Connector>;

    /// Throws `lido::exception` (`invalid_argument`, naming the setting) when `settings` are out of range.
    basic_pool(scheduler_group& group, const pool_settings& settings, Connector kind)
        : shared_(std::make_shared<detail::sql_pool_state<Connector>>(group, settings, std::move(kind))) {}

    /// Runs a statement on whatever connection is free, outside of any transaction: the whole result. `values` are
    /// bound to its placeholders. Errors: `sql::errc`, those of the pool, `timeout`, `limit_exceeded`,
    /// `connection_closed`, and `maybe_executed` when the connection broke before the answer came.
    template <class... Values>
    [[nodiscard]] operation<rows> query(statement what, Values&&... values) {
        return query_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<rows> query_with(statement what, parameters with) {
        return {shared_->group, query_by_kind<statement, parameters>(shared_, std::move(what), std::move(with))};
    }
    /// The same for a coroutine that keeps `what` and `with` until it has ended, on a scheduler of this pool's group:
    /// nothing is copied.
    [[nodiscard]] task<result<rows>> query_in_place(const statement& what, const parameters& with) {
        return query_by_kind<const statement&, const parameters&>(shared_, what, with);
    }
    /// The same, for a result that is too large to be held: it is fetched piece by piece.
    template <class... Values>
    [[nodiscard]] operation<row_stream> stream(statement what, Values&&... values) {
        return stream_with(std::move(what), make_parameters(std::forward<Values>(values)...));
    }
    [[nodiscard]] operation<row_stream> stream_with(statement what, parameters with) {
        return {shared_->group, stream_of(shared_, std::move(what), std::move(with))};
    }
    /// Runs a statement once with each set of parameters, in a transaction: all of them or none. The result has the
    /// counts added up and no rows. Errors name the set.
    [[nodiscard]] operation<rows> execute_many(statement what, std::vector<parameters> with) {
        return {shared_->group, execute_many_of(shared_, std::move(what),
                                                std::make_shared<const std::vector<parameters>>(std::move(with)))};
    }

    /// Runs several statements on one connection, all or none, and gives their results in order. See `batch`.
    [[nodiscard]] operation<std::vector<rows>> run_batch(batch what) {
        return {shared_->group, batch_of(shared_, std::make_shared<const batch>(std::move(what)))};
    }

    /// A connection for several statements that belong together. See `pool::pool::acquire`.
    [[nodiscard]] operation<lease> acquire(const lido::pool::acquire_options& options = {}) {
        return {shared_->group, acquire_of(shared_, options)};
    }
    /// A connection in a transaction.
    [[nodiscard]] operation<transaction> begin(const transaction_options& options = {}) {
        return {shared_->group, begin_of(shared_, options)};
    }
    /// Runs `work`, a coroutine function (transaction&) -> task<result<T>>, in a transaction and commits; when it
    /// fails, rolls back and fails with its error. After a serialization failure or a deadlock, its commit's included,
    /// all of it is run again, as often as `retry` says: whatever else `work` does must bear being done again. Not
    /// after a commit of which nobody knows whether it took effect: that is `maybe_executed`.
    template <class Work>
    [[nodiscard]] auto transact(Work work, const transaction_options& options = {},
                                const transaction_retry& retry = {}) {
        using brought = detail::brought_by<Work, transaction>;
        return operation<brought>(shared_->group,
                                  detail::transact_on<brought>(face{shared_}, std::move(work), options, retry));
    }

    /// The pool underneath: sizes, statistics, pause, drain.
    [[nodiscard]] connection_pool& connections() noexcept { return shared_->connections; }
    [[nodiscard]] const connection_pool& connections() const noexcept { return shared_->connections; }
    [[nodiscard]] const pool_settings& settings() const noexcept { return shared_->settings; }
    /// What `sql::pool` asks: the numbers of each pool of connections that there is underneath.
    [[nodiscard]] std::vector<lido::pool::statistics> statistics() const { return {shared_->connections.statistics()}; }
    /// A pause between two attempts, from the pool's own random numbers.
    [[nodiscard]] duration back_off(const back_off_settings& how, unsigned failures) const {
        return shared_->back_off(how, failures);
    }
    [[nodiscard]] operation<std::size_t> close(duration timeout = std::chrono::seconds(10)) {
        return shared_->connections.close(timeout);
    }

protected:
    using state = detail::sql_pool_state<Connector>;
    [[nodiscard]] const std::shared_ptr<state>& shared() const noexcept { return shared_; }

private:
    // `Text` and `Values` are values, or references to what lives longer than the task.
    template <class Text, class Values>
    static task<result<rows>> query_by_kind(const std::shared_ptr<state>& self, Text&& what, Values&& with) {
        if constexpr (answers_at_once<typename Connector::connection> && lido::pool::roaming<Connector>) {
            return query_at_once_of<Text, Values>(self, std::forward<Text>(what), std::forward<Values>(with));
        } else if constexpr (queries_by_itself<Connector>) {
            return Connector::template query<Text, Values>(self, std::forward<Text>(what), std::forward<Values>(with));
        } else {
            return query_of<Text, Values>(self, std::forward<Text>(what), std::forward<Values>(with));
        }
    }
    /// Where answers mostly come at once, a connection is lent for some microseconds of one turn. One that others wait
    /// for is handed to the next in a turn of its own, and everybody asks the ledger, for as long as the queue lasts:
    /// for ever, when they ask again and again. So whoever would have to queue lets those go first who do already, for
    /// some turns and at most 2 ms, which are no part of `acquire_timeout`; mostly there is no queue then. And it gives
    /// the turn to others before it has a connection, not with it.
    template <class Text, class Values>
    static task<result<rows>> query_at_once_of(std::shared_ptr<state> self, Text what, Values with) {
        if (auto fits = self->check_size(what, with); !fits) co_return std::move(fits).error();
        const time_point asked = scheduler::current()->now();
        for (unsigned turns = 0; self->gives_way(turns, scheduler::current()->now() - asked); ++turns) {
            next_turn others;
            co_await others;
        }
        auto borrowed = co_await self->connections.acquire();
        if (!borrowed) co_return std::move(borrowed).error();
        auto& on = **borrowed;
        const time_point deadline = deadline_after(scheduler::current()->now(), self->settings.statement_timeout);
        std::optional<result<rows>> given = on.run_at_once(what, with, deadline);
        self->note_at_once(given.has_value());
        if (!given) {
            result<rows> later = co_await on.run_later(what, with, deadline);
            given.emplace(std::move(later));
        }
        if (!*given) self->note(given->error(), on);
        co_return std::move(*given);
    }
    template <class Text, class Values>
    static task<result<rows>> query_of(std::shared_ptr<state> self, Text what, Values with) {
        if (auto fits = self->check_size(what, with); !fits) co_return std::move(fits).error();
        auto borrowed = co_await self->connections.acquire();
        if (!borrowed) co_return std::move(borrowed).error();
        const time_point deadline = deadline_after(scheduler::current()->now(), self->settings.statement_timeout);
        scheduler& where = borrowed->where();
        if (where.is_current()) {
            auto& on = **borrowed;
            result<rows> given = co_await on.run(what, with, deadline);
            if (!given) self->note(given.error(), on);
            co_return std::move(given);
        }
        auto owned = std::make_shared<detail::sql_held<Connector>>(self, std::move(*borrowed));
        result<rows> given = co_await run_on(where, detail::run_held(std::move(owned), what, with, deadline));
        co_return std::move(given);
    }
    static task<result<lease>> acquire_of(std::shared_ptr<state> self, lido::pool::acquire_options options) {
        auto borrowed = co_await self->connections.acquire(options);
        if (!borrowed) co_return std::move(borrowed).error();
        self->note_at_once(false);  // it may be kept for long: nobody is to give way for that
        co_return lease(std::make_shared<detail::sql_held<Connector>>(std::move(self), std::move(*borrowed)));
    }
    static task<result<std::vector<rows>>> batch_of(std::shared_ptr<state> self, std::shared_ptr<const batch> what) {
        if (auto valid = what->validate(); !valid) co_return std::move(valid).error();
        if (auto fits = self->check_size(*what); !fits) co_return std::move(fits).error();
        result<lease> borrowed = co_await acquire_of(std::move(self), lido::pool::acquire_options{});
        if (!borrowed) co_return std::move(borrowed).error();
        result<std::vector<rows>> given = co_await detail::batch_held(borrowed->shared(), std::move(what));
        co_return std::move(given);
    }
    static task<result<row_stream>> stream_of(std::shared_ptr<state> self, statement what, parameters with) {
        result<lease> borrowed = co_await acquire_of(self, lido::pool::acquire_options{});
        if (!borrowed) co_return std::move(borrowed).error();
        operation<row_stream> begun = borrowed->stream_with(std::move(what), std::move(with));
        result<row_stream> given = co_await std::move(begun);
        co_return std::move(given);
    }
    static task<result<rows>> execute_many_of(std::shared_ptr<state> self, statement what,
                                              std::shared_ptr<const std::vector<parameters>> with) {
        if (auto fits = self->check_size(what, *with); !fits) co_return std::move(fits).error();
        const transaction_options options;
        result<transaction> scope = co_await begin_of(self, options);
        if (!scope) co_return std::move(scope).error();
        operation<rows> all = scope->execute_each(std::move(what), std::move(with));
        result<rows> given = co_await std::move(all);
        if (!given) {
            operation<void> undone = scope->rollback();
            const result<void> rolled_back = co_await std::move(undone);
            static_cast<void>(rolled_back);  // the connection is reset or closed in any case
            co_return std::move(given);
        }
        operation<void> done = scope->commit();
        result<void> committed = co_await std::move(done);
        if (!committed) co_return std::move(committed).error();
        co_return std::move(given);
    }
    static task<result<transaction>> begin_of(std::shared_ptr<state> self, transaction_options options) {
        const time_point end = detail::end_of_time(options, scheduler::current()->now());
        lido::pool::acquire_options how;
        how.timeout = options.timeout;
        result<lease> borrowed = co_await acquire_of(self, how);
        if (!borrowed) co_return std::move(borrowed).error();
        // What was waited for the connection is part of the transaction's time.
        const transaction_options rest = detail::ending_at(end, options, scheduler::current()->now());
        operation<transaction> begun = std::move(*borrowed).begin(rest);
        result<transaction> given = co_await std::move(begun);
        co_return std::move(given);
    }
    /// What `transact` needs, owned by its operation.
    struct face {
        std::shared_ptr<state> of;
        [[nodiscard]] operation<transaction> begin(const transaction_options& options) const {
            return {of->group, begin_of(of, options)};
        }
        [[nodiscard]] duration back_off(const back_off_settings& how, unsigned failures) const {
            return of->back_off(how, failures);
        }
    };

    std::shared_ptr<state> shared_;
};

}  // namespace lido::sql
