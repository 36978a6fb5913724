#include "lido/sql/sqlite/connector.hpp"

#include "lido/base/worker_threads.hpp"
#include "sql/sqlite/database.hpp"

#include <utility>

namespace lido::sqlite {

using sql::session_state;

task<result<std::unique_ptr<session>>> connector::open(const lido::pool::open_request& request) {
    auto call = [of = database_, as = writes_ ? role::writer : role::reader]() { return of->open(as); };
    task<result<std::shared_ptr<engine>>> visit = threads_->run(std::move(call), request.deadline);
    result<std::shared_ptr<engine>> opened = co_await std::move(visit);
    if (!opened) co_return std::move(opened).error();
    co_return std::make_unique<session>(threads_, std::move(*opened), cancel_abandoned_);
}

task<result<void>> connector::check(session& which, time_point deadline) {
    result<void> works = co_await which.check(deadline);
    co_return std::move(works);
}

task<void> connector::close(session& which, time_point deadline) {
    co_await which.close(deadline);
}

task<result<void>> connector::reset(session& which, time_point deadline) {
    result<void> done = co_await which.reset(policy_ == sql::reset_policy::full, deadline);
    co_return std::move(done);
}

lido::pool::verdict connector::usable(const session& which) const noexcept {
    switch (which.state()) {
        case session_state::idle:
            return policy_ == sql::reset_policy::full ? lido::pool::verdict::needs_reset : lido::pool::verdict::clean;
        case session_state::open:
        case session_state::failed:
            return policy_ == sql::reset_policy::none ? lido::pool::verdict::broken : lido::pool::verdict::needs_reset;
        case session_state::busy:
            return lido::pool::verdict::needs_reset;
        case session_state::broken:
            break;
    }
    return lido::pool::verdict::broken;
}

result<sql::statement> connector::begin_statement(const sql::transaction_options& options) const {
    if (options.deferrable) {
        return error(errc::invalid_argument, "transaction option deferrable: SQLite has no such transactions",
                     "leave it out");
    }
    if (writes_ && options.access != sql::access_mode::read_only) return sql::statement("BEGIN IMMEDIATE");
    return sql::statement("BEGIN");
}

}  // namespace lido::sqlite
