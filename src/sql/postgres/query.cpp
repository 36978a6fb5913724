// What a pool does most often, in one coroutine.
#include "lido/base/run_on.hpp"
#include "lido/sql/basic_lease.hpp"
#include "lido/sql/postgres/connector.hpp"
#include "sql/postgres/session_implementation.hpp"

#include <memory>
#include <string>
#include <utility>

namespace lido::postgres {

template <class Text, class Values>
task<result<sql::rows>> connector::query(std::shared_ptr<pool_state> self, Text what, Values with) {
    if (auto fits = self->check_size(what, with); !fits) co_return std::move(fits).error();
    auto borrowed = co_await self->connections.acquire();
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
    std::shared_ptr<pool_state>, sql::statement, sql::parameters);
template task<result<sql::rows>> connector::query<const sql::statement&, const sql::parameters&>(
    std::shared_ptr<pool_state>, const sql::statement&, const sql::parameters&);

}  // namespace lido::postgres
