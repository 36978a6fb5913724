// What a pool does most often, in one coroutine.
#include "lido/base/run_on.hpp"
#include "lido/sql/basic_lease.hpp"
#include "lido/sql/postgres/connector.hpp"
#include "sql/postgres/session_implementation.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace lido::postgres {
namespace {

using pool_state = connector::pool_state;
using loan = result<pool::pool<connector>::lease>;

/// Was it refused because of what others do with the connections? Where the server cannot be reached there is nothing
/// to be had from it elsewhere.
bool is_for_others(const error& refused) noexcept {
    return refused == lido::errc::acquire_timeout || refused == lido::errc::queue_full ||
           refused == lido::errc::pool_exhausted || refused == lido::errc::pool_paused;
}

/// Has it no connection, and is the first on its way? Then it is the server that is waited for, not other callers, and
/// to ask it for further connections would take no less time.
bool is_beginning(const pool::pool<connector>& of) {
    const pool::statistics now = of.statistics();
    return now.idle + now.in_use == 0 && now.connecting + now.checking > 0;
}

/// For one who got no connection of `*from` in time, `refused` says why: one of `otherwise`, which `*from` is from then
/// on. Both waits end by the `acquire_timeout` of `otherwise`, which counts from `begun`.
task<loan> borrow_elsewhere(std::shared_ptr<pool_state>* from, std::shared_ptr<pool_state> otherwise, error refused,
                            time_point begun) {
    const time_point end = deadline_after(begun, otherwise->connections.current_settings().acquire_timeout);
    pool::acquire_options how;
    while (true) {
        const duration rest = end - scheduler::current()->now();
        if (!is_for_others(refused) || rest <= duration::zero()) co_return std::move(refused);
        how.timeout = rest;
        pool_state& shared = **from;
        if (refused != lido::errc::acquire_timeout || !is_beginning(shared.connections)) break;
        // As long as it takes to be told that there is no server, if there is none.
        how.timeout = std::min(rest, shared.settings.connections.down_fail_fast + shared.connections.kind().patience());
        loan late = co_await shared.connections.acquire(how);
        if (late) co_return std::move(late);
        refused = std::move(late).error();
    }
    *from = std::move(otherwise);
    pool_state& exclusive = **from;
    loan given = co_await exclusive.connections.acquire(how);
    co_return std::move(given);
}

}  // namespace

template <class Text, class Values>
task<result<sql::rows>> connector::query(std::shared_ptr<pool_state> self, Text what, Values with,
                                         std::shared_ptr<pool_state> otherwise) {
    if (auto fits = self->check_size(what, with); !fits) co_return std::move(fits).error();
    pool::acquire_options how;
    const time_point begun = scheduler::current()->now();
    if (otherwise != nullptr) {
        how.timeout = std::min(self->connections.kind().patience(), self->settings.connections.acquire_timeout);
    }
    auto borrowed = co_await self->connections.acquire(how);
    if (!borrowed && otherwise != nullptr) {
        task<loan> waiting = borrow_elsewhere(&self, std::move(otherwise), std::move(borrowed).error(), begun);
        loan given = co_await std::move(waiting);
        borrowed = std::move(given);
    }
    if (!borrowed) co_return std::move(borrowed).error();
    const time_point deadline = deadline_after(scheduler::current()->now(), self->settings.statement_timeout);
    scheduler& where = borrowed->where();
    if (!where.is_current()) {
        auto owned = std::make_shared<sql::detail::sql_held<connector>>(self, std::move(*borrowed));
        auto elsewhere = sql::detail::run_held(std::move(owned), what, with, deadline);
        result<sql::rows> given = co_await run_on(where, std::move(elsewhere));
        co_return std::move(given);
    }
    session& of = **borrowed;
    session::implementation& on = of.inside();
    bool once = true;
    if (on.is_ready()) {
        reply answer(on.on());
        std::string name;
        auto asked = on.ask(answer, what, with, name);
        if (!asked) {
            self->note(asked.error(), of);
            co_return std::move(asked).error();
        }
        const bool in_time = co_await on.on().wait(answer, deadline);
        if (on.is_final(answer, in_time, name, once)) {
            result<sql::rows> given = on.outcome_of(answer, in_time);
            if (!given) self->note(given.error(), of);
            co_return std::move(given);
        }
        once = false;
    }
    result<sql::rows> given = co_await on.run(what, with, deadline, once);
    if (!given) self->note(given.error(), of);
    co_return std::move(given);
}

template task<result<sql::rows>> connector::query<sql::statement, sql::parameters>(  //
    std::shared_ptr<pool_state>, sql::statement, sql::parameters, std::shared_ptr<pool_state>);
template task<result<sql::rows>> connector::query<const sql::statement&, const sql::parameters&>(
    std::shared_ptr<pool_state>, const sql::statement&, const sql::parameters&, std::shared_ptr<pool_state>);

}  // namespace lido::postgres
